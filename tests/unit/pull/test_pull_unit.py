# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of docs/pull/bluegreen-pull@.service with a real repository, up to where a host would be needed."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
UNIT = (ROOT / "docs/pull/bluegreen-pull@.service").read_text(encoding="utf-8")
# As in an inventory of docs/pull.md.
INVENTORY: dict[str, Any] = {
    "all": {
        "hosts": {socket.gethostname(): {"ansible_python_interpreter": sys.executable}},
        "vars": {"bluegreen_app": "shop", "bluegreen_project_src": "/srv/shop"},
    }
}


def settings(name: str) -> list[str]:
    """The values of a setting of the unit, in their order."""
    return re.findall(rf"(?m)^{name}=(.*)$", UNIT.replace("\\\n", " "))


class Puller:
    """A host that pulls, with its folders below one folder, and the repository that it pulls."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = folder / "source"
        self.repository = f"file://{self.source}"
        self.note = folder / "state/shop/pull-failed"
        (folder / "etc").mkdir()
        (folder / "state/shop").mkdir(parents=True)
        self._shell("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key"))
        signer = (folder / "key.pub").read_text(encoding="utf-8")
        (folder / "etc/shop.signers").write_text(f"ada@example.com {signer}", encoding="utf-8")
        self._shell("git", "init", "--quiet", "--initial-branch=main", str(self.source))
        for name, value in {
            "user.name": "Ada", "user.email": "ada@example.com",
            "gpg.format": "ssh", "user.signingkey": str(folder / "key.pub"),
        }.items():  # fmt: skip
            self._shell("git", "-C", str(self.source), "config", name, value)
        self.commit({
            "inventory.yml": yaml.safe_dump(INVENTORY),
            "pull.yml": yaml.safe_dump([{"import_playbook": "smallfleet.bluegreen.pull"}]),
            "release": "1.4.2\n",
        })  # fmt: skip

    def _shell(self, *command: str) -> None:
        subprocess.run(command, check=True, capture_output=True)

    def commit(self, files: dict[str, str], sign: bool = True) -> None:
        for name, text in files.items():
            (self.source / name).write_text(text, encoding="utf-8")
        git = ["git", "-C", str(self.source)]
        self._shell(*git, "add", ".")
        self._shell(*git, "commit", "--quiet", "--message=change", *(["--gpg-sign"] if sign else ["--no-gpg-sign"]))

    def run(self) -> tuple[int, str]:
        """What the unit does; the exit code of ansible-pull, and the lines for the journal."""
        (before,), (command,), (after,) = map(settings, ("ExecStartPre", "ExecStart", "ExecStopPost"))
        self._run(before)
        # Nothing else knows where this test has the folder of the app.
        pulled = self._run(f"{command} -e _bluegreen_state={self.note.parent}")
        result = "exit-code" if pulled.returncode else "success"
        ended = self._run(after, SERVICE_RESULT=result)
        assert ended.returncode == 0, ended.stdout
        return pulled.returncode, pulled.stdout + ended.stdout

    def _run(self, line: str, **more: str) -> subprocess.CompletedProcess[str]:
        given = {"REPOSITORY": self.repository, "BRANCH": "main", **more}
        argv = []
        for word in shlex.split(self._here(line)):
            for name, value in given.items():
                word = word.replace(f"${{{name}}}", value)
            argv.append(word.replace("$$", "$"))
        environment = {"PATH": os.environ["PATH"], **dict(each.split("=", 1) for each in self._environment()), **given}
        environment.update(
            HOME=str(self.folder), ANSIBLE_HOME=str(self.folder / ".ansible"),
            ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".cache/collections"), ANSIBLE_NOCOLOR="1",
        )  # fmt: skip
        (folder,) = settings("WorkingDirectory")
        return subprocess.run(
            argv, cwd=folder, env=environment, text=True, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def _environment(self) -> list[str]:
        return [word for line in settings("Environment") for word in shlex.split(self._here(line))]

    def _here(self, line: str) -> str:
        for path, there in {
            "/etc/bluegreen/": f"{self.folder}/etc/",
            "/var/lib/bluegreen-pull/": f"{self.folder}/checkout/",
            "/var/lib/bluegreen/": f"{self.folder}/state/",
            "/opt/bluegreen/bin/": f"{Path(sys.executable).parent}/",
        }.items():
            line = line.replace(path, there)
        return line.replace("%i", "shop")


@pytest.fixture
def puller(tmp_path: Path) -> Puller:
    return Puller(tmp_path)


GARBAGE = {
    "two": ("1.4.2\n1.5.0\n", "it has 2 lines with labels"),
    "a template": ("{{ lookup('pipe', 'touch /tmp/evil') }}\n", "must begin with a letter or a digit"),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_in_the_release_file(puller: Puller, name: str) -> None:
    text, words = GARBAGE[name]
    puller.commit({"release": text})
    code, said = puller.run()
    assert code != 0 and words in said
    note = puller.note.read_text(encoding="utf-8")
    assert note.startswith("The last pull failed: ") and words in note and note.count("\n") == 1


def test_an_unsigned_commit_is_not_even_read(puller: Puller) -> None:
    mark = puller.folder / "evil"
    evil = f"{{{{ lookup('pipe', 'touch {mark}') }}}}"
    hosts = {socket.gethostname(): {"ansible_python_interpreter": evil, "bluegreen_app": evil}}
    puller.commit({"inventory.yml": yaml.safe_dump({"all": {"hosts": hosts}})}, sign=False)
    # The second run finds the commit in its checkout.
    for _run in range(2):
        code, said = puller.run()
        assert code != 0 and "Failed to verify" in said
        note = puller.note.read_text(encoding="utf-8")
        assert note.startswith("The last pull deployed nothing, because the newest commit of the repository is not signed")
        assert note.strip() in said
    assert not mark.exists()


def test_a_signer_who_is_not_known(puller: Puller) -> None:
    (puller.folder / "etc/shop.signers").write_text("", encoding="utf-8")
    assert puller.run()[0] != 0
    assert "is not signed by anybody in" in puller.note.read_text(encoding="utf-8")


def test_a_repository_that_cannot_be_reached(puller: Puller) -> None:
    puller.repository += "-gone"
    code, said = puller.run()
    note = puller.note.read_text(encoding="utf-8")
    assert code != 0 and note.strip() in said
    assert note == (
        "The last pull deployed nothing, because the repository cannot be reached, or has no branch main: journalctl "
        "--unit bluegreen-pull@shop shows more.\n"
    )


def test_a_repository_without_the_playbook(puller: Puller) -> None:
    puller.commit({"pull.yml": "[]"})
    assert puller.run()[0] != 0
    assert "because ansible-pull could not begin with pull.yml" in puller.note.read_text(encoding="utf-8")


def test_an_earlier_reason_is_forgotten(puller: Puller) -> None:
    puller.note.write_text("The last pull failed.\n", encoding="utf-8")
    puller.commit({"pull.yml": yaml.safe_dump([{"hosts": "all", "gather_facts": False}])})
    assert puller.run()[0] == 0
    assert not puller.note.exists()
