# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role bluegreen_prepare says twice, once for Ansible and once for the modules, has to be the same."""

from __future__ import annotations

import os
import re

import jinja2
import pytest
import yaml

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _settings, _validation
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import upstream

ROLES = os.path.join(os.path.dirname(__file__), "..", "..", "..", "roles")


def load(*path):
    with open(os.path.join(ROLES, *path), encoding="utf-8") as source:
        return source.read()


def render(template, variables):
    """Render with the role's own variables, whose values are templates themselves."""
    environment = jinja2.Environment(keep_trailing_newline=True, trim_blocks=True)
    environment.filters["dirname"] = os.path.dirname
    own = yaml.safe_load(load("bluegreen_prepare", "vars", "main.yml"))
    values = {"_bluegreen_prepare_live": "", **variables}
    for name in ("upstream", "upstream_file", "blue_port", "green_port", "blue_server", "green_server"):
        values[f"_bluegreen_prepare_{name}"] = environment.from_string(own[f"_bluegreen_prepare_{name}"]).render(values)
    return environment.from_string(template).render(values)


def test_the_upstream_file_is_what_bg_switch_would_write_without_a_live_color():
    written = render(load("bluegreen_prepare", "templates", "upstream.conf.j2"), {"bluegreen_app": "shop"})
    servers = {color: f"127.0.0.1:{port}" for color, port in _settings.DEFAULT_PORTS.items()}
    assert written == upstream.render("shop", None, servers)


def test_the_upstream_file_follows_ports_servers_and_name():
    variables = {"bluegreen_app": "shop", "bluegreen_ports": {"blue": 8001, "green": 8002}, "bluegreen_nginx_upstream": "web"}
    servers = {"blue": "127.0.0.1:8001", "green": "127.0.0.1:8002"}
    template = load("bluegreen_prepare", "templates", "upstream.conf.j2")
    assert render(template, variables) == upstream.render("web", None, servers)
    variables["bluegreen_nginx_servers"] = servers = {"blue": "web-blue:8000", "green": "web-green:8000"}
    assert render(template, variables) == upstream.render("web", None, servers)


@pytest.mark.parametrize("live", ["blue", "green"])
@pytest.mark.parametrize(
    "given, servers",
    [
        ({}, {"blue": "127.0.0.1:18001", "green": "127.0.0.1:18002"}),
        ({"bluegreen_ports": {"blue": 8000, "green": 8001}}, {"blue": "127.0.0.1:8000", "green": "127.0.0.1:8001"}),
        ({"bluegreen_nginx_servers": {"blue": "web-blue:80", "green": "web-green:80"}}, {"blue": "web-blue:80", "green": "web-green:80"}),
    ],
)
def test_the_upstream_file_of_an_app_that_runs_is_what_bg_switch_would_write(live, given, servers):
    template = load("bluegreen_prepare", "templates", "upstream.conf.j2")
    variables = {"bluegreen_app": "shop", "_bluegreen_prepare_live": live, **given}
    assert render(template, variables) == upstream.render("shop", live, servers)


def test_the_file_is_where_the_role_bluegreen_looks_for_it():
    defaults = yaml.safe_load(load("bluegreen", "defaults", "main.yml"))
    expected = jinja2.Template(defaults["bluegreen_nginx_file"]).render(bluegreen_app="shop")
    assert render("{{ _bluegreen_prepare_upstream_file }}", {"bluegreen_app": "shop"}) == expected
    assert defaults["bluegreen_ports"] == _settings.DEFAULT_PORTS


def test_defaults_are_those_of_the_argument_specification():
    spec = yaml.safe_load(load("bluegreen_prepare", "meta", "argument_specs.yml"))["argument_specs"]["main"]["options"]
    described = {name: option["default"] for name, option in spec.items() if "default" in option}
    assert yaml.safe_load(load("bluegreen_prepare", "defaults", "main.yml")) == described


def accepts(check, *arguments):
    try:
        check(*arguments)
    except BluegreenError:
        return False
    return True


@pytest.mark.parametrize(
    "name", ["shop", "a", "shop-2_x", "a" * 48, "a" * 49, "", "Shop", "2shop", "localhost", "localhosts", "a b", "a;b", "a\n"]
)
def test_names_are_accepted_where_the_modules_accept_them(name):
    grammar = yaml.safe_load(load("bluegreen_prepare", "vars", "main.yml"))["_bluegreen_prepare_name"]
    assert bool(re.match(grammar, name)) is accepts(_validation.check_upstream, "bluegreen_nginx_upstream", name)


