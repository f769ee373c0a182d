# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tests share: which worker of pytest-xdist runs them and in which order, and what lab/setup makes for them."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Groups of tests, the longest first, so that none of them is left to run alone at the end.
LONGEST = ("fleet", "approval", "faults", "rollback", "memory", "handover", "field-1", "field-2", "refused", "default", "recover",
           "pull", "apps", "program", "celery", "shared_broker", "awx", "nginx_container", "moves")  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs all tests of a folder, which share a host or a server, unless they name a group of their own."""
    for item in items:
        if not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.path.parent.name))
    items.sort(key=lambda item: LONGEST.index(group) if (group := _group(item)) in LONGEST else len(LONGEST))


def _group(item: pytest.Item) -> str:
    mark = item.get_closest_marker("xdist_group")
    return mark.args[0] if mark else ""


@pytest.fixture(scope="session")
def short(pytestconfig: pytest.Config) -> bool:
    """Whether this is `make test`: then some tests try a part of what they try in `make test-all`."""
    return "not long" in pytestconfig.option.markexpr


@functools.cache
def _why_not(part: str) -> str:
    """Have lab/setup make a part, which it does once; the reason where this machine cannot have it."""
    made = subprocess.run(
        [ROOT / "lab/setup", part], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    return made.stderr.strip().rpartition("\n")[2] or f"lab/setup {part} failed" if made.returncode else ""


@pytest.fixture(scope="session")
def lab_setup() -> Callable[..., None]:
    """``lab_setup("field")`` has lab/setup make a part; ``or_skip=True`` for one that a machine may be unable to have."""

    def make(*parts: str, or_skip: bool = False) -> None:
        for part in parts:
            if why := _why_not(part):
                (pytest.skip if or_skip else pytest.fail)(why)

    return make
