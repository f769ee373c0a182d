# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbook pull asks of a host, by Ansible itself; the host's answers are given. tests/system/pull has real hosts."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Optional

import pytest

ROOT = Path(__file__).resolve().parents[3]
# In place of all modules: notes what was asked, and answers by the module's name and state.
STANDIN = '''
import json, os
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        module, args = self._task.action.rpartition(".")[2], self._task.args
        key = " ".join(filter(None, [module, args.get("state"), "back" if args.get("prefer") == "rollback" else ""]))
        asked = {"asked": key, **{name: args.get(name, "") for name in ("release", "owner", "reason", "report")}}
        with open(os.environ["STANDIN_LOG"], "a") as log:
            log.write(json.dumps(asked) + "\\n")
        with open(os.environ["STANDIN_ANSWERS"]) as answers:
            answer = json.load(answers).get(key, {})
        if args.get("report"):
            with open(args["report"], "w") as report:
                report.write('{"hosts": []}')
        return {"changed": False, **answer}
'''
SHOWN = {"plan": [], "warnings": [], "summary": []}
OPENED = {
    "id": "dep-1", "epoch": 1, "up_to_date": False, "pending": False, "undecided": False, "live": "blue", "idle": "green",
    "release": "2", "projects": {"blue": "shop-blue", "green": "shop-green"}, "ports": {"blue": 18001, "green": 18002},
    "fetch": {"leftover": False, "env_files": [], "services": [], "pull": "never", "build": False}, "init_before_stop": [],
    "worker_services": {"old": ["worker"], "new": ["worker"]}, "worker_strategy": "stop", "broker_service": "redis",
    "old_web": "running", "message": "", "services": {"support": ["redis"], "init": [], "web": ["web"]}, **SHOWN,
}  # fmt: skip
ANSWERS: dict[str, Any] = {
    "bg_info": {"live": "blue", "deployment": None, "history": []},
    "bg_deployment open": OPENED,
    "bg_deployment settled": {"message": "Release 2 of shop is live (green)."},
    "bg_deployment closed": {"message": "Finished.", "changed": True},
    "bg_deployment recovered back": {"message": "It was rolled back.", "logs": {}, "found": True, "already": False, "kept": ""},
}
PENDING = {"step": "awaiting_approval", "release": "9", "result": "", "going_back": False}


class Pulled(NamedTuple):
    rc: int
    text: str
    asked: list[dict[str, str]]
    note: str

    def order(self) -> list[str]:
        return [each["asked"] for each in self.asked]


class Host:
    def __init__(self, folder: Path, ansible_playbook: Callable[..., subprocess.CompletedProcess[str]]) -> None:
        self.folder = folder
        self.ansible_playbook = ansible_playbook
        collection = folder / "collections/ansible_collections/smallfleet/bluegreen"
        for part in ("meta", "plugins", "roles", "playbooks"):
            shutil.copytree(ROOT / part, collection / part, ignore=shutil.ignore_patterns("collections", "__pycache__"))
        for action in (collection / "plugins/action").glob("bg_*.py"):
            action.write_text(STANDIN, encoding="utf-8")
        self.repository = folder / "repository"
        self.repository.mkdir()
        (self.repository / "inventory.yml").write_text("all: {hosts: {pi: }}\n", encoding="utf-8")
        self._git("init", "--quiet")
        self.commit("2")
        self.state = folder / "state"

    def commit(self, release: str) -> str:
        (self.repository / "release").write_text(f"{release}\n", encoding="utf-8")
        self._git("add", ".")
        self._git("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "-q", "--allow-empty", "-m", "x")
        return self._git("log", "-1", "--format=%H", "--", "release")[:12]

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.repository), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def pull(self, answers: Optional[dict[str, Any]] = None, **variables: Any) -> Pulled:
        answers_file, log = self.folder / "answers.json", self.folder / "log.jsonl"
        answers_file.write_text(json.dumps({**ANSWERS, **(answers or {})}), encoding="utf-8")
        log.write_text("", encoding="utf-8")
        given = {
            "bluegreen_app": "shop", "bluegreen_project_src": "/srv/shop", "bluegreen_soak": 1,
            "ansible_python_interpreter": sys.executable, "_bluegreen_state": str(self.state), **variables,
        }  # fmt: skip
        done = self.ansible_playbook(
            self.repository, "-i", "inventory.yml", "smallfleet.bluegreen.pull", "-e", json.dumps(given),
            ANSIBLE_COLLECTIONS_PATH=str(self.folder / "collections"), ANSIBLE_HOME=str(self.folder / "home"),
            ANSIBLE_LOCAL_TEMP=str(self.folder / "tmp"), STANDIN_LOG=str(log), STANDIN_ANSWERS=str(answers_file),
        )  # fmt: skip
        note = self.state / "pull-failed"
        return Pulled(
            done.returncode,
            done.stdout + done.stderr,
            [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()],
            note.read_text(encoding="utf-8") if note.exists() else "",
        )


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, ansible_playbook: Callable[..., subprocess.CompletedProcess[str]]) -> Host:
    return Host(tmp_path_factory.mktemp("pull"), ansible_playbook)


