# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    config as nginx_config,
    dump as nginx_dump,
)


def words(statements):
    return [(s.words, words(s.block)) if s.block is not None else s.words for s in statements]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", []),
        ("# only a comment", []),
        ("user www-data;", [["user", "www-data"]]),
        ("a 'b c' \"d;e\";", [["a", "b c", "d;e"]]),
        ("a b#c;", [["a", "b#c"]]),
        ("a b; # } c;\nd;", [["a", "b"], ["d"]]),
        ("http { server { listen 80; } }", [(["http"], [(["server"], [["listen", "80"]])])]),
        ("set $a ${b}c;", [["set", "$a", "${b}c"]]),
        (r"rewrite ^/a\;b$ /c;", [["rewrite", r"^/a\;b$", "/c"]]),
        ("location ~ ^/[0-9]{1,3}$ { }", None),
        ('location ~ "^/[0-9]{1,3}$" { }', [(["location", "~", "^/[0-9]{1,3}$"], [])]),
        ("a;\r\nb;\r\n", [["a"], ["b"]]),
        (
            "content_by_lua_block { if x then return { 1 } end -- it's; }\n } after;",
            None,
        ),
        (
            "location / { content_by_lua_block { local t = { 'proxy_pass' } } proxy_pass http://shop; }",
            [(["location", "/"], [(["content_by_lua_block"], []), ["proxy_pass", "http://shop"]])],
        ),
    ],
)
def test_parse(text, expected):
    if expected is None:
        with pytest.raises(nginx_config.ConfigError):
            nginx_config.parse(text, "f")
    else:
        assert words(nginx_config.parse(text, "f")) == expected


@pytest.mark.parametrize("text", ["a", "a {", "}", ";", "a { b }", "a 'b;", "{ }", "\0\0\0"])
def test_text_that_is_not_configuration_is_refused_with_its_file(text):
    with pytest.raises(nginx_config.ConfigError, match="^/f(:1)? is not Nginx configuration, because .*: correct the"):
        nginx_config.parse(text, "/f")


def test_statements_know_their_line():
    found = nginx_config.parse("a;\n# x\nb {\n  c\n d;\n}\n", "/f")
    assert [statement.place for statement in nginx_config.walk(found)] == ["/f:1", "/f:3", "/f:4"]


DUMP = """# configuration file /etc/nginx/nginx.conf:
include modules/*.conf;
http {
    include /etc/nginx/conf.d/*.conf;
    include sites/*;
}

# configuration file /etc/nginx/conf.d/b.conf:
server { include snippets/pass.conf; }

# configuration file /etc/nginx/snippets/pass.conf:
location / { proxy_pass http://shop; }
# configuration file /etc/nginx/conf.d/a.conf:
upstream shop { server 127.0.0.1:18001; }

"""


def test_sections_are_the_files_as_they_are_on_the_disk():
    files = nginx_dump.sections(DUMP)
    assert list(files) == [
        "/etc/nginx/nginx.conf",
        "/etc/nginx/conf.d/b.conf",
        "/etc/nginx/snippets/pass.conf",
        "/etc/nginx/conf.d/a.conf",
    ]
    assert files["/etc/nginx/conf.d/a.conf"] == "upstream shop { server 127.0.0.1:18001; }\n"
    # A file may end without a newline.
    assert files["/etc/nginx/snippets/pass.conf"] == "location / { proxy_pass http://shop; }"


def test_a_comment_that_looks_like_an_announcement_is_noticed():
    with pytest.raises(nginx_config.ConfigError, match="shows /etc/nginx/conf.d/a.conf twice"):
        nginx_dump.sections(DUMP + "# configuration file /etc/nginx/conf.d/a.conf:\nupstream shop { }\n")


def test_includes_are_replaced_by_what_they_include():
    loaded = nginx_dump.load(nginx_dump.sections(DUMP))
    assert words(loaded) == [
        (
            ["http"],
            [
                (["upstream", "shop"], [["server", "127.0.0.1:18001"]]),
                (["server"], [(["location", "/"], [["proxy_pass", "http://shop"]])]),
            ],
        )
    ]
    assert nginx_config.http_statements(loaded)[1].place == "/etc/nginx/conf.d/b.conf:1"


def test_a_file_that_includes_itself_ends():
    assert words(nginx_dump.load({"/n.conf": "a; include n.conf;"})) == [["a"]]


@pytest.mark.parametrize(
    "pattern, expected",
    [
        ("/c/*.conf", ["/c/a.conf", "/c/b.conf"]),
        ("/c/*", ["/c/a.conf", "/c/b.conf", "/c/b.conf.bak"]),
        ("c/a.conf", ["/c/a.conf"]),
        ("/c/.*.conf", ["/c/.a.conf"]),
        ("/*/a.conf", ["/c/a.conf"]),
        ("/*.conf", []),
    ],
)
def test_wildcards_match_neither_slashes_nor_leading_dots(pattern, expected):
    paths = ["/c/b.conf", "/c/a.conf", "/c/.a.conf", "/c/b.conf.bak", "/c/d/e.conf"]
    assert nginx_dump.included(pattern, "/", paths) == expected


def test_each_statement_with_the_blocks_around_it():
    found = nginx_config.descend(nginx_config.parse("server { listen 80; location / { root /srv; } } user root;", "/f"))
    assert [(each.name, [block.name for block in blocks]) for each, blocks in found] == [
        ("server", []),
        ("listen", ["server"]),
        ("location", ["server"]),
        ("root", ["server", "location"]),
        ("user", []),
    ]


def test_servers_of_an_upstream_that_may_get_requests():
    (upstream,) = nginx_config.parse(
        "upstream a { zone a 64k; server a:1; server b:1 down; server c:1 weight=2 down; server d:1 backup; }", "/f"
    )
    assert [server.words[1] for server in nginx_config.servers(upstream)] == ["a:1", "d:1"]
