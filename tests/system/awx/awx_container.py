# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job of AWX 24.6.1 finds in its container: environment, inventory, and the variables that AWX adds.

Nothing of the shell that runs the tests: a PYTHONPATH there once found a collection that AWX did not have.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
# The programs of .venv are what the image of the execution environment is in AWX: ansible-core.
PATH = os.pathsep.join([str(ROOT / ".venv" / "bin"), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"])
COLLECTIONS = "~/.ansible/collections:/usr/share/ansible/collections"
ROLES = "~/.ansible/roles:/usr/share/ansible/roles:/etc/ansible/roles"


def environment(folder, number):
    """All variables of the container. AWX reads collections_path of the project's ansible.cfg, and puts it first.

    folder: as ansible-runner's private data, with the project in it.
    """
    # With empty folders for what a requirements.yml would bring.
    collections = f"{folder}/requirements_collections:.cache/collections:{COLLECTIONS}:{COLLECTIONS}"
    return {
        "PATH": PATH,
        "HOME": f"{folder}/home",
        "ANSIBLE_COLLECTIONS_PATH": collections,
        "ANSIBLE_COLLECTIONS_PATHS": collections,
        "ANSIBLE_FORCE_COLOR": "True",
        "ANSIBLE_HOST_KEY_CHECKING": "False",
        "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
        "ANSIBLE_PARAMIKO_RECORD_HOST_KEYS": "False",
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        "ANSIBLE_ROLES_PATH": f"{folder}/requirements_roles:{ROLES}",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{folder}/cp",
        "ANSIBLE_UNSAFE_WRITES": "1",
        "AWX_HOST": "https://awx.example.com",
        "AWX_ISOLATED_DATA_DIR": f"{folder}/artifacts/{number}",
        "AWX_PRIVATE_DATA_DIR": str(folder),
        "INVENTORY_ID": "2",
        "JOB_ID": str(number),
        "MAX_EVENT_RES": "700000",
        "PROJECT_REVISION": "0" * 40,
    }


def variables(number, template="", workflow=0):
    """AWX's own, which every job gets.

    template: name of the job template.
    workflow: number of the workflow that started the job; its user is the one who launched the workflow.
    """
    known = {
        "job_id": number, "job_launch_type": "workflow" if workflow else "manual",
        "user_id": 3, "user_name": "alice", "user_email": "", "user_first_name": "", "user_last_name": "",
        "inventory_id": 2, "inventory_name": "shop", "project_revision": "0" * 40, "project_scm_branch": "main",
    }
    if template:
        known.update(job_template_id=9, job_template_name=template)
    if workflow:
        known.update(workflow_job_id=workflow, workflow_job_name="shop release", workflow_job_launch_type="manual")
    return {f"{prefix}_{name}": value for name, value in known.items() for prefix in ("awx", "tower")}


def inventory(hosts, shared):
    """The program that AWX writes, which prints the inventory.

    hosts: {name: its variables}
    shared: variables of the inventory.
    """
    printed = {"all": {"hosts": list(hosts), "vars": shared}, "_meta": {"hostvars": hosts}}
    return f"#! /usr/bin/env python3\n# -*- coding: utf-8 -*-\nprint({json.dumps(printed)!r})\n"


def clone(folder):
    """The files that git knows, as they are now: nothing of what lab/setup makes, and links as links."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, stdout=subprocess.PIPE, check=True
    ).stdout.decode().split("\0")
    for name in filter(None, names):
        if os.path.lexists(ROOT / name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