@pytest.mark.parametrize(
    "path",
    ["/etc/nginx/conf.d/a.conf", "/a.conf", "a.conf", "/etc/../a.conf", "/etc/a b.conf", "/etc/a;.conf", "/etc//a.conf", ""],
)
def test_paths_are_accepted_where_the_modules_accept_them(path):
    written = yaml.safe_load(load("bluegreen_prepare", "vars", "main.yml"))["_bluegreen_prepare_written"]
    (grammar,) = [each["grammar"] for each in written if each["option"] == "bluegreen_nginx_file"]
    assert bool(re.match(grammar, path)) is accepts(_validation.check_path, "bluegreen_nginx_file", path)


def grammar_of(option, table="_bluegreen_prepare_written"):
    own = yaml.safe_load(load("bluegreen_prepare", "vars", "main.yml"))
    (grammar,) = [each["grammar"] for each in own[table] if each["option"].startswith(option)]
    return jinja2.Template(grammar).render(own)


@pytest.mark.parametrize(
    "server",
    [
        *("127.0.0.1:18001", "[::1]:8001", "web-blue:80", "web-blue:", ":80", "localhost:80", "10.0.0.5:80", "127.0.0.1:80;"),
        *("web\n:80", "web:80\n", "web blue:80", "127.0.0.1:\u0661\u0662\u0663\u0664", "127.0.0.1:\uff18\uff10\uff18\uff10", ""),
    ],
)
def test_servers_are_accepted_where_the_modules_accept_them(server):
    grammar = grammar_of("the port of blue")
    assert bool(re.match(grammar, server)) is accepts(_validation.check_server, "bluegreen_nginx_servers.blue", server)


@pytest.mark.parametrize("container", ["", "nginx", "proxy_1.a", "--privileged", "-it", "a b", "1web", "nginx\n", "a/b"])
def test_containers_are_accepted_where_the_modules_accept_them(container):
    grammar = grammar_of("bluegreen_nginx_container")
    assert bool(re.match(grammar, container)) is accepts(_validation.check_container, "bluegreen_nginx_container", container)


LISTEN = ["80", "80 default_server", "127.0.0.1:8080", "[::]:80, 80"]
BAD_LISTEN = ["", "80;", "80 ssl", "80\n", "\u0668\u0660", "\uff18\uff10", "unix:/x", "80, ", "80 default_server; }"]
NAMES = ["", "shop.example.org", "*.example.org www"]
BAD_NAMES = ["a;b", "a{", "a\n", "\u00e9", "$host", "~^(.*)$", "a\tb"]


@pytest.mark.parametrize(
    "option, value, good",
    [
        *(("bluegreen_prepare_listen", value, True) for value in LISTEN),
        *(("bluegreen_prepare_listen", value, False) for value in BAD_LISTEN),
        *(("bluegreen_prepare_server_name", value, True) for value in NAMES),
        *(("bluegreen_prepare_server_name", value, False) for value in BAD_NAMES),
    ],
)
def test_what_the_server_block_says(option, value, good):
    assert bool(re.match(grammar_of(option), value)) is good


@pytest.mark.parametrize("option", ["bluegreen_prepare_docker_url", "bluegreen_prepare_docker_key"])
@pytest.mark.parametrize(
    "url, good",
    [
        ("https://download.docker.com/linux", True),
        ("http://10.0.0.5:8080/a~b/%7E", True),
        ("https://a/\nTrusted: yes", False),
        ("https://a/ [trusted=yes]", False),
        ("file:///etc", False),
        ("https://a/\n", False),
    ],
)
def test_what_is_written_for_apt(option, url, good):
    assert bool(re.match(grammar_of(option, "_bluegreen_prepare_fetched"), url)) is good


def test_only_the_key_of_dockers_repository_may_be_left_open():
    assert re.match(grammar_of("bluegreen_prepare_docker_key", "_bluegreen_prepare_fetched"), "")
    assert not re.match(grammar_of("bluegreen_prepare_docker_url", "_bluegreen_prepare_fetched"), "")
