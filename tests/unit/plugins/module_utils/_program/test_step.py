# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import zipfile

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install import program as host_program, seal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install.sources import sources
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._program import step as program_step

PYTHON = os.path.realpath(sys.executable)
PLUGINS = pathlib.Path(program_step.__file__).parents[2]
REQUEST = {
    "name": "smallfleet.bluegreen.bg_health",
    "check_mode": False,
    "no_log": False,
    "seconds": 10,
    "params": {
        "app": "shop",
        "deployment_id": "",
        "epoch": 0,
        "docker_host": "unix:///nowhere.sock",
        "url": "http://127.0.0.1:9/",
        "host": "",
        "status": [200],
        "timeout": 0.1,
        "interval": 0.1,
        "successes": 1,
        "deadline": 0.1,
        "project": "",
        "services": None,
        "validate_certs": True,
    },
}


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The program, on a host that is this one."""
    folder = tmp_path_factory.mktemp("shop")
    folder.chmod(0o750)
    path = folder / "guard.pyz"
    modules = sources()
    path.write_bytes(host_program.pack(PYTHON, modules, seal.code_of(modules)))
    path.chmod(0o750)
    return path


def asked(program, code=None, **more):
    given = {"input": json.dumps(REQUEST), **more}
    return subprocess.run(
        [program, "step", "bg_health", code or seal.code_of(sources())],
        capture_output=True,
        text=True,
        check=False,
        **given,
    )


def test_it_does_what_the_module_does(program):
    done = asked(program)
    begun, answer = done.stdout.splitlines()
    assert (done.returncode, begun, done.stderr) == (0, seal.BEGUN, "")
    result = json.loads(answer)["result"]
    assert result["failed"] and result["msg"].startswith("http://127.0.0.1:9/ did not become healthy within 0.1 s")
    assert result["invocation"]["module_args"] == REQUEST["params"]


@pytest.mark.parametrize("code", ["0" * 64, "short"])
def test_another_code_is_not_done(program, code):
    done = asked(program, code)
    assert (done.returncode, done.stdout) == (seal.NOT_THIS_ONE, f"{program} is of another version, or damaged.\n")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"params": {}}'])
def test_what_is_no_request_begins_nothing(program, text):
    done = asked(program, input=text)
    assert done.returncode != 0 and seal.BEGUN not in done.stdout


def test_a_module_that_there_is_not_begins_nothing(program):
    done = subprocess.run(
        [program, "step", "bg_nothing", seal.code_of(sources())],
        input=json.dumps(REQUEST),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0 and seal.BEGUN not in done.stdout


def packed(program, monkeypatch, text, magic=importlib.util.MAGIC_NUMBER):
    """What a program prints whose guard has this text, and this bytecode for Python of this version."""
    compiled = magic + host_program._bytecode("_guard/main.py", "def main(argv, code):\n    print('bytecode')\n")[4:]
    real = host_program._bytecode
    monkeypatch.setattr(
        host_program, "_bytecode", lambda name, text: compiled if "_guard/main.py" in name else real(name, text)
    )
    path = program.parent / "other.pyz"
    path.write_bytes(host_program.pack(PYTHON, {**sources(), "_guard/main.py": text}, "c" * 64))
    return subprocess.run([PYTHON, "-I", path, "guard"], capture_output=True, text=True, check=False).stdout


def test_a_run_does_not_read_the_source(program, monkeypatch):
    assert packed(program, monkeypatch, "this is not Python") == "bytecode\n"


def test_another_python_runs_the_source(program, monkeypatch):
    """A host may be upgraded while the guard waits for the approval."""
    text = "def main(argv, code):\n    print('source')\n"
    assert packed(program, monkeypatch, text, magic=b"\x00\x0d\x0d\x0a") == "source\n"


def test_bytecode_is_not_compressed(program):
    with zipfile.ZipFile(program) as archive:
        kinds = {each.compress_type for each in archive.infolist() if each.filename.endswith(".pyc")}
    assert kinds == {zipfile.ZIP_STORED}


@pytest.mark.parametrize("name", sorted(path.stem for path in PLUGINS.glob("module_utils/_steps/bg_*.py")))
def test_each_module_is_a_step(name):
    assert callable(program_step.spec_of(name).act)
    assert (PLUGINS / f"modules/{name}.py").exists() and (PLUGINS / f"action/{name}.py").exists()
    root = PLUGINS.parent
    assert f"    - {name}\n" in (root / "meta/runtime.yml").read_text(encoding="utf-8")
    called = "".join(playbook.read_text(encoding="utf-8") for playbook in root.glob("tests/system/program/*.yml"))
    assert f"smallfleet.bluegreen.{name}:" in called


def test_the_hosts_log_tells_who_ran_with_what_and_no_secret(monkeypatch):
    logged = []
    monkeypatch.setattr(program_step.syslog, "syslog", lambda level, line: logged.append(line))
    monkeypatch.setattr(program_step.syslog, "openlog", lambda *given: logged.append(given[0]))
    program_step._log(
        "smallfleet.bluegreen.bg_start",
        {"project": "shop", "app": "shop", "broker": {"url": "redis://:pw@r"}},
        {"redis://:pw@r"},
    )
    assert logged == [
        "ansible-smallfleet.bluegreen.bg_start",
        "Invoked with app=shop broker={'url': '********'} project=shop",
    ]
