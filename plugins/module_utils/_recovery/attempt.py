# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One run that ends a deployment: what it knows, how it looks at both colors, and the steps that every way shares.

A run may be interrupted anywhere and started again.
"""

from __future__ import annotations

import json
from typing import Any, Optional

from .. import _redact
from .._broker import move as broker_move
from .._deployment import approval, old_web
from .._deployment.color import Color, colors_of
from .._deployment.end import end
from .._deployment.images import images_of
from .._deployment.transfer import move_tasks, start_broker
from .._docker import restart_policies
from .._docker.ensure import ensure_running
from .._errors import BluegreenError
from .._health import gate as health_gate
from .._host import Host
from .._install import guard_units
from .._journal import counting, figures
from .._journal.journal import Journal
from .._journal.step import Step
from .._journal.store import Store
from .._nginx import public_requests
from .._snapshot import restore as snapshot_restore
from .._validation import release_label
from .._workers import beat_schedule, start as workers_start, stop as workers_stop, unknown_tasks
from .._workers.container_roles import roles_now
from .request import Request


class Attempt:
    """One run over one open deployment, which the caller owns and holds the lock of.

    :ivar old: the color that was live before, ``None`` at a first deployment.
    :ivar candidate: the color of the new release.
    :ivar served: the color that Nginx was last seen to serve; empty before the first look, and if it cannot be told.
    :ivar logs: the last lines of containers that broke, a list by container name, for the result.
    :ivar one_web: whether the host has no memory for the webs of both colors beside the workers.
    """

    def __init__(self, host: Host, store: Store, journal: Journal, request: Request) -> None:
        self.host = host
        self.store = store
        self.journal = journal
        self.request = request
        self.reason: str = journal["reason"] or _redact.hide(request.reason, store.secrets(), json.dumps(journal.data))
        self.settings, self.old, self.candidate = colors_of(host, store, journal)
        self.nginx = self.settings.nginx
        self.served = ""
        self.logs: dict[str, Any] = {}
        self.one_web: bool = old_web.is_stopped(journal)

    @property
    def release(self) -> str:
        """The new release as sentences name it."""
        return self.journal.release_label

    # Looks

    def see_served(self) -> bool:
        """Ask Nginx which color it serves; whether it could be asked."""
        try:
            self.served = public_requests.served_color(self.host, self.nginx) or ""
        except BluegreenError as error:
            self.host.warn(error.message)
            return False
        return True

    def is_healthy(self, color: Color) -> bool:
        """Whether the web of a color becomes healthy within the time of a deployment."""
        try:
            self.wait_healthy(color)
        except BluegreenError:
            return False
        return True

    def wait_healthy(self, color: Color) -> None:
        wanted = health_gate.of_color(self.settings, color.name)
        health_gate.wait_healthy(self.host, self.journal, wanted, color.of("support", "web"))

    def answers(self, color: Color) -> bool:
        """Whether the web of a color answers now, or after a few attempts."""
        color.refresh()
        try:
            containers = color.of("support", "web")
            health_gate.require_still_healthy(self.host, self.journal, self.settings, color.name, containers)
        except BluegreenError:
            return False
        return True

    def web_runs(self, color: Color) -> bool:
        """Whether any container of the web runs."""
        return any(container.running for container in color.renewed().of("web"))

    def whole_web_runs(self, color: Color) -> bool:
        """Whether the whole web ran at the last look; a stopped web may have been removed since."""
        web = color.of("web")
        return bool(web) and all(container.running for container in web)

    def all_workers_run(self, color: Color) -> bool:
        """Whether all workers of a color run now. An engine that boots starts them one by one, so this looks again."""
        return all(container.running for container in color.renewed().of("workers"))

    # Starts

    def recreate_missing(self, old: Color) -> Optional[BluegreenError]:
        """Create containers of the old color again that somebody removed; the error if some cannot be created."""
        error = None
        try:
            snapshot_restore.restore_missing(self.host, self.store, self.journal, old)
        except BluegreenError as incomplete:
            error = incomplete
        old.refresh()
        return error

    def start_serving(self, color: Color) -> None:
        """Start web and support of a color, also without restart policies; one that does not start delays no other.

        :raises BluegreenError: some did not start.
        """
        failed = ensure_running(self.host.engine, color.of("support", "web")).failed
        restart_policies.restore_restart_policies(self.host, self.journal, color.of("support", "web"))
        color.refresh()
        if failed:
            sentences = [
                f"Container {each.name} could not be started: {error.message.rstrip('.')}." for each, error in failed
            ]
            raise BluegreenError(" ".join(sentences))

    def try_to_serve(self, color: Color) -> None:
        """Start web and support of the served color. A failure is a reason to roll back, not to stop this run."""
        try:
            self.start_serving(color)
        except BluegreenError as error:
            self.host.warn(error.message)

    def try_to_start_broker(self, color: Color) -> None:
        """Start the broker, because one that is down may hold tasks. A failure must not stop a rollback."""
        try:
            start_broker(self.host, color)
        except BluegreenError as error:
            self.host.warn(error.message)

    def start_old_workers(self, old: Color) -> None:
        """Start the old workers, and wait until they consume."""
        old = old.renewed()
        workers = old.of("workers")
        # A worker that outlived its timeout is what failed the deployment, so it gets more time to end than that.
        own = self.journal["workers"].get("stop_timeout") or workers_stop.timeout_for(workers)
        timeout = max(own, workers_start.RESTART_TIMEOUT)
        with old.own_broker() as broker:
            if broker is not None:
                # Tasks that a handover staged and could not deliver, because the broker of the candidate is gone.
                try:
                    broker_move.take_back(self.host, self.journal, broker)
                except BluegreenError as error:
                    self.host.warn(
                        f"Tasks that were being moved out of {broker.name} could not be put back: {error.message}"
                    )
        with old.broker() as broker:
            # A worker that was told to stop takes no new task, even while it finishes one.
            signalled = self.journal.get("signalled") or ()
            taking = [each.name for each in workers if each.running and each.id not in signalled]
            if broker is not None and self.settings.broker.mode == "shared" and not taking:
                # The new web published to the same queues; the old workers would discard tasks that they do not know.
                unknown_tasks.park_unknown(self.host, self.journal, broker, to_candidate=False)
            workers_start.restart_workers(self.host, self.journal, workers, timeout, broker)

    def hand_work_back(self, old: Color) -> None:
        """Stop the new workers, move the tasks to the old ones, and start those."""
        self.stop_workers(self.candidate)
        self.carry_schedule(self.candidate, old)
        self.move_back(self.candidate)
        self.start_old_workers(old)

    # Stops and moves

    def stop_workers(self, color: Color, timeout: Optional[float] = None) -> bool:
        """Stop the workers of a color that run; whether any did.

        :param timeout: seconds that a running task gets; ``None``: the user's, else the container's own.
        """
        # An engine that has just started may have started them since the last look.
        color.refresh()
        running = [container for container in color.of("workers") if container.running]
        if not running:
            return False
        timeout = timeout or self.journal["workers"].get("stop_timeout")
        with color.broker() as broker:
            # A worker whose task outlives the timeout finishes it, and takes no new one.
            workers_stop.stop_workers(self.host, self.journal, running, timeout, "leave", broker)
        return True

    def carry_schedule(self, source: Color, destination: Color) -> None:
        """Carry the schedule of beat over: a task that one beat has sent already, the other must not send again."""
        sources, targets = source.renewed().of("workers"), destination.renewed().of("workers")
        noted = self.journal.get("worker_roles")
        beat_schedule.carry_schedule(self.host, sources, targets, lambda each: roles_now(each, noted))

    def move_back(self, candidate: Color) -> bool:
        """Move tasks to the old color; whether that worked. A silent broker must not keep the old workers stopped."""
        if self.old is None:
            return True
        try:
            move_tasks(self.host, self.journal, candidate, self.old)
        except BluegreenError as error:
            self.host.warn(f"Tasks in the broker of {candidate.project} could not be moved back: {error.message}")
            return False
        return True

    # Ends

    def await_approval(self, **facts: Any) -> None:
        """Let the deployment await approval, watched by the guard; ``facts`` are noted in the journal with it."""
        facts.update(counting.gap_ends(self.journal.data, bool(self.candidate.of("workers"))))
        self.journal.begin(Step.AWAITING_APPROVAL, result="", armed=False, **facts)
        self.journal.done(Step.AWAITING_APPROVAL)
        approval.begin(self.journal)
        guard_units.watch_pending(self.host, self.store.app)

    def end(self, result: str) -> dict[str, Any]:
        """Close the journal of a deployment that was ``committed`` or ``rolled_back``; returns the module's result."""
        journal = self.journal
        images = images_of(self.candidate) if result == "committed" else None
        end(self.store, journal, result, self.reason, images)
        if result == "committed":
            return self.result(True, f"Release {self.release} is finished.")
        live = "no color is live"
        if journal["from"]:
            live = f"{journal['from']} is live with release {release_label(journal['release_from'])}"
        return self.result(True, f"Release {self.release} was rolled back: {live}.")

    def result(self, changed: bool, message: str) -> dict[str, Any]:
        """The result of the module for a deployment that was open."""
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
