# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import signal
import subprocess

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import inspect_container
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.processes import Stat
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._process import Process
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import (
    container_roles,
    finish_container,
    why_running,
    without_celery,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers.start import restart_workers
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers.stop import stop_workers
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers.why_running import (
    DEAF,
    FINISHING,
    HIDDEN,
    OTHER,
    Lingering,
    judge,
    left_sentence,
    refusals,
    stuck_sentence,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.workers import Notes, WorkerHost

# What is said only of what ends by itself.
HOPEFUL = ("No task is lost", "once its tasks are done", "takes no new ones", "ends by itself.")


def tree(*commands):
    return [Process(900 + at, 899 + at, command.split()[0], command.split()) for at, command in enumerate(commands)]


@pytest.mark.parametrize(
    "processes, deaf, kind, program",
    [
        (tree("celery -A shop worker"), set(), FINISHING, ""),
        (tree("sh /start", "celery -A shop worker"), set(), FINISHING, ""),
        (tree("python /app/work.py"), {900}, DEAF, "python /app/work.py"),
        (tree("sh /start", "python /app/work.py"), {901}, DEAF, "python /app/work.py"),
        (tree("python /app/work.py"), set(), OTHER, "python /app/work.py"),
        (tree("rq worker default"), set(), OTHER, "rq worker default"),
        (tree("python " + "x" * 100), set(), OTHER, "python " + "x" * 52 + "…"),
        ([], set(), HIDDEN, ""),
    ],
)
def test_why_one_still_runs(processes, deaf, kind, program):
    assert judge("shop-blue-worker-1", processes, "SIGTERM", deaf) == Lingering("shop-blue-worker-1", kind, program)


STATUS = "SigIgn:\t{:016x}\nSigCgt:\t{:016x}\n"
TERM = 1 << (signal.SIGTERM - 1)


@pytest.mark.parametrize(
    "ignored, caught, pid, deaf",
    [
        (0, 0, 1, True),
        (0, TERM, 1, False),
        (TERM, 0, 1, True),
        # Without a handler the kernel ends it, unless it is process 1.
        (0, 0, 7, False),
        (TERM, 0, 7, True),
    ],
)
def test_to_whom_a_signal_is_nothing(ignored, caught, pid, deaf):
    assert why_running.is_deaf(STATUS.format(ignored, caught), signal.SIGTERM, pid) is deaf


@pytest.mark.parametrize("trap, kind", [("''", DEAF), ("'echo told'", OTHER)])
def test_a_real_process_that_ignores_the_signal(trap, kind):
    script = f"trap {trap} TERM; echo up; while :; do read line; done"
    with subprocess.Popen(["bash", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            process.stdout.readline()
            host = WorkerHost()
            container = inspect_container(host.engine, host.engine.add("worker"))._replace(pid=process.pid)
            found = why_running.lingering_of(container)
            assert (found.kind, found.signal, found.program[:4]) == (kind, "SIGTERM", "bash")
        finally:
            process.kill()


def lingering(kind):
    return Lingering("shop-blue-worker-1", kind, "python /app/work.py" if kind in (DEAF, OTHER) else "")


@pytest.mark.parametrize(
    "kind, sentence",
    [
        (
            FINISHING,
            "No task is lost: a worker exits once its tasks are done. Give the tasks more time "
            "(bluegreen_worker_stop_timeout), or choose another bluegreen_worker_on_timeout (leave, requeue or kill).",
        ),
        (
            DEAF,
            "More time does not help: its program (python /app/work.py) ignores SIGTERM and keeps running. If "
            "this program is a start script, let it start Celery with exec; else name a signal that the program does "
            "not ignore (stop_signal in the Compose file), or set bluegreen_worker_on_timeout: kill, which ends the "
            "program by force.",
        ),
        (
            OTHER,
            "No Celery process was found in it, only python /app/work.py, to which SIGTERM was sent. If python "
            "/app/work.py still has work to finish, give it more time (bluegreen_worker_stop_timeout). If it never "
            "ends by itself, set bluegreen_worker_on_timeout: kill, which ends it by force.",
        ),
        (
            HIDDEN,
            "From here its processes cannot be seen: only the log shows whether tasks are being finished or SIGTERM is "
            "ignored. Give it more time (bluegreen_worker_stop_timeout), or choose another bluegreen_worker_on_timeout "
            "(leave, requeue or kill).",
        ),
    ],
)
def test_each_reason_has_its_own_way_out(kind, sentence):
    told = "Container shop-blue-worker-1 still runs 20 s after it was told to finish. 1 task ran. "
    assert refusals([lingering(kind)], 20, " 1 task ran.") == [told + sentence]


def test_several_are_told_by_their_reasons():
    several = [lingering(FINISHING), lingering(DEAF), lingering(FINISHING)._replace(name="shop-blue-zips-1")]
    first, second = refusals(several, 20, " 1 task ran.")
    both = "Containers shop-blue-worker-1 and shop-blue-zips-1 still run 20 s after they were told to finish."
    assert first.startswith(f"{both} 1 task ran. No task is lost")
    one = "Container shop-blue-worker-1 still runs 20 s after it was told to finish."
    assert second.startswith(f"{one} More time does not help")


def test_one_reason_for_several_speaks_of_several():
    several = [lingering(OTHER), lingering(OTHER)._replace(name="shop-blue-zips-1")]
    assert "told to finish. No Celery process was found in them, only python" in refusals(several, 20, "")[0]
    other = lingering(OTHER)._replace(name="shop-blue-mails-1", program="python /app/mails.py")
    assert len(refusals([*several, other], 20, "")) == 2


def test_several_that_are_stuck():
    several = [lingering(FINISHING), lingering(HIDDEN)._replace(name="shop-blue-zips-1")]
    said = stuck_sentence(several, 120)
    assert said.startswith("shop-blue-worker-1 and shop-blue-zips-1 were told to finish and still run after 120 s.")
    assert said.endswith(" If shop-blue-zips-1 does not end, stop it: docker stop shop-blue-zips-1.")


@pytest.mark.parametrize("kind", [FINISHING, DEAF, OTHER, HIDDEN])
def test_hope_is_given_only_for_celery_that_finishes(kind):
    each = lingering(kind)
    for said in (*refusals([each], 20, ""), left_sentence(each, 20)):
        assert any(words in said for words in HOPEFUL) is (kind == FINISHING)
    assert ("docker stop shop-blue-worker-1" in left_sentence(each, 20)) is (kind != FINISHING)
    assert ("docker stop shop-blue-worker-1" in stuck_sentence([each], 120)) is (kind != FINISHING)


def runs_forever(monkeypatch, command, *processes):
    """A worker whose process 1 has no handler for the signal."""
    host = WorkerHost()
    host.engine.add("worker", Path=command[0], Args=command[1:])
    host.engine.inspected["blue-worker"]["State"]["Pid"] = 900
    host.engine.finishes_after["blue-worker"] = None
    for module in (container_roles, without_celery, finish_container, why_running):
        monkeypatch.setattr(module, "processes_of", lambda pid: tree(*processes) if pid == 900 else [])
    monkeypatch.setattr(finish_container, "stat_of", lambda pid: Stat("S", 1, 0, 0))
    monkeypatch.setattr(why_running, "pid_inside", lambda pid: 1)
    for module in (finish_container, why_running):
        monkeypatch.setattr(module, "status_of", lambda pid: STATUS.format(0, 0))
        monkeypatch.setattr(module, "environment_of", lambda pid: {"PATH": "/bin"})
    monkeypatch.setattr(finish_container.os, "kill", lambda *given: None)
    return host, Notes(host), [inspect_container(host.engine, "blue-worker")]


def test_what_never_heard_the_signal_works_on_and_gets_its_policy_back(monkeypatch):
    host, journal, worker = runs_forever(monkeypatch, ["python", "/app/work.py"], "python /app/work.py")
    with pytest.raises(BluegreenError, match="More time does not help"):
        stop_workers(host, journal, worker, 20)
    assert host.engine.policy("blue-worker") == "no"
    began = host.clock.now
    assert restart_workers(host, journal, worker, 120) == []
    assert host.clock.now - began < 5
    assert (host.engine.policy("blue-worker"), host.engine.state("blue-worker")) == ("unless-stopped", "running")
    assert journal.data["signalled"] == []


MULTI_EXEC = ["sh", "-c", "celery multi start w1 -A shop; exec tail -f /dev/null"]


def test_what_runs_on_without_its_celery_is_no_reason_to_go_back(monkeypatch):
    """Such as a ``tail -f`` that is process 1, to which SIGTERM is nothing."""
    host, journal, worker = runs_forever(monkeypatch, MULTI_EXEC, "tail -f /dev/null")
    stopped = stop_workers(host, journal, worker, 20)
    assert stopped.killed == ["shop-blue-worker-1"]
    assert host.engine.state("blue-worker") == "exited"


@pytest.mark.parametrize("told", [True, False])
def test_what_is_left_of_a_worker_that_finished_is_started_anew(monkeypatch, told):
    host, journal, worker = runs_forever(monkeypatch, MULTI_EXEC, "tail -f /dev/null")
    # Its Celery had the signal and has ended since.
    monkeypatch.setattr(finish_container, "stat_of", lambda pid: None)
    journal.note(signalled=["blue-worker"])
    if told:
        journal.note(
            told={"blue-worker": worker[0].started_at}, told_processes={"blue-worker": [{"pid": 901, "started": 5}]}
        )
    assert restart_workers(host, journal, worker, 120) == ["shop-blue-worker-1"]
