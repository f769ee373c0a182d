# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real workers of every form are told to finish: their tasks end, and the same containers work again."""

from __future__ import annotations

import os
import shutil
import signal
import time
from datetime import datetime
from pathlib import Path

import pytest
from compose_project import wait_for
from notes import Notes

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import remote_control
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.connection import connect
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.node_names import nodes_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.settings import BrokerSettings
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery.roles import main_processes
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import inspect_container
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.processes import processes_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import (
    start as workers_start,
    stop as workers_stop,
)

CELERY = "python3 -m celery -A naps"
WORKER = f"{CELERY} worker -c 2 -l INFO"
# Waits as for a database, then runs what it is given, and goes on after it.
SCRIPT = '#!/bin/sh\nsleep 0.2\n"$@"\necho it is over\n'
# As a supervisor does: it starts Celery again whenever that ends, and kills it two seconds after it was told to end.
SUPERVISOR = """#!/bin/sh
trap 'kill -TERM $pid; sleep 2; kill -KILL $pid; exit 0' TERM
while true; do "$@" & pid=$!; wait $pid; done
"""
# As dumb-init does: whatever it is told it tells everybody.
TELLER = """#!/usr/bin/python3
import os, signal, subprocess, sys
child = subprocess.Popen(sys.argv[1:], start_new_session=True)
signal.signal(signal.SIGTERM, lambda *_args: os.killpg(child.pid, signal.SIGTERM))
sys.exit(child.wait())
"""

# As supervisord does: it reads what its program writes, and starts it again whenever it ends.
READER = """#!/usr/bin/python3
import subprocess, sys
while True:
    with subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
        for line in child.stdout:
            sys.stdout.buffer.write(line)
            sys.stdout.flush()
"""

# Starts Celery's worker itself: no word of Celery is in its command line.
PROGRAM = """from naps import app
app.worker_main(["worker", "-c", "2", "-l", "INFO"])
"""
# Such as uv run: it starts what it is given, and hands a signal on.
LAUNCHER = """#!/usr/bin/python3
import signal, subprocess, sys
child = subprocess.Popen(sys.argv[1:])
signal.signal(signal.SIGTERM, lambda *_args: child.terminate())
sys.exit(child.wait())
"""
# As the package of that name does: a title goes over the arguments and the variables.
SETPROCTITLE = """import ctypes
def setproctitle(title):
    with open("/proc/self/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[48])
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, title.encode(), min(len(title), end - start - 1))
"""

FILES = {
    "script": SCRIPT,
    "supervisor": SUPERVISOR,
    "teller": TELLER,
    "reader": READER,
    "launcher": LAUNCHER,
    "run_worker.py": PROGRAM,
}

# How the container starts, its form, and options for the engine and the environment.
FORMS = {
    "a list": (WORKER.split(), "exec", {}),
    "a list and an init": (WORKER.split(), "init", {"Init": True}),
    "a script": (["/out/script", *WORKER.split()], "shell", {}),
    "a script and an init": (["/out/script", *WORKER.split()], "init-shell", {"Init": True}),
    "a shell": (["sh", "-c", f"cd /out && {WORKER} | cat"], "shell", {}),
    "a supervisor": (["/out/supervisor", *WORKER.split()], "shell", {}),
    "one that tells everybody": (["/out/teller", *WORKER.split()], "shell", {}),
    "two workers": (["sh", "-c", f"{WORKER} -n one@%h & {WORKER} -n two@%h & wait"], "shell", {}),
    "worker and beat": (["sh", "-c", f"{CELERY} beat & exec {WORKER}"], "exec", {}),
    "detached": (
        ["sh", "-c", f"{CELERY} multi start w1 -c 2 --pidfile=/tmp/%n.pid --logfile=/tmp/%n.log; tail -f /dev/null"],
        "shell",
        {},
    ),
    "SIGTERM remapped": (WORKER.split(), "exec", {"env": ["REMAP_SIGTERM=SIGQUIT"]}),
    "SIGTERM remapped by a script": (["sh", "-c", f"export REMAP_SIGTERM=SIGQUIT; {WORKER}; true"], "shell", {}),
    "a program that starts Celery": (["python3", "/out/run_worker.py"], "exec", {"env": ["REMAP_SIGTERM=SIGQUIT"]}),
    "a program behind another": (["/out/launcher", "python3", "/out/run_worker.py"], "exec", {}),
    "SIGTERM remapped, and a title": (
        ["sh", "-c", f"export PYTHONPATH=/out:/out/titles REMAP_SIGTERM=SIGQUIT; {WORKER}; true"],
        "shell",
        {},
    ),
    "solo": (f"{CELERY} worker --pool solo".split(), "exec", {}),
    "threads": (["/out/script", *f"{CELERY} worker --pool threads -c 2".split()], "shell", {}),
    "worker -B": (f"{WORKER} -B".split(), "exec", {}),
    "late": (["/out/script", *WORKER.split()], "shell", {"env": ["LATE=1"]}),
}


