# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Ending a deployment that did not end by itself: who may, what is to be done, and all of it that is not a rollback."""

from __future__ import annotations

from typing import Any

from .._commands import command
from .._deployment import finish as deployment_finish, kept_color, old_web
from .._deployment.color import Color
from .._deployment.transfer import move_tasks
from .._docker import cpu_shares, restart_policies
from .._docker.engine import EngineError
from .._errors import BluegreenError
from .._host import Host
from .._journal.history import history_of
from .._journal.journal import Journal
from .._journal.may_recover import require_recoverable
from .._journal.step import Step
from .._journal.store import LOCK_WAIT, JournalCorrupt, Store
from .._linux.clock import Deadline
from .._progress import report
from .._snapshot import file as snapshot_file
from .._validation import release_label
from . import decide as recovery_decide, rollback_preflight
from .request import Request
from .rollback import Rollback
from .without_journal import recover_without_journal

# Seconds that the restart of an engine may take.
ENGINE_TIMEOUT = 60
# Seconds that a rollback by a user waits for the lock.
ROLLBACK_WAIT = 180


def recover(host: Host, store: Store, request: Request, check_mode: bool) -> dict[str, Any]:
    """Complete the open deployment, roll it back, or let it await approval.

    :returns: the result of the module: ``found`` is whether a deployment was open, ``already`` whether the last one was
        rolled back before this, ``message`` how it ended.
    :raises NotBegun: the old color cannot serve visitors, and the new one is live and healthy.
    :raises BluegreenError: the deployment could not be ended. It can be tried again.
    """
    try:
        journal = store.load()
    except JournalCorrupt as corrupt:
        return recover_without_journal(host, store, corrupt, check_mode)
    if journal is None:
        return _nothing_open(store, request)
    _require_allowed(store, journal, request)
    if check_mode:
        message = f"Deployment {journal.describe()} would be completed or rolled back."
        return {"changed": True, "found": True, "already": False, "kept": "", "message": message}
    # The guard may hold the lock and wait for a color that does not become healthy. A user's rollback waits for its
    # end.
    wait = ROLLBACK_WAIT if request.prefer == "rollback" and not request.guard else LOCK_WAIT
    with store.lock(f"recovery of deployment {journal['id']}", wait):
        journal = store.load()
        if journal is None:
            return _nothing_open(store, request)
        _require_allowed(store, journal, request)
        _warn_of_another_release(host, journal, request)
        journal.best_effort = True
        if request.prefer == "rollback" and journal.awaits_approval:
            # Before the deployment is taken over: if this refuses, its owner can still approve it.
            _await_engine(host)
            Recovery(host, store, journal, request).require_way_back()
        # From here on the earlier owner can do nothing more.
        journal.take_over(request.guard)
        _await_engine(host)
        return Recovery(host, store, journal, request).run()


def _require_allowed(store: Store, journal: Journal, request: Request) -> None:
    require_recoverable(store.app, journal, request.deployment_id, request.epoch, request.prefer == "rollback")


def _nothing_open(store: Store, request: Request) -> dict[str, Any]:
    """The result where no deployment is open: how the last one ended."""
    last = (history_of(store, 1) or [{}])[0]
    where = "" if last else " It was never deployed on this host."
    message = f"No deployment of app {store.app} is open.{where}"
    if request.deployment_id and last.get("id") == request.deployment_id:
        # Its controller was away, and the guard ended it first.
        why = f" ({last['reason']})" if last.get("reason") else ""
        message = f"Deployment {last['id']} has ended in the meantime: {last['result'].replace('_', ' ')}{why}."
    kept, done, again = snapshot_file.kept_color(store), "", False
    if request.prefer == "rollback" and not request.deployment_id:
        done = kept_color.done_already(last, kept, request.release)
        again = kept_color.is_tried_again(last, kept)
    return {
        "changed": False,
        "found": False,
        "already": bool(done),
        "again": again,
        "kept": kept["release"] if kept else "",
        "message": done or message,
        "logs": {},
    }


def _await_engine(host: Host) -> None:
    """Wait for an engine that restarts: nothing can be started without it."""
    deadline = Deadline(host.clock, ENGINE_TIMEOUT)
    while True:
        try:
            host.engine.ping()
            return
        except EngineError:
            if deadline.over:
                raise
        report("the engine does not answer yet")
        deadline.sleep(1.0)


def _warn_of_another_release(host: Host, journal: Journal, request: Request) -> None:
    """Warn if the user names neither release of the open deployment, which is rolled back anyway."""
    named = request.release
    if named and request.prefer == "rollback" and named not in (journal["release"], journal["release_from"]):
        live = f"release {release_label(journal['release_from'])}" if journal["from"] else "no release"
        host.warn(
            f"bluegreen_release is {named!r}, but the open deployment is of release {journal.release_label}: "
            f"release {journal.release_label} is rolled back, and {live} is live again."
        )


