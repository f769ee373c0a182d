# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""meta/argument_specs.yml of the role is the one description of its variables; everything else has to agree with it."""

from __future__ import annotations

import ast
import glob
import os
import re

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.smallfleet.bluegreen.plugins.doc_fragments import _deployment, _settings as _settings_fragment
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module.settings import SETTINGS_OPTIONS
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import stop as workers_stop
from ansible_collections.smallfleet.bluegreen.plugins.modules import bg_deployment

ROOT = os.path.join(os.path.dirname(__file__), "..", "..", "..")
ROLE = os.path.join(ROOT, "roles", "bluegreen")

# What defaults/main.yml makes of another variable, and the specification says in words.
DERIVED = {"bluegreen_projects", "bluegreen_release_file"}
# What has no default, because the role then asks the host.
ASKED = {"bluegreen_worker_stop_timeout"}
# Statistics for AWX, which nobody sets.
STATISTICS = {"bluegreen_pending", "bluegreen_status"}


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as source:
        return source.read()


SPECS = yaml.safe_load(read(ROLE, "meta", "argument_specs.yml"))["argument_specs"]
OPTIONS = SPECS["main"]["options"]
DEFAULTS = yaml.safe_load(read(ROLE, "defaults", "main.yml"))
PREPARE_SPECS = yaml.safe_load(read(ROOT, "roles", "bluegreen_prepare", "meta", "argument_specs.yml"))["argument_specs"]
PREPARE = PREPARE_SPECS["main"]


def files(*patterns):
    found = [path for pattern in patterns for path in glob.glob(os.path.join(ROOT, pattern), recursive=True)]
    return sorted(os.path.relpath(path, ROOT) for path in found if os.path.isfile(path))


@pytest.mark.parametrize("name", sorted(set(OPTIONS) | set(DEFAULTS)))
def test_defaults_are_those_of_the_specification(name):
    assert name in OPTIONS, "defaults/main.yml has it, and meta/argument_specs.yml does not describe it"
    option = OPTIONS[name]
    if name in DERIVED:
        assert name in DEFAULTS and "default" not in option and not option.get("required")
    elif option.get("required") or name in ASKED:
        assert name not in DEFAULTS and "default" not in option
    else:
        assert DEFAULTS[name] == option["default"]


def test_defaults_pass_the_specification():
    required = {"bluegreen_app": "shop", "bluegreen_project_src": "/srv/shop"}
    assert ArgumentSpecValidator(OPTIONS).validate({**DEFAULTS, **required}).error_messages == []


def test_every_entry_point_is_described_with_the_same_options():
    assert all(spec["options"] == OPTIONS for spec in SPECS.values())
    assert all(spec["short_description"] and spec["description"] for spec in SPECS.values())
    entry_points = {os.path.basename(path)[:-4] for path in files("roles/bluegreen/tasks/*.yml")}
    # Beside them are the parts that only another task file includes.
    included = set(re.findall(r"(?:include|import)_tasks: (\w+)\.yml", "".join(map(role_text, entry_points))))
    assert set(SPECS) <= entry_points
    assert entry_points - set(SPECS) <= included


def role_text(entry_point):
    return read(ROLE, "tasks", f"{entry_point}.yml")


def described(options, prefix=""):
    for name, option in options.items():
        yield prefix + name, option
        yield from described(option.get("options") or {}, f"{prefix}{name}.")


@pytest.mark.parametrize("name, option", list(described(OPTIONS)), ids=[name for name, dummy in described(OPTIONS)])
def test_every_variable_is_described(name, option):
    text = option["description"] if isinstance(option["description"], str) else " ".join(option["description"])
    assert len(text) > 15 and option["type"]
    if option["type"] == "list":
        assert option["elements"]


