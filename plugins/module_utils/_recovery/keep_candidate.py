# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""A way back that cannot be completed is turned round: the new color is kept after all.

Most often Nginx never left it. Where it did, and the old color fell ill since, it is led there again.

A human's decision, made with finish and the release by name. Until the new color is whole, the journal says that the
deployment goes back. So whatever ends this in the middle leaves a way back that is taken up again, and that can be turned
round again.
"""

from __future__ import annotations

from .._commands import command
from .._deployment import old_web
from .._deployment.transfer import move_tasks
from .._docker import restart_policies
from .._errors import BluegreenError
from .._nginx import switch as nginx_switch
from .._workers import beat_schedule, start as workers_start, unknown_tasks
from .._workers.container_roles import roles_now
from . import recover as recovery


def keep_candidate(host, store, journal):
    """Make the new color whole again, and let the deployment await approval; may be interrupted anywhere and run again.

    :param journal: of a deployment that :func:`decide.may_be_kept`, loaded under the lock.
    :raises BluegreenError: the new color is not served, not healthy or its workers do not work; the old ones work then.
    """
    params = {"prefer": "", "reason": ""}
    _KeepCandidate(host, store, journal, params).run()


class _KeepCandidate(recovery.Recovery):
    def run(self):
        self._see_served()
        self._require_no_better_way()
        self._require_answer()
        # From here on the run that had the deployment can do nothing more.
        self.journal.take_over()
        if self.served != self.candidate.name:
            self._lead_to_it()
        try:
            self._hand_over()
        except BluegreenError as error:
            raise self._failed(error) from error
        self._await_approval(back=False, reason="")

    @property
    def _release(self):
        return self.journal["release"] or "(none)"

    def _ways(self):
        return f"{command('finish', self.journal['release'])} keeps release {self._release}, and {command('rollback')} goes back"

    def _require_no_better_way(self):
        """A way back on which Nginx was switched already is completed, as long as the old color is well."""
        if self.old and self.served == self.old.name and self._answers(self.old):
            raise BluegreenError(
                f"Release {self._release} of app {self.store.app} is being undone, and Nginx serves {self.old.name} already, which is "
                f"well, so it cannot be kept: nothing was touched. Complete the way back with {command('rollback')}."
            )

    def _lead_to_it(self):
        """Nginx serves neither color, or an old one that fell ill since it was led back to it."""
        if self.old and unknown_tasks.discards_others(self.journal):
            self._stop_workers(self.old, self.journal["workers"].get("stop_timeout"))
        try:
            nginx_switch.switch(self.host, self.journal, self.nginx, self.candidate.name, self.journal["release"])
        except BluegreenError as error:
            if self.old and unknown_tasks.discards_others(self.journal):
                self._let_old_workers_work()
            raise BluegreenError(
                f"Release {self._release} of app {self.store.app} could not be kept: {error.message} Nothing was moved. Repair Nginx "
                f"first; then {self._ways()}.",
                **error.details,
            ) from error

    def _require_answer(self):
        self._try_to_serve(self.candidate)
        if not self._answers(self.candidate):
            raise BluegreenError(
                f"Release {self._release} of app {self.store.app} cannot be kept, because {self.candidate.name} does not answer "
                f"well: nothing was moved. Make one of the two colors healthy (status.yml shows both); then {self._ways()}."
            )

    def _hand_over(self):
        """As at the cutover: the old workers stop, tasks move, the new workers start and are proved, then beat."""
        if self.old:
            self._try_to_start_broker(self.old)
            self._stop_workers(self.old, self.journal["workers"].get("stop_timeout"))
            if self.one_web:
                # The new workers get its memory.
                self.old.refresh()
                old_web.stop_now(self.host, self.journal, self.old)
            self._try_to_start_broker(self.candidate)
            self._carry_schedule()
            self._move()
        with self.candidate.renewed().broker() as broker:
            if self.old and broker is not None and self.settings.broker["mode"] == "shared":
                # What the old web published is in the same queues.
                unknown_tasks.park_unknown(self.host, self.journal, broker, to_candidate=True)
            workers = self.candidate.renewed().of("workers")
            workers_start.restart_workers(self.host, self.journal, workers, broker=broker)
        self.candidate.refresh()
        restart_policies.restore_restart_policies(self.host, self.journal, self.candidate.of("support", "web", "workers"))
        if not self._answers(self.candidate):
            raise BluegreenError(f"{self.candidate.name} does not answer well any more.")

    def _carry_schedule(self):
        sources, targets = self.old.renewed().of("workers"), self.candidate.renewed().of("workers")
        noted = self.journal.get("worker_roles")
        beat_schedule.carry_schedule(self.host, sources, targets, lambda each: roles_now(each, noted))

    def _move(self):
        try:
            move_tasks(self.host, self.journal, self.old.renewed(), self.candidate.renewed())
        except BluegreenError as error:
            # They are safe where they are: the old color does not go before they have moved.
            self.host.warn(f"Tasks in the broker of {self.old.project} could not be moved: {error.message}")

    def _failed(self, error):
        """The old workers work again, as they did before; what has moved goes back to them."""
        work = "The new color's workers do not work"
        if self.old:
            work = "The old workers work again"
            try:
                self._let_old_workers_work()
            except BluegreenError as worse:
                work = f"The old workers do not all work either ({worse.message.rstrip('.')})"
        self.journal.note(result="failed")
        return BluegreenError(
            f"Release {self._release} of app {self.store.app} could not be kept: {error.message} {work}. Fix that; then {self._ways()}.",
            **error.details,
        )
