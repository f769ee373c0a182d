# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much Ansible sends to a host for each module. A Raspberry Pi has to read, unpack and list all of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
# KiB at most, beside what Ansible sends with each module of its own. Raise one only for code that the module needs: if
# it needs one function or constant of a large file, move that to a file of its own.
CEILINGS = {
    "bg_copy_keys": 144,
    "bg_deployment": 501,
    "bg_fetch": 75,
    "bg_health": 143,
    "bg_info": 143,
    "bg_move_tasks": 193,
    "bg_program": 501,
    "bg_start": 249,
    "bg_stop_workers": 207,
    "bg_switch": 184,
}

# In a process of its own, because Ansible's loader of collections stays for good.
BUILD = """
import importlib, json, sys
from ansible.plugins.loader import init_plugin_loader
init_plugin_loader([])
import ansible.modules.ping
from ansible.executor.module_common import modify_module
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

def size(name, path, args):
    built = modify_module(
        module_name=name, module_path=path, module_args=args, templar=Templar(loader=DataLoader()),
        task_vars={"ansible_python_interpreter": "/usr/bin/python3"}, module_compression="ZIP_DEFLATED",
    )
    # Before ansible-core 2.19 it was a tuple.
    return len(getattr(built, "b_module_data", None) or built[0])

found = {"ping": size("ansible.builtin.ping", ansible.modules.ping.__file__, {})}
for name in sys.argv[2:]:
    action = importlib.import_module(f"ansible_collections.smallfleet.bluegreen.plugins.action.{name}").ActionModule
    found[name] = size(f"smallfleet.bluegreen.{name}", f"{sys.argv[1]}/modules/{name}.py", action.args_to_send({}))
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def sizes():
    """What is sent for each module, in KiB beside what Ansible sends for a module that does nothing."""
    # Where this process found the collection.
    roots = [path for path in sys.path if os.path.isdir(os.path.join(path, "ansible_collections", "smallfleet"))]
    found = {"ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(roots)} if roots else {}
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(PLUGINS), *CEILINGS],
        env={**os.environ, **found},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    built = json.loads(done.stdout)
    return {name: (size - built["ping"]) / 1024 for name, size in built.items()}


def test_every_module_has_a_ceiling():
    # bg_fleet is nothing but documentation: its action plugin does its work.
    assert {path.stem for path in PLUGINS.glob("modules/bg_*.py")} - {"bg_fleet"} == set(CEILINGS)


@pytest.mark.parametrize("name", CEILINGS)
def test_a_module_is_not_larger(sizes, name):
    assert round(sizes[name]) <= CEILINGS[name]
