# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment.up_to_date import (
    Release,
    differences,
    done_without_container,
    init_services_of,
)


def color(**changes):
    facts = {
        "label": "1",
        "hashes": {"web": "h1", "worker": "h2"},
        "images": {"web": "sha256:a", "worker": "sha256:b"},
        **changes,
    }
    return Release(**facts)


def test_the_same_release_again_is_nothing_to_do():
    assert differences(color(), color()) == []


@pytest.mark.parametrize(
    "live, wanted, reasons",
    [
        ({}, {"label": "2"}, ["release 1 becomes 2"]),
        ({"label": ""}, {}, ["release (none) becomes 1"]),
        ({}, {"label": ""}, ["release 1 becomes (none)"]),
        ({}, {"hashes": {"web": "h1", "worker": "other"}}, ["configuration of worker differs"]),
        ({}, {"images": {"web": "sha256:c", "worker": "sha256:b"}}, ["image of web differs"]),
        # An image that is not here yet is another one.
        ({}, {"images": {"web": None, "worker": "sha256:b"}}, ["image of web differs"]),
        ({"hashes": {"web": "h1"}}, {}, ["service worker is new"]),
        ({}, {"hashes": {"web": "h1"}}, ["service worker is removed"]),
        ({"broken": {"worker", "beat"}}, {}, ["service beat does not run", "service worker does not run"]),
        (
            {"broken": {"web"}},
            {"label": "2", "hashes": {"web": "other", "worker": "h2"}, "images": {"web": "x", "worker": "y"}},
            [
                "release 1 becomes 2",
                "configuration of web differs",
                "image of worker differs",
                "service web does not run",
            ],
        ),
    ],
)
def test_each_difference_is_named(live, wanted, reasons):
    assert differences(color(**live), color(**wanted)) == reasons


@pytest.mark.parametrize(
    "there, known, done",
    [
        ({"migrate", "seed"}, ["migrate", "seed"], set()),
        ({"migrate"}, ["migrate", "seed"], {"seed"}),
        ({"migrate"}, ["migrate"], set()),
        (set(), ["seed", "gone"], {"seed"}),
        (set(), [], set()),
        (set(), None, {"migrate", "seed"}),
    ],
)
def test_an_init_service_without_a_container_is_done_if_the_color_was_deployed_with_it(there, known, done):
    assert done_without_container(["migrate", "seed"], there, known) == done


@pytest.mark.parametrize(
    "history, known",
    [
        ([], None),
        ([{"result": "committed", "to": "blue"}], None),
        ([{"result": "committed", "to": "blue", "init": ["a"]}], ["a"]),
        (
            [
                {"result": "committed", "to": "green", "init": ["a"]},
                {"result": "rolled_back", "to": "blue", "init": ["b"]},
            ],
            None,
        ),
        ([{"result": "committed", "to": "blue", "init": ["a"]}, {"result": "committed", "to": "blue", "init": []}], []),
        ([{"result": "failed"}], None),
    ],
)
def test_the_last_deployment_that_made_the_color_live_says_its_init_services(history, known):
    assert init_services_of("blue", history) == known
