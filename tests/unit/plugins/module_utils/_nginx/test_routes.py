# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    dump as nginx_dump,
    routes,
    upstream_text,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.routes import PublicSide
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.running import Checked
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._settings import Nginx

MAIN = "/etc/nginx/nginx.conf"
FILE = "/etc/nginx/conf.d/bluegreen-shop.conf"
SITE = "/etc/nginx/conf.d/site.conf"
SERVERS = {"blue": "127.0.0.1:18001", "green": "127.0.0.1:18002"}
NGINX = Nginx("shop", FILE, "", SERVERS, "http://127.0.0.1/", "")
PUBLIC = PublicSide("http://127.0.0.1/", 80, "127.0.0.1", "127.0.0.1")
OURS = upstream_text.render("shop", "green", SERVERS)


def dump(**files):
    sections = {MAIN: "events { }\nhttp { include conf.d/*.conf; }\n", FILE: OURS}
    sections.update({f"/etc/nginx/conf.d/{name}.conf": text for name, text in files.items()})
    return "".join(f"# configuration file {path}:\n{text}\n" for path, text in sections.items() if text is not None)


def configuration(site):
    return nginx_dump.load(nginx_dump.sections(dump(site=site)))


@pytest.mark.parametrize(
    "directive, used",
    [
        ("proxy_pass http://shop;", True),
        ("proxy_pass http://shop/api/;", True),
        ("proxy_pass HTTPS://Shop;", True),
        ("grpc_pass grpcs://shop;", True),
        ("grpc_pass shop;", True),
        ("uwsgi_pass shop;", True),
        ("fastcgi_pass shop;", True),
        ("if ($x) { proxy_pass http://shop; }", True),
        ("proxy_pass http://shop2;", False),
        ("proxy_pass http://shop:80;", False),
        ("proxy_pass http://other/shop;", False),
        ("proxy_set_header Host shop;", False),
        ("# proxy_pass http://shop;", False),
        ("return 200 'proxy_pass http://shop;';", False),
        ("proxy_pass $shop;", False),
    ],
)
def test_uses_of(directive, used):
    site = "server {\n location / {\n" + directive + "\n}\n}"
    assert routes.uses_of("shop", configuration(site)) == ([f"{SITE}:3"] if used else [])


def test_the_stream_block_has_names_of_its_own():
    text = "stream { upstream shop { server 127.0.0.1:1; } server { listen 1; proxy_pass shop; } }"
    loaded = nginx_dump.load({MAIN: text})
    assert routes.uses_of("shop", loaded) == []
    assert routes.definitions_of("shop", loaded) == []


def test_definitions_of_ignores_case():
    loaded = configuration("upstream SHOP { server 127.0.0.1:1; }")
    assert routes.definitions_of("shop", loaded) == [f"{FILE}:4", f"{SITE}:1"]


@pytest.mark.parametrize(
    "servers, address, host, line",
    [
        # The first one is the default, unless another one says that it is.
        ("server { listen 80; }\nserver { listen 80; }", "127.0.0.1", "x", 1),
        ("server { listen 80; }\nserver { listen 80 default_server; }", "127.0.0.1", "x", 2),
        ("server { }\nserver { listen 81; }", "127.0.0.1", "x", 1),
        # Names, in the order of precedence.
        ("server { listen 80; server_name a; }\nserver { listen 80; server_name b B.org; }", "127.0.0.1", "b.org", 2),
        ("server { listen 80; server_name *.org; }\nserver { listen 80; server_name a.org; }", "127.0.0.1", "a.org", 2),
        ("server { listen 80; server_name a.*; }\nserver { listen 80; server_name *.org; }", "127.0.0.1", "a.org", 2),
        (
            "server { listen 80; server_name *.org; }\nserver { listen 80; server_name *.b.org; }",
            "127.0.0.1",
            "a.b.org",
            2,
        ),
        ("server { listen 80; server_name x; }\nserver { listen 80; server_name .b.org; }", "127.0.0.1", "b.org", 2),
        (
            "server { listen 80; server_name x; }\nserver { listen 80; server_name ~^(?<n>a)\\d$; }",
            "127.0.0.1",
            "a1",
            2,
        ),
        # A literal address has precedence over a wildcard.
        ("server { listen *:80; server_name x; }\nserver { listen 127.0.0.1:80; }", "127.0.0.1", "x", 2),
        ("server { listen 10.0.0.1:80; }\nserver { listen 80; }", "127.0.0.1", "x", 2),
        ("server { listen 127.0.0.1; }\nserver { listen 80; }", "127.0.0.1", "x", 1),
        ("server { listen unix:/run/x; listen [::]:80; }", "[::1]", "x", 1),
        ("server { listen 81; }", "127.0.0.1", "x", None),
        ("server { listen 80; server_name ~(; }\nserver { listen 80; }", "127.0.0.1", "x", None),
    ],
)
def test_public_server(servers, address, host, line):
    found = routes.public_server(configuration(servers), PublicSide("http://x/", 80, address, host))
    assert (found.line if found else None) == line


