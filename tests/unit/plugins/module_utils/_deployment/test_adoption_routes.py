# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import adoption_routes
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment.adoption_routes import Line
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux import own_addresses
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import running as nginx_running

MAIN = "/etc/nginx/nginx.conf"
SITE = "/etc/nginx/conf.d/site.conf"
OTHER = "/etc/nginx/conf.d/upstreams.conf"


def ways_of(site, other=""):
    return adoption_routes.of_files({MAIN: "events {} http { include conf.d/*.conf; }", SITE: site, OTHER: other})


@pytest.mark.parametrize(
    "site, other, found",
    [
        ("server { location / { proxy_pass http://127.0.0.1:8000; } }", "", [(SITE, "proxy_pass http://shop;")]),
        ("server { location / { proxy_pass http://LOCALHOST:8000/; } }", "", [(SITE, "proxy_pass http://shop/;")]),
        (
            "server { location / { proxy_pass http://[::1]:8000/a?b=$c; } }",
            "",
            [(SITE, "proxy_pass http://shop/a?b=$c;")],
        ),
        (
            "server { location / { proxy_pass http://127.0.0.1:8000$request_uri; } }",
            "",
            [(SITE, "proxy_pass http://shop$request_uri;")],
        ),
        ("server { location / { grpc_pass grpc://127.0.0.1:8000; } }", "", [(SITE, "grpc_pass grpc://shop;")]),
        ("server { location / { uwsgi_pass 127.0.0.1:8000; } }", "", [(SITE, "uwsgi_pass shop;")]),
        (
            "server { location / { set $up http://127.0.0.1:8000; proxy_pass $up; } }",
            "",
            [(SITE, "set $up http://shop;")],
        ),
        (
            "server { location / { proxy_pass http://App; } }",
            "upstream app { server localhost:8000; }",
            [(SITE, "proxy_pass http://shop;")],
        ),
        ("server { location / { proxy_pass http://127.0.0.1:8001; } }", "", []),
        ("server { location / { proxy_pass http://192.0.2.7:8000; } }", "", []),
        ("server { location / { proxy_pass http://app; } }", "upstream app { server 127.0.0.1:8000 down; }", []),
        ("upstream unused { server 127.0.0.1:8000; }", "", []),
        ("# proxy_pass http://127.0.0.1:8000;", "", []),
    ],
)
def test_ways_to_a_port_and_what_each_has_to_say(site, other, found):
    lines = [way.through("shop")[0] for way in ways_of(site, other).to((8000,))]
    assert [(line.place.rpartition(":")[0], line.new.partition(" proxy_set_header")[0]) for line in lines] == found


def test_a_place_is_told_with_its_line_and_its_text():
    (way,) = ways_of("server {\n  location / {\n    proxy_pass http://127.0.0.1:8000;\n  }\n}").to((8000,))
    assert (way.through("shop")[0].place, way.through("shop")[0].old) == (
        f"{SITE}:3",
        "proxy_pass http://127.0.0.1:8000;",
    )


def test_each_place_is_a_way_of_its_own():
    site = "server { location / { proxy_pass http://app; } location /ws/ { proxy_pass http://127.0.0.1:8000; } }"
    found = ways_of(site, "upstream app { server 127.0.0.1:8000; }")
    assert [way.target for way in found.to((8000,))] == ["app", "127.0.0.1:8000"]
    assert found.targets == {"app", "127.0.0.1:8000"}


@pytest.mark.parametrize(
    "names, port, count", [({("shop-web-1", 8000)}, 8000, 1), ({("shop-web-1", 80)}, 8000, 0), ((), 8000, 0)]
)
def test_a_container_is_reached_by_its_name(names, port, count):
    assert len(ways_of(f"server {{ location / {{ proxy_pass http://shop-web-1:{port}; }} }}").to((), names)) == count


def test_the_hosts_own_addresses_count(monkeypatch):
    monkeypatch.setattr(own_addresses, "own_names", lambda: frozenset({"pi.lan"}))
    site = "server { location / { proxy_pass http://pi.lan:8000; } location /x/ { proxy_pass http://nas.lan:8000; } }"
    assert [way.host for way in ways_of(site).to((8000,))] == ["pi.lan"]


@pytest.mark.parametrize(
    "site, complete",
    [
        ("server { location / { proxy_pass http://$backend; } }", False),
        ("server { location / { proxy_pass http://127.0.0.1:$port; } }", False),
        ("server { location / { proxy_pass http://127.0.0.1:8000$request_uri; } }", True),
        ("upstream app { server 127.0.0.1:9; } server { location / { proxy_pass http://app$request_uri; } }", True),
        ("server { location / { proxy_pass http://127.0.0.1:8000/$1; } }", True),
        ("server { location / { proxy_pass http://127.0.0.1:8000; } }", True),
    ],
)
def test_a_variable_may_lead_anywhere(site, complete):
    assert ways_of(site).complete is complete


