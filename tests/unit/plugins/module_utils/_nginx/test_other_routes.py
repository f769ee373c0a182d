# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    dump as nginx_dump,
    other_routes,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._settings import Nginx

SITE = "/etc/nginx/site.conf"
SERVERS = {"blue": "127.0.0.1:18001", "green": "127.0.0.1:18002"}
NAMED = {"blue": "web-blue:8000", "green": "web-green:8000"}
OWNED = "upstream shop { server 127.0.0.1:18001; }"
GOOD = "server { location / { proxy_pass http://shop; } }"


def routes(http, stream="", servers=None, published=None):
    nginx = Nginx("shop", "/f", "", servers or SERVERS, "http://127.0.0.1/", "")
    text = f"http {{\n{http}\n}}\nstream {{\n{stream}\n}}\n"
    names = frozenset({"192.168.1.20", "[fd00::7]", "pi", "pi.lan"})
    return nginx, other_routes.find_routes(nginx, nginx_dump.load({SITE: text}), names, published)


def findings(http, live="blue", **options):
    return other_routes.findings(*routes(http, **options), live)


def server(directives):
    return f"{OWNED} {GOOD} server {{ {directives} }}"


@pytest.mark.parametrize(
    "directives, address, line",
    [
        ("location /ws/ { proxy_pass http://127.0.0.1:18001; }", "127.0.0.1:18001", "proxy_pass http://shop;"),
        (
            "location /ws/ { proxy_pass http://127.0.0.1:18001/api/; }",
            "127.0.0.1:18001",
            "proxy_pass http://shop/api/;",
        ),
        ("location / { if ($a) { proxy_pass HTTP://LocalHost:18002; } }", "localhost:18002", "proxy_pass HTTP://shop;"),
        ("location / { proxy_pass http://[::1]:18001; }", "[::1]:18001", "proxy_pass http://shop;"),
        ("location / { proxy_pass http://0.0.0.0:18001; }", "0.0.0.0:18001", "proxy_pass http://shop;"),
        ("location / { proxy_pass http://127.0.1.1:18001; }", "127.0.1.1:18001", "proxy_pass http://shop;"),
        ("location / { proxy_pass http://192.168.1.20:18001; }", "192.168.1.20:18001", "proxy_pass http://shop;"),
        ("location / { proxy_pass http://[FD00:0::7]:18001; }", "[fd00:0::7]:18001", "proxy_pass http://shop;"),
        ("location / { proxy_pass http://pi.lan:18001; }", "pi.lan:18001", "proxy_pass http://shop;"),
        ("location / { grpc_pass grpc://127.0.0.1:18001; }", "127.0.0.1:18001", "grpc_pass grpc://shop;"),
        ("location / { grpc_pass 127.0.0.1:18001; }", "127.0.0.1:18001", "grpc_pass shop;"),
        ("location / { uwsgi_pass 127.0.0.1:18001; }", "127.0.0.1:18001", "uwsgi_pass shop;"),
        ("location / { fastcgi_pass localhost:18001; }", "localhost:18001", "fastcgi_pass shop;"),
        ("location / { scgi_pass localhost:18001; }", "localhost:18001", "scgi_pass shop;"),
        ("location / { internal; proxy_pass http://127.0.0.1:18001; }", "127.0.0.1:18001", "proxy_pass http://shop;"),
    ],
)
def test_a_pass_to_the_port_of_a_color(directives, address, line):
    refusals, warnings = findings(server(directives))
    assert warnings == []
    assert refusals == [
        f"{SITE}:2 sends requests to {address} and not to the upstream shop, so a switch does not move these "
        f"requests: write {line} there."
    ]


@pytest.mark.parametrize(
    "directives",
    [
        "location / { proxy_pass http://shop; }",
        "location / { proxy_pass http://shop/ws/; }",
        "location / { proxy_pass http://127.0.0.1:8080; }",
        "location / { proxy_pass http://192.168.1.9:18001; }",
        "location / { proxy_pass http://unix:/run/app.sock; }",
        "# proxy_pass http://127.0.0.1:18001;\n",
        "location / { return 302 http://127.0.0.1:18001/; }",
        "location / { set $up http://shop; proxy_pass $up; }",
        "location / { set $up http://127.0.0.1:18001; return 200 $up; }",
        "location / { proxy_pass $unknown; }",
        "location / { set $a $a; proxy_pass $a; }",
        "location / { root /srv; }",
    ],
)
def test_what_leads_to_no_color(directives):
    assert findings(server(directives)) == ([], [])


