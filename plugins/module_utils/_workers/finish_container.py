# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One container that is told to finish, and watched until the last task of its Celery is done.

Celery's own main process gets the signal (:mod:`signals`). When that process has ended, the engine stops the other
processes of the container at once: a frozen script, or a ``tail -f`` beside detached workers.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
from typing import Any, NamedTuple, Optional, Sequence

from .._broker.remote_control import Task
from .._celery import signals as celery_signals
from .._celery.roles import embedded_beat, main_processes
from .._docker.containers import Container, inspect_container
from .._docker.engine import EngineError
from .._host import Host
from .._linux.clock import Deadline, seconds_of
from .._linux.output import Output
from .._linux.processes import environment_of, pid_inside, processes_of, stat_of, status_of, still_runs
from .._process import Process

# Seconds that running tasks get where the container has no stop_grace_period.
DEFAULT_TIMEOUT = 60
POLL = 0.1
# Seconds that a booting Celery may take to listen to signals. After that it gets its signal anyway.
BOOT_SECONDS = 15
# Seconds that a container may take to exit by itself once its program has ended.
LINGER_SECONDS = 3
LOG_LINES = 200
# Status codes of the engine for a container that has exited in the meantime.
NOT_RUNNING = (304, 404, 409)

# Log lines of Celery. A child of the pool was killed; the pid is the one inside the container.
_KILLED_CHILD = re.compile(r"pid:(\d+) exited with 'signal")
# It got its first SIGINT. A second one ends its tasks.
_INTERRUPTED = "worker: Hitting Ctrl+C again will"
# It exits without waiting for tasks, for example because another program has sent it a second signal.
_COLD_SHUTDOWN = "worker: Cold shutdown (MainProcess)"
# A task has succeeded or failed, or waits for its next try.
_TASK_ENDED = re.compile(r"Task \S+\[(.+?)\] (succeeded in|raised (un)?expected|retry:|ignored|rejected)")


class Ended(NamedTuple):
    """How a container ended.

    :ivar exit_code: that of its program, 128 and more for a signal.
    :ivar seconds: time since it was told to finish.
    :ivar was_killed: whether the program, or a child of its pool, was ended by force.
    :ivar why: how, as the rest of a sentence about the container; empty unless it was killed.
    """

    exit_code: int
    seconds: float
    was_killed: bool = False
    why: str = ""


