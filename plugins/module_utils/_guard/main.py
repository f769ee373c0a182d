# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The guard: the program on the host that ends a deployment when its controller is gone.

It is started at boot, by the dead-man timer, and when a deployment awaits approval. It runs as long as a deployment is
open, and tries again after each failure, because Docker may be down now, the disk full or Nginx broken. It never
approves.
"""

from __future__ import annotations

import os
import sys
from typing import Callable, Optional, Sequence

from .._commands import command
from .._deployment import approval, old_web
from .._errors import BluegreenError, Fenced
from .._host import Host
from .._install.guard_units import DISTRUSTED
from .._install.seal import NAME
from .._journal.journal import Journal
from .._journal.step import Step
from .._journal.store import JournalCorrupt, Store
from .._linux.files import Distrusted
from .._linux.processes_called import called_with
from .._linux.trusted_program import TRUSTED, check_program
from .._nginx.upstream_file import OwnedFile
from .._recovery import recover as recovery
from .._recovery.decide import switch_was_cut_off
from .._recovery.request import Request
from .._validation import check_app
from . import watch as guard_watch

# Seconds between two looks at a deployment whose owner is alive.
PACE = 5.0
# Seconds after which a failed try is repeated: the shortest pause at first, then twice as many each time, up to the
# longest.
SHORTEST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


class Guard:
    """The guard of one app; each :meth:`turn` does what the open deployment needs now.

    :param say: called with each line for the log.
    """

    def __init__(self, host: Host, store: Store, say: Callable[[str], None]) -> None:
        self.host = host
        self.store = store
        self._say = say
        self._said: set[str] = set()
        self._pause = SHORTEST_PAUSE
        self._watch: Optional[guard_watch.PendingWatch] = None

    def turn(self) -> Optional[float]:
        """Do what is to be done now; seconds until the next turn, ``None`` if no deployment is open."""
        try:
            pause = self._turn()
            self._pause = SHORTEST_PAUSE
        except Fenced as refused:
            # Another process works on the deployment.
            self._report(refused.message)
            pause = PACE
        except Exception as error:  # pylint: disable=broad-exception-caught
            # Any error at all: nobody else would try again.
            self._report(error.message if isinstance(error, BluegreenError) else f"{type(error).__name__}: {error}")
            pause = self._pause
            self._pause = min(pause * 2, LONGEST_PAUSE)
        for sentence in self.host.warnings:
            self._report(sentence)
        # Both lists are for the result of a module; in a process that stays they would only grow.
        del self.host.warnings[:], self.host.commands[:]
        return pause

    def _turn(self) -> Optional[float]:
        try:
            journal = self.store.load()
        except JournalCorrupt:
            self._recover("the journal was damaged")
            return 0.0
        if journal is None:
            return None
        if journal.step is Step.AWAITING_APPROVAL and not journal["rolling_back"] and not journal["result"]:
            return self._guard_pending(journal)
        self._watch = None
        if not self._is_abandoned(journal):
            # The owner may renew its lease until the last moment; after that every second counts.
            return min(journal.lease_left() or PACE, PACE)
        self._recover(_why(journal))
        return 0.0

    def _is_abandoned(self, journal: Journal) -> bool:
        """Whether nobody but the guard ends the deployment."""
        env_file = self.store.env_file(journal["to"], journal["id"])
        if journal.step <= Step.FETCH and called_with("compose", env_file):
            # Compose may pull for an hour and writes no journal, so the guard renews the lease for it.
            self._renew_lease(journal)
            return False
        if journal.has_owner():
            return False
        is_of_guard = journal["rolling_back"] or journal.get("guard") or journal["revert_after"]
        return bool(is_of_guard) or not journal.is_of_this_boot()

    def _renew_lease(self, journal: Journal) -> None:
        with self.store.lock(f"guard: Compose works for deployment {journal['id']}", wait=0):
            now = self.store.load()
            if now is not None and all(now[key] == journal[key] for key in ("id", "epoch", "step")):
                now.renew_lease()

    def _recover(self, reason: str, epoch: int = 0, prefer: str = "") -> None:
        request = Request(prefer=prefer, reason=f"guard: {reason}", epoch=epoch, guard=True)
        ended = recovery.recover(self.host, self.store, request, check_mode=False)
        if ended["changed"]:
            self._said.clear()
            self._say(f"{reason.rstrip('.')}. {ended['message']}")

    def _guard_pending(self, journal: Journal) -> float:
        """Watch a deployment that awaits approval; seconds until the next turn."""
        watch = self._watch
        if watch is None or watch.deployment_id != journal["id"]:
            watch = self._watch = guard_watch.PendingWatch(self.host, self.store, journal)
        reason = watch.look() or self._too_late(journal, watch)
        if not reason:
            return guard_watch.PACE
        self._recover(reason, epoch=journal["epoch"], prefer="rollback")
        return 0.0

    def _too_late(self, journal: Journal, watch: guard_watch.PendingWatch) -> str:
        """Why to roll a healthy new color back, which is that nobody has approved it in time; empty if not to."""
        if not approval.is_over(journal):
            return ""
        sentence = f"nobody approved release {journal.release_label} within {journal['approval_timeout']} s"
        if journal.get("on_timeout") == "rollback" and journal["from"]:
            return "" if _has_no_way_back_yet(journal, watch) else sentence
        self._report(
            f"{sentence[0].upper()}{sentence[1:]}. You can still approve it with {command('finish')}, or roll it back "
            f"with {command('rollback')}."
        )
        return ""

    def _report(self, sentence: str) -> None:
        # Once: the same refusal every few seconds would bury all others.
        if sentence not in self._said:
            self._said.add(sentence)
            self._say(sentence)


def _has_no_way_back_yet(journal: Journal, watch: guard_watch.PendingWatch) -> bool:
    """Whether a rollback was given up before, and a single request to the old web gives no reason to try again."""
    if not journal.get("not_taken_back"):
        return False
    return old_web.is_stopped(journal) or not watch.old_answers()


def _why(journal: Journal) -> str:
    """Why the guard ends the deployment, for the history."""
    if journal["reason"]:
        reason: str = journal["reason"]
        return reason.replace("guard: ", "", 1)
    if not journal.is_of_this_boot():
        return f"the host was rebooted during step {journal['step']}"
    return f"no heartbeat for {journal['revert_after']} s in step {journal['step']}"


def restore(store: Store) -> bool:
    """Put the previous upstream file back after a power cut, unless Nginx was proved to have read the new one.

    It runs before Nginx starts.

    :returns: whether the file was put back.
    """
    try:
        journal = store.load()
    except JournalCorrupt:
        # The guard goes by the color that the file names, whichever that is.
        return False
    if journal is None or not switch_was_cut_off(journal.data):
        return False
    return OwnedFile(journal["settings"]["nginx"]["file"], journal["id"]).restore_backup()


def main(argv: Sequence[str], _code: str = "") -> int:
    """The program: ``selftest``, ``restore`` or ``guard``, then the app and the engine's address.

    :returns: the exit code.
    """
    action, app, docker_host = argv
    host = Host(docker_host)
    store = Store(check_app(app), host)
    if action != "selftest":
        try:
            check_program(store.path(NAME), os.path.realpath(sys.executable), TRUSTED)
        except Distrusted as error:
            _print(error.message)
            return DISTRUSTED
    if action == "restore":
        return _restore(store)
    if action == "guard":
        guard = Guard(host, store, _print)
        pause = guard.turn()
        while pause is not None:
            host.clock.sleep(pause)
            pause = guard.turn()
    return 0


def _restore(store: Store) -> int:
    try:
        if restore(store):
            _print("A switch of Nginx was interrupted: the previous file is back.")
    except BluegreenError as error:
        _print(error.message)
        return 1
    return 0


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
