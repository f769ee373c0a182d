# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _settings
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import approval
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._guard import main as guard, watch as guard_watch
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._guard.main import PACE, Guard, main, restore
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._http import Answer
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import settings_file
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import switch as nginx_switch, upstream_file
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.upstream_file import OwnedFile
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery import recover as recovery
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost, record

DOCKER_HOST = "unix:///var/run/docker.sock"
SILENT = "no heartbeat for 900 s in step health"
ROLLED_BACK = "Release 2 was rolled back: blue is live with release 1."
BEFORE, AFTER = "upstream shop { server 127.0.0.1:18001; }\n", "upstream shop { server 127.0.0.1:18002; }\n"


class Guarded(Scene):
    """A host with a guard; ``said`` is its log, ``compose`` whether Compose works on the deployment."""

    def __init__(self, monkeypatch, folder):
        super().__init__(monkeypatch, folder)
        self.said = []
        self.compose = False
        monkeypatch.setattr(guard, "called_with", self._called_with)
        self.color("blue", worker="exited", beat="exited")
        self.color("green")
        self.guard = self.another()

    def _called_with(self, *words):
        return [7] if self.compose and words == ("compose", self.store.env_file("green", "dep-1")) else []

    def another(self):
        """A guard that was started anew."""
        return Guard(self.host, self.store, self.said.append)

    def run(self, until=None):
        """Turn after turn, until no deployment is open or it is that late; the pauses."""
        pauses = []
        while until is None or self.host.clock.now < until:
            pause = self.guard.turn()
            if pause is None:
                break
            pauses.append(pause)
            self.host.clock.sleep(pause)
        return pauses

    def boot(self):
        self.host.clock.boot = "boot-2"
        self.host.clock.now = 20.0

    def reason(self):
        (entry,) = self.store.history()
        return entry["reason"]

    def another_process(self):
        """The store of a process that has its own time."""
        return Store("shop", FakeHost(), root=os.path.dirname(self.store.folder))


@pytest.fixture
def scene(monkeypatch, tmp_path):
    return Guarded(monkeypatch, tmp_path)


# Whether there is anything to do


def test_without_a_deployment_there_is_nothing_to_do(scene):
    assert scene.guard.turn() is None
    assert scene.said == []
    assert scene.effects() == []


def test_an_owner_that_lives_is_waited_for(scene):
    scene.deployment("health")
    assert scene.guard.turn() == PACE
    assert scene.said == []
    assert scene.effects() == []


def test_the_guard_acts_as_soon_as_the_lease_is_over(scene):
    journal = scene.deployment("health")
    scene.host.clock.now = journal["lease"]["until"] - 7.5
    assert scene.run() == [PACE, 2.5, 0.0]
    assert scene.host.clock.now - journal["lease"]["until"] < 1
    assert scene.said == [f"{SILENT}. {ROLLED_BACK}"]
    assert scene.reason() == f"guard: {SILENT}"
    assert scene.guard.turn() is None


def test_a_sign_of_life_while_the_guard_waits_counts(scene):
    journal = scene.deployment("health")
    scene.host.clock.now = journal["lease"]["until"] - 2
    assert scene.guard.turn() == 2
    scene.host.clock.now += 1.9
    journal.save()
    scene.host.clock.now += 0.1
    assert scene.guard.turn() == PACE
    assert scene.effects() == []


@pytest.mark.parametrize("step", ["stop_workers", "start_candidate", "health"])
def test_a_boot_ends_every_lease(scene, step):
    scene.deployment(step)
    scene.boot()
    scene.run()
    assert scene.reason() == f"guard: the host was booted in step {step}"
    assert scene.said == [f"the host was booted in step {step}. {ROLLED_BACK}"]
    assert scene.states()["blue-worker"] == "running"


def test_so_does_a_start_of_a_container_that_is_the_host(scene):
    scene.deployment("health")
    os.remove(scene.store.lease_mark)
    assert scene.guard.turn() == 0.0
    assert scene.reason() == "guard: the host was booted in step health"


# revert_after: 0