class Ending:
    """A container that is to end; :meth:`tell` begins it, :meth:`poll` checks whether it has ended.

    :ivar form: see :class:`signals.SignalPath`; ``restarting`` between two crashes.
    :ivar ended: how it ended, ``None`` while it still runs.
    :ivar cut: once it has ended, the tasks that ran when it was killed.
    """

    def __init__(self, host: Host, container: Container, tasks: Sequence[Task] = ()):
        """``tasks`` are those that its workers are busy with."""
        self.container = container
        self.form = "hidden"
        self.ended: Optional[Ended] = None
        self.cut: list[Task] = []
        self._host = host
        self._tasks = list(tasks)
        self._targets: tuple[Process, ...] = ()
        self._is_frozen = False
        self._is_cold = False
        # Statuses of wait() by pid, and the processes of the pool by id of their task.
        self._statuses: dict[int, int] = {}
        self._busy: dict[str, Process] = {}
        self._since = Deadline(host.clock, 0)
        self._told_at = host.clock.wall()
        self._gone: Optional[Deadline] = None
        self._output: Optional[Output] = None

    @property
    def told(self) -> list[dict[str, Any]]:
        """The processes that got the signal, each with ``pid`` and ``started`` (in ticks); see :meth:`tell`."""
        return [{"pid": target.pid, "started": target.started} for target in self._targets]

    @property
    def tasks_left(self) -> list[Task]:
        """Those of its tasks that may still run, by what is known already."""
        return [] if self.ended else [task for task in self._tasks if task.worker_pid is None or task.id in self._busy]

    def tell(self, told: Optional[list[dict[str, Any]]] = None) -> bool:
        """Freeze the processes between process 1 and Celery, then send the signal.

        :param told: the processes that got the signal earlier, see :attr:`told`: these are only watched, and the other
            processes of the container do not count as work. ``None`` sends the signal.
        :returns: whether the signal arrived, so that it need not be sent again.
        """
        engine, container = self._host.engine, self.container
        if container.status == "restarting":
            # Between two crashes there is no process to signal. This keeps the engine from starting it again.
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
        # Until it was frozen, a supervisor may have started Celery again.
        processes, path = self._path()
        self.form = path.form
        self._targets = path.targets
        if told is not None:
            self._targets = tuple(Process(each["pid"], 0, "", [], each["started"]) for each in told)
        self._is_frozen = any(each.is_frozen for each in processes) or bool(path.frozen)
        self._output = Output(self._with_children(processes), path.frozen, container.pid)
        self._note_busy(processes)
        if told is None:
            self._signal(processes)
        # The kernel drops a signal to process 1 if that has no handler for it.
        return listens or self.form != "exec"

    def _signal(self, processes: list[Process]) -> None:
        if not self._targets and not self._is_frozen:
            self._kill_by_engine(self.container.stop_signal)
        celery = main_processes(processes)
        for target in self._targets:
            stop_signal = self.container.stop_signal
            if target in celery:
                stop_signal = ""
                # Without a signal of its own the embedded beat would send tasks until the last task is done.
                beat = embedded_beat(target, processes, _ignores_interrupt)
                if beat is not None:
                    self._send(beat.pid, "SIGTERM")
            name = celery_signals.warm_signal(environment_of(target.pid), stop_signal)
            if name != "SIGINT" or not self._was_interrupted():
                self._send(target.pid, name)

    def _was_interrupted(self) -> bool:
        """Whether the logs show that each main process got SIGINT.

        The process that sent it may have been killed before it wrote that to the journal.
        """
        # Rounded up to whole seconds, so that no line of an earlier run of this container counts.
        begun = seconds_of(f"{self.container.started_at[:19]}Z")
        return begun is not None and sum(_INTERRUPTED in line for line in self._lines(begun + 1)) >= len(self._targets)

    def cut_short(self) -> None:
        """Ask for Celery's cold shutdown, which returns late acknowledged tasks to their queues."""
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
        """How it ended, or ``None`` while it still runs."""
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

    def _path(self) -> tuple[list[Process], celery_signals.SignalPath]:
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

    def _with_children(self, processes: list[Process]) -> list[int]:
        """Pids of the programs and of all processes below them."""
        found = [target.pid for target in self._targets]
        for process in processes:
            if process.ppid in found:
                found.append(process.pid)
        return found

    def _note_busy(self, processes: list[Process]) -> None:
        """Find the process that runs each task: workers tell its pid inside the container."""
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
                # Its parent is frozen, so it is still in /proc, with its exit status.
                self._statuses[target.pid] = now.status
            else:
                working = True
        if working:
            self._look_at_busy()
        return working

    def _look_at_busy(self) -> None:
        """Forget the children of the pool that have ended; the others run until the last task is done."""
        self._busy = {task: process for task, process in self._busy.items() if still_runs(process)}

    def _judge(self, now: Container) -> Ended:
        codes = [_exit_code(status) for status in self._statuses.values()]
        code = max(codes) if codes else now.exit_code
        if self._is_frozen and not codes and code == 128 + signal.SIGKILL:
            # The engine has killed the frozen processes, as it was told to.
            code = 0
        why = ""
        if self.form == "restarting":
            # The exit code is that of the crash before it was told to finish.
            return Ended(code, round(self._since.elapsed, 1))
        if now.oom_killed and not self.container.oom_killed:
            why, cut = "was killed for memory", self._without_ended(self._tasks)
        elif code > 128 and code - 128 not in (signal.SIGTERM, signal.SIGINT):
            # SIGTERM and SIGINT end only a Celery that still boots, and runs no tasks.
            why, cut = f"was ended by signal {code - 128}", self._still_running_tasks()
        elif self._tasks and not self._is_cold:
            lines = self._lines()
            pids = {int(found.group(1)) for found in map(_KILLED_CHILD.search, lines) if found}
            if any(_COLD_SHUTDOWN in line for line in lines):
                # Celery logs this after the end of its pool, so all tasks count that have not ended.
                why, cut = "dropped its tasks (a cold shutdown)", self._without_ended(self._tasks)
            elif pids:
                why = "lost a process of its pool to a signal"
                cut = [task for task in self._tasks if task.worker_pid is None or task.worker_pid in pids]
        if why:
            self.cut = cut
        return Ended(code, round(self._since.elapsed, 1), bool(why), why)

    def _still_running_tasks(self) -> list[Task]:
        return self._without_ended(self.tasks_left)

    def _without_ended(self, tasks: list[Task]) -> list[Task]:
        """Without the tasks that have ended by Celery's log, which shows that at level INFO."""
        ended = {found.group(1) for found in map(_TASK_ENDED.search, self._lines()) if found} if tasks else set()
        return [task for task in tasks if task.id not in ended]

    def _lines(self, since: Optional[float] = None) -> list[str]:
        """Its log lines since a moment (seconds since the epoch), or since it was told to finish."""
        try:
            return self._host.engine.logs(self.container.id, LOG_LINES, self._told_at if since is None else since)
        except EngineError:
            # The logging driver may be "none", for example.
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


def is_over(container: Container) -> bool:
    """Whether a container that was told to finish has only frozen processes left."""
    processes = processes_of(container.pid)
    return any(each.is_frozen for each in processes) and not celery_signals.path_of(container.pid, processes).targets


def _exit_code(status: int) -> int:
    """The exit code that a shell shows for a status of wait()."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _ignores_interrupt(pid: int) -> bool:
    return celery_signals.ignores(status_of(pid), signal.SIGINT)
