# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What an operator types next about a host, with the commands. Pure."""

from __future__ import annotations

import shlex
from typing import Any

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._commands import command
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._validation import check_release
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._verdict import HEALTHY

FAILURES = ("rolled_back", "failed")


def next_steps(host: dict[str, Any]) -> list[dict[str, str]]:
    """``purpose`` and ``command`` of each way on; none for a host that needs nothing.

    :param host: of the report. Names and labels may be hostile, so a command quotes the one and checks the other.
    """
    name, opened, last = shlex.quote(host["host"]), host["deployment"], host["last"]

    def way(purpose: str, playbook: str, release: str = "") -> dict[str, str]:
        return {"purpose": purpose, "command": f"{command(playbook, _label(release))} --limit {name}"}

    if host["unreachable"]:
        return [{"purpose": "Try the connection", "command": f"ansible {name} -m ansible.builtin.ping"}]
    if opened and opened["result"] == "failed":
        return [way("Go back to the old color", "rollback")]
    if opened and opened["step"] == "awaiting_approval" and not opened["going_back"]:
        return [way("Approve it", "finish", opened["release"]), way("Go back to the old color", "rollback")]
    if opened:
        gone = not opened["owner_alive"] and not opened["going_back"]
        return [way("Bring it to an end, as the guard will do", "recover")] if gone else [way("Look again", "status")]
    if last and last["result"] in FAILURES:
        return [way("Deploy again, once the cause is corrected", "deploy", last["release"])]
    return [] if host["verdict"] == HEALTHY else [way("See its containers and queues", "status")]


def _label(release: str) -> str:
    """The label, or nothing where it could be more than a label: it stands in ``-e``, which takes several variables."""
    try:
        return check_release(release)
    except BluegreenError:
        return ""
