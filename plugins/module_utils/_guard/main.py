# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The guard: what runs on the host itself when nobody else does.

It is started at boot, by the dead-man timer, and when a deployment awaits approval. Then it stays as long as a deployment is
open, and looks again and again at what is to be done, because any of it may fail today and work in a minute: Docker may be
down, the disk full, Nginx broken by somebody. It never approves.
"""

from __future__ import annotations

import os
import sys

from .._deployment import approval, old_web
from .._errors import BluegreenError
from .._host import Host
from .._install.guard_units import DISTRUSTED
from .._install.seal import NAME
from .._journal.fencing import Fenced
from .._journal.store import JournalCorrupt, Store
from .._linux.files import TRUSTED, Distrusted, check_program
from .._linux.processes import called_with
from .._nginx.upstream_file import OwnedFile
from .._recovery import recover as recovery
from .._recovery.decide import switch_was_cut_off
from .._validation import check_app
from . import watch as guard_watch

# Between two looks at a deployment whose owner is alive, in seconds.
PACE = 5.0
# A try that failed is repeated after 1, 2, 4 … seconds, at most after the longest.
SHORTEST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


class Guard:
    """What is to be done about the open deployment of an app, a turn at a time.

    :param say: called with each line for the log.
    """

    def __init__(self, host, store, say):
        self.host = host
        self.store = store
        self._say = say
        self._said = set()
        self._pause = SHORTEST_PAUSE
        self._watch = None

    def turn(self):
        """Do what is to be done now; seconds until the next turn, ``None`` when no deployment is open."""
        try:
            pause = self._turn()
            self._pause = SHORTEST_PAUSE
        except Fenced as refused:
            # Somebody else is at it.
            self._report(refused.message)
            pause = PACE
        except Exception as error:  # pylint: disable=broad-exception-caught
            # Whatever it is, nobody else is there to try again.
            self._report(error.message if isinstance(error, BluegreenError) else f"{type(error).__name__}: {error}")
            pause = self._pause
            self._pause = min(pause * 2, LONGEST_PAUSE)
        for sentence in self.host.warnings:
            self._report(sentence)
        # They are for a module's result; here they would only grow.
        del self.host.warnings[:], self.host.commands[:]
        return pause

    def _turn(self):
        try:
            journal = self.store.load()
        except JournalCorrupt:
            self._recover("the journal was damaged")
            return 0.0
        if journal is None:
            return None
        if journal["step"] == "awaiting_approval" and not journal["back"] and not journal["result"]:
            return self._guard_pending(journal)
        self._watch = None
        if not self._is_abandoned(journal):
            # Every second counts once the owner is gone, and it may show a sign of life until then.
            return min(journal.lease_left() or PACE, PACE)
        self._recover(_why(journal))
        return 0.0

    def _is_abandoned(self, journal):
        """Whether nobody but the guard brings the deployment to an end."""
        if journal["step"] in ("open", "fetch") and called_with("compose", self.store.env_file(journal["to"], journal["id"])):
            # Compose may pull for an hour and keeps no journal, so its sign of life is written for it.
            self._keep_alive(journal)
            return False
        if journal.has_owner():
            return False
        return journal["back"] or journal.get("guard") or bool(journal["revert_after"]) or not journal.is_of_this_boot()

    def _keep_alive(self, journal):
        with self.store.lock(f"guard: Compose works for deployment {journal['id']}", wait=0):
            now = self.store.load()
            if now is not None and (now["id"], now["epoch"], now["step"]) == (journal["id"], journal["epoch"], journal["step"]):
                now.renew_lease()

    def _recover(self, reason, **wanted):
        given = {"deployment_id": "", "epoch": 0, "prefer": "", "reason": f"guard: {reason}", "guard": True, **wanted}
        ended = recovery.recover(self.host, self.store, given, check_mode=False)
        if ended["changed"]:
            self._said.clear()
            self._say(f"{reason.rstrip('.')}. {ended['message']}")

    def _guard_pending(self, journal):
        if self._watch is None or self._watch.deployment_id != journal["id"]:
            self._watch = guard_watch.PendingWatch(self.host, self.store, journal)
        reason = self._watch.look() or self._too_late(journal)
        if not reason:
            return guard_watch.PACE
        self._recover(reason, epoch=journal["epoch"], prefer="rollback")
        return 0.0

    def _too_late(self, journal):
        """Why to go back although the new color is whole, or an empty string: nobody has approved it in time."""
        if not approval.is_over(journal):
            return ""
        sentence = f"nobody approved release {journal['release'] or '(none)'} within {journal['approval_timeout']} s"
        if journal.get("on_timeout") == "rollback" and journal["from"]:
            return "" if self._is_no_way_back_yet(journal) else sentence
        self._report(f"{sentence[0].upper()}{sentence[1:]}: finish.yml still does, or rollback.yml goes back.")
        return ""

    def _is_no_way_back_yet(self, journal):
        """Whether going back was given up before, and a look that costs nothing shows no reason to try it again."""
        if not journal.get("not_taken_back"):
            return False
        return old_web.is_stopped(journal) or not self._watch.old_answers()

    def _report(self, sentence):
        # The same refusal every few seconds would bury all others.
        if sentence not in self._said:
            self._said.add(sentence)
            self._say(sentence)


def _why(journal):
    if journal["reason"]:
        return journal["reason"].replace("guard: ", "", 1)
    if not journal.is_of_this_boot():
        return f"the host was booted in step {journal['step']}"
    return f"no sign of life for {journal['revert_after']} s in step {journal['step']}"


def restore(store):
    """Before Nginx starts after a power cut: what it was not proved to have read, it must not find.

    :returns: whether the bytes of before were put back.
    """
    try:
        journal = store.load()
    except JournalCorrupt:
        # Whichever color the file names, the guard goes by it.
        return False
    if journal is None or not switch_was_cut_off(journal.data):
        return False
    return OwnedFile(journal["settings"]["nginx"]["file"], journal["id"]).restore_backup()


def main(argv, _code=""):
    """The program: ``selftest``, ``restore`` or ``guard``, then the app and the engine's address.

    :returns: the exit code.
    """
    command, app, docker_host = argv
    host = Host(docker_host)
    store = Store(check_app(app), host)
    if command != "selftest":
        try:
            check_program(store.path(NAME), os.path.realpath(sys.executable), TRUSTED)
        except Distrusted as error:
            _print(error.message)
            return DISTRUSTED
    if command == "restore":
        return _restore(store)
    if command == "guard":
        guard = Guard(host, store, _print)
        pause = guard.turn()
        while pause is not None:
            host.clock.sleep(pause)
            pause = guard.turn()
    return 0


def _restore(store):
    try:
        if restore(store):
            _print("A switch of Nginx was cut off: the file of before is back.")
    except BluegreenError as error:
        _print(error.message)
        return 1
    return 0


def _print(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
