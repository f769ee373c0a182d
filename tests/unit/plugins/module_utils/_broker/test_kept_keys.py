# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import kept_keys
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.kept_keys import (
    Kept,
    check_patterns,
    copy_kept,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment.color import colors_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import record


@pytest.fixture
def scene(monkeypatch, tmp_path):
    made = Scene(monkeypatch, tmp_path)
    made.color("blue")
    made.color("green")
    record(
        monkeypatch,
        made.calls,
        kept_keys,
        "keep_keys",
        lambda given: f"keep {given['patterns']} of {given['source'].name}",
        lambda given: Kept(4, 0),
    )
    return made


def back(scene, journal):
    settings, old, candidate = colors_of(scene.host, scene.store, journal)
    return copy_kept(scene.host, journal, candidate, old)


def test_going_back_the_keys_of_the_deployment_come_along(scene):
    assert back(scene, scene.deployment("cutover", keep_keys=["session:*"])) == Kept(4, 0)
    assert scene.effects() == ["keep ['session:*'] of shop-green/redis"]


def test_without_patterns_no_redis_is_asked(scene):
    assert back(scene, scene.deployment("cutover")) == Kept(0, 0)
    assert scene.effects() == []


@pytest.mark.parametrize("color", ["blue", "green"])
def test_where_a_redis_is_down_nothing_is_copied(scene, color):
    scene.engine.inspected[f"{color}-redis"]["State"]["Status"] = "exited"
    assert back(scene, scene.deployment("cutover", keep_keys=["session:*"])) == Kept(0, 0)
    assert scene.effects() == []


def test_an_empty_pattern_is_refused():
    with pytest.raises(BluegreenError, match="bluegreen_keep_keys holds an empty pattern, .* such as session:"):
        check_patterns("bluegreen_keep_keys", ["session:*", ""])
    check_patterns("bluegreen_keep_keys", ["session:*"])
