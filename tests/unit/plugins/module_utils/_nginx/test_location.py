# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    config as nginx_config,
    dump as nginx_dump,
    location as nginx_location,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.location import MAYBE, NO, YES, Location

SITE = "/site.conf"
PASS = "proxy_pass http://shop;"


def answering(server, path="/", http="", address="127.0.0.1"):
    configuration = nginx_dump.load({SITE: f"http {{ {http}\nserver {{\n{server}\n}} }}"})
    block = nginx_config.children(nginx_config.http_statements(configuration), "server")[0]
    return nginx_location.answering(configuration, block, path, address)


@pytest.mark.parametrize(
    "locations, path, line",
    [
        (["/", "/api/"], "/api/x", 1),
        (["/api/", "/"], "/apix", 1),
        (["= /", "/"], "/", 0),
        (["= /", "/"], "/x", 1),
        (["/", r"~ \.php$"], "/a.php", 1),
        (["/", r"~* \.PHP$"], "/a.php", 1),
        (["^~ /a", r"~ \.php$"], "/a.php", 0),
        ([r"~ ^/(?<n>a)", "~ ^/ab"], "/ab", 0),
        (["/", "@named"], "/@named", 0),
    ],
)
def test_the_location_of_a_path(locations, path, line):
    found = answering("\n".join(f"location {location} {{ {PASS} }}" for location in locations), path)
    assert found == Location(place=f"{SITE}:{3 + line}", passes=YES, plain=True)


def test_locations_within_locations():
    inner = f"location /a/b/ {{ return 404; }}\nlocation ~ x$ {{ {PASS} }}"
    server = f"location /a/ {{\n{inner}\n}}\nlocation ~ y$ {{ return 404; }}"
    assert answering(server, "/a/b/1") == Location(place=f"{SITE}:4", passes=NO)
    assert answering(server, "/a/x").place == f"{SITE}:5"
    assert answering(server, "/a/y").place == f"{SITE}:7"
    assert answering(server, "/a/").place == f"{SITE}:3"


def test_what_cannot_be_told():
    assert answering(f"location ~ *( {{ {PASS} }}") == Location(place=f"{SITE}:2")
    assert nginx_location.answering([], None, "/", "") == Location()


@pytest.mark.parametrize(
    "server, passes",
    [
        (f"location / {{ {PASS} }}", YES),
        ("location / { uwsgi_pass shop; }", YES),
        # A page beside the app.
        (f"location / {{ try_files $uri /index.html; }} location /api/ {{ {PASS} }}", NO),
        (f"root /srv; location /api/ {{ {PASS} }}", NO),
        ("location / { root /srv; }", NO),
        ("location / { return 200 ok; }", NO),
        (f"location / {{ return 200 ok; {PASS} }}", NO),
        (f"return 301 https://$host$request_uri; location / {{ {PASS} }}", NO),
        (f"location / {{ try_files $uri =404; }} location @app {{ {PASS} }}", NO),
        # As certbot writes it.
        (f"if ($host = a.org) {{ return 301 https://$host$request_uri; }} return 404; location / {{ {PASS} }}", NO),
        (f"rewrite ^ https://a.org/ permanent; return 404; location / {{ {PASS} }}", NO),
        (f"return 404; break; location / {{ {PASS} }}", NO),
        # A line before the return leads on.
        (f"rewrite ^/(.*)$ /app/$1 last; return 404; location / {{ {PASS} }}", MAYBE),
        (f"if ($host) {{ break; }} return 404; location / {{ {PASS} }}", MAYBE),
        (f"location / {{ rewrite ^/(.*)$ /app/$1 last; return 404; }} location /app/ {{ {PASS} }}", MAYBE),
        # A page before the app.
        (f"location / {{ try_files $uri @app; }} location @app {{ {PASS} }}", MAYBE),
        (f"location / {{ try_files $uri /app/; }} location /app/ {{ {PASS} }}", MAYBE),
        ("location / { index index.php; } location ~ php$ { fastcgi_pass shop; }", MAYBE),
        ("index index.php; location ~ php$ { fastcgi_pass shop; }", MAYBE),
        ("location / { if ($x) { return 200; } }", MAYBE),
        (f"location / {{ error_page 404 = @app; }} location @app {{ {PASS} }}", MAYBE),
        ("rewrite ^ /x; location / { root /srv; }", MAYBE),
        ("location / { content_by_lua_block { x } }", MAYBE),
    ],
)
def test_whether_requests_are_sent_on(server, passes):
    assert answering(server).passes == passes


