# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the two colors would share on a network is refused, with what to write."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.compose_case import (
    NOTHING,
    Case,
    external,
    put_on,
)


def subnet(case):
    for network in case.each("networks", "default"):
        network["ipam"] = {"config": [{"subnet": "172.30.0.0/24"}]}


def subnet_of_the_web(case):
    put_on(case, {"default": None, "lan": None}, "web")
    for network in case.each("networks", "lan"):
        network["ipam"] = {"config": [{"subnet": "172.30.0.0/24"}]}


def fixed_name(case):
    for network in case.each("networks", "default"):
        network["name"] = "fit_net"


def fixed_name_beside(case):
    put_on(case, {"default": None, "front": None}, "web", "redis")
    for network in case.each("networks", "front"):
        network["name"] = "front"


def one_external(case):
    external(case, "proxy")
    put_on(case, {"proxy": None})


def default_is_external(case):
    for network in case.each("networks", "default"):
        network.update({"external": True, "name": "proxy"})


def external_beside(case):
    external(case, "proxy")
    put_on(case, {"default": None, "proxy": None}, "redis", "worker")


def two_servers(case):
    one_external(case)
    case.set("db", image="postgres:16", restart="always", networks={"proxy": None})
    case.services["support"].append("db")


def useless_alias(case):
    one_external(case)
    put_on(case, {"proxy": {"aliases": ["queue"]}}, "redis")


def behind_the_worker(case):
    external_beside(case)
    put_on(case, {"default": None}, "worker")
    case.set("worker", networks=None, network_mode="service:beat")
    put_on(case, {"proxy": None}, "beat")


def on_two_networks(case):
    """The network of the color, where its worker asks for the Redis, is not the default one."""
    external(case, "proxy", "data")
    case.each("networks", "backend")
    put_on(case, {"backend": None}, "worker")
    put_on(case, {"backend": None, "proxy": None}, "redis", "beat")
    put_on(case, {"proxy": None, "data": None}, "web")


def dashboard(case):
    external_beside(case)
    put_on(case, {"default": None}, "redis")
    case.set("flower", image="flower", restart="always", networks={"default": None, "proxy": None})
    case.set("flower", environment={"CELERY_BROKER_URL": "redis://redis:6379/0"})
    case.services["support"].append("flower")


def web_asked_for_by_name(case):
    external(case, "proxy")
    put_on(case, {"default": None, "proxy": None}, "web", "worker")
    case.set("worker", environment={"API": "http://web:8000/api"})


def alias_asked_for(case):
    external(case, "proxy")
    put_on(case, {"default": None, "proxy": {"aliases": ["api"]}}, "web")
    put_on(case, {"default": None, "proxy": None}, "worker", "beat")
    for service in ("worker", "beat"):
        case.set(service, environment={"API_HOST": "api"})


def hostname_asked_for(case):
    external(case, "proxy")
    put_on(case, {"default": None, "proxy": None}, "web", "worker")
    case.set("web", hostname="shop")
    case.set("worker", command=["wait-for", "shop:8000"])


def static_address(case):
    external(case, "lan")
    put_on(case, {"default": None, "lan": {"ipv4_address": "172.30.0.10"}}, "web")


def static_address_6(case):
    external(case, "lan")
    put_on(case, {"default": None, "lan": {"ipv6_address": "fd00::10"}}, "web")


def mac_address(case):
    external(case, "lan")
    put_on(case, {"default": None, "lan": {"mac_address": "02:42:ac:11:65:43"}}, "web")


def mac_address_of_the_service(case):
    external(case, "lan")
    put_on(case, {"default": None, "lan": None}, "web")
    case.set("web", mac_address="02:42:ac:11:65:43")


def bridge_name(case):
    for network in case.each("networks", "default"):
        network["driver_opts"] = {"com.docker.network.bridge.name": "br-shop"}


def parent_interface(case):
    for network in case.each("networks", "default"):
        network.update({"driver": "macvlan", "driver_opts": {"parent": "eth0"}})


def server_in_the_hosts_network(case):
    case.set("redis", network_mode="host", networks=None, command=["redis-server"])


