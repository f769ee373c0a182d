# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""One container that is told to finish, and watched until the last task of its Celery is done.

The signal goes to Celery's own main process (:mod:`signals`). When that has ended, the engine stops what is left of the
container at once: a frozen script, or a ``tail -f`` beside detached workers.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
from typing import NamedTuple, Optional

from .._celery import signals as celery_signals
from .._celery.roles import Process, embedded_beat, main_processes
from .._docker.containers import inspect_container
from .._docker.engine import EngineError
from .._linux.clock import Deadline, seconds_of
from .._linux.output import Output
from .._linux.processes import environment_of, pid_inside, processes_of, stat_of, status_of, still_runs

POLL = 0.1
# How long a Celery that is just starting may take to listen to signals, before it gets one nevertheless.
BOOT_SECONDS = 15
# How long a container may take to end by itself once its program has ended.
LINGER_SECONDS = 3
LOG_LINES = 200
# What the engine says of a container that has ended in the meantime.
NOT_RUNNING = (304, 404, 409)

# Celery says so of a child of the pool that was killed, with its pid inside the container.
_KILLED_CHILD = re.compile(r"pid:(\d+) exited with 'signal")
# And so of its first SIGINT. The second one ends its tasks.
_INTERRUPTED = "worker: Hitting Ctrl+C again will"
# And so of an end that waits for no task, such as after a second signal from somebody.
_COLD_SHUTDOWN = "worker: Cold shutdown (MainProcess)"
# And so of a task that is done, failed or waits for its next try.
_TASK_ENDED = re.compile(r"Task \S+\[(.+?)\] (succeeded in|raised (un)?expected|retry:|ignored|rejected)")


class Ended(NamedTuple):
    """How a container ended: ``exit_code`` of its program, 128 and more for a signal; ``seconds`` since it was told.

    ``was_killed`` says that something ended the program, or a child of its pool, by force; ``why`` says what, for people.
    """

    exit_code: int
    seconds: float
    was_killed: bool = False
    why: str = ""