class StopNotes(Notes):
    def __init__(self):
        super().__init__()
        self.policies = {}

    def note_policy(self, container):
        self.policies.setdefault(container.id, container.restart_policy)

    def policy_of(self, container):
        return self.policies.get(container.id, container.restart_policy)


class Bed:
    """A Redis, a worker, and the ledger of its tasks."""

    def __init__(self, project, folder, command, env=(), **host_config):
        self.project, self.folder = project, folder
        os.chmod(folder, 0o777)
        shutil.copy(Path(__file__).with_name("naps.py"), folder)
        for name, text in FILES.items():
            (folder / name).write_text(text)
            os.chmod(folder / name, 0o755)
        (folder / "titles").mkdir()
        (folder / "titles" / "setproctitle.py").write_text(SETPROCTITLE)
        redis = project.start("redis", ["redis-server", "--save", "", "--protected-mode", "no"])
        self.env = [
            f"URL=redis://{redis.addresses['bridge']}:6379/0",
            "PYTHONPATH=/out",
            "PYTHONDONTWRITEBYTECODE=1",
            *env,
        ]
        self.worker = project.start(
            "worker",
            command,
            self.env,
            Binds=[f"{folder}:/out"],
            RestartPolicy={"Name": "always", "MaximumRetryCount": 0},
            **host_config,
        )
        self.journal = StopNotes()
        self.broker = connect(project.host, [redis, self.worker], BrokerSettings("color"), ["worker"])

    def lines(self, word):
        ledger = self.folder / "ledger"
        return [line for line in ledger.read_text().splitlines() if line.startswith(word)] if ledger.exists() else []

    def send(self, count, seconds):
        argv = ["python3", "/out/naps.py", str(count), str(seconds)]
        assert self.project.engine.execute(self.project_runner(), argv)[0] == 0

    def send_later(self, countdown):
        argv = ["python3", "-c", f"import naps; naps.nap.apply_async((0, 0.2), countdown={countdown})"]
        assert self.project.engine.execute(self.project_runner(), argv)[0] == 0

    def due(self):
        """Seconds until the only task that waits for its ETA is due; ``None`` without one."""
        nodes = nodes_of(self.project.host, [self.worker])
        answers = remote_control.ask_all(self.project.host, self.broker, "scheduled", nodes)
        etas = [datetime.fromisoformat(each["eta"]).timestamp() for found in answers.values() for each in found]
        return etas[0] - time.time() if etas else None

    def send_talk(self, kilobytes, delay):
        argv = ["python3", "-c", f"import naps; naps.talk.delay({kilobytes}, {delay})"]
        assert self.project.engine.execute(self.project_runner(), argv)[0] == 0

    def project_runner(self):
        """A container beside it, so that nothing of ours runs in the worker's own."""
        if not hasattr(self, "_runner"):
            self._runner = self.project.start("runner", ["sleep", "600"], self.env, Binds=[f"{self.folder}:/out"]).id
        return self._runner

    def stop(self, **options):
        self.worker = inspect_container(self.project.engine, self.worker.id)
        return workers_stop.stop_workers(self.project.host, self.journal, [self.worker], broker=self.broker, **options)

    def restart(self):
        return workers_start.restart_workers(self.project.host, self.journal, [self.worker], 30, self.broker)

    def state(self):
        now = inspect_container(self.project.engine, self.worker.id)
        return now.status, now.restart_policy["Name"]


# What `make test` leaves to `make test-all`, because another form takes the same way.
LONG = {
    *("a list", "a list and an init", "a script", "a shell", "two workers", "SIGTERM remapped", "solo", "threads"),
    *("worker -B", "late", "one that tells everybody", "a program that starts Celery"),
    *("a program behind another", "SIGTERM remapped, and a title", "worker and beat"),
}


