# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two apps on one host are deployed at the same second, again and again: both are whole, and nothing fails.

    .venv/bin/pytest tests/system/apps
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from neighbors import Neighbors, at_the_same_time, missing
from pi_host import own_name

WAYS = {"two-runs": Neighbors.deploy_by_two_runs, "one-run": Neighbors.deploy_by_one_run}
TIMES, IN_SHORT = 10, 2


@pytest.fixture(scope="module")
def neighbors() -> Iterator[Neighbors]:
    with Neighbors(own_name("apps")) as made:
        made.make()
        yield made


def rounds() -> list[object]:
    names = [list(WAYS)[number % len(WAYS)] for number in range(TIMES)]
    return [
        pytest.param(WAYS[name], f"{number}-{name}", id=f"{number}-{name}", marks=[pytest.mark.long] * (number > IN_SHORT))
        for number, name in enumerate(names, 1)
    ]


@pytest.mark.parametrize("deploy, label", rounds())
def test_both_are_deployed(
    neighbors: Neighbors, deploy: Callable[[Neighbors, str], None], label: str, record_property: Callable[[str, object], None]
) -> None:
    neighbors.label = label
    release = neighbors.next_release()
    with neighbors.under_load() as sums:
        deploy(neighbors, release)
    looks = neighbors.looks()
    assert missing(looks, release) == {}
    assert at_the_same_time(looks)
    for name, count in sums.items():
        record_property(name, count)
    assert sums["requests"] and sums["tasks"]
    assert (sums["failed"], sums["lost"], sums["doubled"]) == (0, 0, 0)