class Recovery(Rollback):
    """The decision about an open deployment, and the three actions that go forward or leave it."""

    def run(self) -> dict[str, Any]:
        """Do what the journal and the host call for; the result of the module."""
        journal = self.journal
        if journal["result"] in ("committed", "rolled_back"):
            # Only the last lines are missing.
            return self.end(journal["result"])
        # First of all, so that no worker stays throttled.
        cpu_shares.put_back_weights(self.host, journal)
        pending = journal.awaits_approval
        action = recovery_decide.decide(journal.data, self._look(), self.request.prefer)
        if action == recovery_decide.FAIL and self.takes_as_it_is and journal.step is Step.FINISH:
            # The user has named the old release, and no visitor is on the new one.
            action = recovery_decide.BACK if self._visitors_left() else action
        if action == recovery_decide.BACK and self.request.prefer == "rollback" and not pending:
            self._hold_without_way_back()
        actions = {
            recovery_decide.DISCARD: self.discard,
            recovery_decide.RESTORE: self.restore,
            recovery_decide.BACK: self.go_back,
            recovery_decide.HOLD: self.hold,
            recovery_decide.COMPLETE: self.complete,
            recovery_decide.FAIL: self.fail,
        }
        return actions[action]()

    def _visitors_left(self) -> bool:
        """Whether no visitor can be on the new color, although it was approved."""
        return self.served == self.journal["from"] or not self.web_runs(self.candidate)

    # Is there a way back?

    def require_way_back(self) -> None:
        """Raise if the deployment awaits approval and is healthy, and the old color cannot serve visitors."""
        why = self._why_no_way_back()
        if why:
            if self.request.guard:
                rollback_preflight.note(self.journal, why)
            raise rollback_preflight.not_begun(self.journal, why)

    def _hold_without_way_back(self) -> None:
        """The same for a deployment that failed late: it awaits approval from now on."""
        why = self._why_no_way_back()
        if why:
            self.hold()
            raise rollback_preflight.not_begun(self.journal, why)

    def _why_no_way_back(self) -> str:
        """Why the old color cannot serve visitors; empty if it can, and if the new color is not healthy either."""
        if self.old is None or not rollback_preflight.is_to_be_looked_at(self.journal):
            return ""
        if not self.served:
            self.see_served()
        if recovery_decide.last_served(self.journal.data, self.served) != self.journal["to"]:
            return ""
        if not (self.all_workers_run(self.candidate) and self.answers(self.candidate)):
            return ""
        # An old color without some containers can serve visitors, one without a web cannot.
        missing = self.recreate_missing(self.old)
        why = rollback_preflight.why_no_way_back(self.host, self.journal, self.settings, self.old)
        return missing.message.rstrip(".") if why and missing else why

    # What the host shows

    def _look(self) -> recovery_decide.HostState:
        """Look at the host, as far as the decision needs it."""
        journal = self.journal
        if journal.step < Step.CUTOVER:
            return recovery_decide.HostState()
        if journal.step is Step.FINISH or (journal.get("cutover") or {}).get("proved") == journal["to"]:
            # After a boot, or a restart of the engine, a color without restart policies is down though it is served.
            self.try_to_serve(self.candidate)
        self.see_served()
        if self.request.prefer == "rollback" or journal["rolling_back"] or journal.step is Step.FINISH:
            return recovery_decide.HostState(self.served)
        whole = self.is_healthy(self.candidate) and self.all_workers_run(self.candidate)
        if self.old is None or whole and recovery_decide.last_served(journal.data, self.served) == journal["to"]:
            return recovery_decide.HostState(self.served, whole)
        if self.one_web and not self.whole_web_runs(self.old):
            # The old web can be asked only once it has the memory to run, which is the rollback itself.
            return recovery_decide.HostState(self.served, whole, old_healthy=True)
        # The old color may be down only because it has no restart policies.
        self.try_to_serve(self.old)
        return recovery_decide.HostState(self.served, whole, self.is_healthy(self.old))

    # Forward

    def hold(self) -> dict[str, Any]:
        """The candidate is live and healthy: let it await approval."""
        held = self.journal.step is Step.AWAITING_APPROVAL and not self.journal["result"]
        # This goes forward again, so each effect needs its journal first.
        self.journal.best_effort = False
        if not held:
            new_workers = self.candidate.of("workers")
            if new_workers:
                # A run that was killed may not have noted that.
                self.journal.note_consuming(new_workers)
            if self.old:
                self._take_over_from(self.old)
            # A run that died between the start of the workers and its proof had not given them their policies.
            started = self.candidate.of("support", "web", "workers")
            restart_policies.restore_restart_policies(self.host, self.journal, started)
            self.await_approval()
        return self.result(
            not held,
            f"Release {self.release} is live and healthy, and awaits approval: run {command('finish')} or "
            f"{command('rollback')}.",
        )

    def _take_over_from(self, old: Color) -> None:
        # Old workers that were throttled stop once the new ones consume; the run that died had not told them.
        if self.stop_workers(old):
            move_tasks(self.host, self.journal, old.renewed(), self.candidate)
        if self.one_web and self.served == self.candidate.name:
            old_web.stop(self.host, self.journal, old)
        move_tasks(self.host, self.journal, old, self.candidate)

    def complete(self) -> dict[str, Any]:
        """The end was approved: complete it."""
        self.journal.best_effort = False
        deployment_finish.finish(self.host, self.store, self.journal)
        return self.result(True, f"The approved release {self.release} was finished.")

    def fail(self) -> dict[str, Any]:
        """Leave Nginx as it is, and tell the user to look.

        :raises BluegreenError: always, with the ways on.
        """
        journal = self.journal
        journal.note(result="failed")
        if journal.step is Step.FINISH:
            raise BluegreenError(
                f"Release {self.release} of app {self.store.app} was approved, but it could not be verified that Nginx "
                f"serves {journal['to']}, so nothing more was removed. Repair Nginx, then run {command('finish')} "
                f"again{deployment_finish.or_back(journal, self.candidate, self.served)}."
            )
        release = journal["release"]
        raise BluegreenError(
            f"Deployment {journal.describe()} of app {self.store.app} stopped in step {journal['step']}, and neither "
            f"color is healthy. Nginx was not changed. Check both colors with {command('status')}. Once one is "
            f"healthy, {command('finish', release)} keeps release {self.release}, and {command('rollback')} "
            "goes back.",
            logs=self.logs,
        )
