# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import os
import sys

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Host
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install import guard_units, program as host_program
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.create import create_journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps import put_program
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import facts

PYTHON = os.path.realpath(sys.executable)


class Scene:
    """A host with systemd, on which the program is put for real.

    :ivar units: what was asked of systemd.
    """

    def __init__(self, monkeypatch, tmp_path):
        self.host = Host()
        self.store = Store("shop", self.host, root=str(tmp_path / "lib"), run_root=str(tmp_path / "run"))
        self.path = tmp_path / "lib" / "shop" / "guard.pyz"
        self.units = []
        monkeypatch.setattr(guard_units, "RUNS_HERE", str(tmp_path))
        monkeypatch.setattr(guard_units, "_systemctl", lambda host, *arguments: self.units.append(arguments))
        monkeypatch.setattr(put_program, "Store", lambda app, host: self.store)
        # The Python that runs these tests may be writable by its group.
        monkeypatch.setattr(host_program, "require_trusted", lambda path: None)

    def put(self, check_mode=False, app="shop"):
        return put_program.program({"app": app}, self.host, check_mode)

    def open(self):
        return create_journal(self.store, "dep-1", "ada@laptop", facts())

    def left_there(self):
        """What is there of another version, and the folder that it lies in."""
        self.store.create()
        self.path.write_bytes(b"an older program")
        return b"an older program"


@pytest.fixture
def scene(monkeypatch, tmp_path):
    return Scene(monkeypatch, tmp_path)


def test_it_is_put_on_a_host_that_has_nothing_of_the_app(scene):
    assert scene.put() == {
        "changed": True,
        "program": str(scene.path),
        "diff": {"before": {str(scene.path): "absent"}, "after": {str(scene.path): f"of this version, for {PYTHON}"}},
    }
    assert host_program.Program(scene.store).is_there()
    assert sorted(os.listdir(scene.store.folder)) == ["guard.pyz", "lock"]
    assert scene.host.commands == [f"write {scene.path}"]
    assert scene.host.warnings == []


def test_nothing_runs_by_itself_before_a_deployment(scene):
    scene.put()
    assert scene.units == []


def test_the_same_one_is_left_alone(scene):
    scene.put()
    before = scene.path.stat()
    scene.host.commands.clear()
    assert scene.put() == {"changed": False, "program": str(scene.path)}
    after = scene.path.stat()
    assert (after.st_ino, after.st_mtime_ns, scene.host.commands) == (before.st_ino, before.st_mtime_ns, [])


def test_one_of_another_version_is_replaced(scene):
    scene.left_there()
    assert scene.put()["diff"]["before"] == {str(scene.path): "of another version, or for another Python"}
    assert host_program.Program(scene.store).is_there()


def test_check_mode_says_the_same_and_touches_nothing(scene):
    would = scene.put(check_mode=True)
    assert not os.path.exists(os.path.dirname(scene.store.folder))
    assert scene.host.commands == []
    assert would == scene.put()
    assert scene.put(check_mode=True) == scene.put() == {"changed": False, "program": str(scene.path)}


def test_without_systemd_there_is_nothing_to_do(scene, monkeypatch, tmp_path):
    monkeypatch.setattr(guard_units, "RUNS_HERE", str(tmp_path / "gone"))
    assert scene.put() == {"changed": False, "program": ""}
    assert not scene.path.parent.exists()
    assert scene.host.warnings == []


# While a deployment is open, its guard runs from this very file


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("there", [True, False])
def test_the_guard_of_an_open_deployment_is_left_alone(scene, there, check_mode):
    before = scene.left_there() if there else None
    scene.store.create()
    journal = scene.open()
    assert scene.put(check_mode) == {"changed": False, "program": str(scene.path)}
    assert (scene.path.read_bytes() if scene.path.exists() else None) == before
    assert scene.host.warnings == [
        f"{scene.path} was not replaced, because it is the guard of deployment {journal.describe()} of app shop, which "
        "is open. The next deployment replaces it, or ansible-playbook smallfleet.bluegreen.prepare once this one is "
        "finished or rolled back."
    ]


def test_nobody_is_warned_of_an_open_deployment_with_the_same_program(scene):
    scene.put()
    scene.open()
    assert scene.put() == {"changed": False, "program": str(scene.path)}
    assert scene.host.warnings == []


def test_a_deployment_that_is_opened_meanwhile_keeps_its_guard(scene, monkeypatch):
    before = scene.left_there()
    lock = scene.store.lock

    @contextlib.contextmanager
    def late(purpose):
        with lock(purpose):
            scene.open()
            yield

    monkeypatch.setattr(scene.store, "lock", late)
    assert not scene.put()["changed"]
    assert scene.path.read_bytes() == before
    assert len(scene.host.warnings) == 1


def test_a_deployment_whose_journal_is_damaged_keeps_its_guard(scene):
    before = scene.left_there()
    scene.open()
    for name in ("deployment.json", "deployment.json.previous"):
        (scene.path.parent / name).write_bytes(b"torn")
    assert not scene.put()["changed"]
    assert scene.path.read_bytes() == before
    assert [sentence.partition(" (")[0] for sentence in scene.host.warnings] == [
        f"The journal {scene.path.parent / 'deployment.json'} cannot be read"
    ]


def test_a_run_that_holds_the_lock_is_not_disturbed(scene, monkeypatch):
    before = scene.left_there()
    real = scene.store.lock
    monkeypatch.setattr(scene.store, "lock", lambda purpose: real(purpose, wait=0))
    other = Store(
        "shop", Host(), root=os.path.dirname(scene.store.folder), run_root=os.path.dirname(scene.store.lease_mark)
    )
    with other.lock("step fetch"):
        assert not scene.put()["changed"]
    assert scene.path.read_bytes() == before
    assert scene.host.warnings[0].startswith("The lock of app shop is held by step fetch (process ")


# Bad input


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("name", ["shop", "shop/guard.pyz"])
def test_what_others_may_write_is_refused(scene, name, check_mode):
    scene.left_there()
    wrong = scene.path.parent.parent / name
    wrong.chmod(0o777)
    with pytest.raises(BluegreenError, match=f"^{wrong} can be written by others, "):
        scene.put(check_mode)
    assert scene.path.read_bytes() == b"an older program"


def test_a_python_that_does_not_run_it_is_refused(scene, monkeypatch):
    before = scene.left_there()
    monkeypatch.setattr(host_program, "_MAIN", "raise SystemExit('no zlib here')\n")
    with pytest.raises(BluegreenError) as refusal:
        scene.put()
    assert refusal.value.message.endswith(
        "does not run on this host (no zlib here). Nothing was changed. Set ansible_python_interpreter to another "
        f"Python on this host; the guard was tried with {PYTHON}."
    )
    assert scene.path.read_bytes() == before
    assert sorted(os.listdir(scene.store.folder)) == ["guard.pyz", "lock"]


def test_an_app_outside_of_the_grammar_is_refused(scene):
    with pytest.raises(BluegreenError, match="^app is '../shop', but it must be "):
        scene.put(app="../shop")
