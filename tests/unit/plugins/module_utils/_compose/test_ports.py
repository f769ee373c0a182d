# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import rules as compose_rules
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.compose_case import PORTS, Case


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


def replicas_with_port(case):
    case.set("web", deploy={"replicas": 2})


def scale_with_port(case):
    case.set("web", scale=3)


def no_replicas(case):
    case.set("worker", deploy={"replicas": 0})


def scaled_to_none(case):
    case.set("beat", scale=0)


def host_network(case):
    case.set("web", network_mode="host", ports=[])


def network_of_another(case):
    case.set("web", network_mode="service:redis", ports=[])


def port_of_the_web(case):
    for redis, port in zip(case.each("services", "redis"), ("18001", "18002")):
        redis["ports"] = [
            {"target": 6379, "published": port, "host_ip": address, "protocol": "tcp"}
            for address in ("127.0.0.2", "0.0.0.0")
        ]


def statistics_of_the_web(case):
    for web in case.each("services", "web"):
        web["ports"].append({"target": 9191, "published": "9191", "host_ip": "127.0.0.1", "protocol": "tcp"})


ERRORS = [
    (
        statistics_of_the_web,
        "Service web publishes host port 9191 in both colors, so the second color could not start: remove it, or give "
        "each color its own with a variable of bluegreen_env.",
    ),
    (
        support_port,
        "Service redis publishes host port 6379 in both colors, so the second color could not start: remove it (the "
        "services of a color reach each other by name), or run the service once, in a Compose project of its own.",
    ),
    (
        green_port_wrong,
        "Service web does not publish port 18002 in color green (bluegreen_ports.green): write "
        'ports: ["127.0.0.1:${BG_PORT}:<port of the app>"] in the Compose file.',
    ),
    (
        port_of_the_web,
        "web and redis both publish ${BG_PORT}, but only one container can have a port: remove it from redis, or, if "
        "Nginx has to send requests to redis, name redis first in bluegreen_web_services and remove the port from web.",
    ),
    (
        replicas_with_port,
        "Service web has 2 replicas and publishes host port 18001, which only one of them can have: remove scale and "
        "deploy.replicas, and run more processes in one container instead (gunicorn --workers).",
    ),
    (
        scale_with_port,
        "Service web has 3 replicas and publishes host port 18001, which only one of them can have: remove scale and "
        "deploy.replicas, and run more processes in one container instead (gunicorn --workers).",
    ),
    (
        no_replicas,
        "Service worker has 0 replicas, so a color would have no container of it: remove scale and deploy.replicas, or "
        "move the service to bluegreen_ignored_services.",
    ),
    (
        scaled_to_none,
        "Service beat has 0 replicas, so a color would have no container of it: remove scale and deploy.replicas, or "
        "move the service to bluegreen_ignored_services.",
    ),
    (
        host_network,
        "Service web has network_mode: host, with which Compose cannot publish a port for it: remove it, and write "
        'ports: ["127.0.0.1:${BG_PORT}:<port of the app>"].',
    ),
    (
        network_of_another,
        "Service web has network_mode: service:redis, with which Compose cannot publish a port for it: remove it, and "
        'write ports: ["127.0.0.1:${BG_PORT}:<port of the app>"].',
    ),
]


@pytest.mark.parametrize("spoil, sentence", ERRORS, ids=[spoil.__name__ for spoil, sentence in ERRORS])
def test_ports_that_two_colors_or_containers_cannot_share_are_refused(spoil, sentence):
    case = Case()
    spoil(case)
    assert case.findings().errors == [sentence]


def test_what_has_ended_before_the_web_starts_may_have_its_port():
    case = Case()
    case.services["init"] = ["migrate"]
    for color, port in PORTS.items():
        published = [{"target": 8000, "published": str(port), "host_ip": "127.0.0.1", "protocol": "tcp"}]
        case.colors[color]["services"]["migrate"] = {"image": "x", "restart": "no", "ports": published}
        case.colors[color]["services"]["redis"]["ports"] = [{**published[0], "protocol": "udp"}]
    assert case.findings().errors == []


def test_a_fixed_port_of_the_web_is_told_the_variable():
    case = Case()
    same_port(case)
    first, blue, green = case.findings().errors
    assert first == (
        "Service web publishes host port 8000 in both colors, so the second color could not start: write "
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
                "Service redis publishes host port 5555-5555 in both colors, so the second color could not start: "
                "remove it (the services of a color reach each other by name), or run the service once, in a Compose "
                "project of its own."
            ],
        ),
        (
            "18002-18009",
            [
                "Service redis publishes a free port of the range 18002-18009, which includes 18002, the port of color "
                "green's web (bluegreen_ports): use another range."
            ],
        ),
    ],
)
def test_of_a_range_docker_takes_a_free_port_in_each_color(port, errors):
    case = Case()
    range_of("redis", port)(case)
    assert case.findings() == compose_rules.Findings(errors, [])


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


@pytest.mark.parametrize("address", ["", "0.0.0.0"])
def test_a_web_that_can_be_reached_past_nginx_is_warned_of_once(address):
    case = Case()
    for color in ("blue", "green"):
        case.colors[color]["services"]["web"]["ports"][0]["host_ip"] = address
    findings = case.findings()
    assert findings.errors == []
    assert findings.warnings == [
        "Service web publishes its port on all addresses, so it can be reached without Nginx: write "
        "127.0.0.1:${BG_PORT}:<port of the app>."
    ]


def published_on(*addresses):
    case = Case()
    for color in ("blue", "green"):
        ports = case.colors[color]["services"]["web"]["ports"]
        case.colors[color]["services"]["web"]["ports"] = [{**ports[0], "host_ip": address} for address in addresses]
    return case.findings()


@pytest.mark.parametrize("address", ["::1", "::", "192.168.1.7", "100.101.102.103", "127.8.0.1"])
def test_a_web_whose_health_could_not_be_asked_is_refused_for_each_color(address):
    assert published_on(address) == compose_rules.Findings(
        [
            f"Service web publishes port {port} on {address} only, but the health check of {color} asks 127.0.0.1: "
            'write ports: ["127.0.0.1:${BG_PORT}:<port of the app>"] in the Compose file.'
            for color, port in (("blue", 18001), ("green", 18002))
        ],
        [],
    )


def test_a_web_that_only_this_host_reaches_is_as_it_should_be():
    assert published_on("127.0.0.1") == published_on("127.0.0.1", "::1") == compose_rules.Findings([], [])


def test_an_address_beside_that_of_this_host_is_warned_of():
    assert published_on("127.0.0.1", "192.168.1.7") == compose_rules.Findings(
        [],
        [
            "Service web publishes its port on 192.168.1.7 too, so it can be reached without Nginx: keep only "
            "127.0.0.1:${BG_PORT}:<port of the app>."
        ],
    )


@pytest.mark.parametrize(
    "values", [{"deploy": {"replicas": 3}}, {"scale": 2}, {"deploy": {"replicas": 1}}, {"scale": 1}]
)
def test_workers_may_be_several(values):
    case = Case()
    case.set("worker", **values)
    assert case.findings() == compose_rules.Findings([], [])


def test_replicas_with_a_port_each_are_no_conflict():
    case = Case()
    case.set("worker", scale=2)
    for color, ports in (("blue", "9001-9002"), ("green", "9003-9004")):
        case.colors[color]["services"]["worker"]["ports"] = [{"target": 9000, "published": ports, "protocol": "tcp"}]
    assert case.findings() == compose_rules.Findings([], [])
