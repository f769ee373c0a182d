# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _compose_rules

PORTS = {"blue": 18001, "green": 18002}
SERVICES = {"web": ["web"], "support": ["redis"], "init": [], "workers": ["worker", "beat"], "ignored": []}


def rendered(port=18001, name="shop-blue"):
    """What Compose renders for one color of an app that has nothing wrong."""
    return {
        "name": name,
        "services": {
            "web": {
                "image": "registry/shop:1",
                "restart": "unless-stopped",
                "ports": [{"target": 8000, "published": str(port), "host_ip": "127.0.0.1", "protocol": "tcp"}],
            },
            "redis": {
                "image": "redis:7",
                "restart": "always",
                "volumes": [{"type": "volume", "source": "queue", "target": "/data"}],
            },
            "worker": {"image": "registry/shop:1", "restart": "unless-stopped"},
            "beat": {"image": "registry/shop:1", "deploy": {"restart_policy": {"condition": "any"}}},
        },
        "volumes": {"queue": {"name": f"{name}_queue"}},
        "networks": {"default": {"name": f"{name}_default", "ipam": {}}},
    }


class Case:
    """A configuration to spoil; ``each()`` gives the same part of both colors."""

    def __init__(self):
        self.colors = {"blue": rendered(), "green": rendered(18002, "shop-green")}
        self.services = copy.deepcopy(SERVICES)
        self.color_volumes = ["queue"]

    def each(self, section, name):
        return [self.colors[color][section].setdefault(name, {}) for color in ("blue", "green")]

    def set(self, service, **values):
        for definition in self.each("services", service):
            definition.update(copy.deepcopy(values))

    def findings(self):
        return _compose_rules.examine(self.colors, self.services, PORTS, self.color_volumes)


def unknown_web(case):
    case.services["web"] = ["wbe"]
    case.services["ignored"] = ["web"]


def unknown_worker(case):
    case.services["workers"] = ["worker", "beat", "flower"]


def unknown_ignored(case):
    case.services["ignored"] = ["adminer"]


def unlisted(case):
    case.set("db", image="postgres:16", restart="always")


def container_name(case):
    case.set("redis", container_name="shop-redis")


def same_port(case):
    case.set("web", ports=[{"target": 8000, "published": "8000", "host_ip": "127.0.0.1", "protocol": "tcp"}])


def support_port(case):
    case.set("redis", ports=[{"target": 6379, "published": "6379", "protocol": "tcp"}])


def udp_and_tcp(case):
    # The same number, but not the same port.
    case.colors["blue"]["services"]["redis"]["ports"] = [{"target": 1, "published": "5000", "protocol": "udp"}]
    case.colors["green"]["services"]["redis"]["ports"] = [{"target": 1, "published": "5000", "protocol": "tcp"}]


def no_port(case):
    case.set("web", ports=[])


def random_port(case):
    case.set("web", ports=[{"target": 8000, "published": "0"}])


def range_of(service, port):
    def change(case):
        case.set(service, ports=[{"target": 5555, "published": port, "host_ip": "127.0.0.1", "protocol": "tcp"}])

    return change


def green_port_wrong(case):
    case.colors["green"]["services"]["web"]["ports"][0]["published"] = "18003"


def empty_database(case):
    case.set("redis", volumes=[])
    case.color_volumes = []
    case.set("db", image="postgres:16", restart="always", volumes=[{"type": "volume", "source": "data", "target": "/d"}])
    for color in ("blue", "green"):
        case.colors[color]["volumes"]["data"] = {"name": f"shop-{color}_data"}
    case.services["support"] = ["redis", "db"]


def unknown_color_volume(case):
    case.color_volumes = ["queue", "que"]


def unknown_color_volume_without_any(case):
    case.set("redis", volumes=[])
    case.color_volumes = ["queue"]
    for color in ("blue", "green"):
        case.colors[color]["volumes"] = None


def subnet(case):
    for network in case.each("networks", "default"):
        network["ipam"] = {"config": [{"subnet": "172.30.0.0/24"}]}


