# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.queues import (
    CHUNK_BYTES,
    CHUNK_MESSAGES,
    Stage,
    next_chunk,
    parse_stage,
)


@pytest.mark.parametrize(
    "sizes, expected",
    [
        ([100] * 16, CHUNK_MESSAGES),
        ([CHUNK_BYTES] * 4, 1),
        ([10 * CHUNK_BYTES], 1),
        ([CHUNK_BYTES // 8] * 2, 8),
        ([0], CHUNK_MESSAGES),
    ],
)
def test_next_chunk(sizes, expected):
    assert next_chunk([b"x" * size for size in sizes]) == expected


@pytest.mark.parametrize("name", ["celery", "shop:celery\x06\x163", "a:b:c:d"])
def test_the_name_of_a_stage_says_all_of_it(name):
    stage = Stage("there", "d1.1.ab12", "list", name)
    assert parse_stage(stage.key) == stage
    assert parse_stage(stage.seen) is None


@pytest.mark.parametrize("key", ["celery", "_bg.handover.stage:", "_bg.handover.stage:there:x"])
def test_what_is_no_stage(key):
    assert parse_stage(key) is None
