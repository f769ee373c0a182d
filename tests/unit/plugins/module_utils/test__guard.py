# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _guard, _probe, _recover, _switch, _watch
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._owned_file import OwnedFile
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import record


@pytest.fixture
def scene(monkeypatch, tmp_path):
    made = Scene(monkeypatch, tmp_path)
    made.color("blue", worker="exited", beat="exited")
    made.color("green")
    made.compose = False
    monkeypatch.setattr(_guard, "is_called_with", lambda path: made.compose)
    monkeypatch.setattr(_probe, "ask", lambda *given: _probe.Answer(200, "", 0.0))
    made.lines = []
    made.guard = _guard.Guard(made.host, made.store, made.lines.append)
    return made


def booted(scene):
    scene.host.clock.boot = "boot-2"
    os.unlink(scene.store.lease_mark)


def result(scene):
    (entry,) = scene.store.history()
    return entry["result"], entry["reason"]


def test_without_a_deployment_the_guard_ends(scene):
    assert scene.guard.turn() is None
    assert (scene.lines, scene.calls) == ([], [])


@pytest.mark.parametrize("later, pause", [(0, 5.0), (898, 2.0), (899.5, 0.5)])
def test_a_lease_is_waited_for_to_its_end(scene, later, pause):
    scene.deployment("health")
    scene.host.clock.now += later
    assert scene.guard.turn() == pytest.approx(pause)
    assert scene.effects() == []


@pytest.mark.parametrize("step", ["open", "fetch", "stop_workers", "health"])
def test_an_abandoned_deployment_is_brought_to_an_end_and_the_guard_ends(scene, step):
    scene.deployment(step)
    scene.host.clock.now += 900
    assert scene.guard.turn() == 0.0
    assert scene.guard.turn() is None
    assert result(scene) == ("rolled_back", f"guard: no sign of life for 900 s in step {step}")
    assert scene.lines[0] == (
        f"no sign of life for 900 s in step {step}. Release 2 was rolled back: blue is live with release 1."
    )


def test_whose_timer_is_off_is_left_alone_until_a_boot(scene):
    scene.deployment("health", revert_after=0)
    scene.host.clock.now += 5000
    assert scene.guard.turn() == _guard.PACE
    assert scene.effects() == []
    booted(scene)
    assert scene.guard.turn() == 0.0
    assert result(scene) == ("rolled_back", "guard: the host was booted in step health")


def test_compose_is_a_sign_of_life(scene):
    scene.deployment("fetch")
    scene.compose = True
    for dummy in range(5):
        scene.host.clock.now += 600
        scene.guard.turn()
    assert scene.store.load()["epoch"] == 1
    assert scene.effects() == []
    scene.compose = False
    scene.host.clock.now += 901
    assert (scene.guard.turn(), scene.guard.turn()) == (0.0, None)


def test_a_try_that_failed_is_repeated_and_not_held_up_by_its_own_lease(scene, monkeypatch):
    scene.deployment("settle")
    scene.unhealthy = {"green"}
    scene.host.clock.now += 1000
    with monkeypatch.context() as broken:
        record(broken, [], _switch, "switch", does=BluegreenError("nginx -t says: unexpected end."))
        assert [scene.guard.turn() for dummy in range(9)] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    assert len([line for line in scene.lines if "could not be undone" in line]) == 1
    assert scene.store.load()["result"] == "failed"
    assert scene.guard.turn() == 0.0
    assert scene.guard.turn() is None
    assert result(scene) == ("rolled_back", "guard: no sign of life for 900 s in step settle")


def test_a_guard_that_dies_in_the_middle_goes_on_at_once(scene):
    journal = scene.deployment("health")
    journal.take_over(guard=True)
    assert journal.lease_is_live()
    assert scene.guard.turn() == 0.0
    assert result(scene)[0] == "rolled_back"


def test_a_deployment_that_needs_a_human_is_looked_at_again(scene):
    scene.deployment("settle", done=False)
    scene.unhealthy = {"blue", "green"}
    scene.host.clock.now += 1000
    assert scene.guard.turn() == 1.0
    assert scene.store.load()["result"] == "failed"
    scene.unhealthy = set()
    assert scene.guard.turn() == 0.0
    journal = scene.store.load()
    assert (journal["step"], journal["result"]) == ("awaiting_approval", "")
    assert scene.guard.turn() == _watch.PACE


def test_failures_without_end_do_not_end_the_guard(scene, monkeypatch):
    def fail():
        raise ValueError("of a kind that nobody thought of")

    monkeypatch.setattr(scene.store, "load", fail)
    assert {scene.guard.turn() for dummy in range(1100)} == {1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0}
    assert scene.lines == ["ValueError: of a kind that nobody thought of"]


def test_who_has_the_lock_is_waited_for(scene, monkeypatch):
    scene.deployment("health")
    scene.host.clock.now += 1000
    record(monkeypatch, [], _recover, "recover", does=Fenced("The lock is held."))
    assert [scene.guard.turn() for dummy in range(3)] == [_guard.PACE] * 3
    assert scene.lines == ["The lock is held."]


def test_warnings_are_said_once_and_do_not_pile_up(scene, monkeypatch):
    scene.deployment("health")
    for dummy in range(3):
        scene.host.warn("The disk is full.")
        scene.host.commands.append("docker start x")
        scene.guard.turn()
    assert (scene.lines, scene.host.warnings, scene.host.commands) == (["The disk is full."], [], [])


