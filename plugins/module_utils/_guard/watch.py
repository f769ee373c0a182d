# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Watching a deployment that awaits approval: if the new color dies, the old one is still there."""

from __future__ import annotations

import contextlib
from typing import Iterator, NamedTuple

from .. import _http
from .._broker import queues
from .._deployment import approval, old_web
from .._deployment.color import Color, colors_of
from .._deployment.transfer import move_tasks
from .._docker.ensure import ensure_running
from .._errors import BluegreenError, Fenced
from .._host import Host
from .._journal.journal import Journal
from .._journal.step import Step
from .._journal.store import Store
from .._linux.clock import Deadline
from .._settings import Settings, health_url
from .._validation import Url, check_url

# Seconds between two looks, and failures in a row that make a color dead.
PACE = 2.0
FAILURES = 3
# Seconds between two looks for tasks that the old web published late.
LATE_PACE = 15.0


class ProbeResult(NamedTuple):
    """How one look ended; ``nginx_is_down`` is whether the public port refused the connection."""

    good: bool
    failure: str = ""
    nginx_is_down: bool = False


class FailureStreak(NamedTuple):
    """The number of failures in a row, the last failure, and whether the color was ever seen healthy."""

    failures: int = 0
    failure: str = ""
    seen: bool = False

    def after(self, probe: ProbeResult) -> FailureStreak:
        """The streak with one more result."""
        if probe.good:
            return FailureStreak(seen=True)
        if probe.nginx_is_down:
            # Both colors are behind Nginx, so this tells nothing about the new one.
            return self
        return self._replace(failures=self.failures + 1, failure=probe.failure)

    def is_dead(self, grace_is_over: bool) -> bool:
        """Whether to give the color up; right after a boot it gets as many seconds to start as in a deployment."""
        return self.failures >= FAILURES and (self.seen or grace_is_over)


class PendingWatch:
    """One deployment that awaits approval, for as long as this process watches it.

    :ivar deployment_id: its id.
    """

    def __init__(self, host: Host, store: Store, journal: Journal) -> None:
        self.host = host
        self.store = store
        self.deployment_id: str = journal["id"]
        self._first = True
        self._streak = FailureStreak()
        # Messages by queue that the last move had to leave.
        self._left: dict[str, int] = {}
        self._late = Deadline(host.clock, 0)
        self._grace = Deadline(host.clock, journal["settings"]["health"]["deadline"])

    def look(self) -> str:
        """Look once, and do what cannot wait; why to roll back, or an empty string.

        :raises Fenced: another process holds the lock, or the deployment does not await approval any more.
        """
        if self._first:
            self._restart_approval_time_after_a_boot()
            # After a boot containers without a restart policy are down, those of the old color among them.
            self._first = not self._start_what_is_down()
        journal = self._journal()
        settings, old, candidate = colors_of(self.host, self.store, journal)
        if old and self._late.over:
            self._late = Deadline(self.host.clock, LATE_PACE)
            self._try_to_move_late(old, candidate)
        if not journal.get("watch", True):
            return ""
        self._streak = self._streak.after(self._probe(settings, candidate.name))
        if not self._streak.failures:
            return ""
        self._start_what_is_down()
        if not self._streak.is_dead(self._grace.over):
            return ""
        # A web that is stopped until the approval cannot be asked; the rollback starts it, and asks it then.
        if old and (old_web.is_stopped(journal) or self._probe_color(settings, old.name).good):
            return f"{candidate.name} failed {self._streak.failures} times in a row ({self._streak.failure})"
        self.host.warn(
            f"Color {candidate.name} of app {self.store.app} fails ({self._streak.failure}), and "
            + (f"{old.name} does not answer either" if old else "there is no old color")
            + f", so nothing was changed. Look at the logs of {candidate.name}."
        )
        return ""

    def old_answers(self) -> bool:
        """Whether the old web gives a good answer now."""
        journal = self._journal()
        settings, old, dummy = colors_of(self.host, self.store, journal)
        return old is not None and self._probe_color(settings, old.name).good

    def _journal(self) -> Journal:
        journal = self.store.load()
        if (
            journal is None
            or journal["id"] != self.deployment_id
            or journal.step is not Step.AWAITING_APPROVAL
            or journal["rolling_back"]
        ):
            raise Fenced(f"Deployment {self.deployment_id} of app {self.store.app} does not await approval any more.")
        return journal

    @contextlib.contextmanager
    def _locked(self, purpose: str) -> Iterator[Journal]:
        with self.store.lock(f"guard: {purpose}", wait=1):
            yield self._journal()

    def _restart_approval_time_after_a_boot(self) -> None:
        if approval.outlived_a_boot(self._journal()):
            with self._locked("restarting the time for the approval") as journal:
                approval.begin(journal)

    def _start_what_is_down(self) -> bool:
        """Start the containers that have to run while approval is pending; whether all of them run then.

        These are all of the live color, the old Redis, and the old web unless it is stopped for want of memory.
        """
        journal = self._journal()
        settings, old, candidate = colors_of(self.host, self.store, journal)
        wanted = candidate.of("support", "web", "workers")
        if old:
            wanted += old.of("support") if old_web.is_stopped(journal) else old.of("support", "web")
        down = [container for container in wanted if not container.running]
        if not down:
            return True
        with self._locked("starting what is down"):
            # One that fails stops no other: if this color is dead, the other one has to run.
            ensured = ensure_running(self.host.engine, down)
        for container, error in ensured.failed:
            self.host.warn(f"Container {container.name} is down and does not start: {error.message}")
        for container in ensured.started:
            self.host.warn(f"Container {container.name} was down and was started again.")
        return not ensured.failed

    def _try_to_move_late(self, old: Color, candidate: Color) -> None:
        try:
            self._move_late(old, candidate)
        except Fenced:
            raise
        except BluegreenError as error:
            # The webs are watched even if a broker is out of order.
            self.host.warn(f"Tasks that {old.name} published late could not be moved: {error.message}")

    def _move_late(self, old: Color, candidate: Color) -> None:
        """Move tasks that the old web published after the cutover, in requests that had begun before it."""
        with old.own_broker() as broker:
            waiting = queues.count_messages(broker) if broker is not None else {}
        # Messages that could not be moved the last time are tried again once their number changes.
        if waiting and waiting != self._left:
            with self._locked("moving late tasks") as journal:
                self._left = move_tasks(self.host, journal, old, candidate)

    def _probe(self, settings: Settings, color: str) -> ProbeResult:
        """Ask a color itself, and through Nginx if that fails."""
        own = self._probe_color(settings, color)
        if own.good:
            return own
        public = check_url("bluegreen_public_url", settings.nginx.public_url)._replace(path=settings.health.path)
        answer = self._ask(settings, public, settings.nginx.public_host, settings.nginx.validate_certs)
        # With a backup in the upstream that answer may be of the old color, whose workers have stopped.
        if answer.status in settings.health.status and not settings.nginx.backup:
            return ProbeResult(True)
        return own._replace(nginx_is_down=answer.failure == "connection refused")

    def _probe_color(self, settings: Settings, color: str) -> ProbeResult:
        url = health_url(settings, color)
        answer = self._ask(settings, check_url("url", url), settings.health.host)
        if answer.status in settings.health.status:
            return ProbeResult(True)
        return ProbeResult(False, answer.failure or f"answered with status {answer.status}")

    def _ask(self, settings: Settings, url: Url, host: str, validate_certs: bool = True) -> _http.Answer:
        return _http.ask(self.host.clock, url, host, settings.health.timeout, validate_certs)