@pytest.mark.parametrize(
    "server, http, name, line",
    [
        (f'location / {{ auth_basic "x"; {PASS} }}', "", "login", 3),
        (f'auth_basic "x";\nlocation / {{ {PASS} }}', "", "login", 3),
        (f"location / {{ {PASS} }}", "auth_request /in;", "login", 1),
        (f"location / {{ auth_basic off; {PASS} }}", "auth_basic x;", "login", None),
        (f'satisfy any; auth_basic "x"; location / {{ {PASS} }}', "", "login", None),
        (f"location / {{ proxy_cache c; {PASS} }}", "", "cache", 3),
        (f"location / {{ proxy_cache off; {PASS} }}", "proxy_cache c;", "cache", None),
        (f"location / {{ {PASS} }}\nlocation /x {{ proxy_cache c; }}", "", "cache", None),
        (f"location / {{ deny all; {PASS} }}", "", "denied", 3),
        (f"location / {{ allow 127.0.0.0/8; deny all; {PASS} }}", "", "denied", None),
        (f"allow 10.0.0.0/8; deny all;\nlocation / {{ {PASS} }}", "", "denied", 3),
        (f"location / {{ allow all; {PASS} }}", "deny all;", "denied", None),
        (f"location / {{ satisfy any; deny all; {PASS} }}", "", "denied", None),
        (f"location / {{ allow unix:; deny ::/0; {PASS} }}", "", "denied", None),
        (f"ssl_verify_client on; location / {{ {PASS} }}", "", "client_certificate", 3),
        (f"ssl_verify_client optional; location / {{ {PASS} }}", "", "client_certificate", None),
    ],
)
def test_what_stands_before_the_app(server, http, name, line):
    assert getattr(answering(server, http=http), name) == (f"{SITE}:{line}" if line else "")


@pytest.mark.parametrize(
    "directive, replaced",
    [
        ("error_page 500 502 /50x.html;", False),
        ("error_page 502 =200 /wait.html;", True),
        ("error_page 502 = @wait;", True),
        ("error_page 502 https://wait.example.org/;", True),
        ("error_page 404 = @wait;", False),
        ("", False),
        # Their target answers with its own status.
        ("error_page 502 @wait; location @wait { return 302 https://a.org/; }", True),
        ("error_page 502 /wait; location = /wait { return 302 https://a.org/; }", True),
        ("error_page 502 @wait; location @wait { try_files /wait.html =404; }", True),
        ("error_page 502 @wait; location @wait { root /srv; }", False),
    ],
)
def test_pages_that_take_the_place_of_an_error(directive, replaced):
    assert answering(f"{directive} location / {{ {PASS} }}").own_errors is replaced


def test_an_address_that_is_not_known_is_not_denied():
    assert answering(f"location / {{ deny all; {PASS} }}", address="").denied == ""
    assert answering(f"location / {{ deny ::1; {PASS} }}", address="[::1]").denied == f"{SITE}:3"


@pytest.mark.parametrize(
    "directives, caches",
    [
        ("proxy_cache c;", (False, False)),
        ("proxy_cache c; proxy_cache_valid 200 10m;", (True, False)),
        ("proxy_cache c; proxy_cache_valid 30;", (True, False)),
        ("proxy_cache c; proxy_cache_valid any 1m; proxy_cache_valid 404 1s;", (True, False)),
        ("proxy_cache c; proxy_cache_valid 200 1s; proxy_cache_valid 404 1m;", (False, True)),
        ("proxy_cache c; proxy_cache_valid 200 302 500ms;", (False, True)),
        ("proxy_cache c; proxy_cache_valid 404 1m;", (False, False)),
        (
            "proxy_cache c; proxy_cache_valid 200 1m; proxy_cache_bypass $http_x; proxy_no_cache $http_x;",
            (False, False),
        ),
        ("proxy_cache_valid 1m;", (False, False)),
    ],
)
def test_how_long_answers_are_cached(directives, caches):
    found = answering(f"location / {{ {directives} {PASS} }}")
    assert (found.caches, found.brief) == caches


@pytest.mark.parametrize(
    "directives, passes",
    [
        (f"auth_request /in; location = /in {{ {PASS} }}", True),
        ("auth_request /in; location = /in { return 401; }", False),
        (f"auth_basic x; location = /in {{ {PASS} }}", False),
    ],
)
def test_a_login_that_the_app_itself_may_be_asked_for(directives, passes):
    found = answering(f"{directives} location / {{ {PASS} }}")
    assert (bool(found.login), found.login_passes) == (True, passes)


@pytest.mark.parametrize(
    "directives, plain",
    [
        ("", True),
        ("error_page 502 /50x.html;", True),
        ("limit_req zone=one;", True),
        ("if ($bad) { return 403; }", False),
        ("rewrite ^/old /new permanent;", False),
        ("access_by_lua_block { x }", False),
        ("proxy_cache c;", False),
        ("auth_basic x;", False),
        ("deny all;", False),
        ("ssl_verify_client on;", False),
    ],
)
def test_where_nothing_but_the_app_can_answer(directives, plain):
    assert answering(f"{directives} location / {{ {PASS} }}").plain is plain
    assert answering(f"location / {{ {directives} {PASS} }}").plain is plain


@pytest.mark.parametrize(
    "listen, found",
    [
        ("listen 80 proxy_protocol;", True),
        ("listen [::]:80 ssl proxy_protocol;", True),
        ("listen 81 proxy_protocol; listen 80;", False),
        ("", False),
    ],
)
def test_the_proxy_protocol(listen, found):
    configuration = nginx_dump.load({SITE: f"http {{ server {{ {listen} }} }}"})
    assert nginx_location.proxy_protocol_at(configuration, 80) == (f"{SITE}:1" if found else "")
