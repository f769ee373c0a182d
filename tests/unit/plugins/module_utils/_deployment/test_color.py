# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import connection as broker_connection
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment.color import Color, colors_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._settings import from_journal
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeBroker


@pytest.fixture
def scene(monkeypatch, tmp_path):
    made = Scene(monkeypatch, tmp_path)
    made.color("blue")
    made.color("green", "created")
    return made


def settings(scene, **broker):
    found = from_journal(scene.deployment("health").data)
    return found._replace(broker=found.broker._replace(**broker))


def test_containers_come_in_the_order_of_the_roles(scene):
    blue = Color(scene.host, settings(scene), "blue")
    assert [each.service for each in blue.of("support", "web")] == ["redis", "web"]
    assert [each.service for each in blue.of("workers", "web")] == ["beat", "worker", "web"]


def test_a_service_in_no_list_has_no_role(scene):
    scene.engine.add("flower")
    blue = Color(scene.host, settings(scene), "blue")
    assert "blue-flower" in [each.id for each in blue.containers]
    assert "blue-flower" not in [each.id for each in blue.of("support", "init", "web", "workers")]


def test_a_color_is_what_the_host_showed_when_it_was_made(scene):
    before = Color(scene.host, settings(scene), "blue")
    scene.engine.stop("blue-web")
    assert before.of("web")[0].running
    assert not Color(scene.host, settings(scene), "blue").of("web")[0].running


@pytest.mark.parametrize(
    "mode, name, own", [("color", "blue", True), ("shared", "blue", False), ("color", "green", False)]
)
def test_the_broker_that_a_color_brings_for_itself_while_it_runs(scene, mode, name, own):
    color = Color(scene.host, settings(scene, mode=mode), name)
    with color.own_broker() as broker:
        assert (broker is scene.brokers[name]) is own
        assert own or broker is None


@pytest.mark.parametrize("status", ["running", "exited"])
def test_the_container_of_the_broker_is_known_while_it_is_down_too(scene, status):
    scene.engine.inspected["blue-redis"]["State"]["Status"] = status
    assert Color(scene.host, settings(scene), "blue").server().name == "shop-blue-redis-1"


@pytest.mark.parametrize("mode", ["shared", "none"])
def test_a_broker_that_is_not_the_color_s_is_none_of_its_containers(scene, mode):
    assert Color(scene.host, settings(scene, mode=mode), "blue").server() is None


def test_a_color_whose_broker_was_removed_has_none_by_that_name(scene, monkeypatch):
    """Elsewhere on the host another container may go by the same name."""
    monkeypatch.setattr(
        broker_connection, "connect", lambda host, containers, wanted, workers: FakeBroker("redis://redis:6379")
    )
    color = Color(scene.host, settings(scene), "blue")
    assert color.server() is None
    with color.own_broker() as broker:
        assert broker is None


@pytest.mark.parametrize(
    "mode, service, name, own",
    [
        ("color", "redis", "blue", True),
        ("none", "redis", "blue", True),
        ("none", "redis", "green", False),
        ("none", "cache", "blue", False),
        ("shared", "redis", "blue", False),
    ],
)
def test_the_redis_of_a_color_may_be_there_without_tasks(scene, mode, service, name, own):
    color = Color(scene.host, settings(scene, mode=mode, service=service), name)
    with color.own_redis() as redis:
        assert redis is (scene.brokers[name] if own else None)


def test_both_colors_of_a_deployment(scene):
    found, old, candidate = colors_of(scene.host, scene.store, scene.deployment("health"))
    assert (found.app, old.project, candidate.project) == ("shop", "shop-blue", "shop-green")


def test_the_first_deployment_has_no_old_color(scene):
    dummy, old, candidate = colors_of(scene.host, scene.store, scene.deployment("health", **{"from": ""}))
    assert (old, candidate.name) == (None, "green")


def test_the_password_of_the_broker_comes_from_its_own_file(scene):
    journal = scene.deployment("health")
    with open(scene.store.path("broker.url"), "w", encoding="utf-8") as target:
        target.write("redis://:hunter2@redis/0")
    assert colors_of(scene.host, scene.store, journal)[0].broker.url == "redis://:hunter2@redis/0"


@pytest.mark.parametrize(
    "mode, hosts, found",
    [
        ("color", None, ["results"]),
        ("shared", None, ["redis", "results"]),
        ("none", None, ["redis", "results"]),
        ("color", {"results"}, ["results"]),
        ("color", {"shop-blue-results-1"}, ["results"]),
        ("color", {"results.lan", ""}, []),
        ("shared", {"redis"}, ["redis"]),
    ],
)
def test_what_a_color_has_of_redis_beside_its_broker(scene, mode, hosts, found):
    for service, image in (("results", "redis:7"), ("monitor", "oliver006/redis_exporter"), ("redis", "redis:7")):
        scene.engine.add(service, Config__Image=image)
    known = settings(scene, mode=mode)
    services = {**known.services, "support": ["redis", "results", "monitor"]}
    assert Color(scene.host, known._replace(services=services), "blue").other_redis(hosts) == found
