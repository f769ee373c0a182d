# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ast
import pathlib

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install.sources import sources
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module.late import Late
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._program.step import spec_of
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils import _code

SOURCES = sources()
STEPS = {
    name: f"{act.module.replace('.', '/')}.py"
    for name in sorted(path[len("_steps/"):-len(".py")] for path in SOURCES if path.startswith("_steps/bg_"))
    for act in [spec_of(name).act]
    if isinstance(act, Late)
}


def imports_of(path, types):
    """The files that a file imports, as Python reads it.

    :param types: whether also those that it imports for types only.
    """
    tree = ast.parse(SOURCES[path])
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level and (types or node not in for_types):
            folder = path.split("/")[:-1][: 2 - node.level] + (node.module or "").split(".")
            for name in (None, *(alias.name for alias in node.names)):
                found = "/".join(part for part in (*folder, name) if part) + ".py"
                if found in SOURCES:
                    yield found


def sent_by_ansible(name):
    found, todo = set(), [f"_steps/{name}.py", "_install/sent.py", "_module/outcome.py"]
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += imports_of(path, types=True)
    return found


@pytest.mark.parametrize("path", SOURCES)
def test_imports_are_read_as_python_reads_them(path):
    assert set(_code.imported(path, SOURCES[path])) & set(SOURCES) == set(imports_of(path, types=True))


def test_the_file_that_imports_ansible_needs_no_other_files():
    path = "_module/run.py"
    text = (pathlib.Path(_code.__file__).parents[1] / "module_utils" / path).read_text(encoding="utf-8")
    assert set(_code.imported(path, text)) & set(SOURCES) <= sent_by_ansible("bg_info")


@pytest.mark.parametrize("name", STEPS)
def test_a_module_gets_all_that_it_imports(name):
    given = _code.code_for(f"_steps/{name}.py", STEPS[name], SOURCES)
    there = set(given) | sent_by_ansible(name)
    assert STEPS[name] in there
    assert {each for path in there for each in imports_of(path, types=False)} <= there
    assert all(given[path] == SOURCES[path] for path in given)


def test_only_modules_that_install_the_program_get_all_of_it():
    whole = {name for name, step in STEPS.items() if _code.code_for(f"_steps/{name}.py", step, SOURCES) == SOURCES}
    assert whole == {"bg_deployment", "bg_program"}


@pytest.mark.parametrize("name", sorted(STEPS.keys() - {"bg_deployment", "bg_program"}))
def test_no_file_is_sent_twice(name):
    given = _code.code_for(f"_steps/{name}.py", STEPS[name], SOURCES)
    assert not given.keys() & sent_by_ansible(name)


def test_what_is_imported_for_types_only_is_left_out():
    texts = {
        "_steps/bg_x.py": "",
        "_steps/x.py": "if TYPE_CHECKING:\n    from .._a import (\n        b,\n    )\n\nfrom .._a.c import f\n",
        "_a/b.py": "",
        "_a/c.py": "def f():\n    from . import d\n",
        "_a/d.py": "",
        "_a/e.py": "",
    }
    assert sorted(_code.code_for("_steps/bg_x.py", "_steps/x.py", texts)) == ["_a/c.py", "_a/d.py", "_steps/x.py"]