def test_without_a_timer_a_deployment_is_left_alone_on_this_boot(scene):
    journal = scene.deployment("health", revert_after=0)
    assert set(scene.run(until=scene.host.clock.now + 5000)) == {PACE}
    assert scene.store.load().data == journal.data
    assert scene.said == []
    assert scene.effects() == []


def test_without_a_timer_a_boot_still_ends_it(scene):
    scene.deployment("health", revert_after=0)
    scene.boot()
    scene.run()
    assert scene.reason() == "guard: the host was booted in step health"


def test_without_a_timer_what_was_begun_is_brought_to_an_end(scene):
    scene.deployment("health", revert_after=0).note(back=True, reason="guard: the host was booted in step health")
    scene.run()
    assert scene.reason() == "guard: the host was booted in step health"


# Compose


@pytest.mark.parametrize("step", ["open", "fetch"])
def test_compose_is_a_sign_of_life(scene, step):
    journal = scene.deployment(step)
    scene.compose = True
    scene.run(until=scene.host.clock.now + 2500)
    assert scene.store.load().lease_is_live()
    assert (scene.said, scene.effects()) == ([], [])
    scene.compose = False
    scene.run()
    assert scene.reason() == f"guard: no heartbeat for {journal['revert_after']} s in step {step}"


def test_compose_goes_on_in_no_later_step(scene):
    # What is called with the env file then is an orphan of the step before, or somebody who looks.
    scene.deployment("health")
    scene.compose = True
    scene.host.clock.now += 900
    assert scene.guard.turn() == 0.0


