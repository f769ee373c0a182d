# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import connection as broker_connection
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.kept_keys import Kept
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError, Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.create import create_journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.step import Step
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps import bg_copy_keys
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import facts


def side(project):
    return {"project": project, "service": "redis", "url": ""}


PARAMS = {
    "app": "shop",
    "deployment_id": "",
    "epoch": 0,
    "source": side("shop-blue"),
    "destination": side("shop-green"),
    "keys": ["session:*"],
}
OURS = {**PARAMS, "deployment_id": "dep-1", "epoch": 1}


@pytest.fixture
def copied(host, monkeypatch, store):
    copied = []
    for color in ("blue", "green"):
        host.engine.add("redis", color=color, Path="redis-server")

    def keep_keys(host, journal, source, destination, patterns):
        copied.append((source.name, destination.name, patterns))
        return Kept(7, 0)

    monkeypatch.setattr(bg_copy_keys, "keep_keys", keep_keys)
    monkeypatch.setattr(broker_connection.Broker, "run_id", lambda broker: broker.name)
    return copied


@pytest.fixture
def deployment(store):
    store.create()
    return create_journal(store, "dep-1", "me", facts())


def run(host, params, check_mode=False):
    return bg_copy_keys.copy_keys(params, host, check_mode)


def test_by_itself(host_with_containers, copied):
    assert run(host_with_containers, PARAMS) == {"changed": True, "copied": 7}
    assert copied == [("shop-blue/redis", "shop-green/redis", ["session:*"])]


@pytest.mark.parametrize("step", ["health", "cutover"])
def test_in_any_step_which_stays_as_it_is(host_with_containers, copied, store, deployment, step):
    deployment.begin(Step(step))
    deployment.done(Step(step))
    run(host_with_containers, OURS)
    assert len(copied) == 1
    assert (store.load()["step"], store.load()["done"]) == (step, True)


def test_a_stranger_copies_nothing(host_with_containers, copied, deployment):
    for params in (PARAMS, {**OURS, "epoch": 2}, {**OURS, "deployment_id": "dep-2"}):
        with pytest.raises(Fenced):
            run(host_with_containers, params)
    assert copied == []


def test_check_mode_copies_nothing(host_with_containers, copied):
    assert run(host_with_containers, PARAMS, True) == {"changed": False, "copied": 0}
    assert copied == []


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"source": side("")}, "source names no broker"),
        ({"destination": side("shop-purple")}, "destination.service is 'redis', but project shop-purple"),
        ({"source": {**side("shop-blue"), "url": "amqp://rabbit//"}}, "source.url begins with amqp://, .* not a plain"),
        ({"app": "Shop"}, "app"),
        ({"keys": []}, r"keys is \[\], but at least one pattern"),
        ({"keys": ["a", " "]}, "keys holds an empty pattern"),
    ],
)
def test_bad_input(host_with_containers, copied, changes, sentence):
    with pytest.raises(BluegreenError, match=sentence):
        run(host_with_containers, {**PARAMS, **changes})
    assert copied == []
