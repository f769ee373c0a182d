# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Watching a deployment that awaits approval: the new color may die now, and the old one is still there."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

from .. import _http
from .._broker import move as broker_move
from .._deployment import approval, old_web
from .._deployment.color import colors_of
from .._deployment.transfer import move_tasks
from .._docker.engine import EngineError
from .._errors import BluegreenError
from .._journal.fencing import Fenced
from .._linux.clock import Deadline
from .._settings import health_url
from .._validation import check_url

# Seconds between two looks, and failures in a row that make a color dead.
PACE = 2.0
FAILURES = 3
# Seconds between two looks for tasks that the old web still published.
LATE_PACE = 15.0


class ProbeResult(NamedTuple):
    """How one look ended; ``nginx_is_down`` is whether nobody could be reached through the public port at all."""

    good: bool
    failure: str = ""
    nginx_is_down: bool = False


class FailureStreak(NamedTuple):
    """Failures in a row, the last one, and whether the color was ever seen healthy."""

    failures: int = 0
    failure: str = ""
    seen: bool = False

    def after(self, look):
        """The count with one more :class:`ProbeResult`."""
        if look.good:
            return FailureStreak(seen=True)
        if look.nginx_is_down:
            # That is Nginx, which both colors stand behind.
            return self
        return self._replace(failures=self.failures + 1, failure=look.failure)

    def is_dead(self, grace_is_over):
        """Whether the color is to be given up; right after a boot it gets the time that it has at a deployment."""
        return self.failures >= FAILURES and (self.seen or grace_is_over)


class PendingWatch:
    """One deployment that awaits approval, as long as this process looks at it.

    :ivar deployment_id: its id.
    """

    def __init__(self, host, store, journal):
        self.host = host
        self.store = store
        self.deployment_id = journal["id"]
        self._first = True
        self._count = FailureStreak()
        self._left = {}
        self._late = Deadline(host.clock, 0)
        self._grace = Deadline(host.clock, journal["settings"]["health"]["deadline"])

    def look(self):
        """One look, with what has to be done at once; why to go back, or an empty string.

        :raises Fenced: somebody else has the lock, or the deployment is not pending any more.
        """
        if self._first:
            self._begin_time_anew_after_a_boot()
            # After a boot what has no restart policy is down, and so is the way back.
            self._first = not self._start_what_is_down()
        journal = self._journal()
        settings, old, candidate = colors_of(self.host, self.store, journal)
        if old and self._late.over:
            self._late = Deadline(self.host.clock, LATE_PACE)
            self._try_to_move_late(old, candidate)
        if not journal.get("watch", True):
            return ""
        self._count = self._count.after(self._ask(settings, candidate.name))
        if not self._count.failures:
            return ""
        self._start_what_is_down()
        if not self._count.is_dead(self._grace.over):
            return ""
        why = f"{candidate.name} failed {self._count.failures} times in a row ({self._count.failure})"
        # A web that is stopped until the approval cannot be asked: the way back starts it, and asks it then.
        if old and (old_web.is_stopped(journal) or self._ask_color(settings, old.name).good):
            return why
        self.host.warn(
            f"Color {candidate.name} of app {self.store.app} fails ({self._count.failure}), and "
            + (f"{old.name} does not answer either" if old else "there is no old color")
            + ": it is left as it is. Look at its logs."
        )
        return ""

    def old_answers(self):
        """Whether the old web gives a good answer now."""
        journal = self._journal()
        settings, old, dummy = colors_of(self.host, self.store, journal)
        return old is not None and self._ask_color(settings, old.name).good

    def _journal(self):
        journal = self.store.load()
        if (
            journal is None
            or journal["id"] != self.deployment_id
            or journal["step"] != "awaiting_approval"
            or journal["back"]
        ):
            raise Fenced(f"Deployment {self.deployment_id} of app {self.store.app} is no longer pending.")
        return journal

    @contextlib.contextmanager
    def _locked(self, purpose):
        with self.store.lock(f"guard: {purpose}", wait=1):
            yield self._journal()

    def _begin_time_anew_after_a_boot(self):
        if approval.outlived_a_boot(self._journal()):
            with self._locked("beginning the time for the approval anew") as journal:
                approval.begin(journal)

    def _start_what_is_down(self):
        """Start what is to run while approval is pending, by id; whether all of it runs. Who runs already is left alone.

        That is all of the live color, the old Redis, and the old web unless it is stopped for want of memory.
        """
        journal = self._journal()
        settings, old, candidate = colors_of(self.host, self.store, journal)
        wanted = candidate.of("support", "web", "workers")
        if old:
            wanted += old.of("support") if old_web.is_stopped(journal) else old.of("support", "web")
        down = [container for container in wanted if not container.running]
        if not down:
            return True
        started = True
        with self._locked("starting what is down"):
            for container in down:
                try:
                    self.host.engine.start(container.id)
                except EngineError as error:
                    # A color that cannot be started is dead too, and the other one has to be there then.
                    started = False
                    self.host.warn(f"Container {container.name} is down and does not start: {error.message}")
                else:
                    self.host.warn(f"Container {container.name} was down and was started again.")
        return started

    def _try_to_move_late(self, old, candidate):
        try:
            self._move_late(old, candidate)
        except Fenced:
            raise
        except BluegreenError as error:
            # A broker that is ill must not keep anybody from looking at the webs.
            self.host.warn(f"Tasks that {old.name} still published could not be moved: {error.message}")

    def _move_late(self, old, candidate):
        """Tasks that the old web published after the cutover, in requests that had begun before it."""
        with old.own_broker() as broker:
            waiting = broker_move.count_messages(broker) if broker is not None else {}
        # What could not be moved the last time is looked at again when it has changed.
        if waiting and waiting != self._left:
            with self._locked("moving late tasks") as journal:
                self._left = move_tasks(self.host, journal, old, candidate)

    def _ask(self, settings, color):
        own = self._ask_color(settings, color)
        if own.good:
            return own
        public = check_url("bluegreen_public_url", settings.nginx["public_url"])._replace(path=settings.health["path"])
        answer = self._probe(settings, public, settings.nginx["public_host"], settings.nginx["validate_certs"])
        # With a backup the public gets an answer of the old color, whose workers have stopped.
        if answer.status in settings.health["status"] and not settings.nginx["backup"]:
            return ProbeResult(True)
        return own._replace(nginx_is_down=answer.failure == "connection refused")

    def _ask_color(self, settings, color):
        url = health_url(settings, color)
        answer = self._probe(settings, check_url("url", url), settings.health["host"])
        if answer.status in settings.health["status"]:
            return ProbeResult(True)
        return ProbeResult(False, answer.failure or f"answered with status {answer.status}")

    def _probe(self, settings, url, host, validate_certs=True):
        return _http.ask(self.host.clock, url, host, settings.health["timeout"], validate_certs)