def test_a_damaged_journal_is_recovered_without_it(scene, monkeypatch):
    for name in ("deployment.json", "deployment.json.previous"):
        with open(scene.store.path(name), "w", encoding="utf-8") as damaged:
            damaged.write("{")
    # No settings are remembered here, so all that it can do is say so.
    assert scene.guard.turn() == 1.0
    assert "is damaged, and" in scene.lines[0] and "settings.json does not tell" in scene.lines[0]


# While approval is pending


def test_one_that_awaits_approval_is_watched_by_one_watch(scene, monkeypatch):
    scene.deployment("awaiting_approval")
    made = []
    monkeypatch.setattr(_watch, "Watch", lambda *given: made.append(RealWatch(*given)) or made[-1])
    scene.host.clock.now += 5000
    assert [scene.guard.turn() for dummy in range(3)] == [_watch.PACE] * 3
    assert len(made) == 1
    assert scene.store.load()["epoch"] == 1


RealWatch = _watch.Watch


def test_a_color_that_is_given_up_is_rolled_back(scene, monkeypatch):
    scene.deployment("awaiting_approval")
    monkeypatch.setattr(_watch.Watch, "look", lambda self: "green failed 3 times in a row (no answer)")
    assert scene.guard.turn() == 0.0
    assert scene.guard.turn() is None
    assert result(scene) == ("rolled_back", "guard: green failed 3 times in a row (no answer)")
    assert scene.served == "blue"


def test_who_decides_while_the_guard_looks_comes_first(scene, monkeypatch):
    scene.deployment("awaiting_approval")

    def look(self):
        scene.store.load().take_over()
        return "green failed 3 times in a row (no answer)"

    monkeypatch.setattr(_watch.Watch, "look", look)
    assert scene.guard.turn() == _guard.PACE
    assert scene.effects() == []
    assert "was taken over meanwhile" in scene.lines[0]


def test_what_a_boot_left_unproved_at_the_end_is_completed(scene):
    scene.deployment("finish", done=False)
    booted(scene)
    assert (scene.guard.turn(), scene.guard.turn()) == (0.0, None)
    assert result(scene)[0] == "committed"


# At boot, before Nginx

NEW = "upstream shop { server 127.0.0.1:18002; }\n"
OLD = "upstream shop { server 127.0.0.1:18001; }\n"


def switching(scene, step, proved, **facts):
    owned = OwnedFile(str(scene.file), "dep-1")
    scene.file.write_text(OLD)
    owned.keep()
    owned.replace(NEW)
    cutover = {"color": "green", "file": owned.path, "kept": owned.kept, "children": [], "proved": proved}
    return scene.deployment(step, done=False, cutover=cutover, **facts)


@pytest.mark.parametrize(
    "step, proved, facts, expected",
    [
        ("cutover", "", {}, OLD),
        ("cutover", "green", {}, NEW),
        ("settle", "green", {}, NEW),
        # On the way back: the file of before is right whether Nginx has read it or not.
        ("settle", "", {"back": True}, OLD),
        # At the end only the backup is taken out of the file, and the old color goes.
        ("finish", "", {}, NEW),
    ],
)
def test_only_a_switch_that_was_cut_off_is_undone(scene, step, proved, facts, expected):
    switching(scene, step, proved, **facts)
    assert _guard.restore(scene.store) is (expected == OLD)
    assert scene.file.read_text() == expected
    assert _guard.restore(scene.store) is False


def test_a_file_that_is_gone_is_back_too(scene):
    switching(scene, "cutover", "")
    scene.file.unlink()
    assert _guard.restore(scene.store) is True
    assert scene.file.read_text() == OLD


@pytest.mark.parametrize("content", [None, "{"])
def test_without_a_journal_the_file_is_left_alone(scene, content):
    if content:
        with open(scene.store.path("deployment.json"), "w", encoding="utf-8") as damaged:
            damaged.write(content)
    assert _guard.restore(scene.store) is False


@pytest.fixture
def program(scene, monkeypatch):
    monkeypatch.setattr(_guard, "Host", lambda docker_host: scene.host)
    monkeypatch.setattr(_guard, "Store", lambda app, host: scene.store)
    monkeypatch.setattr(_guard, "check_program", lambda *given: None)
    return lambda command: _guard.main([command, "shop", "unix:///var/run/docker.sock"])


def test_the_program_restores(scene, program, capsys):
    switching(scene, "cutover", "")
    assert (program("restore"), scene.file.read_text()) == (0, OLD)
    assert capsys.readouterr().out == "A switch of Nginx was cut off: the file of before is back.\n"


def test_a_file_that_cannot_be_put_back_is_a_sentence(scene, program, capsys, monkeypatch):
    def fail(*given):
        raise OSError(30, "Read-only file system")

    switching(scene, "cutover", "")
    monkeypatch.setattr(os, "link", fail)
    assert program("restore") == 1
    assert capsys.readouterr().out == "The file of before is not back: [Errno 30] Read-only file system.\n"


def test_the_program_guards_until_nothing_is_open(scene, program, capsys):
    scene.deployment("health")
    assert program("guard") == 0
    assert scene.store.load() is None
    assert sum(scene.host.clock.slept) >= 900
    assert "Release 2 was rolled back" in capsys.readouterr().out


def test_a_selftest_changes_nothing(scene, program):
    scene.deployment("health")
    scene.host.clock.now += 5000
    assert program("selftest") == 0
    assert scene.calls == []
