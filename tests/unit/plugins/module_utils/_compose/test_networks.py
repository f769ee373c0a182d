# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import (
    networks as compose_networks,
    rules as compose_rules,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.compose_case import Case

NOTHING = compose_rules.Findings([], [])


def put_on(case, networks, *services):
    """Put services on networks, in both colors alike."""
    for name in services or ("web", "worker", "beat", "redis"):
        case.set(name, networks=networks)


def external(case, *keys):
    for key in keys:
        for network in case.each("networks", key):
            network.update({"external": True, "name": key})


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
        "Network default has the fixed subnet 172.30.0.0/24, which only one color could have: take it out.",
    ),
    (
        subnet_of_the_web,
        "Network lan has the fixed subnet 172.30.0.0/24, which only one color could have: take it out, or make the "
        "network external.",
    ),
    (
        fixed_name,
        "Network default has the fixed name fit_net, so both colors would be on it and find each other's redis, web, "
        "worker, beat under one name: write name: ${BG_PROJECT}_default, or leave the name out; what others are to "
        "reach belongs on an external network beside it.",
    ),
    (
        fixed_name_beside,
        "Network front has the fixed name front, so both colors would be on it and find each other's redis, web under "
        "one name: write name: ${BG_PROJECT}_front, or leave the name out; what others are to reach belongs on an "
        "external network beside it.",
    ),
    (
        one_external,
        "Network proxy is one network for both colors, so on it the name redis leads to a container of each color: "
        "write networks: [default] for redis, and networks: [default, proxy] for web, worker, beat.",
    ),
    (
        default_is_external,
        "Network default is one network for both colors, so on it the name redis leads to a container of each color: "
        "write networks: [inner] for redis, and networks: [inner, default] for web, worker, beat, with inner: {} under "
        "the networks of the file.",
    ),
    (
        external_beside,
        "Network proxy is one network for both colors, so on it the name redis leads to a container of each color: "
        "write networks: [default] for redis.",
    ),
    (
        two_servers,
        "Network proxy is one network for both colors, so on it each of the names redis, db leads to a container of "
        "each color: write networks: [default] for redis, db, and networks: [default, proxy] for web, worker, beat.",
    ),
    (
        useless_alias,
        "Network proxy is one network for both colors, so on it the name redis leads to a container of each color: "
        "write networks: [default] for redis, and networks: [default, proxy] for web, worker, beat.",
    ),
    (
        behind_the_worker,
        "Network proxy is one network for both colors, so on it the name redis leads to a container of each color: "
        "write networks: [default] for redis, and networks: [default, proxy] for beat.",
    ),
    (
        on_two_networks,
        "Network proxy is one network for both colors, so on it the name redis leads to a container of each color: "
        "write networks: [backend] for redis, and networks: [backend, proxy, data] for web.",
    ),
    (
        dashboard,
        "Network proxy is one network for both colors, so on it the name flower leads to a container of each color: "
        "write networks: [default] for flower; or, as no other service seems to ask for flower, name it in "
        "bluegreen_web_services.",
    ),
    (
        web_asked_for_by_name,
        "Network proxy is one network for both colors, so on it the name web, which worker asks for, leads to web of "
        "both: "
        'give web a name of its color there (aliases: ["${BG_PROJECT}-web"]), and ask for that one.',
    ),
    (
        alias_asked_for,
        "Network proxy is one network for both colors, so on it the name api, which worker, beat ask for, leads to web "
        "of "
        'both: give web a name of its color there (aliases: ["${BG_PROJECT}-web"]), and ask for that one.',
    ),
    (
        hostname_asked_for,
        "Network proxy is one network for both colors, so on it the name shop, which worker asks for, leads to web of "
        "both: "
        'give web a name of its color there (aliases: ["${BG_PROJECT}-web"]), and ask for that one.',
    ),
    *(
        (
            spoil,
            f"Service web has {what} on network lan in both colors, which only one of them could have: take it out, or "
            "give each color its own by a variable of bluegreen_env.",
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
        "Network default has com.docker.network.bridge.name: br-shop, which only one color could have: take it out.",
    ),
    (
        parent_interface,
        "Network default has parent: eth0, which only one color could have: take it out.",
    ),
    *(
        (
            spoil,
            f"Service redis has network_mode: {mode} and is told the same in both colors, so both would listen on the "
            "same port: take network_mode out, the services of a color reach each other by name; or put the service "
            "outside the colors.",
        )
        for spoil, mode in (
            (server_in_the_hosts_network, "host"),
            (server_with_data_of_each_color_in_the_hosts_network, "host"),
            (server_in_a_network_of_others, "container:vpn"),
        )
    ),
    (
        second_web_in_the_hosts_network,
        "Service socket has network_mode: host and is told the same in both colors, so both would listen on the same "
        "port: take network_mode out, the services of a color reach each other by name; or put the service outside the "
        "colors.",
    ),
    (
        link_to_one_color,
        "Service worker of both colors has the external link shop-blue-redis-1:redis, which leads to a container of "
        "shop-blue: take it out, the services of a color reach each other by name.",
    ),
]


@pytest.mark.parametrize("spoil, sentence", ERRORS, ids=[spoil.__name__ for spoil, sentence in ERRORS])
def test_what_would_mean_both_colors_on_a_network_is_refused(spoil, sentence):
    case = Case()
    spoil(case)
    assert case.findings().errors == [sentence]


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
    one_external(case)
    for color in ("blue", "green"):
        case.colors[color]["services"]["redis"]["networks"]["proxy"] = {"aliases": [f"redis-{color}"]}
        for service in ("web", "worker", "beat"):
            case.colors[color]["services"][service]["environment"] = {"BROKER": f"redis://:pw@redis-{color}:6379/0"}


def container_of_each_color(case):
    one_external(case)
    for color in ("blue", "green"):
        case.colors[color]["services"]["worker"]["environment"] = {"BROKER": f"redis://shop-{color}-redis-1:6379/0"}


def container_name_of_each_color(case):
    one_external(case)
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
        "Network proxy is one network for both colors, so on it the name web, which web asks for, leads to web of "
        "both: "
        'give web a name of its color there (aliases: ["${BG_PROJECT}-web"]), and ask for that one.'
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
        f"bluegreen_nginx_servers.blue is {name}:8000, but network front is one network for both colors, so on it the "
        f"name {name} "
        'leads to web of both: give web a name of its color there (aliases: ["${BG_PROJECT}-web"]), and use that one.'
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


def test_an_external_network_may_have_any_subnet():
    case = Case()
    subnet(case)
    for network in case.each("networks", "default"):
        network["external"] = True
    assert case.findings() == compose_rules.Findings([], [])
