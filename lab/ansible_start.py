# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How playbooks of the collection are started here: without what this person's Ansible is usually told."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ROOT / ".venv/bin/ansible-playbook"


def command(playbook: str, inventory: Path, variables: dict[str, Any], *arguments: str) -> list[str]:
    """The command line that runs a playbook.

    :param playbook: its name in the collection, or a path.
    """
    name = playbook if "/" in playbook else f"smallfleet.bluegreen.{playbook}"
    given = ["-e", json.dumps(variables)] if variables else []
    return [str(PROGRAM), "-i", str(inventory), name, *given, *arguments]


def environment(**told: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "AWX_"))}
    return {**kept, "LC_ALL": "C.UTF-8", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), **told}
