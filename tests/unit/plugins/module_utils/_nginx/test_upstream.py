# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import upstream

FILE = "/etc/nginx/conf.d/bluegreen-shop.conf"
SERVERS = {"blue": "127.0.0.1:18001", "green": "127.0.0.1:18002"}
NAMES = {"blue": "web-blue:8000", "green": "web-green:8000"}


def live(text, servers=None):
    return upstream.live_color(upstream.parse(text, FILE, "shop"), servers or SERVERS, FILE)


@pytest.mark.parametrize("color", ["blue", "green", None])
@pytest.mark.parametrize("servers", [SERVERS, NAMES])
@pytest.mark.parametrize("backup", [False, True])
@pytest.mark.parametrize("release, deployment_id", [("", ""), ("v1.2+b/3", "20261123-ab12")])
def test_what_is_written_is_read_again(color, servers, backup, release, deployment_id):
    text = upstream.render("shop", color, servers, release, deployment_id, backup, ("keepalive 16",))
    parsed = upstream.parse(text, FILE, "shop")
    assert parsed.owned
    assert parsed.release == release
    assert upstream.live_color(parsed, servers, FILE) == color
    if color:
        assert parsed.tuning == ("keepalive 16",)
        assert [server.backup for server in parsed.servers] == [False, True][:1 + backup]


def test_the_text():
    assert upstream.render("shop", "green", SERVERS, "2.4.1", "dep-7") == (
        "# Written by smallfleet.bluegreen for release 2.4.1 (deployment dep-7).\n"
        "# Nginx reads here which color is live. bg_switch alone changes this file: an edit by hand is lost at the next\n"
        "# deployment. To go back to the other color run rollback.yml.\n"
        "upstream shop {\n"
        "    server 127.0.0.1:18002;\n"
        "}\n"
    )


def test_without_a_live_color_no_name_has_to_resolve():
    assert "    server 127.0.0.1:8000 down;\n" in upstream.render("shop", None, NAMES)


ADOPTED = [
    ("upstream shop { server 127.0.0.1:18001; }", "blue"),
    ("upstream shop { server 127.0.0.1:18002 max_fails=0 fail_timeout=5s weight=1; }", "green"),
    ("upstream shop { server localhost:18002; }", "green"),
    ("upstream shop { server [::1]:18001; }", "blue"),
    ("# by hand\nupstream Shop {\n  keepalive 16;\n  server 127.0.0.1:18001; # blue\n}\n", "blue"),
    ("upstream shop { server 127.0.0.1:9 down; }", None),
    ("upstream shop { server 127.0.0.1:18001; server 127.0.0.1:18002 backup; }", "blue"),
]


@pytest.mark.parametrize("text, color", ADOPTED)
def test_a_file_by_hand_is_adopted(text, color):
    parsed = upstream.parse(text, FILE, "shop")
    assert not parsed.owned
    assert upstream.live_color(parsed, SERVERS, FILE) == color


@pytest.mark.parametrize(
    "directives, kept",
    [
        ("keepalive 8; keepalive_timeout 1s", ("keepalive 8", "keepalive_timeout 1s")),
        ("zone shop 64k; least_conn; keepalive 8", ("zone shop 64k", "least_conn", "keepalive 8")),
        ("zone shop_1", ("zone shop_1",)),
    ],
)
def test_what_is_kept_from_file_to_file(directives, kept):
    parsed = upstream.parse(f"upstream shop {{ {directives}; server 127.0.0.1:18001; }}", FILE, "shop")
    assert parsed.tuning == kept
    again = upstream.render("shop", "green", SERVERS, tuning=parsed.tuning)
    assert upstream.parse(again, FILE, "shop").tuning == kept


REFUSED = [
    ("upstream shop { zone shop 64k x; server 127.0.0.1:18001; }", f"{FILE}:1 has the directive zone shop 64k x, which bg_switch"),
    ("upstream shop { least_conn { } server 127.0.0.1:18001; }", "the directive least_conn, which bg_switch would lose"),
    ("upstream shop { server 127.0.0.1:18003; }", "to 127.0.0.1:18003, which is neither color (blue is 127.0.0.1:18001, "),
    ("upstream shop { server 10.0.0.5:18001; }", "to 10.0.0.5:18001, which is neither color"),
    ("upstream shop { server 127.0.0.1:18001; server 127.0.0.1:18002; }", "gives the upstream shop 2 servers"),
    ("upstream shop { }", "gives the upstream shop 0 servers"),
    ("upstream shop { server 127.0.0.1:18001 max_conns=5; }", "the parameter max_conns=5, which bg_switch would lose"),
    ("upstream shop { ip_hash; server 127.0.0.1:18001; }", f"{FILE}:1 has the directive ip_hash, which bg_switch would lose"),
    ("upstream shop { server 127.0.0.1:18001; } server { listen 80; }", f"{FILE}:1 has the directive server, but this file"),
    ("upstream other { server 127.0.0.1:18001; }", "defines the upstream other, but it has to define the upstream shop"),
    ("upstream a { } upstream shop { server 127.0.0.1:18001; }", "defines the upstreams a, shop, but"),
    ("", "defines no upstream, but it has to define the upstream shop"),
    ("upstream shop {", "ends in the middle of a statement"),
    ("\0\0\0\0", "is not Nginx configuration"),
]


@pytest.mark.parametrize("text, words", REFUSED)
def test_a_file_that_says_anything_else_is_refused(text, words):
    with pytest.raises(BluegreenError) as refusal:
        live(text)
    assert words in refusal.value.message
    assert FILE in refusal.value.message


def test_names_of_containers_tell_colors_apart_by_name():
    assert live("upstream shop { server web-green:8000; }", NAMES) == "green"
    with pytest.raises(BluegreenError, match="neither color"):
        live("upstream shop { server 127.0.0.1:8000; }", NAMES)


def test_other():
    assert (upstream.other("blue"), upstream.other("green")) == ("green", "blue")