@pytest.mark.parametrize(
    "path",
    files(
        "roles/bluegreen/**/*.yml",
        "playbooks/*.yml",
        "inventory.example/**/*",
        "README.md",
        "docs/*.md",
        "docs/results/what-works.md",
        "demo/**/*.yml",
    ),
)
def test_every_variable_that_is_used_is_described(path):
    # Names of the role's own begin with _bluegreen_; what ends with _ is the beginning of several.
    used = set(re.findall(r"(?<![\w.@/-])bluegreen_[a-z_]*[a-z](?![\w*{-])", read(ROOT, path)))
    known = set(OPTIONS) | set(PREPARE["options"]) | STATISTICS | {"bluegreen_prepare"}
    assert used <= known


USED_IN = ("roles/bluegreen/tasks/**/*.yml", "roles/bluegreen/vars/*.yml", "playbooks/*", "plugins/lookup/*.py")


def test_every_variable_is_used():
    text = "".join(read(ROOT, path) for path in files(*USED_IN))
    # Read by the user's own templates.
    unused = {"bluegreen_color", "bluegreen_port"}
    assert {name for name in OPTIONS if not re.search(rf"\b{name}\b", text)} <= unused


@pytest.mark.parametrize("path", files("playbooks/*.yml"))
def test_what_a_play_needs_before_the_role_is_there_has_the_same_default(path):
    # hosts, serial and strategy are templated without the role's defaults.
    for name, default in re.findall(r"(bluegreen_\w+)\s*\| default\(('.*?'|\[.*?\])\)", read(ROOT, path)):
        options = OPTIONS if name in OPTIONS else PREPARE["options"]
        assert ast.literal_eval(default) == options[name]["default"]


# The modules say the same


def test_choices_are_those_of_the_modules():
    for name, choices in [
        ("bluegreen_worker_on_timeout", list(workers_stop.ON_TIMEOUT)),
        ("bluegreen_broker", SETTINGS_OPTIONS["broker"]["options"]["mode"]["choices"]),
    ]:
        assert OPTIONS[name]["choices"] == choices


@pytest.mark.parametrize(
    "name, path",
    [
        ("bluegreen_pull", ["pull"]),
        ("bluegreen_init_before_stop", ["init_before_stop"]),
        ("bluegreen_old_color", ["old_color"]),
        ("bluegreen_drain_timeout", ["drain_timeout"]),
        ("bluegreen_revert_after", ["revert_after"]),
        ("bluegreen_remove_volumes", ["remove_volumes"]),
        ("bluegreen_keep_images", ["keep_images"]),
        ("bluegreen_worker_on_timeout", ["workers", "on_timeout"]),
        ("bluegreen_web_services", ["services", "web"]),
        ("bluegreen_support_services", ["services", "support"]),
        ("bluegreen_worker_services", ["services", "workers"]),
        ("bluegreen_init_services", ["services", "init"]),
        ("bluegreen_ignored_services", ["services", "ignored"]),
        ("bluegreen_public_url", ["nginx", "public_url"]),
        ("bluegreen_public_validate_certs", ["nginx", "validate_certs"]),
        ("bluegreen_nginx_backup", ["nginx", "backup"]),
        ("bluegreen_broker", ["broker", "mode"]),
        ("bluegreen_broker_service", ["broker", "service"]),
        *((f"bluegreen_health_{each}", ["health", each]) for each in ("path", "host", "status", "timeout", "interval")),
        *((f"bluegreen_health_{each}", ["health", each]) for each in ("successes", "deadline")),
    ],
)
def test_types_defaults_and_choices_are_those_of_bg_deployment(name, path):
    options = yaml.safe_load(bg_deployment.DOCUMENTATION)["options"]
    options.update({**documented(_settings_fragment), **documented(_deployment)})
    for step in path[:-1]:
        options = options[step]["suboptions"]
    option = options[path[-1]]
    described = OPTIONS[name]
    assert (described["type"], described["default"]) == (option["type"], option["default"])
    assert described.get("choices") == option.get("choices")
    assert described.get("elements") == option.get("elements")


def documented(fragment):
    return yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"]
