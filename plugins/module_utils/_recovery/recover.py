# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Going back: the one implementation, for the role's rescue, for rollback.yml and recover.yml, and for the guard.

It may be interrupted anywhere and run again. It removes only what was created and never started, it never stops a
color without the proof that Nginx left it, and never a broker that holds tasks.
"""

from __future__ import annotations

import json
import threading

from .. import _redact
from .._broker import kept_keys, move as broker_move
from .._commands import command
from .._deployment import approval, finish as deployment_finish, kept_color, old_web
from .._deployment.color import colors_of
from .._deployment.end import end
from .._deployment.images import images_of
from .._deployment.transfer import drain, move_tasks, start_broker
from .._docker import cpu_shares, leftovers, restart_policies
from .._docker.containers import ROLES, inspect_container
from .._docker.engine import EngineError
from .._docker.logs import last_lines
from .._errors import BluegreenError
from .._health import gate as health_gate
from .._install import guard_units
from .._journal import figures
from .._journal.fencing import Fenced
from .._journal.store import LOCK_WAIT, JournalCorrupt
from .._linux.clock import Deadline
from .._linux.processes import end_called_with
from .._nginx import preflight as nginx_preflight, public_requests, switch as nginx_switch
from .._nginx.settings import Nginx
from .._progress import report
from .._resources import host as host_resources
from .._snapshot import file as snapshot_file, restore as snapshot_restore
from .._workers import beat_schedule, start as workers_start, stop as workers_stop, unknown_tasks
from .._workers.container_roles import roles_now
from . import decide as recovery_decide, rollback_preflight
from .without_journal import recover_without_journal

# What an engine that is being restarted may take, in seconds.
ENGINE_TIMEOUT = 60
# How long a rollback that somebody asks for waits for whoever holds the lock, in seconds.
ROLLBACK_WAIT = 180


def recover(host, store, params, check_mode):
    """Bring the open deployment to a whole state.

    :param params: ``prefer`` (``rollback`` to undo it, else by what the host shows), ``reason`` for the history, and
        ``deployment_id`` and ``epoch`` when only that deployment is meant, and only while it is the caller's; ``release`` that
        the user names. The guard says that it is one with ``guard``.
    :returns: the module's result; ``found`` is whether a deployment was open, ``already`` whether the last one was rolled
        back before this, ``message`` says how it ended.
    :raises NotBegun: the way back cannot be walked, and the new color is live and whole.
    :raises BluegreenError: it could not be brought to an end, and can be tried again.
    """
    try:
        journal = store.load()
    except JournalCorrupt as corrupt:
        return recover_without_journal(host, store, corrupt, check_mode)
    if journal is None:
        return _nothing(store, params)
    _refuse(store, journal, params)
    if check_mode:
        message = f"Deployment {journal.describe()} would be brought to an end."
        return {"changed": True, "found": True, "already": False, "kept": "", "message": message}
    # The guard may be at it just now, and wait for a color that does not become healthy; a human means what is asked for.
    wait = ROLLBACK_WAIT if params["prefer"] == "rollback" and not params.get("guard") else LOCK_WAIT
    with store.lock(f"recovery of deployment {journal['id']}", wait):
        journal = store.load()
        if journal is None:
            return _nothing(store, params)
        _refuse(store, journal, params)
        _warn_of_another_release(host, journal, params)
        journal.best_effort = True
        if params["prefer"] == "rollback" and rollback_preflight.is_pending(journal):
            # Where that is refused, nobody has lost the right to approve it.
            _await_engine(host)
            Recovery(host, store, journal, params).require_way_back()
        # From here on whoever owned it can do nothing more.
        journal.take_over(params.get("guard", False))
        _await_engine(host)
        return Recovery(host, store, journal, params).run()


def _nothing(store, params):
    last = (store.history(1) or [{}])[0]
    where = "" if last else " It was never deployed on this host."
    message = f"No deployment of app {store.app} is open.{where}"
    if params["deployment_id"] and last.get("id") == params["deployment_id"]:
        # Its controller was away, and the guard was faster.
        why = f" ({last['reason']})" if last.get("reason") else ""
        message = f"Deployment {last['id']} was ended meanwhile: {last['result'].replace('_', ' ')}{why}."
    kept, done, again = snapshot_file.kept_color(store), "", False
    if params["prefer"] == "rollback" and not params["deployment_id"]:
        done = kept_color.done_already(last, kept, params.get("release", ""))
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


def _await_engine(host):
    """Wait for an engine that is being restarted: without it nothing can be brought back."""
    deadline = Deadline(host.clock, ENGINE_TIMEOUT)
    while True:
        try:
            return host.engine.ping()
        except EngineError:
            if deadline.over:
                raise
        report("the engine does not answer yet")
        deadline.sleep(1.0)


def _warn_of_another_release(host, journal, params):
    """Warn if the user names another release than the two of the open deployment, which is undone anyway."""
    named = params.get("release", "")
    if named and params["prefer"] == "rollback" and named not in (journal["release"], journal["release_from"]):
        host.warn(
            f"bluegreen_release is {named!r}, but the open deployment is of release {journal['release'] or '(none)'}: it is undone, "
            f"and {'release ' + (journal['release_from'] or '(none)') if journal['from'] else 'no release'} is live again."
        )


def _refuse(store, journal, params):
    if params["deployment_id"] and journal["id"] != params["deployment_id"]:
        raise Fenced(
            f"deployment_id {params['deployment_id']} is not the open deployment of app {store.app}, which is "
            f"{journal.describe()}: nothing was done."
        )
    if params["epoch"] and journal["epoch"] != params["epoch"]:
        raise Fenced(
            f"Deployment {journal.describe()} of app {store.app} was taken over meanwhile (epoch {journal['epoch']}, not "
            f"{params['epoch']}): nothing was done. Look at status.yml."
        )
    # Whoever asks for a rollback means it, and the epoch keeps the owner from doing anything after it.
    if params["prefer"] != "rollback" and journal["step"] != "awaiting_approval" and journal.has_owner():
        raise Fenced(
            f"Deployment {journal.describe()} of app {store.app} is in step {journal['step']}, and its owner showed a sign "
            "of life not long ago: wait for it, or undo it with rollback.yml."
        )


class Recovery:
    """One run over one deployment."""

    def __init__(self, host, store, journal, params):
        self.host = host
        self.store = store
        self.journal = journal
        self.prefer = params["prefer"]
        self.guard = params.get("guard", False)
        # Who names the release that is to come back takes it as it is: not at once, since it may stand in the inventory, but
        # after a try that failed and said so.
        named = params.get("release", "")
        self.takes_it = (
            self.prefer == "rollback"
            and journal["result"] == "failed"
            and bool(named and journal["from"])
            and named == journal["release_from"]
        )
        self.reason = journal["reason"] or _redact.hide(params["reason"], store.secrets(), json.dumps(journal.data))
        self.settings, self.old, self.candidate = colors_of(host, store, journal)
        self.nginx = Nginx(**self.settings.nginx)
        self.served = ""
        self.logs = {}
        # Two webs and workers do not fit together on this host.
        self.one_web = old_web.is_stopped(journal)

    def run(self):
        journal = self.journal
        if journal["result"] in ("committed", "rolled_back"):
            # Everything was done but the last lines.
            return self._end(journal["result"])
        # Whatever becomes of it, no worker stays slowed down.
        cpu_shares.put_back_weights(self.host, journal)
        pending = rollback_preflight.is_pending(journal)
        action = recovery_decide.decide(journal.data, self._sight(), self.prefer)
        if action == recovery_decide.FAIL and journal["step"] == "finish" and self.takes_it and self._is_left():
            action = recovery_decide.BACK
        if action == recovery_decide.BACK and self.prefer == "rollback" and not pending:
            self._hold_without_way_back()
        return getattr(self, f"_{action}")()

    def _is_left(self):
        """Whether the new color is none that visitors could be with, although it was approved."""
        return self.served == self.journal["from"] or not self._web_runs(self.candidate)

    def require_way_back(self):
        """Raise where the deployment awaits approval, is whole, and the old color cannot take the visitors."""
        why = self._why_no_way_back()
        if why:
            if self.guard:
                rollback_preflight.note(self.journal, why)
            raise rollback_preflight.not_begun(self.journal, why)

    def _hold_without_way_back(self):
        """The same for a deployment that failed late: it awaits approval from now on."""
        why = self._why_no_way_back()
        if why:
            self._hold()
            raise rollback_preflight.not_begun(self.journal, why)

    def _why_no_way_back(self):
        """Why the old color cannot take the visitors; empty where it can, and where the new color is not whole either."""
        if not rollback_preflight.is_to_be_looked_at(self.journal):
            return ""
        if not self.served:
            self._see_served()
        if recovery_decide.last_served(self.journal.data, self.served) != self.journal["to"]:
            return ""
        if not (self._works(self.candidate) and self._answers(self.candidate)):
            return ""
        # An old color that is incomplete is a way back nevertheless; without a web it is not.
        missing = self._recreate_missing()
        why = rollback_preflight.why_no_way_back(self.host, self.journal, self.settings, self.old)
        return missing.message.rstrip(".") if why and missing else why

    def _sight(self):
        """What the host shows, as far as the decision needs it."""
        journal = self.journal
        if journal["step"] not in ("cutover", "handover", "start_workers", "settle", "awaiting_approval", "finish"):
            return recovery_decide.HostState()
        if journal["step"] == "finish" or (journal.get("cutover") or {}).get("proved") == journal["to"]:
            # After a boot or a restart of the engine what has no policy is down, though it is what is served.
            self._try_to_serve(self.candidate)
        self._see_served()
        if self.prefer == "rollback" or journal["back"] or journal["step"] == "finish":
            return recovery_decide.HostState(self.served)
        whole = self._healthy(self.candidate) and self._works(self.candidate)
        if self.old is None or whole and recovery_decide.last_served(journal.data, self.served) == journal["to"]:
            return recovery_decide.HostState(self.served, whole)
        if self.one_web and not self._old_web_runs():
            # It can only be asked once it has room to run, and that is the way back itself.
            return recovery_decide.HostState(self.served, whole, old_healthy=True)
        # The way back may be down only for want of a restart policy.
        self._try_to_serve(self.old)
        return recovery_decide.HostState(self.served, whole, self._healthy(self.old))

    def _see_served(self):
        try:
            self.served = public_requests.served_color(self.host, self.nginx) or ""
        except BluegreenError as error:
            self.host.warn(error.message)

    def _healthy(self, color):
        try:
            self._wait_healthy(color)
        except BluegreenError:
            return False
        return True

    def _works(self, color):
        """Whether all workers of a color run now: an engine that has just started is not done with them at once."""
        return all(container.running for container in color.renewed().of("workers"))

    def _wait_healthy(self, color):
        wanted = health_gate.of_color(self.settings, color.name)
        health_gate.wait_healthy(self.host, self.journal, wanted, color.of("support", "web"))

    # The actions of _recovery

    def _discard(self):
        """Nothing of the live color was touched: what was created goes."""
        # It may outlive its controller, and would go on creating what is removed here.
        stubborn = end_called_with(self.host.clock, "compose", self.store.env_file(self.candidate.name, self.journal["id"]))
        if stubborn:
            self.journal.note(back=True, reason=self.reason)
            raise BluegreenError(
                f"Compose still works for deployment {self.journal['id']} of app {self.store.app} (process "
                f"{', '.join(map(str, stubborn))}) and cannot be killed: when it has ended, run rollback.yml again."
            )
        self.candidate.refresh()
        self._remove_unstarted(self.candidate)
        return self._end("rolled_back")

    def _restore(self):
        """Nginx still serves the old color: its workers start again, side by side the candidate stops."""
        self.journal.note(back=True, reason=self.reason)
        self._keep_logs()
        restart_policies.disable_restart(self.host, self.journal, self.candidate.of(*ROLES))
        incomplete = self._recreate_missing()
        stopping = _InBackground(lambda: self._stop(self.candidate.of("web", "init")))
        if self.one_web:
            # The old workers get its memory.
            stopping.wait()
        if self.old:
            self._try_to_start_broker(self.old)
            try:
                self._start_serving(self.old)
            except BluegreenError as down:
                # A web that is down must not keep the workers down too.
                incomplete = incomplete or self._not_all_runs(down)
            try:
                self._start_old_workers()
            except BluegreenError as down:
                # One that does not come back is no reason to leave the candidate up.
                incomplete = incomplete or self._not_all_runs(down)
        stopping.join()
        self._stop_workers_of_candidate()
        self._stop_candidate()
        if incomplete:
            self._leave_incomplete(incomplete)
        return self._end("rolled_back")

    def _back(self):
        """Nginx was or may have been switched. The order is that of docs/failure.md; any other one loses tasks."""
        self._require_nginx_can_switch()
        self.journal.note(back=True, reason=self.reason)
        self._keep_logs()
        if self.old is None:
            nginx_switch.switch(self.host, self.journal, self.nginx, None)
            self._stop_workers_of_candidate()
            self._stop_candidate()
            return self._end("rolled_back")
        missing = self._recreate_missing()
        try:
            self._make_room()
            self._start_serving(self.old)
            self._await_old_color()
            self._try_to_start_broker(self.candidate)
            self._copy_kept_back()
            if unknown_tasks.discards_others(self.journal):
                # What visitors publish from the switch on is for the old workers.
                self._stop_workers_of_candidate()
            nginx_switch.switch(self.host, self.journal, self.nginx, self.old.name, self.journal["release_from"])
        except BluegreenError as error:
            return self._cannot_switch(missing or error)
        self._stop_workers_of_candidate()
        if self.one_web:
            # The old workers get the memory of the new web.
            drain(self.host, self.journal)
            old_web.stop_now(self.host, self.journal, self.candidate)
        self._carry_schedule_back()
        self._move_back(self.candidate)
        try:
            self._start_old_workers()
        except BluegreenError as down:
            missing = missing or self._not_all_runs(down)
        if not self.one_web:
            drain(self.host, self.journal)
        self._stop_candidate()
        if missing:
            self._leave_incomplete(missing)
        return self._end("rolled_back")

    def _await_old_color(self):
        try:
            self._wait_healthy(self.old)
        except BluegreenError as ill:
            if not self.takes_it or self._answers(self.candidate):
                raise
            # Neither color is well, and the human has named the one to go on with.
            self.host.warn(f"{self.old.name} is not healthy, and neither is {self.candidate.name}: {ill.message}")

    def _require_nginx_can_switch(self):
        """While all is well with what awaits approval, its workers go on until Nginx can be switched."""
        journal = self.journal
        if journal["step"] != "awaiting_approval" or journal["back"] or journal["result"]:
            return
        problem = nginx_preflight.cannot_switch(self.host, self.nginx)
        if problem and self._healthy(self.candidate) and self._works(self.candidate):
            raise BluegreenError(
                f"Release {journal['release'] or '(none)'} of app {self.store.app} cannot be undone now: {problem} Nothing was "
                "touched, and it awaits approval as before. Fix that, then run rollback.yml again, or finish.yml."
            )

    def _cannot_switch(self, error):
        """Both webs stay up, because one of them is served; the old workers work, and tasks go to them.

        Where that does not fit, the old web stops again, and everything stays with the candidate if that is whole.
        """
        stopped = self._stop_old_web_again()
        sentence = f"Release {self.journal['release'] or '(none)'} of app {self.store.app} could not be undone: {error.message} "
        if stopped and self._goes_on():
            why, over = error.message.rstrip("."), approval.is_over(self.journal)
            self._await_approval(back=False, reason="")
            if self.guard and over:
                # The time begins anew, and trying it costs the workers' time: the guard does it once.
                self.journal.note(not_taken_back=why)
            raise BluegreenError(
                f"{sentence}Nothing was moved: the new color is live and whole, its workers work, and it awaits approval again. "
                f"Fix that, then run {command('rollback')} again, or keep it with {command('finish', self.journal['release'])}.",
                logs=self.logs,
            )
        if self.takes_it and not any(map(self._web_runs, (self.old, self.candidate))):
            return self._give_up(error)
        # Before what may fail, too: the next try then knows that it was told.
        self.journal.note(result="failed", reason=self.reason)
        self._let_old_workers_work()
        release, before = self.journal["release"], self.journal["release_from"]
        raise BluegreenError(
            f"{sentence}{'The old web was stopped again' if stopped else 'No web was stopped'}, and the old workers work. Fix "
            f"that, then run {command('rollback')} again. If release {release or '(none)'} is to stay, {command('finish', release)} "
            "turns this round once it is healthy"
            + (f"; if both are ill, {command('rollback', before)} takes release {before} as it is." if before else "."),
            logs=self.logs,
        )

    def _web_runs(self, color):
        return any(container.running for container in color.renewed().of("web"))

    def _give_up(self, error):
        """No web is left that anybody could be led to: only the next deployment makes one."""
        self.host.warn(error.message)
        end(self.store, self.journal, "failed", self.reason)
        release = self.journal["release"] or "(none)"
        return self._result(
            True, f"Release {release} was given up, and Nginx was left as it is: no web of either color runs. Deploy again."
        )

    def _let_old_workers_work(self):
        self._stop_workers_of_candidate()
        self._carry_schedule_back()
        self._move_back(self.candidate)
        self._start_old_workers()

    def _old_web_runs(self):
        web = self.old.of("web")
        # Somebody may have removed what does not run.
        return bool(web) and all(container.running for container in web)

    def _make_room(self):
        """Where the old web was stopped for want of memory, workers finish their tasks before it boots."""
        if not self.one_web or self._old_web_runs():
            return
        timeout = self.journal["workers"].get("stop_timeout") or workers_stop.timeout_for(self.candidate.of("workers"))
        if self._answers(self.candidate):
            # Visitors do not wait for this, so tasks get the time that they need.
            timeout = max(timeout, workers_start.RESTART_TIMEOUT)
        self._stop_workers_of_candidate(timeout)
        # Those that a try before this one started.
        self._stop_workers(self.old, timeout)
        needed = (self.journal.get("memory_budget") or {}).get("web", 0)
        workers = self.candidate.of("workers") + self.old.of("workers")
        finishing = [each.name for each in workers if inspect_container(self.host.engine, each.id).running]
        free = host_resources.available_memory() if finishing else 0
        if finishing and needed > free:
            raise BluegreenError(
                f"{', '.join(finishing)} still runs {timeout:g} s after it was told to finish, and the old web needs "
                f"{host_resources.mib(needed)} MiB of memory beside it, of which {host_resources.mib(free)} MiB are free."
            )

    def _stop_old_web_again(self):
        """Whether the old web was stopped once more to leave its memory to the workers: only where nobody is sent to it."""
        if not self.one_web:
            return False
        try:
            self.served = public_requests.served_color(self.host, self.nginx) or ""
        except BluegreenError as error:
            self.host.warn(error.message)
            return False
        if self.served != self.candidate.name:
            return False
        self.old.refresh()
        old_web.stop_now(self.host, self.journal, self.old)
        return True

    def _answers(self, color):
        """Whether a color answers now, or in a moment."""
        color.refresh()
        try:
            health_gate.require_still_healthy(self.host, self.journal, self.settings, color.name, color.of("support", "web"))
        except BluegreenError:
            return False
        return True

    def _goes_on(self):
        """Whether the candidate is whole once its workers have been started again. No task has left it yet."""
        if not self._answers(self.candidate):
            return False
        try:
            with self.candidate.broker() as broker:
                workers_start.restart_workers(self.host, self.journal, self.candidate.of("workers"), broker=broker)
        except BluegreenError as error:
            self.host.warn(error.message)
            return False
        return True

    def _hold(self):
        held = self.journal["step"] == "awaiting_approval" and not self.journal["result"]
        # Forward again, so nothing happens any more without its journal.
        self.journal.best_effort = False
        if not held:
            new_workers = self.candidate.of("workers")
            if new_workers:
                # A run that was killed may not have noted that.
                self.journal.note_consuming(new_workers)
            self._stop_throttled_workers()
            if self.one_web and self.served == self.candidate.name:
                old_web.stop(self.host, self.journal, self.old)
            if self.old:
                move_tasks(self.host, self.journal, self.old, self.candidate)
            # Whoever died between the start of the workers and its proof had not given them their policies.
            restart_policies.restore_restart_policies(self.host, self.journal, self.candidate.of("support", "web", "workers"))
            self._await_approval()
        return self._result(
            not held,
            f"Release {self.journal['release'] or '(none)'} is live and whole, and awaits approval: finish.yml or "
            "rollback.yml.",
        )

    def _await_approval(self, **facts):
        has_workers = bool(self.candidate.of("workers"))
        facts.update(figures.gap_ends(self.journal.data, has_workers))
        self.journal.begin("awaiting_approval", result="", armed=False, **facts)
        self.journal.done("awaiting_approval")
        approval.begin(self.journal)
        guard_units.watch_pending(self.host, self.store.app)

    def _complete(self):
        self.journal.best_effort = False
        deployment_finish.finish(self.host, self.store, self.journal)
        return self._result(True, f"The approved release {self.journal['release'] or '(none)'} was finished.")

    def _fail(self):
        journal = self.journal
        journal.note(result="failed")
        if journal["step"] == "finish":
            raise BluegreenError(
                f"Release {journal['release'] or '(none)'} of app {self.store.app} was approved, but Nginx is not proved to serve "
                f"{journal['to']}: nothing more was removed. Repair Nginx, then run {command('finish')} again"
                f"{deployment_finish.or_back(journal, self.candidate, self.served)}."
            )
        release = journal["release"]
        raise BluegreenError(
            f"Deployment {journal.describe()} of app {self.store.app} stopped in step {journal['step']}, and neither "
            "color is whole: Nginx was not changed. Look at both colors (status.yml). Once one is healthy, "
            f"{command('finish', release)} keeps release {release or '(none)'}, and {command('rollback')} goes back.",
            logs=self.logs,
        )

    def _not_all_runs(self, error):
        return BluegreenError(
            f"Release {self.journal['release'] or '(none)'} of app {self.store.app} was rolled back, but not all of "
            f"{self.old.name} runs: {error.message} Fix that, then run {command('rollback')} again.",
            **error.details,
        )

    def _as_it_is(self):
        release = self.journal["release_from"]
        return f" Or take release {release} as it is: {command('rollback', release)}." if release else ""

    def _leave_incomplete(self, error):
        """The old color is live, but not all of it is to be had: a human brings the rest back, or takes it as it is."""
        if self.takes_it:
            self.host.warn(error.message)
            return
        self.journal.note(result="failed", reason=self.reason)
        logs = {**(error.details.get("logs") or {}), **self.logs}
        raise BluegreenError(f"{error.message}{self._as_it_is()}", logs=logs)

    # Steps

    def _try_to_serve(self, color):
        """Start what is served. What does not start any more is a reason to go back, and must keep nobody from it."""
        try:
            self._start_serving(color)
        except BluegreenError as error:
            self.host.warn(error.message)

    def _recreate_missing(self):
        """Make the old color whole that somebody removed containers of; an error that says what is not to be had."""
        error = None
        if self.old:
            try:
                snapshot_restore.restore_missing(self.host, self.store, self.journal, self.old)
            except BluegreenError as incomplete:
                error = incomplete
            self.old = self.old.renewed()
        return error

    def _start_serving(self, color):
        """Web and support of a color run again, whatever their policy; what does not start keeps none of the others down."""
        down = []
        for container in color.of("support", "web"):
            if not container.running:
                try:
                    self.host.engine.start(container.id)
                except EngineError as error:
                    down.append(f"Container {container.name} could not be started: {error.message.rstrip('.')}.")
        restart_policies.restore_restart_policies(self.host, self.journal, color.of("support", "web"))
        color.refresh()
        if down:
            raise BluegreenError(" ".join(down))

    def _try_to_start_broker(self, color):
        """A broker that is down may hold tasks. One that stays down must keep nobody from going back."""
        try:
            start_broker(self.host, color)
        except BluegreenError as error:
            self.host.warn(error.message)

    def _start_old_workers(self):
        old = self.old.renewed()
        workers = old.of("workers")
        # One that outlived its timeout is what failed the deployment, so here it gets longer than that to end.
        own = self.journal["workers"].get("stop_timeout") or workers_stop.timeout_for(workers)
        timeout = max(own, workers_start.RESTART_TIMEOUT)
        with old.own_broker() as broker:
            if broker is not None:
                # What a handover staged and could not deliver, because the candidate's broker is gone.
                try:
                    broker_move.take_back(self.host, self.journal, broker)
                except BluegreenError as error:
                    self.host.warn(f"Tasks that were on their way in {broker.name} could not be taken back: {error.message}")
        with old.broker() as broker:
            # One that still finishes takes no task any more.
            signalled = self.journal.get("signalled") or ()
            taking = [each.name for each in workers if each.running and each.id not in signalled]
            if broker is not None and self.settings.broker["mode"] == "shared" and not taking:
                # What the new web published is in the same queues; the old workers would discard what they do not know.
                unknown_tasks.park_unknown(self.host, self.journal, broker, to_candidate=False)
            workers_start.restart_workers(self.host, self.journal, workers, timeout, broker)

    def _stop_throttled_workers(self):
        """Old workers that were to stop once the new ones consume, and were not told to any more."""
        if self.old:
            # An engine that has just started is not done with them at once.
            self.old.refresh()
        running = [each for each in self.old.of("workers") if each.running] if self.old else []
        if running:
            with self.old.broker() as broker:
                timeout = self.journal["workers"].get("stop_timeout")
                workers_stop.stop_workers(self.host, self.journal, running, timeout, "leave", broker)
            move_tasks(self.host, self.journal, self.old.renewed(), self.candidate)

    def _copy_kept_back(self):
        """Sessions that began in the candidate. Without them visitors are logged out, which must not keep anybody here."""
        if recovery_decide.last_served(self.journal.data, self.served) != self.journal["to"]:
            # The old color's are the newer ones: no visitor was led away from it, or all are back already.
            return
        try:
            kept_keys.copy_kept(self.host, self.journal, self.candidate, self.old)
        except BluegreenError as error:
            self.host.warn(f"Keys that bluegreen_keep_keys names could not be copied back: {error.message}")

    def _carry_schedule_back(self):
        """What the new beat has sent already, the old one must not send again."""
        sources, targets = self.candidate.renewed().of("workers"), self.old.renewed().of("workers")
        noted = self.journal.get("worker_roles")
        beat_schedule.carry_schedule(self.host, sources, targets, lambda each: roles_now(each, noted))

    def _stop_workers_of_candidate(self, timeout=None):
        self._stop_workers(self.candidate, timeout or self.journal["workers"].get("stop_timeout"))

    def _stop_workers(self, color, timeout):
        # Meanwhile an engine that has just started may have brought them up.
        color.refresh()
        running = [container for container in color.of("workers") if container.running]
        if not running:
            return
        with color.broker() as broker:
            # A task that outlives the timeout is finished by its own worker, which takes no new one.
            workers_stop.stop_workers(self.host, self.journal, running, timeout, "leave", broker)

    def _stop_candidate(self):
        """Everything of the candidate stops, its broker only when it is empty; nothing of it comes back at a boot."""
        candidate = self.candidate.renewed()
        restart_policies.disable_restart(self.host, self.journal, candidate.of(*ROLES))
        self._stop(candidate.of("web", "init"))
        finishing = [container.name for container in candidate.of("workers") if container.running]
        if finishing:
            self.host.warn(
                f"{', '.join(finishing)} still runs, so the broker of {candidate.project} goes on running too."
            )
        # After the cutover what has no containers any more may have published all the same.
        begun = self.journal["step"] not in recovery_decide.BEFORE_CUTOVER
        if not finishing and (not begun and _never_published(candidate) or self._broker_is_empty(candidate)):
            self._stop(candidate.of("support"))
        else:
            # What may hold tasks has to be there after a boot too, for the next deployment to move them.
            support = candidate.renewed().of("support")
            restart_policies.restore_restart_policies(self.host, self.journal, support)
        self._remove_unstarted(candidate)

    def _broker_is_empty(self, candidate):
        """Whether no task is left in the candidate's broker; when it does not say, it may hold some."""
        self._try_to_start_broker(candidate)
        if not self._move_back(candidate):
            return False
        try:
            with candidate.own_broker() as broker:
                if broker is None and candidate.server() is not None:
                    return False
                left = broker_move.count_messages(broker) if broker else {}
        except BluegreenError as error:
            self.host.warn(
                f"The broker of {candidate.project} does not say whether it holds tasks, so it goes on running: {error.message}"
            )
            return False
        if left:
            counts = ", ".join(f"{count} in {queue}" for queue, count in sorted(left.items()))
            self.host.warn(
                f"The broker of {candidate.project} still holds tasks ({counts}), so it goes on running: the next deployment "
                "moves them to the live color."
            )
        return not left

    def _move_back(self, candidate):
        """Move tasks to the old color. A broker that does not answer must not keep the old workers stopped."""
        if self.old is None:
            return True
        try:
            move_tasks(self.host, self.journal, candidate, self.old)
        except BluegreenError as error:
            self.host.warn(f"Tasks in the broker of {candidate.project} could not be moved back: {error.message}")
            return False
        return True

    def _stop(self, containers):
        for container in containers:
            if inspect_container(self.host.engine, container.id).running:
                self.host.engine.stop(container.id)

    def _remove_unstarted(self, candidate):
        """Remove what this deployment created. An ignored service is the user's own, and so is what it needs."""
        own = {container.id for container in candidate.of(*ROLES)}
        unstarted = [each for each in candidate.containers if each.id in own and not each.ever_started]
        for container in unstarted:
            self.host.engine.remove(container.id)
        if len(unstarted) == len(candidate.containers):
            leftovers.remove_networks(self.host, self.candidate.project)

    def _keep_logs(self):
        started = [c for c in self.candidate.containers if c.ever_started]
        broken = [c for c in started if not c.running or c.health == "unhealthy" or c.restart_count]
        self.logs = last_lines(self.host, broken)

    def _end(self, result):
        journal = self.journal
        images = images_of(self.candidate) if result == "committed" else None
        end(self.store, journal, result, self.reason, images)
        if result == "committed":
            return self._result(True, f"Release {journal['release'] or '(none)'} is finished.")
        live = journal["from"] or "no color"
        return self._result(
            True,
            f"Release {journal['release'] or '(none)'} was rolled back: {live} is live"
            + (f" with release {journal['release_from'] or '(none)'}." if journal["from"] else "."),
        )

    def _result(self, changed, message):
        journal = self.journal
        return {
            "changed": changed,
            "found": True,
            "already": False,
            "kept": "",
            "id": journal["id"],
            "epoch": journal["epoch"],
            "result": journal["result"],
            "figures": figures.figures(journal),
            "message": message,
            "logs": self.logs,
        }


def _never_published(candidate):
    """Whether all that the candidate's broker holds came up with it from an old volume. Such tasks may have run already:
    a human decides about them, so they are not moved, and stay where they were.
    """
    return not any(container.ever_started for container in candidate.of("init", "web", "workers"))


class _InBackground:
    """One function beside the main line; its error is raised by :meth:`join`. It must not write the journal."""

    def __init__(self, function):
        self._error = None
        self._function = function
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        try:
            self._function()
        except Exception as error:  # pylint: disable=broad-exception-caught
            # Of whatever kind, it belongs into the thread that waits for this one.
            self._error = error

    def wait(self):
        self._thread.join()

    def join(self):
        self.wait()
        if self._error:
            raise self._error