@pytest.mark.parametrize(
    "other, alone",
    [
        ("upstream app { server 127.0.0.1:8000; }", True),
        ("# Ask Jo.\nupstream app { server 127.0.0.1:8000; keepalive 16; }", True),
        ("upstream app { server 127.0.0.1:8000; server 127.0.0.1:8001; }", False),
        ("upstream app { least_conn; server 127.0.0.1:8000; }", True),
        ("upstream app { hash $uri; server 127.0.0.1:8000; }", False),
        ("upstream app { server 127.0.0.1:8000; } server { listen 81; }", False),
        ("upstream app { server 127.0.0.1:8000; } upstream b { server 127.0.0.1:9; }", False),
    ],
)
def test_an_upstream_with_a_file_to_itself(other, alone):
    found = ways_of("server { location / { proxy_pass http://app; } }", other)
    assert found.alone == ({"app": OTHER} if alone else {})
    assert found.upstreams["app"] == [OTHER]


HOST = "proxy_set_header Host 127.0.0.1:8000;"
REDIRECT = "proxy_redirect http://127.0.0.1:8000/ /;"
BOTH = f" {HOST} {REDIRECT}"
PASS = "proxy_pass http://127.0.0.1:8000; } }"


@pytest.mark.parametrize(
    "site, after, elsewhere",
    [
        # The app is asked by the name of the target, and goes on being asked so.
        (f"server {{ location / {{ {PASS}", BOTH, []),
        (f"server {{ location / {{ proxy_set_header Host $host; {PASS}", "", []),
        (f"proxy_set_header host $host; server {{ location / {{ {PASS}", "", []),
        # Headers of the inner block hide those of the outer one.
        (f"proxy_set_header Host $host; server {{ location / {{ proxy_set_header A b; {PASS}", BOTH, []),
        # So would one more in the inner block, and so they are said again.
        (
            f'server {{ proxy_set_header A b; proxy_set_header C \'d "e\'; proxy_set_header F ""; location / {{ {PASS}',
            f' {HOST} proxy_set_header A b; proxy_set_header C "d \\"e"; proxy_set_header F ""; {REDIRECT}',
            [],
        ),
        (
            f"proxy_set_header Host $proxy_host; proxy_set_header A b; server {{ location / {{ proxy_redirect off; "
            f"{PASS}",
            f" {HOST} proxy_set_header A b;",
            [],
        ),
        (
            f"server {{ proxy_redirect off; location / {{\nproxy_set_header Host $proxy_host; {PASS}",
            "",
            [Line(f"{SITE}:2", HOST, "proxy_set_header Host $proxy_host;")],
        ),
        (f"server {{ location / {{ proxy_redirect off; {PASS}", f" {HOST}", []),
        # An if may hold no header.
        (f"server {{ location / {{ if ($a) {{ {PASS} }}", "", []),
        ("server { location / { uwsgi_pass 127.0.0.1:8000; } }", "", []),
    ],
)
def test_the_app_goes_on_being_asked_by_the_same_name(site, after, elsewhere):
    (way,) = ways_of(site).to((8000,))
    line, *others = way.through("shop")
    assert (line.new.partition(";")[2], others) == (after, elsewhere)


@pytest.mark.parametrize(
    "given, after",
    [
        (
            "location /a/ { proxy_pass http://127.0.0.1:8000/b/; }",
            f" {HOST} proxy_redirect http://127.0.0.1:8000/b/ /a/;",
        ),
        ("location ~ x { proxy_pass http://127.0.0.1:8000$request_uri; }", f" {HOST}"),
        ("location / { set $up http://127.0.0.1:8000; proxy_pass $up; }", f" {HOST}"),
    ],
)
def test_redirects_of_the_app_go_on_being_changed_as_they_are(given, after):
    (way,) = ways_of(f"server {{ {given} }}").to((8000,))
    assert way.through("shop")[0].new.partition(";")[2] == after


def test_an_nginx_that_is_not_found_says_why(monkeypatch):
    def refuse(host, nginx):
        raise BluegreenError("Nginx does not run.")

    monkeypatch.setattr(nginx_running, "Running", refuse)
    with pytest.raises(BluegreenError, match="does not run"):
        adoption_routes.of_seen(nginx_running.Seen(None, None))


@pytest.mark.parametrize("ok, dump", [(False, ""), (True, f"# configuration file {MAIN}:\nhttp {{\n")])
def test_a_configuration_that_makes_no_sense_shows_nothing(monkeypatch, ok, dump):
    class Running:
        def __init__(self, host, nginx):
            pass

        def check(self):
            return nginx_running.Checked(ok, "", dump)

    monkeypatch.setattr(nginx_running, "Running", Running)
    assert adoption_routes.of_seen(nginx_running.Seen(None, None)) == adoption_routes.UNKNOWN
