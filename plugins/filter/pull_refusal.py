# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: pull_refusal
short_description: Why a pulled release is not tried again
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - A release that failed after the old workers had been told to stop is not tried again until a commit changes the
    file that names it. A deployment that failed before, for example because the registry did not answer, has touched
    nothing of the live color, and is tried again.
  - A deployment that was cut off, for example by a power cut, is tried three times.
positional: _owner
options:
  _input:
    description: The C(history) that M(smallfleet.bluegreen.bg_info) returns.
    type: list
    elements: dict
    required: true
  _owner:
    description: The owner under which the deployments of this commit are in the history.
    type: string
    required: true
"""

EXAMPLES = r"""
- name: Show why the release is not tried again
  ansible.builtin.debug:
    msg: "{{ info.history | smallfleet.bluegreen.pull_refusal('commit-4f1d2c3b5a69@pi-1') }}"
"""

RETURN = r"""
_value:
  description: One sentence, or an empty string if the release may be tried.
  type: string
"""

from typing import Any, Callable, Mapping, Sequence

# A release that lets the host crash would otherwise do so again after every boot.
TRIES = 3
# Phases in which no release was tried: they touch nothing of the live color, and run nothing of the new one.
HARMLESS = {"open", "fetch", "between_runs", "way_back"}


def pull_refusal(history: Sequence[Mapping[str, Any]], owner: str) -> str:
    """Why the deployments of this owner are not tried again; ``""`` if they may be.

    :param history: as bg_info returns it, oldest first.
    """
    costly = [
        entry
        for entry in history
        if entry.get("who") == owner
        and entry.get("result") in ("rolled_back", "failed")
        and set(entry.get("seconds") or {}) - HARMLESS
    ]
    failed = [entry for entry in costly if not _was_cut_off(entry)]
    if not failed and len(costly) < TRIES:
        return ""
    last = (failed or costly)[-1]
    times = "" if failed else f" {len(costly)} times"
    reason = str(last.get("reason") or "no reason was recorded").rstrip(".")
    return (
        f"Release {last.get('release') or '(none)'} failed{times}, the last time at {last.get('ended')} ({reason}): it "
        "is tried again when a commit changes bluegreen_release_file."
    )


def _was_cut_off(entry: Mapping[str, Any]) -> bool:
    """Whether the guard ended the deployment, and not the run that began it."""
    return str(entry.get("reason") or "").startswith("guard: ")


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"pull_refusal": pull_refusal}