@pytest.mark.parametrize(
    "http",
    [
        "server { set $up http://127.0.0.1:18001; location / { proxy_pass $up; } }",
        "server { set $p 18001; location / { proxy_pass http://127.0.0.1:$p; } }",
        "server { set $p 18001; set $h localhost:${p}; location / { proxy_pass http://$h$request_uri; } }",
        "server { location / { proxy_pass http://pi:18001$request_uri; } }",
        "map $uri $up { default http://shop; ~^/ws http://127.0.0.1:18001; } server { location / { proxy_pass $up; } }",
        'split_clients "$remote_addr" $up { 5% http://pi:18001; * http://shop; } '
        "server { location / { proxy_pass $up; } }",
    ],
)
def test_a_variable_that_comes_to_the_port_of_a_color(http):
    (refusal,), warnings = findings(f"{OWNED} {http}")
    assert warnings == []
    assert ":18001 (by " in refusal
    assert refusal.endswith(" there.")


UPSTREAM = "upstream shop_ws { server 127.0.0.1:18001; }\n"


@pytest.mark.parametrize(
    "http, place",
    [
        (UPSTREAM + "server { location /ws/ { proxy_pass http://shop_ws; } }", f"{SITE}:3"),
        (UPSTREAM + "server { set $u shop_ws; location /ws/ { proxy_pass http://$u; } }", f"{SITE}:3"),
        ("\nserver { location /ws/ { proxy_pass http://SHOP_WS; } }" + UPSTREAM, f"{SITE}:3"),
    ],
)
def test_a_second_upstream_is_named_where_it_is_used(http, place):
    (refusal,), warnings = findings(http)
    assert refusal.startswith(f"{place} sends requests to the upstream shop_ws, whose server at {SITE}:")
    assert refusal.endswith(
        "is 127.0.0.1:18001, and not to the upstream shop, so a switch does not move these requests: "
        "write proxy_pass http://shop; there."
    )


def test_a_server_that_is_down_gets_no_requests():
    http = (
        "upstream shop_ws { server 127.0.0.1:18001 down; server 10.0.0.9:80; } "
        "server { location / { proxy_pass http://shop_ws; } }"
    )
    assert findings(OWNED + GOOD + http) == ([], [])


def test_an_upstream_that_is_not_used_leads_nowhere():
    assert findings(UPSTREAM + GOOD) == ([], [])
    assert findings(UPSTREAM + GOOD, stream="server { listen 1; proxy_pass shop_ws; }") == ([], [])


def test_an_upstream_with_both_colors_is_named_for_both():
    refusals, warnings = findings(
        "upstream x { server 127.0.0.1:18001; server 127.0.0.1:18002 backup; } "
        "server { location / { proxy_pass http://x; } }"
    )
    assert len(refusals) == 2
    assert warnings == []


@pytest.mark.parametrize(
    "stream",
    [
        "server { listen 9000; proxy_pass 127.0.0.1:18001; }",
        "upstream shop { server localhost:18001; } server { listen 9000; proxy_pass shop; }",
        "map $ssl_preread_server_name $up { default 127.0.0.1:18001; } server { listen 443; proxy_pass $up; }",
    ],
)
def test_a_stream_has_no_line_to_write_but_a_port_of_http(stream):
    (refusal,), warnings = findings(OWNED + GOOD, stream=stream)
    assert "sends connections to" in refusal
    assert refusal.endswith(
        "a stream block does not know the upstream shop, so a switch does not move these connections: let the stream "
        "block pass them to the port of a server block in http that has proxy_pass http://shop;."
    )


LOCAL = "allow 127.0.0.1; allow ::1; deny all;"
LOGIN = 'auth_basic "x";'


@pytest.mark.parametrize(
    "directives, live, refused, warned",
    [
        (f"location /blue/ {{ {LOCAL} proxy_pass http://127.0.0.1:18001; }}", "blue", 0, 1),
        (f"{LOCAL} location /blue/ {{ proxy_pass http://127.0.0.1:18001; }}", "blue", 0, 1),
        # The rules of the inner block replace those around it.
        (f"{LOCAL} location /blue/ {{ allow all; proxy_pass http://127.0.0.1:18001; }}", "blue", 1, 0),
        # Visitors come from there, maybe all of them.
        ("location / { allow 10.0.0.0/8; deny all; proxy_pass http://127.0.0.1:18001; }", "blue", 1, 0),
        (f"location / {{ {LOGIN} proxy_pass http://127.0.0.1:18001; }}", "blue", 1, 0),
        (f"location / {{ {LOGIN} proxy_pass http://127.0.0.1:18002; }}", "blue", 0, 1),
        (f"{LOGIN} location / {{ auth_basic off; proxy_pass http://127.0.0.1:18002; }}", "blue", 1, 0),
        ("location / { proxy_pass http://127.0.0.1:18002; }", "blue", 1, 0),
        (f"location / {{ {LOGIN} proxy_pass http://127.0.0.1:18002; }}", None, 1, 0),
        # A preview of each color.
        (
            "location /b/ { proxy_pass http://127.0.0.1:18001/; } location /g/ { proxy_pass http://127.0.0.1:18002/; }",
            "blue", 0, 2,
        ),
        ("location / { proxy_pass http://$host:18001; }", "blue", 0, 1),
    ],
)
def test_what_can_be_meant_is_a_warning(directives, live, refused, warned):
    refusals, warnings = findings(server(directives), live)
    assert (len(refusals), len(warnings)) == (refused, warned)


