# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A rollback that cannot be completed is turned around: the new color is kept after all.

The user decides that, with the command finish and the name of the release. Most often Nginx never left the new color.
If it did, and the old color is unhealthy now, Nginx is switched to the new one again.

Until the new color is healthy with all of its workers, the journal records a rollback. So an interruption in the middle
leaves a rollback, which can be completed or turned around again.
"""

from __future__ import annotations

from .._commands import command
from .._deployment import old_web
from .._deployment.color import Color
from .._deployment.transfer import move_tasks
from .._docker import restart_policies
from .._errors import BluegreenError
from .._host import Host
from .._journal.journal import Journal
from .._journal.store import Store
from .._nginx import switch as nginx_switch
from .._workers import start as workers_start, unknown_tasks
from .attempt import Attempt
from .request import Request


def keep_candidate(host: Host, store: Store, journal: Journal) -> None:
    """Make the new color healthy again, and let the deployment await approval.

    It may be interrupted anywhere and run again.

    :param journal: of a deployment that :func:`fencing.may_be_kept`, loaded under the lock.
    :raises BluegreenError: the new color is not served or not healthy, or its workers do not run; the old ones run
        then.
    """
    _KeepCandidate(host, store, journal, Request()).run()


class _KeepCandidate(Attempt):
    def run(self) -> None:
        self.see_served()
        self._require_unhealthy_old_color()
        self._require_answer()
        # From here on the earlier owner can do nothing more.
        self.journal.take_over()
        if self.served != self.candidate.name:
            self._switch()
        try:
            self._hand_over()
        except BluegreenError as error:
            raise self._failed(error) from error
        self.await_approval(rolling_back=False, reason="")

    def _ways(self) -> str:
        finish = command("finish", self.journal["release"])
        return f"{finish} keeps release {self.release}, and {command('rollback')} goes back"

    def _require_unhealthy_old_color(self) -> None:
        """A rollback that has switched Nginx already is to be completed, as long as the old color is healthy."""
        if self.old and self.served == self.old.name and self.answers(self.old):
            raise BluegreenError(
                f"Release {self.release} of app {self.store.app} is being rolled back and cannot be kept, because "
                f"Nginx serves {self.old.name} already, which is healthy. Nothing was changed. Complete the rollback "
                f"with {command('rollback')}."
            )

    def _switch(self) -> None:
        """Switch Nginx from an old color that is unhealthy, or from neither color, to the candidate."""
        if self.old and unknown_tasks.discards_others(self.journal.data):
            self.stop_workers(self.old)
        try:
            nginx_switch.switch(self.host, self.journal, self.nginx, self.candidate.name, self.journal["release"])
        except BluegreenError as error:
            if self.old and unknown_tasks.discards_others(self.journal.data):
                self.hand_work_back(self.old)
            raise BluegreenError(
                f"Release {self.release} of app {self.store.app} could not be kept: {error.message} No task was moved. "
                f"Repair Nginx first; then {self._ways()}.",
                **error.details,
            ) from error

    def _require_answer(self) -> None:
        self.try_to_serve(self.candidate)
        if not self.answers(self.candidate):
            raise BluegreenError(
                f"Release {self.release} of app {self.store.app} cannot be kept, because {self.candidate.name} is not "
                f"healthy. No task was moved. Make one of the two colors healthy ({command('status')} shows both); "
                f"then {self._ways()}."
            )

    def _hand_over(self) -> None:
        """As at the cutover: the old workers stop, tasks move, the new workers start and are proved, then beat."""
        if self.old:
            self._empty(self.old)
        with self.candidate.renewed().broker() as broker:
            if self.old and broker is not None and self.settings.broker.mode == "shared":
                # The old web published to the same queues.
                unknown_tasks.park_unknown(self.host, self.journal, broker, to_candidate=True)
            workers = self.candidate.renewed().of("workers")
            workers_start.restart_workers(self.host, self.journal, workers, broker=broker)
        self.candidate.refresh()
        started = self.candidate.of("support", "web", "workers")
        restart_policies.restore_restart_policies(self.host, self.journal, started)
        if not self.answers(self.candidate):
            raise BluegreenError(f"{self.candidate.name} is not healthy any more.")

    def _empty(self, old: Color) -> None:
        """Stop the old workers, and move their tasks and the schedule of beat to the candidate."""
        self.try_to_start_broker(old)
        self.stop_workers(old)
        if self.one_web:
            # The new workers get its memory.
            old.refresh()
            old_web.stop_now(self.host, self.journal, old)
        self.try_to_start_broker(self.candidate)
        self.carry_schedule(old, self.candidate)
        try:
            move_tasks(self.host, self.journal, old.renewed(), self.candidate.renewed())
        except BluegreenError as error:
            # They are safe in the old broker: the old color is not removed before they have moved.
            self.host.warn(f"Tasks in the broker of {old.project} could not be moved: {error.message}")

    def _failed(self, error: BluegreenError) -> BluegreenError:
        """Move the tasks back to the old workers, and start those again; the error for the user."""
        work = "The new color's workers do not run"
        if self.old:
            work = "The old workers run again"
            try:
                self.hand_work_back(self.old)
            except BluegreenError as worse:
                work = f"The old workers do not all run either ({worse.message.rstrip('.')})"
        self.journal.note(result="failed")
        return BluegreenError(
            f"Release {self.release} of app {self.store.app} could not be kept: {error.message} {work}. Fix the "
            f"cause named first; then {self._ways()}.",
            **error.details,
        )