@pytest.mark.parametrize(
    "form", [pytest.param(form, marks=[pytest.mark.long] if form in LONG else []) for form in FORMS]
)
def test_running_tasks_end_and_the_same_container_works_again(project, tmp_path, form):
    command, pid1_form, options = FORMS[form]
    bed = Bed(project, tmp_path, command, **options)
    busy = 1 if form == "solo" else 2
    bed.send(6, 1.5)
    wait_for(lambda: len(bed.lines("begun")) >= busy)
    stopped = bed.stop(timeout=30)
    assert (stopped.drained, stopped.killed, stopped.lost) == (True, [], [])
    assert [each.pid1_form for each in stopped.containers] == [pid1_form]
    # After SIGINT Celery ends with 1, though as calmly as after SIGTERM.
    assert stopped.containers[0].exit_code == (1 if "remapped" in form else 0)
    begun, done = bed.lines("begun"), bed.lines("done")
    assert len(done) == len(begun) >= busy
    assert bed.state() == ("exited", "no")
    # Whatever it was that started Celery, it does not start it again.
    time.sleep(0.5)
    assert bed.lines("begun") == begun
    assert bed.restart() == [bed.worker.name]
    wait_for(lambda: len(bed.lines("done")) == 6)
    assert sorted(bed.lines("done")) == [f"done {number}" for number in range(6)]
    assert bed.state() == ("running", "always")


def test_a_supervisor_that_reads_what_celery_writes_does_not_hold_it_up_while_it_is_frozen(project, tmp_path):
    command = f"/out/reader {CELERY} worker -c 1 -l INFO".split()
    bed = Bed(project, tmp_path, command)
    bed.send_talk(256, delay=2.0)
    wait_for(lambda: bed.lines("begun talk"))
    stopped = bed.stop(timeout=20)
    assert (stopped.drained, bed.lines("done talk")) == (True, ["done talk"])
    log = project.engine.logs(bed.worker.id, 4000)
    assert sum("x" * 127 in line for line in log) >= 1900


@pytest.mark.long
def test_one_that_is_left_finishing_has_room_for_what_it_writes_to_a_frozen_supervisor(project, tmp_path):
    bed = Bed(project, tmp_path, f"/out/reader {CELERY} worker -c 1 -l INFO".split())
    bed.send_talk(256, delay=4.0)
    wait_for(lambda: bed.lines("begun talk"))
    assert not bed.stop(timeout=1, on_timeout="leave").drained
    # Nobody hands it on any more.
    wait_for(lambda: bed.lines("done talk"))


def test_the_beat_inside_of_a_worker_ends_before_its_last_task(project, tmp_path):
    bed = Bed(project, tmp_path, f"{WORKER} -B".split())
    bed.send(1, 5)
    wait_for(lambda: bed.lines("begun") and bed.lines("tick"))
    ends = time.monotonic() + 3
    waiting = []

    def alive():
        if time.monotonic() > ends and not waiting:
            waiting.append(bed.broker.database(0).call("LLEN", "celery"))

    bed.journal.renew_lease = alive
    assert bed.stop(timeout=30).drained
    # After three seconds of a task that takes five no tick waits: nobody sends any.
    assert waiting and waiting[0] <= 1


def test_one_that_is_left_finishing_is_told_once_and_is_over_when_its_celery_is(project, tmp_path):
    bed = Bed(project, tmp_path, ["/out/supervisor", *WORKER.split()], env=["REMAP_SIGTERM=SIGQUIT"])
    bed.send(1, 6)
    wait_for(lambda: bed.lines("begun"))
    with pytest.raises(BluegreenError, match="still runs 1 s after it was told to finish. .*nap"):
        bed.stop(timeout=1)
    # A second SIGINT would be a cold shutdown.
    assert not bed.stop(timeout=1, on_timeout="leave").drained
    assert bed.restart() == [bed.worker.name]
    assert bed.lines("done") == ["done 0"]


@pytest.mark.long
def test_one_that_was_told_by_a_module_that_was_killed_right_then_is_not_told_to_drop_its_tasks(project, tmp_path):
    bed = Bed(project, tmp_path, WORKER.split(), env=["REMAP_SIGTERM=SIGQUIT"])
    bed.send(2, 5)
    wait_for(lambda: len(bed.lines("begun")) == 2)
    (main,) = main_processes(processes_of(bed.worker.pid))
    os.kill(main.pid, signal.SIGINT)
    time.sleep(0.5)
    assert bed.stop(timeout=30).drained
    assert len(bed.lines("done")) == 2
    # What this run has said is nothing that the next one was told.
    bed.restart()
    assert bed.stop(timeout=30).drained


