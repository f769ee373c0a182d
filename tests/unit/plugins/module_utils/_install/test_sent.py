# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module has all of its code, although Ansible sends only a few files of it."""

from __future__ import annotations

import ast
import importlib.util
import io
import json
import os
import pathlib
import subprocess
import sys
import zipfile

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install import program as host_program, seal, sent
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install.sources import PACKAGE, sources

PYTHON = os.path.realpath(sys.executable)
FOLDER = PACKAGE.replace(".", "/")
# What these import is what Ansible sends, but for the file that imports Ansible.
SENT = ("_install/sent.py", "_module/outcome.py", "_steps/bg_deployment.py", "_steps/bg_program.py")

# Does what a module does, and tells about it.
MODULE = """\
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
from {package}._install import sent
sent.receive(sys.stdin.read())
{then}
"""
IMPORT_ALL = """\
from {package}._install.sources import sources
found = {{path: importlib.import_module("{package}." + path[:-3].replace("/", ".")) for path in sources()}}
print(json.dumps({{path: type(module.__loader__).__name__ for path, module in found.items()}}))
"""
PACK = """\
from {package}._install import program, seal, sources
modules = sources.sources()
sys.stdout.buffer.write(program.pack(sys.executable, modules, seal.code_of(modules)))
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The few files as Ansible sends them, and their paths."""
    texts = sources()
    paths, todo = set(), list(SENT)
    while todo:
        path = todo.pop()
        if path not in paths:
            paths.add(path)
            todo += [name for name in imported(path, texts[path]) if name in texts]
    archive = tmp_path_factory.mktemp("sent") / "module.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for folder in {str(folder) for path in paths for folder in pathlib.PurePath(FOLDER, path).parents} - {"."}:
            opened.writestr(f"{folder}/__init__.py", "")
        for path in paths:
            opened.writestr(f"{FOLDER}/{path}", texts[path])
    return archive, paths


def imported(path, text):
    """What a module util may import, as Ansible reads it: also in functions and for types."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = "/".join([*path.split("/")[:-1][: 2 - node.level], *(node.module or "").split(".")]).strip("/")
            yield f"{folder}.py"
            yield from (f"{folder}/{alias.name}.py".lstrip("/") for alias in node.names)


def ran(archive, then, given=None):
    program = MODULE.format(package=PACKAGE, then=then.format(package=PACKAGE))
    return subprocess.run(
        [PYTHON, "-I", "-S", "-c", program, str(archive)],
        input=(given or sent.pack(sources())).encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
    )


def sources_in(content):
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        return {name: opened.read(name) for name in opened.namelist() if name.endswith(".py")}


def test_ansible_sends_a_few_files_only(archive):
    assert 10 < len(archive[1]) < 25


def test_every_other_file_is_imported_from_the_option(archive):
    done = ran(archive[0], IMPORT_ALL)
    assert done.stderr == b""
    assert json.loads(done.stdout) == {
        path: "zipimporter" if path in archive[1] else "_Finder" for path in sources()
    }


def test_the_program_is_made_of_all_of_them(archive):
    done = ran(archive[0], PACK)
    assert done.stderr == b""
    assert sources_in(done.stdout) == sources_in(host_program.pack(PYTHON, sources(), seal.code_of(sources())))
    assert seal.is_made_of(done.stdout, PYTHON, seal.code_of(sources()), importlib.util.MAGIC_NUMBER)


def test_a_file_that_is_nowhere_is_missing_as_usual(archive):
    done = ran(archive[0], "import {package}._nginx.nothing")
    assert f"ModuleNotFoundError: No module named '{PACKAGE}._nginx.nothing'" in done.stderr.decode()


def test_a_traceback_names_file_and_line(archive):
    texts = {**sources(), "_nginx/switch.py": "\n\nraise ValueError('here')\n"}
    done = ran(archive[0], "import {package}._nginx.switch", sent.pack(texts))
    told = done.stderr.decode()
    assert 'File "module_utils/_nginx/switch.py", line 3' in told and told.endswith("ValueError: here\n")


def test_it_is_the_same_text_each_time():
    texts = sources()
    assert sent.pack(texts) == sent.pack(dict(reversed(list(texts.items()))))
