# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with how a host stands, in sentences; none where it stands as it should. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from verdict import DEMO, App, end_of, whats_missing

# What the program on the host (tests/system/faults/agent.py) tells of it.
Look = dict[str, Any]


def whole_on(look: Look, release: str, app: App = DEMO) -> list[str]:
    """For a host that should be whole with a release, without a deployment."""
    return whats_missing(look, app) + ["a deployment awaits approval"] * bool(look["journal"]) + _answers(look, release)


def awaits(look: Look, release: str) -> list[str]:
    """For a host on which a release should await approval."""
    return whats_missing(look) + ["no deployment awaits approval"] * (not look["journal"]) + _answers(look, release)


def untouched(before: Look, after: Look) -> list[str]:
    """For a host on which nothing should have happened."""
    return [f"its {what} changed" for what in ("containers", "last", "journal") if before[what] != after[what]]


def rolled_back(before: Look, after: Look) -> list[str]:
    """For a host that should have tried and gone back: the same containers have to run."""
    wrong = whole_on(after, before["answer"]["release"])
    if end_of(after, before["answer"]["color"]) != "rolled back" or after["last"].get("result") != "rolled_back":
        wrong.append(f"its last deployment is {after['last'].get('result')}")
    if after["last"].get("id") == before["last"].get("id"):
        wrong.append("it never tried")
    return wrong


def wrong_with(names: Iterable[str], verdict: Callable[..., list[str]], *looks: dict[str, Look], **given: str) -> dict[str, list[str]]:
    """The sentences about some hosts, by their names; empty where all of them stand as they should.

    :param looks: of all hosts by name, one dict for each look that the verdict takes.
    """
    found = {name: verdict(*(each[name] for each in looks), **given) for name in names}
    return {name: sentences for name, sentences in found.items() if sentences}


def _answers(look: Look, release: str) -> list[str]:
    answer = look["answer"].get("release")
    return [] if answer == release else [f"release {answer} answers, not {release}"]
