# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _validation
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError

INJECTION = "127.0.0.1:80; } server { listen 24999"

ACCEPTED = [
    (_validation.check_app, ["shop", "a", "blue-app_2", "a" + 47 * "b"]),
    (lambda value: _validation.check_upstream("upstream", value), ["shop", "shop-web"]),
    (lambda value: _validation.check_project("project", value), ["shop-blue", "2shop"]),
    (lambda value: _validation.check_port("port", value), [1024, 18001, 65535]),
    (lambda value: _validation.check_container("container", value), ["", "nginx", "proxy_1.a"]),
    (lambda value: _validation.check_path("file", value), ["/etc/nginx/conf.d/shop.conf", "/a"]),
    (_validation.check_release, ["", "2", "v1.2.3+build", "registry/app:1@sha256"]),
    (lambda value: _validation.check_deployment_id("id", value), ["20261123-171900-ab12"]),
    (lambda value: _validation.check_env_name("env", value), ["A", "_x", "BG_COLOR2"]),
    (lambda value: _validation.check_host("host", value), ["", "app.example.org", "a:8080", "[::1]:80"]),
    (lambda value: _validation.check_url_path("path", value), ["/", "/health/", "/h?x=1"]),
]

REFUSED = [
    (
        _validation.check_app,
        ["", "Shop", "2shop", "-shop", "shöp", "a" * 49, "a b", "a\n", "a;", "../x", "localhost", "$v"],
    ),
    (lambda value: _validation.check_upstream("upstream", value), ["localhost", "App", "app:80", "a/b", "a}b", "a#b"]),
    (lambda value: _validation.check_container("container", value), ["web/", "a b", "/web", "1web", "a?b"]),
    (lambda value: _validation.check_project("project", value), ["", "Shop", "_shop", "a" * 64, "a b"]),
    (lambda value: _validation.check_color("color", value), ["", "red", "Blue"]),
    (lambda value: _validation.check_port("port", value), [0, 80, 1023, 65536, -1, True, None, "18001"]),
    (
        lambda value: _validation.check_server("servers.green", value),
        ["localhost:8000", "10.0.0.5:8000", "127.1:8000", "0x7f.1:8000", "0.0.0.0:8000", "unix:/run/x:8000"],
    ),
    (
        lambda value: _validation.check_server("servers.blue", value),
        [
            *("", "127.0.0.1", ":80", "127.0.0.1:", "127.0.0.1:80", "127.0.0.1:+8080", "::1:8000", "web:0"),
            *(INJECTION, "a b:80"),
        ],
    ),
    (
        lambda value: _validation.check_path("file", value),
        ["", "shop.conf", "/", "/a/", "/a//b", "/a/../b", "/a b", "/a;b", "/a\n", "/a$b"],
    ),
    (_validation.check_release, ["-1", "a b", "a\n", "a;b", "a" * 129, "ä"]),
    (lambda value: _validation.check_deployment_id("id", value), ["", "a/b", "a" * 65]),
    (lambda value: _validation.check_env_name("env", value), ["", "2A", "A-B", "A=B", "A\nB"]),
    (
        lambda value: _validation.check_url("url", value),
        ["", "127.0.0.1", "ftp://a/", "http://", "http://a b/", "http://u:p@a/", "http://a:0/", "http://a:99999/"],
    ),
    (lambda value: _validation.check_host("host", value), ["a b", "a\r\nX: y", "http://a", "-a"]),
    (lambda value: _validation.check_url_path("path", value), ["", "health/", "/a b", "/a\r\n"]),
]


def each(table):
    return [(check, value) for check, values in table for value in values]


@pytest.mark.parametrize("check, value", each(ACCEPTED))
def test_accepted_values_come_back(check, value):
    assert check(value) == value


@pytest.mark.parametrize("check, value", each(REFUSED))
def test_refusal_names_the_value(check, value):
    with pytest.raises(BluegreenError) as refusal:
        check(value)
    assert f" is {value!r}, but " in refusal.value.message


def test_refusal_names_option_value_and_way_out():
    with pytest.raises(BluegreenError) as refusal:
        _validation.check_port("ports.blue", 80)
    assert refusal.value.message == "ports.blue is 80, but it must be a port from 1024 to 65535."


@pytest.mark.parametrize(
    "value, expected",
    [
        ("127.0.0.1:18001", ("127.0.0.1", 18001)),
        ("[::1]:18001", ("[::1]", 18001)),
        ("web-blue:80", ("web-blue", 80)),
    ],
)
def test_server_is_split(value, expected):
    assert _validation.check_server("servers.blue", value) == expected


@pytest.mark.parametrize(
    "value, expected",
    [
        ("http://127.0.0.1/", ("http", "127.0.0.1", 80, "/")),
        ("http://127.0.0.1:8080/health/?deep=1", ("http", "127.0.0.1", 8080, "/health/?deep=1")),
        ("https://[::1]", ("https", "::1", 443, "/")),
    ],
)
def test_url_is_split(value, expected):
    url = _validation.check_url("url", value)
    assert (url.scheme, url.host, url.port, url.path) == expected


def test_both_colors_need_a_value_of_their_own():
    assert _validation.check_both_colors("ports", {"blue": 1, "green": 2}) == {"blue": 1, "green": 2}
    for mapping, words in [
        ({"blue": 18001}, "ports has no green"),
        ({"blue": 18001, "green": 18001}, "ports gives both colors 18001"),
        ({"blue": 1, "green": 2, "red": 3}, "ports.red is 'red'"),
    ]:
        with pytest.raises(BluegreenError, match=words):
            _validation.check_both_colors("ports", mapping)


def test_free_text_is_one_line_that_a_terminal_does_not_obey():
    assert _validation.printable("  File \x1b[31mx\x1b[0m\ty\u202e") == "  File  [31mx [0m y "
    assert _validation.one_line(" ada\n\tand \x1b]0;eve\x07 ", 50) == "ada and ]0;eve"
    assert _validation.one_line("a" * 20, 10) == "a" * 9 + "…"
    assert _validation.one_line(12, 10) == "12"


@pytest.mark.parametrize(
    "check, value, sentence",
    [
        (_validation.check_path, "/" + "a" * 1024, "it is 1025 characters long, and the limit is 1024."),
        (_validation.check_url_path, "/" + "a" * 2048, "it is 2049 characters long, and the limit is 2048."),
        (_validation.check_env_name, "A" * 256, "it is 256 characters long, and the limit is 255."),
    ],
)
def test_what_is_too_long_is_shown_by_its_beginning(check, value, sentence):
    with pytest.raises(BluegreenError) as refusal:
        check("option", value)
    assert refusal.value.message == f"option is {repr(value)[:200]}…, but {sentence}"
