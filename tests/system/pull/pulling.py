# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hosts that pull from one Git repository, each over the file protocol from its own copy, and the load on them."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, ContextManager

import yaml
from built import artifact
from counted_load import Loaded, under_load
from pi_host import APP, PiHost, own_name

# As docs/pull.md names the folder.
UNITS = "~/.ansible/collections/ansible_collections/smallfleet/bluegreen/docs/pull/"
REPOSITORY = "/srv/fleet.git"
UNIT = f"bluegreen-pull@{APP}.service"
STATUS = "/srv/status.json"
NOTE = f"/var/lib/bluegreen/{APP}/pull-failed"
SOAK = 3
REQUESTS, TASKS = 5, 1
# Seconds from the start of a pull until its deployment has come to a step.
PULL_WITHIN = 300


class PullingHost(PiHost):
    machine_image = "bluegreen-host:pull"

    @property
    def hostname(self) -> str:
        return self.name.removeprefix("bluegreen-")

    def set_up(self, collection: Path, signers: str) -> None:
        """What docs/pull.md does on each host, once; but no timer, because the tests say when to pull."""
        self.machine.copy(str(collection), f"/srv/{collection.name}")
        self.machine.exec(
            ["/opt/bluegreen/bin/ansible-galaxy", "collection", "install", "--offline", f"/srv/{collection.name}"]
        )
        self.machine.exec(f"cp {UNITS}bluegreen-pull@.* /etc/systemd/system/ && systemctl daemon-reload")
        self.write(f"/etc/bluegreen/{APP}.pull", f"REPOSITORY=file://{REPOSITORY}\nBRANCH=main\n")
        self.write(f"/etc/bluegreen/{APP}.signers", signers)
        # The commits are made elsewhere, and root may read what it does not own.
        self.machine.exec(["git", "config", "--system", "--add", "safe.directory", "*"])

    def pull(self) -> tuple[bool, str]:
        """Whether the unit succeeded, and what it left in the journal."""
        begun = time.time()
        rc = self.exec(["systemctl", "start", UNIT], check=False).rc
        return rc == 0, self.journal(begun)

    def begin_pull(self) -> None:
        self.exec(["systemctl", "start", "--no-block", UNIT])

    def journal(self, since: float) -> str:
        """What the unit said; systemd forgets which invocation it was once a unit has succeeded."""
        self.exec(["journalctl", "--sync"])
        return self.exec(["journalctl", "--output=cat", f"--unit={UNIT}", f"--since=@{since:.6f}"]).out

    def status(self) -> Any:
        """What the command of the user got last."""
        return json.loads(self.exec(["cat", STATUS]).out)["hosts"][0]

    def note(self) -> str:
        return self.exec(f"cat {NOTE} 2>/dev/null || true").out.strip()


class Repository:
    """The repository of the user, who signs, with a copy on each host."""

    def __init__(self, folder: Path, hosts: list[PullingHost]) -> None:
        self._folder = folder / "fleet"
        self._hosts = hosts
        self._run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key"))
        self.signers = f"ada@example.com {(folder / 'key.pub').read_text(encoding='utf-8')}"
        self._run("git", "init", "--quiet", "--initial-branch=main", str(self._folder))
        for name, value in {
            "user.name": "Ada", "user.email": "ada@example.com",
            "gpg.format": "ssh", "user.signingkey": str(folder / "key.pub"),
        }.items():  # fmt: skip
            self._git("config", name, value)

    def commit(self, sign: bool = True, **files: str) -> None:
        """Commit files, and push the commit to each host."""
        for name, text in files.items():
            (self._folder / name.replace("_yml", ".yml")).write_text(text, encoding="utf-8")
        self._git("add", ".")
        self._git("commit", "--quiet", "--allow-empty", "--message=change", "--gpg-sign" if sign else "--no-gpg-sign")
        with tempfile.TemporaryDirectory() as folder:
            self._git("clone", "--quiet", "--bare", "--no-hardlinks", ".", f"{folder}/fleet.git")
            for host in self._hosts:
                host.exec(["rm", "-rf", REPOSITORY])
                host.machine.copy(f"{folder}/fleet.git", REPOSITORY)

    def take_back_last_commit(self) -> None:
        self._git("reset", "--quiet", "--hard", "HEAD~1")
        self.commit()

    def _git(self, *arguments: str) -> None:
        self._run("git", "-C", str(self._folder), *arguments)

    def _run(self, *command: str) -> None:
        subprocess.run(command, check=True, capture_output=True)


class PullingFleet:
    def __init__(self, folder: Path) -> None:
        self.hosts = [PullingHost(own_name(f"pull-{number}")) for number in (1, 2)]
        self._folder = folder
        self.repository: Repository

    def __enter__(self) -> PullingFleet:
        """Both hosts with release 1, and a repository that names it."""
        try:
            for host in self.hosts:
                host.make()
            self.repository = Repository(self._folder, self.hosts)
            variables = {
                **self.hosts[0].app_variables(),
                "bluegreen_soak": SOAK,
                # Release 3 is broken.
                "bluegreen_env": {"DEMO_HEALTH": "{{ 'fail' if bluegreen_release == '3' else 'ok' }}"},
                "bluegreen_status_command": ["/usr/bin/dd", f"of={STATUS}"],
            }
            inventory = {"all": {"hosts": {host.hostname: None for host in self.hosts}, "vars": variables}}
            collection = artifact(self._folder)
            for host in self.hosts:
                host.set_up(collection, self.repository.signers)
            self.repository.commit(
                inventory_yml=yaml.safe_dump(inventory),
                pull_yml=yaml.safe_dump([{"import_playbook": "smallfleet.bluegreen.pull"}]),
                release="1\n",
            )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_unused: object) -> None:
        for host in self.hosts:
            host.destroy()

    def under_load(self, *hosts: PullingHost) -> ContextManager[Counter[str]]:
        """Requests and tasks for some hosts, counted together."""
        for host in hosts:
            host.forget_ledger()
        return under_load([Loaded(host.url, host.ledger) for host in hosts], REQUESTS, TASKS)
