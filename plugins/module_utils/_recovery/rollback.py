# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Rolling back: by the rescue of the role, the commands rollback and recover, and the guard.

It removes only containers that were created and never started. It stops no color before Nginx is proved to have left
it, and no broker that holds tasks.
"""

from __future__ import annotations

import threading
from typing import Any, Callable, Optional

from .._broker import kept_keys
from .._commands import command
from .._deployment import approval, old_web
from .._deployment.color import Color
from .._deployment.end import end
from .._deployment.transfer import drain
from .._docker import restart_policies
from .._docker.containers import ROLES, inspect_container
from .._docker.ensure import ensure_stopped
from .._docker.logs import last_lines
from .._errors import BluegreenError
from .._host import Host
from .._journal.journal import Journal
from .._journal.step import Step
from .._journal.store import Store
from .._linux import memory as host_memory
from .._linux.processes_called import end_called_with
from .._nginx import preflight as nginx_preflight, switch as nginx_switch
from .._resources import disk as host_disk
from .._words import agree, joined
from .._workers import start as workers_start, stop as workers_stop, unknown_tasks
from .attempt import Attempt
from .decide import last_served
from .request import Request
from .stop_candidate import remove_unstarted, stop_candidate


class Rollback(Attempt):
    """The three ways to undo a deployment: which one is right depends on how far it had come."""

    def __init__(self, host: Host, store: Store, journal: Journal, request: Request) -> None:
        super().__init__(host, store, journal, request)
        # A user who names the old release takes it as it is. That counts only after a try that failed and said so,
        # because the release may stand in the inventory.
        named = request.release
        self.takes_as_it_is: bool = (
            request.prefer == "rollback"
            and journal["result"] == "failed"
            and bool(named and journal["from"])
            and named == journal["release_from"]
        )

    def discard(self) -> dict[str, Any]:
        """Nothing of the live color was touched: remove the containers that were created."""
        # Compose may outlive its controller, and would go on to create what is removed here.
        env_file = self.store.env_file(self.candidate.name, self.journal["id"])
        stubborn = end_called_with(self.host.clock, "compose", env_file)
        if stubborn:
            self.journal.note(rolling_back=True, reason=self.reason)
            those = f"{agree(stubborn, 'process', 'processes')} {joined([str(pid) for pid in stubborn])}"
            raise BluegreenError(
                f"Docker Compose still runs for deployment {self.journal['id']} of app {self.store.app} and cannot be "
                f"killed ({those}): once it has ended, run {command('rollback')} again."
            )
        self.candidate.refresh()
        remove_unstarted(self, self.candidate)
        return self.end("rolled_back")

    def restore(self) -> dict[str, Any]:
        """Nginx still serves the old color: start its workers, and stop the candidate at the same time."""
        self.journal.note(rolling_back=True, reason=self.reason)
        self._keep_logs()
        restart_policies.disable_restart(self.host, self.journal, self.candidate.of(*ROLES))
        incomplete = self.recreate_missing(self.old) if self.old else None
        stopping = _InBackground(lambda: ensure_stopped(self.host.engine, self.candidate.of("web", "init")))
        if self.one_web:
            # The old workers get its memory.
            stopping.wait()
        if self.old:
            self.try_to_start_broker(self.old)
            # A web that stays down must not keep the workers down too, and these must not leave the candidate up.
            for start in (self.start_serving, self.start_old_workers):
                try:
                    start(self.old)
                except BluegreenError as down:
                    incomplete = incomplete or self._not_all_runs(self.old, down)
        stopping.join()
        self.stop_workers(self.candidate)
        stop_candidate(self)
        if incomplete:
            self._leave_incomplete(incomplete)
        return self.end("rolled_back")

    def go_back(self) -> dict[str, Any]:
        """Nginx was switched, or may have been: go back in the order of docs/failure.md. Any other one loses tasks."""
        self._require_nginx_can_switch()
        self.journal.note(rolling_back=True, reason=self.reason)
        self._keep_logs()
        if self.old is None:
            nginx_switch.switch(self.host, self.journal, self.nginx, None)
            self.stop_workers(self.candidate)
            stop_candidate(self)
            return self.end("rolled_back")
        missing = self.recreate_missing(self.old)
        try:
            self._lead_to(self.old)
        except BluegreenError as error:
            return self._cannot_switch(self.old, missing or error)
        self.stop_workers(self.candidate)
        if self.one_web:
            # The old workers get the memory of the new web.
            drain(self.host, self.journal)
            old_web.stop_now(self.host, self.journal, self.candidate)
        self.carry_schedule(self.candidate, self.old)
        self.move_back(self.candidate)
        try:
            self.start_old_workers(self.old)
        except BluegreenError as down:
            missing = missing or self._not_all_runs(self.old, down)
        if not self.one_web:
            drain(self.host, self.journal)
        stop_candidate(self)
        if missing:
            self._leave_incomplete(missing)
        return self.end("rolled_back")

    # To the old color

    def _require_nginx_can_switch(self) -> None:
        """Raise if Nginx cannot be switched and a healthy candidate awaits approval: its workers keep running then."""
        journal = self.journal
        if journal.step is not Step.AWAITING_APPROVAL or journal["rolling_back"] or journal["result"]:
            return
        problem = nginx_preflight.cannot_switch(self.host, self.nginx)
        if problem and self.is_healthy(self.candidate) and self.all_workers_run(self.candidate):
            raise BluegreenError(
                f"Release {self.release} of app {self.store.app} cannot be rolled back now: {problem} Nothing was "
                "changed, and the release still awaits approval. Fix the cause named first, then run "
                f"{command('rollback')} again, or keep the release with {command('finish')}."
            )

    def _lead_to(self, old: Color) -> None:
        """Start the old web, copy sessions to it, and switch Nginx.

        :raises BluegreenError: Nginx still serves the candidate, or nobody knows what it serves.
        """
        self._make_room(old)
        self.start_serving(old)
        self._await_old_color(old)
        self.try_to_start_broker(self.candidate)
        self._copy_kept_keys_back(old)
        if unknown_tasks.discards_others(self.journal.data):
            # The tasks that visitors publish after the switch are for the old workers.
            self.stop_workers(self.candidate)
        nginx_switch.switch(self.host, self.journal, self.nginx, old.name, self.journal["release_from"])

    def _make_room(self, old: Color) -> None:
        """Where the old web was stopped for want of memory, let workers finish their tasks before it starts."""
        if not self.one_web or self.whole_web_runs(old):
            return
        timeout = self.journal["workers"].get("stop_timeout") or workers_stop.timeout_for(self.candidate.of("workers"))
        if self.answers(self.candidate):
            # No visitor waits for this, so tasks get the time that they need.
            timeout = max(timeout, workers_start.RESTART_TIMEOUT)
        self.stop_workers(self.candidate, timeout)
        # An earlier try may have started these.
        self.stop_workers(old, timeout)
        needed = (self.journal.get("memory_budget") or {}).get("web", 0)
        workers = self.candidate.of("workers") + old.of("workers")
        finishing = [each.name for each in workers if inspect_container(self.host.engine, each.id).running]
        free = host_memory.available_memory() if finishing else 0
        if finishing and needed > free:
            run, it = agree(finishing, "runs", "run"), agree(finishing, "it", "them")
            raise BluegreenError(
                f"{joined(finishing)} still {run} {timeout:g} s after being told to finish, and the old web needs "
                f"{host_disk.mib(needed)} MiB of memory beside {it}, but only {host_disk.mib(free)} MiB are "
                f"available. Free memory on this host. Or, if {agree(finishing, 'its', 'their')} tasks may be cut off, "
                f"stop {it}: docker stop {' '.join(finishing)}"
            )

    def _await_old_color(self, old: Color) -> None:
        try:
            self.wait_healthy(old)
        except BluegreenError as ill:
            if not self.takes_as_it_is or self.answers(self.candidate):
                raise
            # Neither color is healthy, and the user has named the old one.
            self.host.warn(f"{old.name} is not healthy, and neither is {self.candidate.name}: {ill.message}")

    def _copy_kept_keys_back(self, old: Color) -> None:
        """Copy sessions that began in the candidate. Without them visitors are logged out, which stops no rollback."""
        if last_served(self.journal.data, self.served) != self.journal["to"]:
            # The sessions of the old color are newer: visitors never left it, or are back already.
            return
        try:
            kept_keys.copy_kept(self.host, self.journal, self.candidate, old)
        except BluegreenError as error:
            self.host.warn(f"Keys that bluegreen_keep_keys names could not be copied back: {error.message}")

    # No way to the old color

    def _cannot_switch(self, old: Color, error: BluegreenError) -> dict[str, Any]:
        """Keep both webs up, because Nginx serves one of them. The old workers run, and get the tasks.

        Where there is no memory for that, stop the old web again, and keep everything with the candidate if it is
        healthy.
        """
        stopped = self._stop_old_web_again(old)
        sentence = f"Release {self.release} of app {self.store.app} could not be rolled back: {error.message} "
        if stopped and self._candidate_works_again():
            over = approval.is_over(self.journal)
            self.await_approval(rolling_back=False, reason="")
            if self.request.guard and over:
                # The time begins anew. Each try costs the workers' time, so the guard does it once.
                self.journal.note(not_taken_back=error.message.rstrip("."))
            raise BluegreenError(
                f"{sentence}No task was moved: the new color is live and healthy, its workers run, and it awaits "
                f"approval again. Fix the cause named first, then run {command('rollback')} again, or keep the new "
                f"color with {command('finish', self.journal['release'])}.",
                logs=self.logs,
            )
        if self.takes_as_it_is and not any(map(self.web_runs, (old, self.candidate))):
            return self._give_up(error)
        # Noted before anything else can fail, so that the next try knows that the user was told.
        self.journal.note(result="failed", reason=self.reason)
        self.hand_work_back(old)
        release, before = self.journal["release"], self.journal["release_from"]
        as_it_is = (
            f"; if both are unhealthy, {command('rollback', before)} makes release {before} live even though it is not "
            "healthy"
        )
        raise BluegreenError(
            f"{sentence}{'The old web was stopped again' if stopped else 'No web was stopped'}, and the old workers "
            f"run. Fix the cause named first, then run {command('rollback')} again. To keep release {self.release} "
            f"instead, run {command('finish', release)} once it is healthy"
            f"{as_it_is if before else ''}.",
            logs=self.logs,
        )

    def _stop_old_web_again(self, old: Color) -> bool:
        """Stop the old web so that the workers get its memory; only if Nginx serves the candidate. Whether it was."""
        if not self.one_web or not self.see_served() or self.served != self.candidate.name:
            return False
        old.refresh()
        old_web.stop_now(self.host, self.journal, old)
        return True

    def _candidate_works_again(self) -> bool:
        """Whether the candidate answers and its workers, started again, consume. No task has left it yet."""
        if not self.answers(self.candidate):
            return False
        try:
            with self.candidate.broker() as broker:
                workers_start.restart_workers(self.host, self.journal, self.candidate.of("workers"), broker=broker)
        except BluegreenError as error:
            self.host.warn(error.message)
            return False
        return True

    def _give_up(self, error: BluegreenError) -> dict[str, Any]:
        """No web is left that Nginx could serve: only the next deployment makes one."""
        self.host.warn(error.message)
        end(self.store, self.journal, "failed", self.reason)
        return self.result(
            True,
            f"Release {self.release} was given up, and Nginx was not changed: no web of either color runs. Deploy "
            "again.",
        )

    # An old color that is not complete

    def _not_all_runs(self, old: Color, error: BluegreenError) -> BluegreenError:
        return BluegreenError(
            f"Release {self.release} of app {self.store.app} was rolled back, but not all of "
            f"{old.name} runs: {error.message} Fix this cause, then run {command('rollback')} again.",
            **error.details,
        )

    def _leave_incomplete(self, error: BluegreenError) -> None:
        """The old color is live without some of its containers: the user brings these back, or takes it as it is."""
        if self.takes_as_it_is:
            self.host.warn(error.message)
            return
        self.journal.note(result="failed", reason=self.reason)
        before = self.journal["release_from"]
        as_it_is = (
            f" Or run {command('rollback', before)}, which makes release {before} live even though not all of it runs."
            if before
            else ""
        )
        logs = {**(error.details.get("logs") or {}), **self.logs}
        raise BluegreenError(f"{error.message}{as_it_is}", logs=logs)

    def _keep_logs(self) -> None:
        """Keep the last lines of the candidate's containers that broke; they are removed soon."""
        started = [each for each in self.candidate.containers if each.ever_started]
        broken = [each for each in started if not each.running or each.health == "unhealthy" or each.restart_count]
        self.logs = last_lines(self.host, broken)


class _InBackground:
    """A function that runs in a thread of its own; :meth:`join` raises its error. It must not write the journal."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._error: Optional[Exception] = None
        self._function = function
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._function()
        except Exception as error:  # pylint: disable=broad-exception-caught
            # Any exception is raised in the thread that waits for this one (see join).
            self._error = error

    def wait(self) -> None:
        """Wait for its end."""
        self._thread.join()

    def join(self) -> None:
        """Wait for its end, and raise its error."""
        self.wait()
        if self._error:
            raise self._error