ERRORS = [
    (
        unknown_web,
        "bluegreen_web_services names 'wbe', but the Compose file has no such service: did you mean 'web'?",
    ),
    (
        unknown_worker,
        "bluegreen_worker_services names 'flower', but the Compose file has no such service: did you mean 'worker'?",
    ),
    (
        unknown_ignored,
        "bluegreen_ignored_services names 'adminer', but the Compose file has no such service (it has beat, redis, web, "
        "worker).",
    ),
    (
        unlisted,
        "Service 'db' of the Compose file is in no list: add it to bluegreen_web_services, bluegreen_support_services, "
        "bluegreen_init_services or bluegreen_worker_services, or to bluegreen_ignored_services if a color is not to "
        "start it.",
    ),
    (
        container_name,
        "Service redis has container_name: shop-redis, which only one color could have: take it out, Compose then names "
        "the containers after the project.",
    ),
    (
        support_port,
        "Service redis publishes host port 6379 in both colors, so the second one could not start: leave it out, the "
        "services of a color reach each other by name; or put the service outside the colors.",
    ),
    (
        green_port_wrong,
        "Service web does not publish port 18002 in color green (bluegreen_ports.green): write "
        'ports: ["127.0.0.1:${BG_PORT}:<port of the app>"] in the Compose file.',
    ),
    (
        empty_database,
        "Volume data of db would be another, empty one in each color: if it holds data, keep that service outside the "
        "colors or make the volume external; if each color may have its own, name it in bluegreen_color_volumes.",
    ),
    (
        unknown_color_volume,
        "bluegreen_color_volumes names 'que', but the Compose file has no such volume: did you mean 'queue'?",
    ),
    (
        unknown_color_volume_without_any,
        "bluegreen_color_volumes names 'queue', but the Compose file has no such volume (it has none).",
    ),
    (
        subnet,
        "Network default has the fixed subnet 172.30.0.0/24, which only one color could have: take it out, or make the "
        "network external.",
    ),
]


def test_a_sound_file_has_no_findings():
    assert Case().findings() == _compose_rules.Findings([], [])


@pytest.mark.parametrize("spoil, sentence", ERRORS, ids=[spoil.__name__ for spoil, sentence in ERRORS])
def test_what_two_colors_cannot_share_is_refused(spoil, sentence):
    case = Case()
    spoil(case)
    assert case.findings().errors == [sentence]


def test_a_fixed_port_of_the_web_is_told_the_variable():
    case = Case()
    same_port(case)
    first, blue, green = case.findings().errors
    assert first == (
        "Service web publishes host port 8000 in both colors, so the second one could not start: write "
        "127.0.0.1:${BG_PORT}:<port of the app>."
    )
    assert "port 18001 in color blue" in blue and "port 18002 in color green" in green


@pytest.mark.parametrize("spoil", [no_port, random_port])
def test_a_web_without_the_port_of_its_color_is_refused_once_a_color(spoil):
    case = Case()
    spoil(case)
    assert [sentence.partition(":")[0] for sentence in case.findings().errors] == [
        "Service web does not publish port 18001 in color blue (bluegreen_ports.blue)",
        "Service web does not publish port 18002 in color green (bluegreen_ports.green)",
    ]


@pytest.mark.parametrize(
    "port, errors",
    [
        ("5555-5557", []),
        (
            "5555-5555",
            [
                "Service redis publishes host port 5555-5555 in both colors, so the second one could not start: leave it "
                "out, the services of a color reach each other by name; or put the service outside the colors."
            ],
        ),
        (
            "18002-18009",
            [
                "Service redis publishes a free port of 18002-18009, which may be 18002, the one that color green needs for "
                "its web (bluegreen_ports): take another range."
            ],
        ),
    ],
)
def test_of_a_range_docker_takes_a_free_port_in_each_color(port, errors):
    case = Case()
    range_of("redis", port)(case)
    assert case.findings() == _compose_rules.Findings(errors, [])


def test_a_range_for_the_web_is_told_the_line_to_write():
    case = Case()
    range_of("web", "18001-18005")(case)
    assert case.findings().errors == [
        f"Service web does not publish port {port} in color {color} (bluegreen_ports.{color}): write "
        'ports: ["127.0.0.1:${BG_PORT}:<port of the app>"] in the Compose file.'
        for color, port in (("blue", 18001), ("green", 18002))
    ]


