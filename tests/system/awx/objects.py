# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What awx/configure.yml asks the modules of awx.awx for: run by Ansible itself, with each module's task written down."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import awx_api
import yaml

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
EXAMPLE = ROOT / "awx" / "vars.example.yml"
# What has to be filled in.
FILLED_IN = {
    "awx_ee_image": "example/bluegreen-ee:1",
    "awx_machine_credential": "the key of the hosts",
    "awx_deployers": ["alice"],
    "awx_approvers": ["bob"],
}
MODULES = "awx.awx."


class Request(NamedTuple):
    module: str
    arguments: dict


class Configured(NamedTuple):
    rc: int
    text: str
    requests: list

    def named(self, module, name):
        """The arguments with which the object of that name is made."""
        (found,) = [each.arguments for each in self.requests if each[0] == module and each.arguments["name"] == name]
        return found


def configure(folder, **variables):
    """Run configure.yml with the example's variables and these; every module's task is only written down."""
    (play,) = yaml.safe_load((ROOT / "awx" / "configure.yml").read_text(encoding="utf-8"))
    for task in play["tasks"]:
        for module in [key for key in task if key.startswith(MODULES)]:
            task["record"] = {"recorded_module": module, **task.pop(module)}
    playbook = folder / "configure.yml"
    playbook.write_text(yaml.safe_dump([play], sort_keys=False), encoding="utf-8")
    recorded = folder / "recorded"
    recorded.write_text("", encoding="utf-8")
    # For what the playbook looks up: an AWX in which nothing is.
    with awx_api.running() as (_awx, address):
        done = _play(
            playbook, address, variables, ANSIBLE_ACTION_PLUGINS=str(HERE / "action_plugins"), BLUEGREEN_RECORDED=str(recorded),
            ANSIBLE_LOOKUP_PLUGINS=str(ROOT / "awx" / "lookup_plugins"),
        )
    requests = [json.loads(line) for line in recorded.read_text(encoding="utf-8").splitlines()]
    requests = [Request(each.pop("recorded_module").removeprefix(MODULES), each) for each in requests]
    return Configured(done.returncode, " ".join(done.stdout.split()), requests)


def apply(address, *arguments, **variables):
    """Run configure.yml as it is, on the AWX of that address: exit code, how many tasks changed something, the output."""
    done = _play(ROOT / "awx" / "configure.yml", address, variables, *arguments)
    text = " ".join(done.stdout.split())
    return done.returncode, int((re.findall(r"changed=(\d+)", text) or ["-1"])[-1]), text


def _play(playbook, address, variables, *arguments, **environment):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "CONTROLLER_", "TOWER_"))}
    given = json.dumps({**FILLED_IN, **variables})
    command = [Path(sys.executable).with_name("ansible-playbook"), playbook, "-e", f"@{EXAMPLE}", "-e", given, *arguments]
    return subprocess.run(
        command, cwd=HERE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        env={
            **inherited, "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0", "ANSIBLE_PIPELINING": "1",
            "CONTROLLER_HOST": address, "CONTROLLER_OAUTH_TOKEN": "a token", **environment,
        },
    )
