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

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _settings
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import upstream_text

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
    assert written == upstream_text.render("shop", None, servers)


def test_the_upstream_file_follows_ports_servers_and_name():
    ports = {"blue": 8001, "green": 8002}
    variables = {"bluegreen_app": "shop", "bluegreen_ports": ports, "bluegreen_nginx_upstream": "web"}
    servers = {"blue": "127.0.0.1:8001", "green": "127.0.0.1:8002"}
    template = load("bluegreen_prepare", "templates", "upstream.conf.j2")
    assert render(template, variables) == upstream_text.render("web", None, servers)
    variables["bluegreen_nginx_servers"] = servers = {"blue": "web-blue:8000", "green": "web-green:8000"}
    assert render(template, variables) == upstream_text.render("web", None, servers)


NAMED = {"blue": "web-blue:80", "green": "web-green:80"}


@pytest.mark.parametrize("live", ["blue", "green"])
@pytest.mark.parametrize(
    "given, servers",
    [
        ({}, {"blue": "127.0.0.1:18001", "green": "127.0.0.1:18002"}),
        ({"bluegreen_ports": {"blue": 8000, "green": 8001}}, {"blue": "127.0.0.1:8000", "green": "127.0.0.1:8001"}),
        ({"bluegreen_nginx_servers": NAMED}, NAMED),
    ],
)
def test_the_upstream_file_of_an_app_that_runs_is_what_bg_switch_would_write(live, given, servers):
    template = load("bluegreen_prepare", "templates", "upstream.conf.j2")
    variables = {"bluegreen_app": "shop", "_bluegreen_prepare_live": live, **given}
    assert render(template, variables) == upstream_text.render("shop", live, servers)


def test_the_file_is_where_the_role_bluegreen_looks_for_it():
    defaults = yaml.safe_load(load("bluegreen", "defaults", "main.yml"))
    expected = jinja2.Template(defaults["bluegreen_nginx_file"]).render(bluegreen_app="shop")
    assert render("{{ _bluegreen_prepare_upstream_file }}", {"bluegreen_app": "shop"}) == expected
    assert defaults["bluegreen_ports"] == _settings.DEFAULT_PORTS


@pytest.mark.parametrize(
    "variables, web",
    [
        ({}, ""),
        ({"bluegreen_web_services": "auto"}, ""),
        ({"bluegreen_web_services": ["auto"]}, ""),
        ({"bluegreen_web_services": ["site", "admin"]}, "site"),
    ],
)
def test_the_web_that_may_run_already_is_the_one_that_is_listed(variables, web):
    own = yaml.safe_load(load("bluegreen_prepare", "vars", "main.yml"))
    assert render(own["_bluegreen_prepare_running_arguments"][3], {"bluegreen_app": "shop", **variables}) == web


def test_defaults_are_those_of_the_argument_specification():
    spec = yaml.safe_load(load("bluegreen_prepare", "meta", "argument_specs.yml"))["argument_specs"]["main"]["options"]
    described = {name: option["default"] for name, option in spec.items() if "default" in option}
    assert yaml.safe_load(load("bluegreen_prepare", "defaults", "main.yml")) == described


def checked(name):
    """The checks of a list of the role: ``(check, option)`` of each."""
    own = yaml.safe_load(load("bluegreen_prepare", "vars", "main.yml"))
    return [re.search(r"value_refusal\('(\w+)', '([\w.]+)'\)", each).groups() for each in own[name]]


def test_each_value_that_is_written_for_nginx_is_checked():
    assert checked("_bluegreen_prepare_nginx_checks") == [
        ("app", "bluegreen_app"),
        ("upstream", "bluegreen_nginx_upstream"),
        ("nginx_file", "bluegreen_nginx_file"),
        ("port", "bluegreen_ports.blue"),
        ("port", "bluegreen_ports.green"),
        ("server", "bluegreen_nginx_servers.blue"),
        ("server", "bluegreen_nginx_servers.green"),
        ("container", "bluegreen_nginx_container"),
        ("server_name", "bluegreen_prepare_server_name"),
        ("listen", "bluegreen_prepare_listen"),
    ]


def test_each_value_that_is_written_for_apt_is_checked():
    assert checked("_bluegreen_prepare_apt_checks") == [
        ("repository", "bluegreen_prepare_docker_url"),
        ("repository_key", "bluegreen_prepare_docker_key"),
    ]


@pytest.mark.parametrize(
    "engine, compose, sentence",
    [
        ("", "2.30.0", "Docker Engine does not answer on this host: start it"),
        ("19.3", "2.30.0", "Docker Engine is 19.3 on this host, but 20.10 or later is needed: upgrade it"),
        ("28.0.1", "", "Docker Compose does not answer on this host: look at what docker compose version prints"),
        ("28.0.1", "2.30.0", ""),
    ],
)
def test_a_version_that_is_missing_or_too_old_is_one_sentence(engine, compose, sentence):
    environment = jinja2.Environment()
    # As Ansible's own test: it fails for an empty value.
    environment.tests["version"] = lambda has, oldest, _by: [*map(int, has.split("."))] >= [*map(int, oldest.split("."))]
    own = yaml.safe_load(load("bluegreen_prepare", "vars", "main.yml"))
    (task,) = yaml.safe_load(load("bluegreen_prepare", "tasks", "versions.yml"))
    check = task["ansible.builtin.assert"]
    found = {**own, "_bluegreen_prepare_host": {"engine": engine, "compose": compose}}
    said = []
    for each in task["loop"]:
        item = {key: environment.from_string(value).render(found) for key, value in each.items()}
        if not environment.compile_expression(check["that"])(item=item):
            said.append(environment.from_string(check["fail_msg"]).render(item=item))
    assert [each[: len(sentence)] for each in said] == ([sentence] if sentence else [])