def server_with_data_of_each_color_in_the_hosts_network(case):
    server_in_the_hosts_network(case)
    for color in ("blue", "green"):
        data = {"type": "bind", "source": f"/srv/shop/redis-{color}", "target": "/data"}
        case.colors[color]["services"]["redis"]["volumes"] = [data]


def server_in_a_network_of_others(case):
    case.set("redis", network_mode="container:vpn", networks=None, command=["redis-server"])


def second_web_in_the_hosts_network(case):
    case.set("socket", image="registry/shop:1", restart="always", network_mode="host", command=["daphne", "-p", "9000"])
    case.services["web"].append("socket")


def link_to_one_color(case):
    case.set("worker", external_links=["shop-blue-redis-1:redis"])


ERRORS = [
    (
        subnet,
        "Network default has the fixed subnet 172.30.0.0/24, which only one color can have: remove it.",
    ),
    (
        subnet_of_the_web,
        "Network lan has the fixed subnet 172.30.0.0/24, which only one color can have: remove it, or make the network "
        "external.",
    ),
    (
        fixed_name,
        "Network default has the fixed name fit_net, so both colors would join it and reach each other's redis, web, "
        "worker and beat by one name: write name: ${BG_PROJECT}_default, or remove the name. Put services that other "
        "projects must reach on an additional external network.",
    ),
    (
        fixed_name_beside,
        "Network front has the fixed name front, so both colors would join it and reach each other's redis and web by "
        "one name: write name: ${BG_PROJECT}_front, or remove the name. Put services that other projects must reach "
        "on an additional external network.",
    ),
    (
        one_external,
        "Both colors use the network proxy, so the name redis resolves there to containers of both colors: write "
        "networks: [default] for redis, and networks: [default, proxy] for web, worker and beat.",
    ),
    (
        default_is_external,
        "Both colors use the network default, so the name redis resolves there to containers of both colors: write "
        "networks: [inner] for redis, and networks: [inner, default] for web, worker and beat, with inner: {} under "
        "the networks of the file.",
    ),
    (
        external_beside,
        "Both colors use the network proxy, so the name redis resolves there to containers of both colors: write "
        "networks: [default] for redis.",
    ),
    (
        two_servers,
        "Both colors use the network proxy, so the names redis and db resolve there to containers of both colors: "
        "write networks: [default] for redis and db, and networks: [default, proxy] for web, worker and beat.",
    ),
    (
        useless_alias,
        "Both colors use the network proxy, so the name redis resolves there to containers of both colors: write "
        "networks: [default] for redis, and networks: [default, proxy] for web, worker and beat.",
    ),
    (
        behind_the_worker,
        "Both colors use the network proxy, so the name redis resolves there to containers of both colors: write "
        "networks: [default] for redis, and networks: [default, proxy] for beat.",
    ),
    (
        on_two_networks,
        "Both colors use the network proxy, so the name redis resolves there to containers of both colors: write "
        "networks: [backend] for redis, and networks: [backend, proxy, data] for web.",
    ),
    (
        dashboard,
        "Both colors use the network proxy, so the name flower resolves there to containers of both colors: write "
        "networks: [default] for flower; or, as no other service seems to ask for flower, name it in "
        "bluegreen_web_services.",
    ),
    (
        web_asked_for_by_name,
        "Both colors use the network proxy, so the name web, which worker asks for, resolves there to web of "
        'both colors: give web an alias with its color there (aliases: ["${BG_PROJECT}-web"]), and ask for that name.',
    ),
    (
        alias_asked_for,
        "Both colors use the network proxy, so the name api, which worker and beat ask for, resolves there to web of "
        'both colors: give web an alias with its color there (aliases: ["${BG_PROJECT}-web"]), and ask for that name.',
    ),
    (
        hostname_asked_for,
        "Both colors use the network proxy, so the name shop, which worker asks for, resolves there to web of "
        'both colors: give web an alias with its color there (aliases: ["${BG_PROJECT}-web"]), and ask for that name.',
    ),
    *(
        (
            spoil,
            f"Service web has {what} on network lan in both colors, but only one container can have "
            f"{what.partition(': ')[2]}: remove {what.partition(': ')[0]}, or give each color its own with a variable "
            "of bluegreen_env.",
        )
        for spoil, what in (
            (static_address, "ipv4_address: 172.30.0.10"),
            (static_address_6, "ipv6_address: fd00::10"),
            (mac_address, "mac_address: 02:42:ac:11:65:43"),
            (mac_address_of_the_service, "mac_address: 02:42:ac:11:65:43"),
        )
    ),
    (
        bridge_name,
        "Network default has com.docker.network.bridge.name: br-shop, which only one color can have: remove it.",
    ),
    (
        parent_interface,
        "Network default has parent: eth0, which only one color can have: remove it.",
    ),
    *(
        (
            spoil,
            f"Service redis has network_mode: {mode} and the same configuration in both colors, so both would listen "
            "on the same port: remove network_mode (the services of a color reach each other by name), or run the "
            "service once, in a Compose project of its own.",
        )
        for spoil, mode in (
            (server_in_the_hosts_network, "host"),
            (server_with_data_of_each_color_in_the_hosts_network, "host"),
            (server_in_a_network_of_others, "container:vpn"),
        )
    ),
    (
        second_web_in_the_hosts_network,
        "Service socket has network_mode: host and the same configuration in both colors, so both would listen on the "
        "same port: remove network_mode (the services of a color reach each other by name), or run the service once, "
        "in a Compose project of its own.",
    ),
    (
        link_to_one_color,
        "Service worker of both colors has the external link shop-blue-redis-1:redis, which leads to a container of "
        "shop-blue: remove it; the services of a color reach each other by name.",
    ),
]