@pytest.mark.long
@pytest.mark.parametrize("late", ["0", "1"])
def test_a_worker_that_somebody_tells_to_drop_its_tasks_is_reported_with_them(project, tmp_path, late):
    bed = Bed(project, tmp_path, ["/out/script", *WORKER.split()], env=[f"LATE={late}"])
    bed.send(1, 3)
    bed.send(1, 9)
    wait_for(lambda: len(bed.lines("begun")) == 2)
    (main,) = main_processes(processes_of(bed.worker.pid))
    told = []

    def alive():
        if bed.lines("done") and not told:
            time.sleep(0.5)
            told.append(os.kill(main.pid, signal.SIGQUIT))

    bed.journal.renew_lease = alive
    stopped = bed.stop(timeout=30, on_timeout="leave")
    assert (stopped.killed, stopped.drained) == ([bed.worker.name], False)
    # One had ended before; the other is in its queue again where it is acknowledged late.
    assert len(stopped.lost) == (1 if late == "0" else 0)
    assert len(bed.lines("done")) == 1


@pytest.mark.parametrize("late", ["0", "1"])
def test_a_task_whose_time_comes_at_the_stop_begins_before_it(project, tmp_path, late):
    bed = Bed(project, tmp_path, WORKER.split(), env=[f"LATE={late}"])
    bed.send_later(6)
    due = wait_for(bed.due)
    time.sleep(max(due - 0.25, 0))
    assert bed.stop(timeout=30).drained
    # It was not returned to its queue.
    assert bed.lines("done") == ["done 0"]
    assert bed.broker.database(0).call("LLEN", "celery") == 0


@pytest.mark.parametrize("late", ["0", "1"])
def test_a_worker_that_is_killed_meanwhile_is_reported_with_its_tasks(project, tmp_path, late):
    bed = Bed(project, tmp_path, ["/out/script", *WORKER.split()], env=[f"LATE={late}"])
    bed.send(2, 8)
    wait_for(lambda: len(bed.lines("begun")) == 2)
    (main,) = main_processes(processes_of(bed.worker.pid))
    told = []

    def alive():
        if bed.journal.get("told") and not told:
            told.append(os.kill(main.pid, signal.SIGKILL))

    bed.journal.renew_lease = alive
    if late == "1":
        stopped = bed.stop(timeout=30)
        assert (stopped.killed, stopped.drained, stopped.lost) == ([bed.worker.name], False, [])
        assert stopped.orphans_restored == 2
    else:
        with pytest.raises(BluegreenError, match="was ended by signal 9. These tasks ran there, may not") as caught:
            bed.stop(timeout=30)
        assert [task["name"] for task in caught.value.details["lost"]] == ["nap", "nap"]


def test_a_child_of_the_pool_that_is_killed_meanwhile_is_reported_with_its_task(project, tmp_path):
    bed = Bed(project, tmp_path, WORKER.split())
    bed.send(2, 5)
    wait_for(lambda: len(bed.lines("begun")) == 2)
    (main,) = main_processes(processes_of(bed.worker.pid))
    children = [each.pid for each in processes_of(bed.worker.pid) if each.ppid == main.pid]
    told = []

    def alive():
        if bed.journal.get("told") and not told:
            told.append(os.kill(children[0], signal.SIGKILL))

    bed.journal.renew_lease = alive
    stopped = bed.stop(timeout=30, on_timeout="leave")
    assert (stopped.killed, stopped.drained) == ([bed.worker.name], False)
    assert len(stopped.lost) == 1
    assert len(bed.lines("done")) == 1


@pytest.mark.long
def test_what_stood_beside_a_worker_that_is_done_is_not_waited_for(project, tmp_path):
    bed = Bed(project, tmp_path, FORMS["detached"][0])
    bed.send(1, 4)
    wait_for(lambda: bed.lines("begun"))
    with pytest.raises(BluegreenError, match="still runs 1 s"):
        bed.stop(timeout=1)
    # Nobody looked when Celery ended, and tail -f goes on.
    wait_for(lambda: not main_processes(processes_of(bed.worker.pid)))
    assert bed.restart() == [bed.worker.name]
    assert bed.lines("done") == ["done 0"]
