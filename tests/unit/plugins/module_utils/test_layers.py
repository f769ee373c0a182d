# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module utils import from lower layers only, and no two files need each other."""

from __future__ import annotations

import ast
import pathlib

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _errors

ROOT = pathlib.Path(_errors.__file__).parent
SOURCES = sorted(path for path in ROOT.rglob("*.py"))

# From the bottom up; each layer may import from those above it in this list, and from itself within one folder.
LAYERS = (
    ("_process", "_words"),
    ("_errors", "_commands", "_progress", "_redact", "_celery"),
    ("_validation", "_linux"),
    ("_docker", "_http", "_install"),
    ("_host", "_resources"),
    ("_broker", "_journal", "_module"),
    ("_program", "_settings", "_snapshot", "_workers"),
    ("_compose", "_health"),
    ("_nginx",),
    ("_deployment",),
    ("_recovery",),
    ("_guard", "_steps"),
)
LAYER_OF = {name: number for number, names in enumerate(LAYERS) for name in names}


def module_of(path):
    return path.relative_to(ROOT).with_suffix("").parts


def imports_of(path):
    """The modules that a file imports while it runs, as tuples of names below module_utils, with the line.

    What stands under TYPE_CHECKING is only named, so that Ansible sends it to the host.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    only_named = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.level or id(node) in only_named:
            continue
        folder = (*module_of(path)[: -node.level], *(node.module.split(".") if node.module else ()))
        for alias in node.names:
            whole = (*folder, alias.name)
            yield (whole if ROOT.joinpath(*whole).with_suffix(".py").exists() else folder), node.lineno


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: "/".join(module_of(path)))
def test_it_imports_from_lower_layers_only(path):
    own = module_of(path)[0]
    for imported, line in imports_of(path):
        other = imported[0]
        assert other == own or LAYER_OF[other] < LAYER_OF[own], f"line {line} imports {'.'.join(imported)}"


def test_every_folder_and_file_has_a_layer():
    assert {module_of(path)[0] for path in SOURCES} == set(LAYER_OF)


def test_no_file_needs_one_that_needs_it():
    needs = {module_of(path): {imported for imported, dummy in imports_of(path)} for path in SOURCES}
    while needs:
        free = {module for module, others in needs.items() if not others & needs.keys()}
        assert free, f"these import each other in a circle: {sorted('.'.join(module) for module in needs)}"
        needs = {module: others for module, others in needs.items() if module not in free}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: "/".join(module_of(path)))
def test_it_names_its_own_kind_relatively(path):
    assert "ansible_collections.smallfleet" not in path.read_text(encoding="utf-8")