def test_compose_is_found_by_the_env_file_that_it_was_given(scene, monkeypatch):
    monkeypatch.undo()
    scene.deployment("open")
    scene.host.clock.now += 900
    command = [sys.executable, "-c", "print(flush=True); input()", "compose", "--env-file", scene.store.env_file("green", "dep-1")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as compose:
        compose.stdout.readline()
        assert scene.guard.turn() == PACE
        compose.communicate(b"\n")
    assert scene.store.load().lease_is_live()


def test_no_sign_of_life_is_written_for_a_deployment_that_went_on(scene, monkeypatch):
    journal = scene.deployment("open")
    scene.compose = True
    scene.host.clock.now += 900
    acquire = scene.store._acquire

    def overtaken(descriptor, wait):
        acquire(descriptor, wait)
        scene.store.save({**journal.data, "epoch": 2})

    monkeypatch.setattr(scene.store, "_acquire", overtaken)
    assert scene.guard.turn() == PACE
    assert scene.store.load()["lease"] == journal["lease"]


def test_a_lock_that_is_held_while_compose_works_is_the_owner(scene):
    scene.deployment("fetch")
    scene.compose = True
    scene.host.clock.now += 900
    with scene.another_process().lock("step fetch"):
        assert scene.guard.turn() == PACE
    assert len(scene.said) == 1 and "is held by step fetch" in scene.said[0]


# Nobody else's any more


def test_one_that_goes_back_is_not_waited_for(scene):
    scene.deployment("health").note(back=True, reason="health: green is not healthy")
    assert scene.guard.turn() == 0.0
    assert scene.reason() == "health: green is not healthy"
    assert scene.said == [f"health: green is not healthy. {ROLLED_BACK}"]


def test_what_a_guard_took_over_the_next_one_goes_on_with(scene):
    scene.deployment("health").take_over(guard=True)
    assert scene.guard.turn() == 0.0
    assert scene.reason() == f"guard: {SILENT}"


def test_a_reason_that_is_a_sentence_ends_once(scene):
    scene.deployment("health").note(back=True, reason="Container shop-green-web-1 exited.")
    scene.guard.turn()
    assert scene.said == [f"Container shop-green-web-1 exited. {ROLLED_BACK}"]


def test_whoever_has_the_lock_is_left_to_it(scene):
    scene.deployment("health")
    scene.host.clock.now += 900
    with scene.another_process().lock("recovery of deployment dep-1"):
        assert [scene.guard.turn() for dummy in range(3)] == [PACE] * 3
    assert len(scene.said) == 1 and "is held by recovery of deployment dep-1" in scene.said[0]
    assert scene.effects() == []
    assert scene.guard.turn() == 0.0
    assert scene.guard.turn() is None


# What fails


@pytest.fixture
def failing(scene, monkeypatch):
    """An abandoned deployment whose recovery raises what it is given; ``None`` for the real one."""

    class Failing:
        error = BluegreenError("Nginx is broken.")
        recover = staticmethod(recovery.recover)

        def __call__(self, *args, **kwargs):
            if self.error:
                raise self.error
            return self.recover(*args, **kwargs)

    failing = Failing()
    monkeypatch.setattr(recovery, "recover", failing)
    scene.deployment("health")
    scene.host.clock.now += 900
    return failing


def test_what_failed_is_tried_again_ever_more_rarely(scene, failing):
    assert [scene.guard.turn() for dummy in range(9)] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    assert scene.said == ["Nginx is broken."]
    failing.error = None
    assert scene.guard.turn() == 0.0
    assert scene.said[1:] == [f"{SILENT}. {ROLLED_BACK}"]


def test_it_is_tried_again_for_days(scene, failing):
    assert [scene.guard.turn() for dummy in range(1100)][-1] == 60.0


def test_after_a_turn_that_went_well_a_failure_is_a_first_one(scene, failing):
    scene.guard.turn()
    scene.guard.turn()
    scene.store.load().save()
    assert scene.guard.turn() == PACE
    scene.host.clock.now += 900
    assert scene.guard.turn() == 1.0


def test_a_try_that_failed_is_not_held_up_by_its_own_lease(scene, monkeypatch):
    scene.deployment("settle")
    scene.unhealthy = {"green"}
    scene.host.clock.now += 1000
    with monkeypatch.context() as broken:
        record(broken, [], nginx_switch, "switch", does=BluegreenError("nginx -t says: unexpected end."))
        assert [scene.guard.turn() for dummy in range(3)] == [1.0, 2.0, 4.0]
    assert len([line for line in scene.said if "could not be rolled back" in line]) == 1
    assert scene.store.load()["result"] == "failed"
    assert scene.guard.turn() == 0.0
    assert scene.guard.turn() is None
    assert scene.reason() == "guard: no heartbeat for 900 s in step settle"


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


def test_an_error_that_nobody_foresaw_ends_no_guard(scene, failing):
    failing.error = RuntimeError("out of luck")
    assert [scene.guard.turn(), scene.guard.turn()] == [1.0, 2.0]
    assert scene.said == ["RuntimeError: out of luck"]


def test_another_error_is_said(scene, failing):
    scene.guard.turn()
    failing.error = BluegreenError("The disk is full.")
    scene.guard.turn()
    failing.error = BluegreenError("Nginx is broken.")
    scene.guard.turn()
    assert scene.said == ["Nginx is broken.", "The disk is full."]


def test_warnings_are_said_once_and_do_not_pile_up(scene, failing):
    for dummy in range(3):
        scene.host.warn("Something is odd.")
        scene.host.commands.append("nginx -t")
        scene.guard.turn()
    assert scene.said == ["Nginx is broken.", "Something is odd."]
    assert (scene.host.warnings, scene.host.commands) == ([], [])


def test_after_an_end_the_same_sentence_is_news_again(scene, failing):
    scene.guard.turn()
    failing.error = None
    scene.guard.turn()
    failing.error = BluegreenError("Nginx is broken.")
    scene.deployment("health")
    scene.host.clock.now += 900
    scene.guard.turn()
    assert scene.said == ["Nginx is broken.", f"{SILENT}. {ROLLED_BACK}", "Nginx is broken."]


def test_a_damaged_journal_is_recovered_from_what_the_host_shows(scene):
    settings = _settings.from_journal(scene.deployment("health").data)
    settings_file.write(scene.store, settings.journaled(), {}, None)
    scene.served = "blue"
    for name in ("deployment.json", "deployment.json.previous"):
        with open(scene.store.path(name), "w", encoding="utf-8") as target:
            target.write("{torn")
    assert scene.run() == [0.0]
    assert scene.reason() == "the journal was damaged"
    assert len(scene.said) == 1 and scene.said[0].startswith("the journal was damaged. ")


def test_a_damaged_journal_of_which_nothing_is_known_is_told_and_tried_again(scene):
    scene.deployment("health")
    for name in ("deployment.json", "deployment.json.previous"):
        with open(scene.store.path(name), "w", encoding="utf-8") as target:
            target.write("{torn")
    assert [scene.guard.turn(), scene.guard.turn()] == [1.0, 2.0]
    assert len(scene.said) == 1 and "does not tell which services the app has" in scene.said[0]


# Awaiting approval


@pytest.fixture
def answers(monkeypatch):
    """What each port answers."""
    by_port = {18001: Answer(200, "", 0.01), 18002: Answer(200, "", 0.01), 80: Answer(200, "", 0.01)}
    monkeypatch.setattr(guard_watch._http, "ask", lambda clock, url, *args: by_port[url.port])
    return by_port


def test_a_deployment_that_awaits_approval_is_watched_and_never_approved(scene, answers):
    journal = scene.deployment("awaiting_approval")
    assert set(scene.run(until=scene.host.clock.now + 500)) == {guard_watch.PACE}
    assert scene.store.load().data == journal.data
    assert (scene.said, scene.effects()) == ([], [])


@pytest.mark.parametrize("watch", [True, False])
def test_what_nobody_approved_in_time_goes_back_where_that_was_asked_for(scene, answers, watch):
    journal = scene.deployment("awaiting_approval", approval_timeout=60, on_timeout="rollback", watch=watch)
    approval.begin(journal)
    begun = scene.host.clock.now
    scene.run()
    assert 60 <= scene.host.clock.now - begun < 63
    assert scene.reason() == "guard: nobody approved release 2 within 60 s"
    assert scene.said == [f"nobody approved release 2 within 60 s. {ROLLED_BACK}"]
    assert scene.served == "blue" and scene.states()["blue-worker"] == "running"


@pytest.mark.parametrize(
    "facts", [{"on_timeout": "keep"}, {}, {"on_timeout": "rollback", "from": "", "release_from": ""}], ids=str
)
def test_what_nobody_approved_in_time_is_kept_and_told_once(scene, answers, facts):
    journal = scene.deployment("awaiting_approval", approval_timeout=60, **facts)
    approval.begin(journal)
    scene.run(until=scene.host.clock.now + 300)
    assert scene.store.load()["step"] == "awaiting_approval" and scene.effects() == []
    assert scene.said == [
        "Nobody approved release 2 within 60 s. You can still approve it with ansible-playbook smallfleet.bluegreen.finish, or "
        "roll it back with ansible-playbook smallfleet.bluegreen.rollback."
    ]


def test_a_boot_begins_the_time_for_the_approval_anew(scene, answers):
    journal = scene.deployment("awaiting_approval", approval_timeout=60, on_timeout="rollback")
    approval.begin(journal)
    scene.run(until=scene.host.clock.now + 50)
    scene.boot()
    scene.guard = scene.another()
    scene.run(until=scene.host.clock.now + 50)
    assert scene.store.load()["step"] == "awaiting_approval"
    # The guard may be started again, and that is no boot.
    scene.guard = scene.another()
    scene.run()
    assert 80 <= scene.host.clock.now < 85 and scene.served == "blue"


def test_a_color_that_dies_is_undone(scene, answers):
    scene.deployment("awaiting_approval")
    scene.guard.turn()
    answers.update({18002: Answer(0, "connection refused", 0.0), 80: Answer(502, "", 0.01)})
    assert scene.run() == [guard_watch.PACE, guard_watch.PACE, 0.0]
    assert scene.reason() == "guard: green failed 3 times in a row (connection refused)"
    assert scene.said == [f"green failed 3 times in a row (connection refused). {ROLLED_BACK}"]
    assert scene.served == "blue"
    assert scene.states()["blue-worker"] == "running"


def test_who_decided_meanwhile_is_not_overruled(scene, answers, monkeypatch):
    journal = scene.deployment("awaiting_approval")

    def decided(self):
        journal.take_over()
        return "green failed 3 times in a row (connection refused)"

    monkeypatch.setattr(guard_watch.PendingWatch, "look", decided)
    assert scene.guard.turn() == PACE
    assert len(scene.said) == 1 and "was taken over meanwhile (epoch 2, not 1)" in scene.said[0]
    assert scene.effects() == []


def test_failures_are_counted_for_each_deployment_by_itself(scene, answers):
    journal = scene.deployment("awaiting_approval")
    scene.guard.turn()
    answers.update({18002: Answer(0, "connection refused", 0.0), 80: Answer(502, "", 0.01)})
    scene.guard.turn()
    scene.guard.turn()
    journal.note(id="dep-2")
    # Its color was never seen healthy, so it has its time to boot.
    assert scene.guard.turn() == guard_watch.PACE
    assert scene.guard.turn() == guard_watch.PACE


def test_one_whose_end_failed_is_looked_at_again(scene, answers):
    journal = scene.deployment("awaiting_approval")
    journal.note(result="failed")
    scene.host.clock.now += 900
    assert scene.guard.turn() == 0.0
    now = scene.store.load()
    assert (now["step"], now["result"], now["id"]) == ("awaiting_approval", "", "dep-1")
    assert scene.guard.turn() == guard_watch.PACE


def test_a_new_color_that_is_whole_is_left_to_a_human_and_watched(scene, answers):
    journal = scene.deployment("settle", done=False)
    scene.host.clock.now += 900
    assert scene.guard.turn() == 0.0
    # Its owner can do nothing more.
    assert scene.store.load()["epoch"] == journal["epoch"] + 1
    assert scene.guard.turn() == guard_watch.PACE
    assert scene.said == [
        "no heartbeat for 900 s in step settle. Release 2 is live and healthy, and awaits approval: run ansible-playbook "
        "smallfleet.bluegreen.finish or ansible-playbook smallfleet.bluegreen.rollback."
    ]


def test_what_was_approved_is_completed(scene):
    scene.deployment("finish", done=False)
    scene.boot()
    scene.run()
    (entry,) = scene.store.history()
    assert entry["result"] == "committed"


# Before Nginx starts


def cut_off(scene, proved="", kept=True, **facts):
    """A switch to the new color of which nobody knows whether Nginx read it."""
    scene.file.write_text(BEFORE)
    owned = OwnedFile(str(scene.file), "dep-1")
    cutover = {"color": "green", "file": str(scene.file), "kept": owned.kept, "children": [], "proved": proved}
    journal = scene.deployment("cutover", done=False, cutover=cutover, **facts)
    if kept:
        owned.keep()
    owned.replace(AFTER)
    return journal


def test_a_switch_that_was_cut_off_is_undone_before_nginx_reads_it(scene):
    cut_off(scene)
    assert restore(scene.store) is True
    assert scene.file.read_text() == BEFORE
    assert restore(scene.store) is False


def test_so_is_one_on_the_way_back(scene):
    journal = cut_off(scene)
    journal.note(back=True, cutover={**journal["cutover"], "color": "blue"})
    assert restore(scene.store) is True
    assert scene.file.read_text() == BEFORE


@pytest.mark.parametrize("proved", ["green", "blue"])
def test_what_was_proved_stays(scene, proved):
    cut_off(scene, proved=proved)
    assert restore(scene.store) is False
    assert scene.file.read_text() == AFTER


def test_at_the_end_only_the_backup_leaves_the_file(scene):
    # That of before names the color that goes.
    cut_off(scene).begin("finish")
    assert restore(scene.store) is False
    assert scene.file.read_text() == AFTER


def test_where_nothing_was_kept_nothing_is_put_back(scene):
    cut_off(scene, kept=False)
    assert restore(scene.store) is False
    assert scene.file.read_text() == AFTER


@pytest.mark.parametrize("step", ["open", "stop_workers", "health"])
def test_before_the_cutover_the_file_is_not_ours(scene, step):
    scene.deployment(step)
    scene.file.write_text("edited by somebody\n")
    assert restore(scene.store) is False
    assert scene.file.read_text() == "edited by somebody\n"


def test_without_a_deployment_nothing_is_put_back(scene):
    assert restore(scene.store) is False


def test_a_damaged_journal_puts_nothing_back(scene):
    cut_off(scene)
    for name in ("deployment.json", "deployment.json.previous"):
        with open(scene.store.path(name), "w", encoding="utf-8") as target:
            target.write("{torn")
    assert restore(scene.store) is False
    assert scene.file.read_text() == AFTER


def test_a_file_that_is_gone_comes_back(scene):
    cut_off(scene)
    scene.file.unlink()
    assert restore(scene.store) is True
    assert scene.file.read_text() == BEFORE


# The program


@pytest.fixture
def program(scene, monkeypatch, tmp_path):
    """Calls the program on the scene's host with a command; the exit code."""
    python = tmp_path / "python3"
    python.write_text("")
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(guard, "Host", lambda docker_host: scene.host)
    monkeypatch.setattr(guard, "Store", lambda app, host: scene.store)
    (tmp_path / "lib" / "shop" / "guard.pyz").write_bytes(b"")
    return lambda command: main([command, "shop", DOCKER_HOST])


def test_the_guard_stays_until_the_deployment_has_ended(scene, program, capsys):
    scene.deployment("health")
    assert program("guard") == 0
    assert scene.reason() == f"guard: {SILENT}"
    assert capsys.readouterr().out == f"{SILENT}. {ROLLED_BACK}\n"
    assert max(scene.host.clock.slept) == PACE


def test_the_guard_ends_where_there_is_nothing_to_do(scene, program, capsys):
    assert program("guard") == 0
    assert scene.host.clock.slept == []
    assert capsys.readouterr().out == ""


def test_restore_says_what_it_did(scene, program, capsys):
    cut_off(scene)
    assert program("restore") == 0
    assert capsys.readouterr().out == "A switch of Nginx was interrupted: the previous file is back.\n"
    assert program("restore") == 0
    assert capsys.readouterr().out == ""


def test_restore_leaves_the_rest_to_the_guard(scene, program):
    cut_off(scene)
    program("restore")
    assert scene.effects() == []
    assert scene.store.load()["epoch"] == 1


def test_a_selftest_touches_nothing(scene, program, capsys):
    cut_off(scene)
    scene.boot()
    assert program("selftest") == 0
    assert scene.file.read_text() == AFTER
    assert scene.store.load()["epoch"] == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("command", ["restore", "guard"])
@pytest.mark.parametrize("name", ["guard.pyz", *guard.TRUSTED])
def test_what_somebody_else_could_have_written_is_not_gone_by(scene, program, capsys, command, name):
    cut_off(scene)
    scene.boot()
    path = scene.store.path(name)
    with open(path, "ab"):
        os.chmod(path, 0o666)
    assert program(command) == guard.DISTRUSTED
    assert capsys.readouterr().out == (
        f"{path} can be written by others, and what somebody else may have written is not trusted: look at it, take that right "
        f"away (chmod go-w {path}), and run this again.\n"
    )
    assert scene.file.read_text() == AFTER
    assert scene.effects() == []


def test_a_python_that_somebody_else_can_write_does_nothing(scene, program, capsys):
    cut_off(scene)
    os.chmod(sys.executable, 0o777)
    assert program("restore") == guard.DISTRUSTED
    assert scene.file.read_text() == AFTER
    assert capsys.readouterr().out.startswith(f"{sys.executable} can be written by others")


def test_a_file_that_cannot_be_put_back_is_one_sentence(scene, program, capsys, monkeypatch):
    def refuse(*args):
        raise OSError(errno.EROFS, "Read-only file system")

    cut_off(scene)
    monkeypatch.setattr(upstream_file.os, "link", refuse)
    assert program("restore") == 1
    assert capsys.readouterr().out == (
        f"{scene.file} cannot be written (read-only file system): Nginx was left as it is. Mend that, and run this again as "
        "root.\n"
    )