@pytest.mark.parametrize("spoil, sentence", ERRORS, ids=[spoil.__name__ for spoil, sentence in ERRORS])
def test_what_would_mean_both_colors_on_a_network_is_refused(spoil, sentence):
    case = Case()
    spoil(case)
    assert case.findings().errors == [sentence]


def with_ignored_database(**worker):
    """An app whose database no color starts."""
    case = Case()
    case.services["ignored"] = ["db", "frontend"]
    case.set("db", image="postgres:16")
    case.set("frontend", image="registry/frontend:1")
    for network in case.each("networks", "outside"):
        network.update(external=True, name="outside")
    case.set("worker", **worker)
    return case


@pytest.mark.parametrize(
    "environment", [{"DATABASE_URL": "postgres://db:secret@db:5432/db"}, {"URL": "mysql://db"}, {"DB_HOST": "db"}]
)
def test_a_database_out_of_reach_is_warned_of(environment):
    case = with_ignored_database(environment=environment)
    assert case.findings().errors == []
    assert case.findings().warnings == [
        "worker asks for db, which no color starts, and is on no network outside of the color: add a network to worker "
        "and db, with {external: true, name: shop-db}, and create it on the host: docker network create shop-db"
    ]


ASKS = {"environment": {"DB_HOST": "db"}}


@pytest.mark.parametrize(
    "worker",
    [
        {**ASKS, "networks": {"default": None, "outside": None}},
        {**ASKS, "extra_hosts": ["db=172.17.0.1"]},
        {**ASKS, "network_mode": "host", "networks": None},
        {**ASKS, "networks": {"default": {"aliases": ["db"]}}},
        {"environment": {"POSTGRES_DB": "db", "DATABASE_URL": "postgres://db:secret@10.0.0.5:5432/db"}},
        {"environment": {"DATABASE_URL": "postgres://db@db.example.com/db", "IMAGE": "db:16"}},
        {"environment": {"CORS_ALLOWED_ORIGINS": "http://frontend:3000", "QUEUES": "db:4,mail:2"}},
    ],
)
def test_a_service_that_reaches_the_database_is_not_warned_of(worker):
    assert with_ignored_database(**worker).findings() == NOTHING


def test_the_user_in_a_url_is_no_host():
    case = Case()
    web_asked_for_by_name(case)
    assert case.findings().errors
    case.set("worker", environment={"API": "postgres://web:secret@10.0.0.5:5432/shop"})
    assert case.findings() == NOTHING


def test_an_external_network_may_have_any_subnet():
    case = Case()
    subnet(case)
    for network in case.each("networks", "default"):
        network["external"] = True
    assert case.findings() == NOTHING
