# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps the two colors apart on a network is no finding, and whether a service names a host."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import networks as compose_networks
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.compose_case import (
    NOTHING,
    Case,
    external,
    put_on,
)


def proxied_web(case):
    external(case, "proxy")
    put_on(case, {"default": None, "proxy": None}, "web")
    case.set("web", environment={"DJANGO_SETTINGS_MODULE": "web.settings", "ROLE": "web"})


def outside_database(case):
    external(case, "data")
    put_on(case, {"default": None, "data": None}, "web", "worker", "beat")
    case.set(
        "worker",
        environment={"DATABASE_URL": "postgres://shop:pw@db/shop", "PATH": "/app/web/bin", "WEB": "http://web.example"},
    )


def everything_outside(case):
    case.services["support"] = []
    external(case, "bus")
    put_on(case, {"bus": None})
    case.set("redis", volumes=[])
    case.services["ignored"] = ["redis"]
    case.color_volumes = []


def watched_redis(case):
    external(case, "monitoring")
    put_on(case, {"default": None, "monitoring": None}, "redis")


def network_of_each_color(case):
    put_on(case, {"outer": None})
    for color in ("blue", "green"):
        case.colors[color]["networks"] = {"outer": {"external": True, "name": f"outer-{color}"}}


def name_of_each_color(case):
    external(case, "proxy")
    put_on(case, {"proxy": None})
    for color in ("blue", "green"):
        case.colors[color]["services"]["redis"]["networks"]["proxy"] = {"aliases": [f"redis-{color}"]}
        for service in ("web", "worker", "beat"):
            case.colors[color]["services"][service]["environment"] = {"BROKER": f"redis://:pw@redis-{color}:6379/0"}


def container_of_each_color(case):
    external(case, "proxy")
    put_on(case, {"proxy": None})
    for color in ("blue", "green"):
        case.colors[color]["services"]["worker"]["environment"] = {"BROKER": f"redis://shop-{color}-redis-1:6379/0"}


def container_name_of_each_color(case):
    external(case, "proxy")
    put_on(case, {"proxy": None})
    for color in ("blue", "green"):
        case.colors[color]["services"]["redis"]["container_name"] = f"queue-{color}"
        case.colors[color]["services"]["worker"]["environment"] = {"BROKER": f"redis://queue-{color}:6379/0"}


def address_of_each_color(case):
    external(case, "lan")
    for color, address in (("blue", "172.30.0.10"), ("green", "172.30.0.11")):
        case.colors[color]["services"]["web"]["networks"] = {"default": None, "lan": {"ipv4_address": address}}


def mac_on_a_network_of_its_own(case):
    put_on(case, {"default": {"mac_address": "02:42:ac:11:65:43"}}, "web")


def subnet_of_each_color(case):
    for color, subnet in (("blue", "172.30.0.0/24"), ("green", "172.31.0.0/24")):
        case.colors[color]["networks"]["default"]["ipam"] = {"config": [{"subnet": subnet}]}


def port_of_each_color_in_the_hosts_network(case):
    for color, port in (("blue", "6379"), ("green", "6380")):
        redis = case.colors[color]["services"]["redis"]
        redis.update({"network_mode": "host", "networks": None, "command": ["redis-server", "--port", port]})


def settings_of_each_color_in_the_hosts_network(case):
    for color in ("blue", "green"):
        mount = {"type": "bind", "source": f"/srv/shop/redis-{color}.conf", "target": "/redis.conf", "read_only": True}
        redis = case.colors[color]["services"]["redis"]
        redis.update(
            {"network_mode": "host", "networks": None, "command": ["redis-server", "/redis.conf"], "volumes": [mount]}
        )
    case.color_volumes = []
    for color in ("blue", "green"):
        case.colors[color]["volumes"] = {}


def worker_in_the_hosts_network(case):
    case.set("worker", network_mode="host", networks=None)


def beat_beside_the_worker(case):
    case.set("beat", network_mode="service:worker", networks=None)


def link_to_a_container_outside(case):
    case.set("worker", external_links=["db-1:db"])


def network_of_an_ignored_service(case):
    case.set("db", image="postgres:16", restart="always", networks={"data": None}, network_mode=None)
    case.services["ignored"] = ["db"]
    for network in case.each("networks", "data"):
        network["name"] = "data"


def known_to_itself(**values):
    """A web on a network of both colors that only says who it is itself."""

    def allow(case):
        external(case, "proxy")
        put_on(case, {"default": None, "proxy": None}, "web", "worker")
        case.set("web", **values)

    return allow


def public_name(case):
    known_to_itself(hostname="shop.example.com")(case)
    case.set("worker", environment={"SITE_URL": "https://shop.example.com", "VIRTUAL_HOST": "shop.example.com"})


