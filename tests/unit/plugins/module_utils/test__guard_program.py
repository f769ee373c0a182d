# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import os
import pkgutil
import subprocess
import sys
import zipfile

import pytest

from ansible_collections.smallfleet.bluegreen.plugins import module_utils
from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _guard_program, _guard_units
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Host
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import Store

PACKAGE = _guard_program.PACKAGE
SOCKET = "unix:///var/run/docker.sock"
NGINX_FILE = "/etc/nginx/conf.d/bluegreen-shop.conf"


def entries(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_the_same_sources_make_the_same_bytes():
    assert _guard_program.pack() == _guard_program.pack()


def test_it_is_all_of_the_module_utils_and_nothing_of_ansible():
    packed = entries(_guard_program.pack())
    folder = PACKAGE.replace(".", "/")
    names = {module.name for module in pkgutil.iter_modules(module_utils.__path__)} - {"_module"}
    assert {name for name in packed if name.startswith(f"{folder}/_") and "__init__" not in name} == {
        f"{folder}/{name}.py" for name in names
    }
    assert not [name for name, text in packed.items() if "ansible.module_utils" in text]


@pytest.fixture
def scene(tmp_path, monkeypatch):
    host = Host(SOCKET)
    store = Store("shop", host, root=str(tmp_path / "lib"), run_root=str(tmp_path / "run"))
    store.create()
    monkeypatch.setattr(_guard_units, "has_systemd", lambda: True)
    # Who may write the interpreter of a test's environment is nobody's business here.
    monkeypatch.setattr(_guard_program, "require_trusted", lambda path: None)
    host.units = []
    monkeypatch.setattr(_guard_units, "install", lambda *given: host.units.append(given[2:]))
    return store


def install(store):
    return _guard_program.install(store.host, store, NGINX_FILE)


def test_it_runs_on_this_host_before_it_is_put_there(scene):
    assert install(scene) is True
    path = scene.path("guard.pyz")
    assert scene.host.units == [(os.path.realpath(sys.executable), path, NGINX_FILE)]
    assert not os.path.exists(f"{path}.new")
    done = subprocess.run(
        [sys.executable, "-I", path, "selftest", "shop", SOCKET], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_one_that_is_there_already_is_left_alone(scene):
    install(scene)
    os.utime(scene.path("guard.pyz"), (1, 1))
    install(scene)
    assert os.stat(scene.path("guard.pyz")).st_mtime == 1
    # Its units are looked at all the same.
    assert len(scene.host.units) == 2


def test_one_that_does_not_run_is_refused_and_the_one_before_stays(scene, monkeypatch):
    with open(scene.path("guard.pyz"), "wb") as before:
        before.write(b"the one before")
    broken = io.BytesIO()
    with zipfile.ZipFile(broken, "w") as archive:
        archive.writestr("__main__.py", "import a_module_that_is_not_there\n")
    monkeypatch.setattr(_guard_program, "pack", broken.getvalue)
    with pytest.raises(BluegreenError) as refusal:
        install(scene)
    assert refusal.value.message == (
        "The guard, which would bring an abandoned deployment to an end, does not run on this host (ModuleNotFoundError: No "
        "module named 'a_module_that_is_not_there'): nothing was changed. Give Ansible another Python there "
        f"(ansible_python_interpreter; this is {os.path.realpath(sys.executable)})."
    )
    with open(scene.path("guard.pyz"), "rb") as left:
        assert left.read() == b"the one before"
    assert os.listdir(scene.folder) == ["guard.pyz"]
    assert scene.host.units == []


def test_a_host_without_systemd_gets_none(scene, monkeypatch):
    monkeypatch.setattr(_guard_units, "has_systemd", lambda: False)
    assert install(scene) is False
    assert os.listdir(scene.folder) == []


def test_it_is_whole_when_ansible_has_sent_the_modules_in_a_zip(tmp_path):
    """As on a host: there are no files, and the package comes out of the zip that Ansible made."""
    content = _guard_program.pack()
    sent = tmp_path / "sent.zip"
    with zipfile.ZipFile(sent, "w") as archive:
        for name, text in entries(content).items():
            if name != "__main__.py":
                archive.writestr(name, text)
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        f"from {PACKAGE} import _guard_program\n"
        "assert _guard_program.__file__.startswith(sys.argv[1])\n"
        "sys.stdout.buffer.write(_guard_program.pack())\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script, str(sent)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert entries(done.stdout) == entries(content)