WAY = [
    "bg_info", "bg_deployment open", "bg_fetch", "bg_stop_workers stopped", "bg_start", "bg_health", "bg_switch", "bg_start",
    "bg_deployment settled",
]  # fmt: skip


def test_a_release_is_deployed_and_approved_in_the_name_of_its_commit(host: Host) -> None:
    commit = host.commit("2")
    pulled = host.pull()
    assert pulled.rc == 0, pulled.text[-3000:]
    assert pulled.order() == [*WAY, "bg_health", "bg_deployment closed"]
    (opened,) = [each for each in pulled.asked if each["asked"] == "bg_deployment open"]
    assert (opened["release"], opened["owner"]) == ("2", f"commit-{commit}@pi")
    assert pulled.note == ""


@pytest.mark.long
def test_what_is_live_already_is_left_alone(host: Host) -> None:
    pulled = host.pull({"bg_deployment open": {**OPENED, "up_to_date": True}})
    assert pulled.rc == 0, pulled.text[-3000:]
    assert pulled.order() == ["bg_info", "bg_deployment open"]


@pytest.mark.long
def test_what_awaits_approval_since_a_power_cut_is_approved(host: Host) -> None:
    pulled = host.pull({"bg_deployment open": {**OPENED, "up_to_date": True, "pending": True}})
    assert pulled.rc == 0, pulled.text[-3000:]
    assert pulled.order()[-2:] == ["bg_health", "bg_deployment closed"]


@pytest.mark.long
def test_another_release_that_awaits_approval_is_undone_first(host: Host) -> None:
    pulled = host.pull({"bg_info": {"live": "blue", "deployment": PENDING, "history": []}})
    assert pulled.rc == 0, pulled.text[-3000:]
    assert pulled.order()[:3] == ["bg_info", "bg_deployment recovered back", "bg_deployment open"]


def test_a_release_that_does_not_stay_healthy_goes_back(host: Host) -> None:
    # It awaits approval since a power cut.
    pulled = host.pull({
        "bg_deployment open": {**OPENED, "up_to_date": True, "pending": True},
        "bg_health": {"failed": True, "msg": "The new web exited."},
    })  # fmt: skip
    assert pulled.rc == 2
    assert pulled.order()[-1] == "bg_deployment recovered back"
    assert pulled.asked[-1]["reason"].endswith("Check that the new release stays healthy: The new web exited.")
    assert pulled.note == "The last pull failed: The new web exited.\n"


@pytest.mark.long
def test_a_release_that_fails_is_noted_with_its_reason(host: Host) -> None:
    pulled = host.pull({"bg_health": {"failed": True, "msg": "The new web exited."}})
    assert pulled.rc == 2
    assert pulled.order()[-1] == "bg_deployment recovered back" and "bg_switch" not in pulled.order()
    assert pulled.note == "The last pull failed: Wait until the new color is healthy: The new web exited.\n"


def test_a_release_that_failed_is_not_tried_again_until_the_file_changes(host: Host, tmp_path: Path) -> None:
    failed = {"who": f"commit-{host.commit('3')}@pi", "release": "3", "result": "rolled_back", "seconds": {"health": 9.0}}
    history = {"bg_info": {"live": "blue", "deployment": None, "history": [failed]}}
    handed = tmp_path / "status.json"
    pulled = host.pull(history, bluegreen_status_command=["dd", f"of={handed}"])
    assert pulled.rc == 0, pulled.text[-3000:]
    assert pulled.order() == ["bg_info", "bg_info", "bg_fleet"]
    assert pulled.note.startswith("Release 3 failed, the last time at ") and pulled.note.strip() in pulled.text
    assert handed.read_text(encoding="utf-8").strip() == '{"hosts": []}'
    host.commit("# again\n3")
    assert host.pull(history).order() == [*WAY, "bg_health", "bg_deployment closed"]


@pytest.mark.long
def test_a_command_that_fails_is_shown_and_fails_nothing(host: Host) -> None:
    pulled = host.pull(bluegreen_status_command=["sh", "-c", "echo no route >&2; exit 7"])
    assert pulled.rc == 0, pulled.text[-3000:]
    assert "bluegreen_status_command sh -c echo no route >&2; exit 7 ended with 7: no route" in pulled.text