def name_of_a_celery_node(case):
    external(case, "data")
    put_on(case, {"default": None, "data": None}, "worker", "beat")
    case.set("worker", command=["celery", "--app=shop", "worker", "-n", "queue@worker"])
    case.set("beat", healthcheck={"test": ["CMD-SHELL", "celery -A shop inspect ping -d celery@worker"]})


OF_ITSELF = {
    "url": known_to_itself(environment={"WAGTAILADMIN_BASE_URL": "http://web:8000"}),
    "host": known_to_itself(environment={"HOST": "web", "HOSTNAME": "web"}),
    "hostname": known_to_itself(hostname="shop", command=["wait-for", "shop:8000"]),
}


@pytest.mark.parametrize("allow", OF_ITSELF.values(), ids=OF_ITSELF)
def test_a_service_may_say_its_own_name(allow):
    case = Case()
    allow(case)
    assert case.findings() == NOTHING


def test_a_service_that_checks_itself_by_its_name_may_get_the_other_color():
    case = Case()
    known_to_itself(healthcheck={"test": ["CMD", "curl", "-f", "http://web:8000/up"]})(case)
    assert case.findings().errors == [
        "Both colors use the network proxy, so the name web, which web asks for, resolves there to web of both "
        'colors: give web an alias with its color there (aliases: ["${BG_PROJECT}-web"]), and ask for that name.'
    ]


@pytest.mark.parametrize(
    "allow",
    [
        public_name,
        name_of_a_celery_node,
        proxied_web,
        outside_database,
        everything_outside,
        watched_redis,
        network_of_each_color,
        name_of_each_color,
        container_of_each_color,
        container_name_of_each_color,
        address_of_each_color,
        mac_on_a_network_of_its_own,
        subnet_of_each_color,
        port_of_each_color_in_the_hosts_network,
        settings_of_each_color_in_the_hosts_network,
        worker_in_the_hosts_network,
        beat_beside_the_worker,
        link_to_a_container_outside,
        network_of_an_ignored_service,
    ],
    ids=lambda allow: allow.__name__,
)
def test_what_tells_the_colors_apart_is_no_finding(allow):
    case = Case()
    allow(case)
    assert case.findings() == NOTHING


def with_nginx_beside(alias, **servers):
    """A web with an alias on the network of an Nginx that runs in a container."""
    case = Case()
    external(case, "front")
    for color in ("blue", "green"):
        case.colors[color]["services"]["web"]["networks"] = {
            "default": None,
            "front": {"aliases": [alias.format(color)]},
        }
    case.nginx_servers = servers
    return case.findings().errors


@pytest.mark.parametrize("alias, name", [("shop", "shop"), ("shop-{}", "web")])
def test_a_name_of_both_colors_is_none_for_nginx(alias, name):
    assert with_nginx_beside(alias, blue=f"{name}:8000", green="shop-green:8000") == [
        f"bluegreen_nginx_servers.blue is {name}:8000, but both colors use the network front, so the name {name} "
        "resolves there to web of both colors: give web an alias with its color there (aliases: "
        '["${BG_PROJECT}-web"]), and use that name.'
    ]


def test_a_name_of_one_color_is_right_for_nginx():
    assert with_nginx_beside("shop-{}", blue="shop-blue:8000", green="shop-green-web-1:8000") == []


@pytest.mark.parametrize(
    "service, refers",
    [
        ({"environment": {"URL": "redis://redis:6379/0"}}, True),
        ({"environment": {"URL": "redis://user:p@redis/0"}}, True),
        ({"environment": {"SENTINELS": "other:26379,redis:26379"}}, True),
        ({"environment": {"REDIS_HOST": "redis"}}, True),
        ({"environment": None, "command": ["sh", "-c", "nc -z redis:6379 && exec x"]}, True),
        ({"entrypoint": ["wait", "tcp://redis"]}, True),
        ({"healthcheck": {"test": ["CMD", "curl", "http://redis:80/"]}}, True),
        ({"environment": {"URL": "redis://redis.example:6379/0"}}, False),
        ({"environment": {"URL": "redis://my-redis:6379/0", "EMPTY": None}}, False),
        ({"command": ["celery", "worker", "-n", "queue@redis"]}, False),
        ({"environment": {"FROM": "queue@redis", "ADMINS": "https://a.example shop@redis"}}, False),
        ({"environment": {"CACHE": "redis", "PATH": "/srv/redis:/bin"}}, False),
        ({"environment": {"IMAGE": "registry/redis:7"}}, False),
        ({}, False),
    ],
)
def test_refers_to(service, refers):
    assert compose_networks.refers_to(service, "redis") is refers