def test_the_same_number_of_another_protocol_is_another_port():
    case = Case()
    udp_and_tcp(case)
    assert case.findings().errors == []


def test_everything_that_is_wrong_is_said_at_once():
    case = Case()
    for spoil in (container_name, support_port, subnet, unlisted):
        spoil(case)
    assert len(case.findings().errors) == 4


def test_an_ignored_service_may_be_as_it_likes():
    case = Case()
    case.set("db", container_name="db", ports=[{"target": 5432, "published": "5432"}])
    case.services["ignored"] = ["db"]
    assert case.findings() == _compose_rules.Findings([], [])


@pytest.mark.parametrize(
    "definition", [{"external": True, "name": "data"}, {"name": "shared-by-name"}], ids=["external", "named"]
)
def test_a_volume_that_is_the_same_in_both_colors_is_no_empty_database(definition):
    case = Case()
    case.set("web", volumes=[{"type": "volume", "source": "media", "target": "/media"}])
    for volume in case.each("volumes", "media"):
        volume.update(definition)
    assert case.findings() == _compose_rules.Findings([], [])


def test_a_bind_mount_is_no_volume():
    case = Case()
    case.set("web", volumes=[{"type": "bind", "source": "/srv/media", "target": "/media"}])
    assert case.findings() == _compose_rules.Findings([], [])


def test_two_servers_that_would_write_into_one_volume_are_warned_of():
    case = Case()
    case.color_volumes = []
    for volume in case.each("volumes", "queue"):
        volume["name"] = "one-for-both"
    findings = case.findings()
    assert findings.errors == []
    assert findings.warnings == [
        "Volume queue is one and the same for both colors, and redis of both would write into it at once: give each color "
        "its own (bluegreen_color_volumes), or keep the service outside the colors."
    ]


@pytest.mark.parametrize("restart", [None, "no", ""])
def test_a_service_without_a_restart_policy_is_warned_of(restart):
    case = Case()
    case.set("worker", restart=restart)
    assert case.findings() == _compose_rules.Findings(
        [],
        ["Service worker has no restart policy, so it is gone after a reboot: give it restart: unless-stopped."],
    )


def test_an_init_service_needs_no_restart_policy():
    case = Case()
    case.set("migrate", image="registry/shop:1")
    case.services["init"] = ["migrate"]
    assert case.findings() == _compose_rules.Findings([], [])


@pytest.mark.parametrize("address", ["", "0.0.0.0", "192.168.1.7"])
def test_a_web_that_can_be_reached_past_nginx_is_warned_of_once(address):
    case = Case()
    for color in ("blue", "green"):
        case.colors[color]["services"]["web"]["ports"][0]["host_ip"] = address
    findings = case.findings()
    assert findings.errors == []
    assert findings.warnings == [
        "Service web publishes its port on all addresses, so it can be reached past Nginx: write "
        "127.0.0.1:${BG_PORT}:<port of the app>."
    ]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "::1"])
def test_a_web_that_only_this_host_reaches_is_as_it_should_be(address):
    case = Case()
    for color in ("blue", "green"):
        case.colors[color]["services"]["web"]["ports"][0]["host_ip"] = address
    assert case.findings() == _compose_rules.Findings([], [])


def test_an_external_network_may_have_any_subnet():
    case = Case()
    subnet(case)
    for network in case.each("networks", "default"):
        network["external"] = True
    assert case.findings() == _compose_rules.Findings([], [])


def test_services_whose_image_has_no_name_of_its_own():
    case = Case()
    case.set("web", build={"context": "."}, image=None)
    case.set("worker", build={"context": "."})
    blue = case.colors["blue"]
    assert _compose_rules.builds_without_image(blue, SERVICES) == ["web"]
    assert _compose_rules.images(blue, SERVICES) == {
        "redis": "redis:7",
        "web": "shop-blue-web",
        "worker": "registry/shop:1",
        "beat": "registry/shop:1",
    }
