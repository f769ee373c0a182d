# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker import containers as docker_containers
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost

SERVICES = {"web": ["web"], "support": ["redis"], "init": ["migrate"], "workers": ["worker", "beat"], "ignored": ["db"]}


@pytest.fixture
def engine():
    return FakeHost().engine


def container(engine, **changes):
    return docker_containers.inspect_container(engine, engine.add("web", **changes))


def test_a_container_as_the_engine_shows_it(engine):
    seen = container(engine, published=18001)
    assert (seen.id, seen.name, seen.project, seen.service) == ("blue-web", "shop-blue-web-1", "shop-blue", "web")
    assert (seen.status, seen.health, seen.running, seen.ever_started) == ("running", "", True, True)
    assert seen.addresses == {"shop-blue_default": "10.0.0.2"}
    assert seen.aliases == ()
    assert (seen.image, seen.image_name, seen.config_hash) == ("sha256:web-1", "registry/web:1", "hash-web")
    assert seen.command == ["run", "web"]
    assert (seen.stop_signal, seen.stop_timeout, seen.cpu_shares, seen.init) == ("SIGTERM", None, 0, False)


@pytest.mark.parametrize(
    "status, running",
    [("created", False), ("running", True), ("paused", True), ("restarting", True), ("exited", False), ("dead", False)],
)
def test_what_counts_as_running(engine, status, running):
    assert container(engine, status=status).running is running


def test_a_container_that_was_created_has_never_started(engine):
    assert container(engine, status="created").ever_started is False


@pytest.mark.parametrize("written, health", [("none", ""), ("healthy", "healthy"), ("starting", "starting")])
def test_no_health_check_is_no_health(engine, written, health):
    assert container(engine, State__Health={"Status": written}).health == health


def test_what_the_engine_leaves_out(engine):
    seen = container(
        engine,
        HostConfig__PortBindings=None,
        HostConfig__RestartPolicy=None,
        HostConfig__Init=None,
        Config__Labels=None,
        Config__Env=None,
        NetworkSettings__Networks=None,
        Args=None,
    )
    assert (seen.restart_policy["Name"], seen.init) == ("no", False)
    assert (seen.project, seen.environment, seen.addresses, seen.command) == ("", {}, {}, ["run"])


@pytest.mark.parametrize("port", ["5555-5557", "", "5555", "any"])
def test_whatever_host_port_a_container_has_it_can_be_looked_at(engine, port):
    bindings = {"5555/tcp": [{"HostIp": "127.0.0.1", "HostPort": port}], "82/udp": None}
    assert container(engine, HostConfig__PortBindings=bindings).service == "web"


def test_values_of_the_environment_may_hold_an_equals_sign(engine):
    assert container(engine, Config__Env=["A=b=c", "EMPTY=", "BARE"]).environment == {
        "A": "b=c",
        "EMPTY": "",
        "BARE": "",
    }


def test_the_containers_of_a_project_by_service_and_number(engine):
    for number in (10, 2):
        added = engine.inspected[engine.add("web")]
        added["Id"] = f"blue-web-{number}"
        added["Config"]["Labels"][docker_containers.NUMBER_LABEL] = str(number)
        engine.inspected[f"blue-web-{number}"] = added
        del engine.inspected["blue-web"]
    engine.add("redis")
    engine.add("web", color="green")
    assert [each.id for each in docker_containers.of_project(engine, "shop-blue")] == [
        "blue-redis",
        "blue-web-2",
        "blue-web-10",
    ]
    assert [each.id for each in docker_containers.of_project(engine, "shop-blue", ["redis"])] == ["blue-redis"]


def test_what_compose_run_left_behind_is_no_part_of_a_color(engine):
    engine.add("web")
    run = copy.deepcopy(engine.inspected["blue-web"])
    run["Id"] = "run"
    run["Config"]["Labels"][docker_containers.ONEOFF_LABEL] = "True"
    engine.inspected["run"] = run
    assert [each.id for each in docker_containers.of_project(engine, "shop-blue")] == ["blue-web"]


@pytest.mark.parametrize(
    "service, role",
    [("web", "web"), ("redis", "support"), ("migrate", "init"), ("beat", "workers"), ("db", ""), ("x", "")],
)
def test_the_role_of_a_service(service, role):
    assert docker_containers.role_of(service, SERVICES) == role


def test_names_in_all_networks(engine):
    networks = {"a": {"IPAddress": "10.0.0.2", "Aliases": ["web", "shop"]}, "b": {"Aliases": None}}
    assert container(engine, NetworkSettings__Networks=networks).aliases == ("web", "shop")
