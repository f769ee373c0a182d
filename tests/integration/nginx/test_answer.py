# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan says of a public URL that never gets to the app, with a real Nginx, quiet and with visitors."""

from __future__ import annotations

import contextlib
import threading
import urllib.request

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    preflight as nginx_preflight,
    switch as nginx_switch,
    upstream_text,
)

API = "location /api/ { proxy_pass http://shop/; }"
SITES = {
    "page": ("root {folder}/www; location / { try_files $uri /index.html; }", "is answered with 200 by Nginx itself"),
    "index": ("root {folder}/www;", "is answered with 200 by Nginx itself"),
    "login": (
        'location / { auth_basic "x"; auth_basic_user_file {folder}/users; proxy_pass http://shop; }',
        "is answered with 401, because {folder}/conf.d/site.conf:1 asks for a login",
    ),
    "deny": ("location / { deny all; proxy_pass http://shop; }", "is answered with 403 by Nginx"),
    "redirect": (
        "location / { return 301 https://shop.example.org$request_uri; }",
        "a redirect to https://shop.example.org/",
    ),
    "maintenance": ("location / { return 503; }", "is answered with 503 by Nginx itself"),
    "closed": ("location / { return 444; }", "was not answered (the connection was closed without an answer)"),
    "cache": (
        "location / { proxy_cache c; proxy_cache_valid 200 10m; proxy_pass http://shop; }",
        "is answered with 200 from the cache of Nginx ({folder}/conf.d/site.conf:1)",
    ),
}


@pytest.fixture
def site(lab):
    def site(text):
        lab.site(text.replace("{folder}", str(lab.folder)) + " " + API)
        lab.reload()

    (lab.folder / "www").mkdir()
    (lab.folder / "www" / "index.html").write_text("a page")
    (lab.folder / "users").write_text("a:{PLAIN}b\n")
    # Before the site, which names it.
    lab.write("cache", f"proxy_cache_path {lab.folder}/cached keys_zone=c:1m;\n")
    return site


@contextlib.contextmanager
def visitors(url):
    over = threading.Event()

    def visit():
        while not over.wait(0.03):
            with urllib.request.urlopen(f"{url}api/", timeout=5) as answer:
                answer.read()

    thread = threading.Thread(target=visit)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("name", SITES)
@pytest.mark.parametrize(
    "busy", [pytest.param(False, id="quiet", marks=pytest.mark.long), pytest.param(True, id="busy")]
)
def test_a_public_url_that_never_gets_to_the_app(host, lab, site, name, busy):
    text, words = SITES[name]
    site(text)
    with visitors(lab.settings.public_url) if busy else contextlib.nullcontext():
        (refusal,) = nginx_preflight.preflight(host, lab.settings)
    assert words.replace("{folder}", str(lab.folder)) in refusal
    assert refusal.startswith(f"bluegreen_public_url {lab.settings.public_url} ")
    # What the sentence says.
    if name not in ("closed", "redirect"):
        assert "add location = /health/ {" in refusal
    lab.site(
        f"{text} location = /health/ {{ auth_basic off; proxy_pass http://shop; }}".replace("{folder}", str(lab.folder))
    )
    lab.reload()
    assert nginx_preflight.preflight(host, lab.settings._replace(public_url=f"{lab.settings.public_url}health/")) == []


def test_the_proxy_protocol(host, lab, site):
    lab.write(
        "site", f"server {{ listen 127.0.0.1:{lab.port} proxy_protocol; location / {{ proxy_pass http://shop; }} }}\n"
    )
    lab.reload()
    (refusal,) = nginx_preflight.preflight(host, lab.settings)
    assert "conf.d/site.conf:1 expects the PROXY protocol there" in refusal


def test_a_page_that_falls_back_to_the_app(host, lab, site):
    site("root {folder}/empty; location / { try_files $uri @app; } location @app { proxy_pass http://shop; }")
    assert nginx_preflight.preflight(host, lab.settings) == []


def test_a_live_color_that_is_down(host, lab, site):
    site("location / { proxy_pass http://shop; }")
    lab.colors["blue"].shutdown()
    lab.colors["blue"].server_close()
    assert nginx_preflight.preflight(host, lab.settings) == []
    assert host.warnings == []


def test_no_color_yet(host, lab, site):
    lab.owned.write_text(upstream_text.render("shop", None, lab.settings.servers))
    site("location / { proxy_pass http://shop; }")
    assert nginx_preflight.preflight(host, lab.settings) == []
    site("root {folder}/www;")
    (refusal,) = nginx_preflight.preflight(host, lab.settings)
    assert "is answered with 200 by Nginx itself" in refusal


@pytest.mark.parametrize(
    "text",
    [
        "location / { rewrite ^/(.*)$ /app/$1 last; return 404; } location /app/ { proxy_pass http://shop; }",
        "error_page 502 @sorry; location @sorry { return 302 https://a.org/; } location / { proxy_pass http://shop; }",
        "error_page 502 /50x.html; location = /50x.html { root {folder}/none; } location / { proxy_pass http://shop; }",
        "location = /in { internal; proxy_pass http://shop; } location / { auth_request /in; proxy_pass http://shop; }",
    ],
)
def test_what_nginx_says_while_no_color_answers(host, journal, lab, site, text):
    lab.owned.write_text(upstream_text.render("shop", None, lab.settings.servers))
    site(text)
    assert nginx_preflight.preflight(host, lab.settings) == []
    assert nginx_switch.switch(host, journal, lab.settings, "green", "2").changed
    assert nginx_preflight.preflight(host, lab.settings) == []
    assert host.warnings == []


def test_without_a_switch_nothing_is_asked(host, lab, site):
    blue = lab.settings.servers["blue"]
    site(
        f"location / {{ return 200 x; }} location /x {{ proxy_pass http://shop; }} location /ws/ {{ proxy_pass "
        f"http://{blue}; }}"
    )
    lab.write(
        "site2",
        f"server {{ listen 127.0.0.1:{lab.port}; server_name b.org; location / {{ proxy_pass http://{blue}; }} }}\n",
    )
    lab.reload()
    refusals = nginx_preflight.preflight(host, lab.settings)
    assert len(refusals) == 2
    assert nginx_preflight.preflight(host, lab.settings, switches=False) == []
    assert host.warnings == refusals


@pytest.mark.parametrize("name", ["page", "redirect", "closed", "login"])
def test_a_public_url_that_fails_later_does_not_stop_a_rollback(host, journal, lab, site, name):
    assert nginx_switch.switch(host, journal, lab.settings, "green", "2").changed
    site(SITES[name][0] + " location /shop { proxy_pass http://shop; }")
    journal.note(rolling_back=True)
    assert nginx_switch.switch(host, journal, lab.settings, "blue", "1").changed
    with urllib.request.urlopen(f"{lab.settings.public_url}api/") as answer:
        assert answer.read() == b"blue"
    assert "Nginx is back at blue: its new worker processes have read" in host.warnings[-1]
