# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The built collection, installed beside nothing but a fresh ansible-core, prepares a host and deploys to it.

    .venv/bin/pytest tests/system/artifact

The home, the environment and the working directory are not the checkout's, so nothing else of it can help.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from built import artifact
from counted_load import Loaded, under_load
from pi_host import PiHost, own_name
from standing import whole_on

pytestmark = pytest.mark.long

REQUESTS, TASKS = 10, 2


class Controller:
    """A computer of a user: its own Python environment and home."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        self._bin = folder / "venv/bin"
        self._environment = {
            "HOME": str(self.home), "PATH": f"{self._bin}:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_HOST_KEY_CHECKING": "0", **{name: os.environ[name] for name in os.environ if name.startswith("PIP_")},
        }  # fmt: skip
        self.run(sys.executable, "-m", "venv", str(folder / "venv"))
        self.run("pip", "install", "--quiet", "ansible-core")

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self.home, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-3000:]}"
        return done.stdout


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Controller:
    folder = tmp_path_factory.mktemp("artifact")
    made = Controller(folder)
    made.run("ansible-galaxy", "collection", "install", "--offline", str(artifact(folder)))
    return made


@pytest.fixture(scope="module")
def pi() -> Iterator[PiHost]:
    with PiHost(own_name("artifact")) as booted:
        booted.boot()
        yield booted


def test_the_installed_collection_prepares_deploys_and_finishes(
    controller: Controller, pi: PiHost, record_property: Callable[[str, object], None]
) -> None:
    def play(name: str, *arguments: str) -> str:
        return controller.run("ansible-playbook", f"smallfleet.bluegreen.{name}", "-i", str(pi.inventory), *arguments)

    play("prepare")
    play("deploy", "-e", "bluegreen_release=1")
    assert whole_on(pi.look(), "1") == []
    pi.forget_ledger()
    with under_load([Loaded(pi.url, pi.ledger)], REQUESTS, TASKS) as counted:
        play("deploy", "-e", "bluegreen_release=2", "-e", json.dumps({"bluegreen_approval": "manual"}))
        play("finish", "-e", "bluegreen_release=2")
    assert whole_on(pi.look(), "2") == []
    assert "healthy" in play("status")
    for name, count in counted.items():
        record_property(name, count)
    assert counted["requests"] > 50 and counted["tasks"] > 10
    assert (counted["failed"], counted["lost"], counted["doubled"]) == (0, 0, 0)