GOOD = "server { listen 80; location / { proxy_pass http://shop; } }"
REDIRECT = (
    "server { listen 80; server_name old; return 301 /; }\n"
    "server { listen 80; server_name new; location / { proxy_pass http://shop; } }"
)

ROUTES = [
    (GOOD, None),
    ("server { listen 80; set $u http://shop; location / { proxy_pass $u; } }", None),
    ("server { listen 81; location / { proxy_pass http://shop; } }", None),
    (GOOD + "\nserver { listen 80; server_name preview; location / { proxy_pass http://127.0.0.1:18001; } }", None),
    ("server { listen 80; }", "No server block uses the upstream shop: write proxy_pass http://shop;"),
    (
        "server { listen 80; location / { proxy_pass http://127.0.0.1:18001; } }",
        f"{SITE}:1 sends requests to 127.0.0.1:18001 and not to the upstream shop",
    ),
    (
        "server { listen 80; location / { proxy_pass http://shop; }\nlocation /ws { proxy_pass "
        "http://localhost:18002; } }",
        f"{SITE}:2 sends requests to localhost:18002 and not to the upstream shop",
    ),
    (
        "server { listen 81; location / { proxy_pass http://127.0.0.1:18002; } }",
        f"{SITE}:1 sends requests to 127.0.0.1:18002",
    ),
    (
        REDIRECT,
        f"bluegreen_public_url http://127.0.0.1/ is answered by the server block at {SITE}:1 (asked for 127.0.0.1), "
        f"which does not use the upstream shop, but {SITE}:2 does: set",
    ),
]


@pytest.mark.parametrize("site, words", ROUTES)
def test_the_way_from_the_public_url_to_the_upstream(site, words):
    found = routes.route_findings(NGINX, configuration(site), PUBLIC)
    assert found == [] if words is None else found[0].startswith(words)


@pytest.mark.parametrize("site, words", ROUTES)
def test_configuration_verdict(site, words):
    verdict = routes.configuration_verdict(NGINX, FILE, OURS, dump(site=site), PUBLIC)
    assert verdict.proved is (words is None)
    assert verdict.reason.startswith(words or "")


def test_configuration_verdict_looks_at_our_file():
    for text, words in [
        (dump(site=GOOD).replace(FILE, "/elsewhere"), "nginx -T does not show"),
        (dump(site=GOOD).replace("18002", "18001"), "with a content that this collection did not write"),
        (dump(site=GOOD) + f"# configuration file {FILE}:\n{OURS}\n", "twice"),
        ("", "nginx -T does not show"),
    ]:
        verdict = routes.configuration_verdict(NGINX, FILE, OURS, text, PUBLIC)
        assert not verdict.proved
        assert words in verdict.reason


# Preflight


def findings(text, exists=True, ok=True, message=""):
    return routes.findings(NGINX, FILE, exists, Checked(ok, message, text), PUBLIC)


def test_nothing_stands_against_a_good_configuration():
    assert findings(dump(site=GOOD)) == []


@pytest.mark.parametrize(
    "message, exists, words",
    [
        (
            'unknown directive "x" in /a:1',
            True,
            'is invalid already, before anything was changed: unknown directive "x" in /a:1.',
        ),
        (
            f'duplicate upstream "shop" in {SITE}:1',
            True,
            f"is defined in both {SITE}:1 and {FILE}: remove the definition in {SITE}:1; {FILE}",
        ),
        (f'duplicate upstream "Shop" in {FILE}:4', True, f"is defined in {FILE}:4 and in a file that Nginx includes"),
        ('duplicate upstream "other" in /a:1', True, "is invalid already"),
        (f'host not found in upstream "shop" in {SITE}:1', True, f"{SITE}:1 uses the upstream shop, but no"),
        (
            f'host not found in upstream "shop" in {SITE}:1',
            False,
            f"{FILE}, the file with the upstream shop, does not exist",
        ),
        ('host not found in upstream "other:80" in /a:1', True, "is invalid already"),
    ],
)
def test_an_invalid_configuration(message, exists, words):
    (found,) = findings("", exists, ok=False, message=message)
    assert words in found


def test_a_file_that_nginx_does_not_read():
    text = dump(site=GOOD).replace(f"# configuration file {FILE}:\n{OURS}\n", "")
    assert "is not part of the Nginx configuration" in findings(text)[0]
    assert (
        "does not exist: write it with ansible-playbook smallfleet.bluegreen.prepare" in findings(text, exists=False)[0]
    )
    elsewhere = text + "# configuration file /etc/nginx/conf.d/hand.conf:\nupstream shop { server 127.0.0.1:18001; }\n"
    assert findings(elsewhere)[0].startswith(
        "The upstream shop is defined in /etc/nginx/conf.d/hand.conf:1, but this collection writes it to "
        "/etc/nginx/conf.d/bluegreen-shop.conf: name /etc/nginx/conf.d/hand.conf in bluegreen_nginx_file, or remove "
    )
