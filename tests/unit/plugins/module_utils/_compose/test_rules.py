# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import rules as compose_rules
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.compose_case import SERVICES, Case


def unknown_web(case):
    case.services["web"] = ["wbe"]
    case.services["ignored"] = ["web"]


def unknown_worker(case):
    case.services["workers"] = ["worker", "beat", "flower"]


def auto_in_capitals(case):
    case.services["init"] = ["Auto"]


def unknown_ignored(case):
    case.services["ignored"] = ["adminer"]


def container_name(case):
    case.set("redis", container_name="shop-redis")


def early_web(case):
    case.init_before_stop = ["web"]


def early_misspelt(case):
    add_init(case, "migrate")
    case.init_before_stop = ["migrte"]


def early_before_what_it_needs(case):
    add_init(case, "migrate")
    add_init(case, "seed", depends_on={"migrate": {"condition": "service_completed_successfully"}, "redis": {}})
    case.init_before_stop = ["seed"]


def add_init(case, name, **values):
    case.set(name, image="registry/shop:1", networks={"default": None}, **values)
    case.services["init"].append(name)


ERRORS = [
    (
        early_web,
        "bluegreen_init_before_stop names 'web', but bluegreen_init_services does not (it has none): correct the name.",
    ),
    (
        early_misspelt,
        "bluegreen_init_before_stop names 'migrte', but bluegreen_init_services does not: did you mean 'migrate'?",
    ),
    (
        early_before_what_it_needs,
        "bluegreen_init_before_stop names 'seed', which depends_on 'migrate', but 'migrate' runs only after the old "
        "workers have stopped: name 'migrate' as well, or remove 'seed'.",
    ),
    (
        unknown_web,
        "bluegreen_web_services names 'wbe', but the Compose file has no such service: did you mean 'web'?",
    ),
    (
        unknown_worker,
        "bluegreen_worker_services names 'flower', but the Compose file has no such service: did you mean 'worker'?",
    ),
    (
        auto_in_capitals,
        "bluegreen_init_services names 'Auto', but the Compose file has no such service: did you mean 'auto'?",
    ),
    (
        unknown_ignored,
        "bluegreen_ignored_services names 'adminer', but the Compose file has no such service (it has beat, redis, "
        "web, worker): correct the name. A service that has profiles exists only if bluegreen_profiles names one of "
        "its profiles.",
    ),
    (
        container_name,
        "Service redis has container_name: shop-redis, which only one color can have: remove it, so that Compose names "
        "the containers after the project.",
    ),
]


def test_a_sound_file_has_no_findings():
    assert Case().findings() == compose_rules.Findings([], [])


@pytest.mark.parametrize("spoil, sentence", ERRORS, ids=[spoil.__name__ for spoil, sentence in ERRORS])
def test_what_two_colors_cannot_share_is_refused(spoil, sentence):
    case = Case()
    spoil(case)
    assert case.findings().errors == [sentence]


def test_what_runs_before_the_stop_may_need_support_and_what_runs_before_it():
    case = Case()
    add_init(case, "migrate", depends_on={"redis": {"condition": "service_healthy"}})
    add_init(case, "seed", depends_on={"migrate": {"condition": "service_completed_successfully"}})
    case.init_before_stop = ["seed", "migrate"]
    assert case.findings().errors == []


def test_everything_that_is_wrong_is_said_at_once():
    case = Case()
    container_name(case)
    unknown_worker(case)
    case.set("beat", ports=[{"target": 5555, "published": "5555", "protocol": "tcp"}])
    case.set("redis", volumes=[{"type": "bind", "source": "/srv/data", "target": "/data"}])
    for network in case.each("networks", "default"):
        network["name"] = "fixed"
    assert len(case.findings().errors) == 5


def test_an_ignored_service_may_be_as_it_likes():
    case = Case()
    case.set("db", container_name="db", ports=[{"target": 5432, "published": "5432"}])
    case.services["ignored"] = ["db"]
    assert case.findings() == compose_rules.Findings([], [])


def test_a_container_name_of_each_color_is_not_shared():
    case = Case()
    for color in ("blue", "green"):
        case.colors[color]["services"]["redis"]["container_name"] = f"shop-redis-{color}"
    assert case.findings() == compose_rules.Findings([], [])


@pytest.mark.parametrize("restart", [None, "no", ""])
def test_a_service_without_a_restart_policy_is_warned_of(restart):
    case = Case()
    case.set("worker", restart=restart)
    assert case.findings() == compose_rules.Findings(
        [],
        [
            "Service worker has no restart policy, so it would not restart after a reboot: give it restart: "
            "unless-stopped."
        ],
    )


def test_an_init_service_needs_no_restart_policy():
    case = Case()
    case.set("migrate", image="registry/shop:1")
    case.services["init"] = ["migrate"]
    assert case.findings() == compose_rules.Findings([], [])


def test_services_whose_image_has_no_name_of_its_own():
    case = Case()
    case.set("web", build={"context": "."}, image=None)
    case.set("worker", build={"context": "."})
    blue = case.colors["blue"]
    assert compose_rules.builds_without_image(blue, SERVICES) == ["web"]
    assert compose_rules.images(blue, SERVICES) == {
        "redis": "redis:7",
        "web": "shop-blue-web",
        "worker": "registry/shop:1",
        "beat": "registry/shop:1",
    }


@pytest.mark.parametrize(
    "part",
    [
        *(
            "ports",
            "deploy",
            "scale",
            "networks",
            "network_mode",
            "ipc",
            "pid",
            "links",
            "external_links",
            "volumes_from",
            "volumes",
        ),
        *("environment", "command", "entrypoint", "healthcheck", "hostname", "mac_address", "depends_on"),
    ],
)
def test_what_compose_writes_as_null_is_nothing(part):
    case = Case()
    for service in ("redis", "worker"):
        case.set(service, **{part: None})
    assert case.findings().errors == []


@pytest.mark.parametrize("part", ["volumes", "networks"])
def test_a_file_without_volumes_or_networks(part):
    case = Case()
    case.set("redis", volumes=None)
    case.color_volumes = []
    for color in ("blue", "green"):
        case.colors[color][part] = None
    assert case.findings() == compose_rules.Findings([], [])


@pytest.mark.parametrize("section, name", [("volumes", "queue"), ("networks", "default")])
def test_a_volume_or_network_of_which_nothing_is_said(section, name):
    case = Case()
    for color in ("blue", "green"):
        case.colors[color][section][name] = None
    assert case.findings() == compose_rules.Findings([], [])