class Ending:
    """A container on its way to its end; :meth:`tell` begins it, :meth:`poll` looks whether it is over.

    :ivar form: see :class:`signals.SignalPath`; ``restarting`` between two crashes.
    :ivar cut: the tasks that ran when it was killed, once it has ended.
    """

    def __init__(self, host, container, tasks: Optional[list] = None):
        """``tasks`` are the :class:`remote_control.Task` that its workers are busy with."""
        self.container = container
        self.form = "hidden"
        self.ended: Optional[Ended] = None
        self.cut: list = []
        self._host = host
        self._tasks = list(tasks or ())
        self._targets: tuple = ()
        self._is_frozen = False
        self._is_cold = False
        self._statuses: dict = {}
        self._busy: dict = {}
        self._since = Deadline(host.clock, 0)
        self._told_at = host.clock.wall()
        self._gone: Optional[Deadline] = None
        self._output: Optional[Output] = None

    @property
    def told(self) -> list:
        """The processes that had the signal, for :meth:`tell`: with its start in ticks."""
        return [{"pid": target.pid, "started": target.started} for target in self._targets]

    @property
    def tasks_left(self) -> list:
        """Of its tasks those that may still run, as far as a look that costs nothing tells."""
        return [] if self.ended else [task for task in self._tasks if task.worker_pid is None or task.id in self._busy]

    def tell(self, told: Optional[list] = None) -> bool:
        """Freeze what stands between, then send the signal.

        :param told: the processes that have had it before; they are only watched, and what else is left of the container
            is no work of it. ``None`` sends the signal.
        :returns: whether the signal arrived, so that it need not be sent again.
        """
        engine, container = self._host.engine, self.container
        if container.status == "restarting":
            # Between two crashes there is nobody to signal; this keeps the engine from trying again.
            engine.stop(container.id)
            self.form = "restarting"
            return True
        if container.status == "paused":
            # A frozen process does not see the signal.
            engine.unpause(container.id)
        listens = told is not None or self._wait_until_it_listens()
        path = self._path()[1]
        for pid in path.frozen:
            self._send(pid, "SIGSTOP")
        # A supervisor may have started Celery anew until it was frozen.
        processes, path = self._path()
        self.form = path.form
        self._targets = path.targets if told is None else tuple(Process(each["pid"], 0, "", [], each["started"]) for each in told)
        self._is_frozen = any(each.is_frozen for each in processes) or bool(path.frozen)
        self._output = Output(self._with_children(processes), path.frozen, container.pid)
        self._note_busy(processes)
        if told is None:
            self._signal(processes)
        # The kernel drops a signal to a process 1 that has no handler for it.
        return listens or self.form != "exec"

    def _signal(self, processes: list) -> None:
        if not self._targets and not self._is_frozen:
            self._kill_by_engine(self.container.stop_signal)
        celery = main_processes(processes)
        for target in self._targets:
            stop_signal = self.container.stop_signal
            if target in celery:
                stop_signal = ""
                # Without an end of its own the embedded beat would go on for as long as the last task takes.
                beat = embedded_beat(target, processes, _ignores_interrupt)
                if beat is not None:
                    self._send(beat.pid, "SIGTERM")
            name = celery_signals.warm_signal(environment_of(target.pid), stop_signal)
            if name != "SIGINT" or not self._was_interrupted():
                self._send(target.pid, name)

    def _was_interrupted(self) -> bool:
        """Whether the logs say that each had its SIGINT: the module that sent it may have been killed before it noted that."""
        # Without its parts of a second, and never what an earlier run of this container has said.
        begun = seconds_of(f"{self.container.started_at[:19]}Z")
        return begun is not None and sum(_INTERRUPTED in line for line in self._lines(begun + 1)) >= len(self._targets)

    def cut_short(self) -> None:
        """Ask for Celery's cold shutdown, which gives late acknowledged tasks back to their queues."""
        self._look_at_busy()
        self._is_cold = True
        self.cut = self._still_running_tasks()
        if not self._targets and not self._is_frozen:
            self._kill_by_engine("SIGQUIT")
        for target in self._targets:
            if still_runs(target):
                self._send(target.pid, "SIGQUIT")

    def kill(self) -> None:
        """End the whole container by force."""
        self._look_at_busy()
        self._kill_by_engine("SIGKILL")
        self._targets, self._statuses, self._is_frozen = (), {}, False

    def poll(self) -> Optional[Ended]:
        """How it ended, or ``None`` while it has not."""
        if self._output is not None:
            self._output.hand_on()
        if self.ended is None and not self._works():
            now = inspect_container(self._host.engine, self.container.id)
            if self._output is not None:
                self._output.close()
            if now.running and (self._targets or self._is_frozen):
                self._gone = self._gone or Deadline(self._host.clock, LINGER_SECONDS)
                if self._is_frozen or self._gone.over:
                    self._host.engine.stop(self.container.id, timeout=0)
                    now = inspect_container(self._host.engine, self.container.id)
            if not now.running:
                self.ended = self._judge(now)
        return self.ended

    def _path(self) -> tuple:
        processes = processes_of(self.container.pid)
        return processes, celery_signals.path_of(self.container.pid, processes)

    def _wait_until_it_listens(self) -> bool:
        """Whether the programs catch signals; a Celery that boots gets time to do so."""
        deadline = Deadline(self._host.clock, BOOT_SECONDS)
        while True:
            targets = self._path()[1].targets
            if all(celery_signals.catches(status_of(each.pid), signal.SIGTERM) for each in targets):
                return True
            if deadline.over:
                return False
            deadline.sleep(POLL)

    def _with_children(self, processes: list) -> list:
        """Pids of the programs and of all that they have started."""
        found = [target.pid for target in self._targets]
        for process in processes:
            if process.ppid in found:
                found.append(process.pid)
        return found

    def _note_busy(self, processes: list) -> None:
        """Which process runs which task: the workers tell the pids that these have inside of the container."""
        if self._tasks:
            inside = {pid_inside(each.pid): each for each in processes}
            self._busy = {task.id: inside[task.worker_pid] for task in self._tasks if task.worker_pid in inside}

    def _works(self) -> bool:
        """Whether one of the programs still runs."""
        working = False
        for target in self._targets:
            now = stat_of(target.pid)
            if now is None or now.started != target.started:
                continue
            if now.has_ended:
                # Its parent is frozen, so the kernel still has it.
                self._statuses[target.pid] = now.status
            else:
                working = True
        if working:
            self._look_at_busy()
        return working

    def _look_at_busy(self) -> None:
        """A child of the pool that has ended works on nothing; the others stay until the last task is done."""
        self._busy = {task: process for task, process in self._busy.items() if still_runs(process)}

    def _judge(self, now) -> Ended:
        codes = [_exit_code(status) for status in self._statuses.values()]
        code = max(codes) if codes else now.exit_code
        if self._is_frozen and not codes and code == 128 + signal.SIGKILL:
            # That was the engine's own end of what was frozen.
            code = 0
        why = ""
        if self.form == "restarting":
            # That is how it ended before anybody told it.
            return Ended(code, round(self._since.elapsed, 1))
        if now.oom_killed and not self.container.oom_killed:
            why, cut = "was killed for memory", self._without_ended(self._tasks)
        elif code > 128 and code - 128 not in (signal.SIGTERM, signal.SIGINT):
            # These two end by themselves only what does not run tasks yet.
            why, cut = f"was ended by signal {code - 128}", self._still_running_tasks()
        elif self._tasks and not self._is_cold:
            lines = self._lines()
            pids = {int(found.group(1)) for found in map(_KILLED_CHILD.search, lines) if found}
            if any(_COLD_SHUTDOWN in line for line in lines):
                # The pool has ended before Celery says so.
                why, cut = "dropped its tasks (a cold shutdown)", self._without_ended(self._tasks)
            elif pids:
                why = "lost a process of its pool to a signal"
                cut = [task for task in self._tasks if task.worker_pid is None or task.worker_pid in pids]
        if why:
            self.cut = cut
        return Ended(code, round(self._since.elapsed, 1), bool(why), why)

    def _still_running_tasks(self) -> list:
        return self._without_ended(self.tasks_left)

    def _without_ended(self, tasks: list) -> list:
        """Without those that Celery says have ended, which it does where it logs at INFO."""
        ended = {found.group(1) for found in map(_TASK_ENDED.search, self._lines()) if found} if tasks else set()
        return [task for task in tasks if task.id not in ended]

    def _lines(self, since: Optional[float] = None) -> list:
        """What it wrote since then, or since it was told."""
        try:
            return self._host.engine.logs(self.container.id, LOG_LINES, self._told_at if since is None else since)
        except EngineError:
            # Such as the logging driver "none".
            return []

    def _send(self, pid: int, name: str) -> None:
        self._host.commands.append(f"kill -s {name} {pid}")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, celery_signals.number_of(name))

    def _kill_by_engine(self, name: str) -> None:
        try:
            self._host.engine.kill(self.container.id, name)
        except EngineError as error:
            if error.status not in NOT_RUNNING:
                raise


def is_over(container) -> bool:
    """Whether a container that was told to finish only has frozen processes left."""
    processes = processes_of(container.pid)
    return any(each.is_frozen for each in processes) and not celery_signals.path_of(container.pid, processes).targets


def _exit_code(status: int) -> int:
    """The exit code that a shell would show for a status of wait()."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _ignores_interrupt(pid: int) -> bool:
    return celery_signals.ignores(status_of(pid), signal.SIGINT)