def test_the_warnings():
    _refusals, (meant,) = findings(server(f"location / {{ {LOCAL} proxy_pass http://127.0.0.1:18001; }}"))
    assert meant == (
        f"{SITE}:2 sends requests to 127.0.0.1:18001, which is always blue, even while green is live. These requests "
        "fail while blue is stopped or removed. If visitors use this way, write proxy_pass http://shop; there."
    )
    _refusals, (unknown,) = findings(server("location / { proxy_pass http://$host:18001; }"))
    assert unknown == (
        f"{SITE}:2 (http://$host:18001) may send requests to port 18001 of blue. A switch changes only the upstream "
        "shop, so it would not move these requests. If they go to that port, write proxy_pass http://shop; there."
    )


def test_names_of_containers_are_compared_whole():
    http = "server { location / { proxy_pass http://web-blue:8000; } location /x { proxy_pass http://other:8000; } }"
    (refusal,), warnings = findings(http, servers=NAMED)
    assert "sends requests to web-blue:8000 and not" in refusal


@pytest.mark.parametrize(
    "http",
    [
        "server { location / { proxy_pass http://web-blue; } }",
        "server { location / { proxy_pass http://web-blue/x/; } }",
        "upstream x { server web-blue; } server { location / { proxy_pass http://x; } }",
    ],
)
def test_a_container_without_its_port_is_reached_at_80(http):
    assert findings(http) == ([], [])
    assert findings(http, servers=NAMED) == ([], [])
    (refusal,), warnings = findings(http, servers={"blue": "web-blue:80", "green": "web-green:80"})
    assert "web-blue" in refusal and warnings == []


def test_other_names_and_addresses_of_a_container():
    nginx = Nginx("shop", "/f", "", NAMED, "http://127.0.0.1/", "")
    http = (
        "server {\nlocation / { proxy_pass http://172.20.0.3:8000; }\n"
        "location /x { proxy_pass http://Shop-Blue-Web-1:8000; } }"
    )
    further = {"172.20.0.3:8000": "blue", "shop-blue-web-1:8000": "blue"}
    found = other_routes.find_routes(nginx, nginx_dump.load({SITE: f"http {{ {http} }}"}), further=further)
    assert [(route.place, route.color) for route in found] == [(f"{SITE}:2", "blue"), (f"{SITE}:3", "blue")]


def test_a_port_of_another_service_of_the_live_color():
    http = server(
        "location /ws/ { proxy_pass http://127.0.0.1:19001; } location /x/ { proxy_pass http://127.0.0.1:19002; }"
    )
    (refusal,), warnings = findings(http, published={19001: "ws"})
    assert refusal == (
        f"{SITE}:2 sends requests to 127.0.0.1:19001, a port of the service ws of the live color, but a "
        "switch changes only the upstream shop, so these requests fail once this color is replaced: let the web "
        "service answer them, and write proxy_pass http://shop; there, or run ws in a Compose project of its own."
    )
    assert warnings == []


@pytest.mark.parametrize("guard", [LOCAL, LOGIN, "allow 10.0.0.0/8; deny all;"])
def test_a_monitor_of_the_workers_behind_a_login_is_a_warning(guard):
    http = server(f"location /flower/ {{ {guard} proxy_pass http://127.0.0.1:19001; }}")
    refusals, warnings = findings(http, published={19001: "flower"})
    assert refusals == []
    assert warnings == [
        f"{SITE}:2 sends requests to 127.0.0.1:19001, a port of the service flower of the live color, and a switch "
        "changes only the upstream shop, so these requests fail once this color is replaced: let the web service "
        "answer them, and write proxy_pass http://shop; there, or run flower in a Compose project of its own."
    ]


def test_values_without_end():
    lines = " ".join(f"/{number} 10.0.0.{number}:80;" for number in range(200))
    http = f"map $uri $a {{ {lines} }} server {{ location / {{ proxy_pass http://$a$a$a; }} }}"
    assert findings(http) == ([], [])
