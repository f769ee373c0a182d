# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import io
import os
import pathlib
import subprocess
import sys
import zipfile

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Host
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install import (
    guard_units,
    program as host_program,
    seal,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install.sources import sources
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.files import Distrusted, StateFailure
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import record

DOCKER_HOST = "unix:///var/run/docker.sock"
PYTHON = os.path.realpath(sys.executable)
SOURCES = pathlib.Path(host_program.__file__).parents[1]
FOLDER = host_program.PACKAGE.replace(".", "/")

IMPORT_ALL = """\
import importlib, sys, zipfile
sys.path.insert(0, sys.argv[1])
for name in zipfile.ZipFile(sys.argv[1]).namelist():
    if name.startswith("ansible_collections/") and name.endswith(".py"):
        importlib.import_module(name[:-len(".py")].replace("/", "."))
print(sorted(name for name in sys.modules if name.split(".")[0] == "ansible"))
"""


class Installing:
    """A host whose guard is installed for real, but for the units.

    :ivar calls: the Python that was asked whether it is trusted, and what the units were installed with.
    """

    def __init__(self, monkeypatch, tmp_path):
        monkeypatch.setattr(guard_units, "RUNS_HERE", str(tmp_path))
        self.host = Host(DOCKER_HOST)
        self.store = Store("shop", self.host, root=str(tmp_path / "lib"), run_root=str(tmp_path / "run"))
        self.store.create()
        self.path = tmp_path / "lib" / "shop" / "guard.pyz"
        self.calls = []
        # The Python that runs these tests may be writable by its group.
        record(monkeypatch, self.calls, host_program, "require_trusted", lambda given: ("trusted", given["path"]))
        record(
            monkeypatch,
            self.calls,
            guard_units,
            "install",
            lambda given: ("units", given["python"], given["program"], given["nginx_file"]),
        )

    def install(self):
        return host_program.install(self.host, self.store, "/etc/nginx/conf.d/shop.conf")


@pytest.fixture
def installing(monkeypatch, tmp_path):
    return Installing(monkeypatch, tmp_path)


def packed():
    modules = sources()
    return host_program.pack(PYTHON, modules, seal.code_of(modules))


def sources_in(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name.endswith(".py")}


def names_in(content):
    return zipfile.ZipFile(io.BytesIO(content)).namelist()


def run(*arguments):
    return subprocess.run([sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


# The bytes


def test_all_of_the_module_utils_but_that_which_needs_ansible():
    expected = {f"{FOLDER}/{source.relative_to(SOURCES)}" for source in SOURCES.rglob("*.py")}
    expected.remove(f"{FOLDER}/_module/run.py")
    folders = {parent for path in expected for parent in pathlib.PurePath(path).parents}
    packages = {f"{folder}/__init__.py" for folder in folders - {pathlib.PurePath()}}
    with_source = expected | packages | {"__main__.py"}
    assert set(names_in(packed())) == with_source | {f"{name}c" for name in with_source}


def test_sources_are_packed_as_they_are():
    with zipfile.ZipFile(io.BytesIO(packed())) as archive:
        for name in ("_guard/main", "_journal/journal", "_settings"):
            assert archive.read(f"{FOLDER}/{name}.py") == (SOURCES / f"{name}.py").read_bytes()


def test_nothing_in_it_needs_ansible_or_any_other_package(tmp_path):
    (tmp_path / "guard.pyz").write_bytes(packed())
    done = run("-I", "-S", "-c", IMPORT_ALL, str(tmp_path / "guard.pyz"))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"[]\n", b"")


def test_it_runs_by_itself(tmp_path):
    (tmp_path / "guard.pyz").write_bytes(packed())
    done = run("-I", str(tmp_path / "guard.pyz"), "selftest", "shop", DOCKER_HOST)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


# Installing


def test_it_is_installed_after_it_has_run(installing):
    assert installing.install() is True
    assert sources_in(installing.path.read_bytes()) == sources_in(packed())
    assert installing.calls == [
        ("trusted", PYTHON),
        ("units", PYTHON, str(installing.path), "/etc/nginx/conf.d/shop.conf"),
    ]
    assert os.listdir(installing.store.folder) == ["guard.pyz"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_nobody_else_can_write_it(installing, umask):
    before = os.umask(umask)
    try:
        installing.install()
    finally:
        os.umask(before)
    assert installing.path.stat().st_mode & 0o027 == 0


def test_an_equal_program_is_left_alone(installing):
    installing.install()
    before = installing.path.stat()
    installing.calls.clear()
    assert installing.install() is True
    after = installing.path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    # The units may be gone all the same.
    assert [call[0] for call in installing.calls] == ["trusted", "units"]


def test_an_equal_program_that_cannot_be_run_is_replaced(installing):
    installing.install()
    installing.path.chmod(0o640)
    installing.install()
    assert os.access(installing.path, os.X_OK)


def test_the_program_of_another_release_is_replaced(installing):
    installing.path.write_bytes(b"an older program")
    (installing.path.parent / "guard.pyz.new").write_bytes(b"torn by a power cut")
    installing.install()
    assert sources_in(installing.path.read_bytes()) == sources_in(packed())
    assert os.listdir(installing.store.folder) == ["guard.pyz"]


@pytest.mark.parametrize(
    "program, told",
    [
        ("import sys\nprint('first', file=sys.stderr)\nsys.exit('no zlib here')\n", "no zlib here"),
        ("print('said', 'so')\nraise SystemExit(1)\n", "said so"),
        ("raise SystemExit(7)\n", "exit code 7"),
    ],
)
def test_a_program_that_does_not_run_is_refused_and_the_one_before_stays(installing, monkeypatch, program, told):
    installing.path.write_bytes(b"an older program")
    monkeypatch.setattr(host_program, "_MAIN", program)
    with pytest.raises(BluegreenError) as refusal:
        installing.install()
    assert refusal.value.message == (
        f"The guard, which ends an abandoned deployment, does not run on this host ({told}). Nothing was changed. Set "
        f"ansible_python_interpreter to another Python on this host; the guard was tried with {PYTHON}."
    )
    assert installing.path.read_bytes() == b"an older program"
    assert os.listdir(installing.store.folder) == ["guard.pyz"]
    assert installing.calls == [("trusted", PYTHON)]


def test_a_full_disk_is_one_sentence_and_leaves_nothing_behind(installing, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    installing.path.write_bytes(b"an older program")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateFailure) as refusal:
        installing.install()
    assert refusal.value.message == (
        f"{installing.path} cannot be written (no space left on device): make room on that disk, then run this again."
    )
    assert installing.path.read_bytes() == b"an older program"
    assert os.listdir(installing.store.folder) == ["guard.pyz"]


def test_a_python_that_others_may_write_runs_no_guard(monkeypatch, tmp_path):
    python = tmp_path / "python3"
    python.write_text("")
    python.chmod(0o777)
    monkeypatch.setattr(guard_units, "RUNS_HERE", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(python))
    host = Host(DOCKER_HOST)
    store = Store("shop", host, root=str(tmp_path / "lib"), run_root=str(tmp_path / "run"))
    store.create()
    with pytest.raises(Distrusted, match=f"^{python} can be written by others, "):
        host_program.install(host, store, "/etc/nginx/conf.d/shop.conf")
    assert os.listdir(store.folder) == []


def test_a_host_without_systemd_has_no_guard(installing, monkeypatch, tmp_path):
    monkeypatch.setattr(guard_units, "RUNS_HERE", str(tmp_path / "gone"))
    assert installing.install() is False
    assert installing.calls == []
    assert os.listdir(installing.store.folder) == []
