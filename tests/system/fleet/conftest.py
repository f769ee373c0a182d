# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Five hosts over SSH, the load on them, and a browser for the page that shows them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import chromium
import pytest
from ssh_fleet import RUN, Fleet


@pytest.fixture(scope="module")
def five_hosts(lab_setup: Callable[..., None]) -> Iterator[Fleet]:
    lab_setup("chromium", "venv-eda")
    with Fleet(5) as made:
        yield made


@pytest.fixture
def fleet(five_hosts: Fleet, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    five_hosts.label = request.node.name.removeprefix("test_")
    yield five_hosts
    five_hosts.write_inventory()


@pytest.fixture
def under_load(fleet: Fleet, record_property: Callable[[str, object], None]) -> Callable[[], AbstractContextManager[None]]:
    """``with under_load():`` sends requests and tasks to every host; at its end none of them may have failed, or be lost."""

    @contextlib.contextmanager
    def loaded() -> Iterator[None]:
        with fleet.under_load() as sums:
            yield
        for name, count in sums.items():
            record_property(name, count)
        assert sums["requests"] and sums["tasks"]
        assert (sums["failed"], sums["lost"], sums["doubled"]) == (0, 0, 0)

    return loaded


@pytest.fixture
def browser() -> Iterator[chromium.Chromium]:
    opened = chromium.Chromium(RUN / "chromium")
    try:
        yield opened
    finally:
        opened.close()
