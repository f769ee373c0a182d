# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is next: pushes come at any time, and one of them at a time is deployed.

A *turn* is one event for the rulebook: ``deploy`` a push, or only ``look`` at the hosts. The rulebook ends each turn with
an *answer*, what every host shows then. Where a deployment is open, or a host cannot be asked, the hosts are *held*: the
newest push waits, and they are looked at again every ``interval`` seconds. A push that no host has begun to deploy,
because they were held, waits again.

Pure: the time is given, and what is to be said is returned.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple, Optional

from github_delivery import Ignored, Push

REMEMBERED = 1000
VERSION = 1
# How the log says in which state the deployment of a push is on a host.
_OUTCOMES = {
    "open": "awaits finish or rollback",
    "committed": "is finished",
    "rolled_back": "was rolled back",
    "failed": "failed",
}


class Host(NamedTuple):
    """What a host shows: the release of its open deployment, or else of the last one, and how that ended."""

    name: str
    state: str  # open, closed or unknown
    release: str = ""
    result: str = ""


class Turn(NamedTuple):
    number: int
    push: Optional[Push]  # None: a look

    @property
    def kind(self):
        return "deploy" if self.push else "look"


class Kept(NamedTuple):
    """What survives a restart."""

    turn: int = 0
    newest: int = 0  # when the newest push was made that was accepted
    pending: Optional[Push] = None
    deployed: Optional[Push] = None  # its turn has no answer yet
    seen: tuple = ()  # (delivery, signature) of each push that was accepted, oldest first


class Turns:
    def __init__(self, interval, answer_timeout, kept=None):
        self.interval, self.answer_timeout = interval, answer_timeout
        self.kept = kept or Kept()
        self._awaits_answer = False
        self._due = 0.0  # when an answer is overdue, or held hosts are to be looked at again
        self._held = ""  # by what
        self._told = None  # which push was last said to wait, and for what

    def resume(self):
        """The first thing after a start; returns what is to be said."""
        said = []
        if self.kept.deployed:
            # It may be live, or may have been undone by somebody's will since: not for us to do again.
            said.append(
                f"This service was stopped while it deployed the push of {self.kept.deployed}; that one is not deployed "
                "again. The playbook smallfleet.bluegreen.status shows how it ended."
            )
            self.kept = self.kept._replace(deployed=None)
        if self.kept.pending:
            said.append(f"The push of {self.kept.pending} still waits.")
        return said

    def offer(self, push):
        """A push that is proved to be GitHub's; returns what is to be said.

        :raises Ignored: it came before, or a newer one did.
        """
        # The delivery id is not signed, so whoever replays a request can change it. The body he cannot change.
        if any(push.delivery == delivery or push.signature == signature for delivery, signature in self.kept.seen):
            raise Ignored(f"The push of {push} was accepted before; none is deployed twice.")
        if 0 < push.pushed_at < self.kept.newest:
            raise Ignored(f"The push of {push} is older than one that was accepted before.")
        said = [f"Accepted the push of {push}."]
        if self.kept.pending:
            said.append(_dropped(self.kept.pending, push))
        self.kept = self.kept._replace(
            newest=max(self.kept.newest, push.pushed_at),
            pending=push,
            seen=(*self.kept.seen, (push.delivery, push.signature))[-REMEMBERED:],
        )
        return said

    def answer(self, hosts, now):
        """What the hosts show at the end of a turn; returns what is to be said."""
        holding = [host for host in hosts if host.state != "closed"]
        said = [self._outcome(self.kept.deployed, hosts, holding)] if self.kept.deployed else []
        self.kept = self.kept._replace(deployed=None)
        self._awaits_answer = False
        self._due = now + self.interval
        self._held = "; ".join(map(_why, holding))
        waits = (self.kept.pending, self._held)
        # Said once, and not at every look.
        if all(waits) and (said or waits != self._told):
            said.append(f"The push of {self.kept.pending} waits: {self._held}.")
            self._told = waits
        return said

    def _outcome(self, push, hosts, holding):
        begun = [host for host in hosts if host.release == push.commit]
        if begun:
            counts = Counter(host.result if host.state == "closed" else host.state for host in begun)
            return f"The run for the push of {push} has ended: its deployment " + ", ".join(
                f"{_OUTCOMES.get(state, state or 'is closed')} on {count} host{'s' * (count > 1)}"
                for state, count in sorted(counts.items())
            ) + "."
        if not holding:
            return f"The run for the push of {push} has ended{': no host began to deploy it' if hosts else ''}."
        if self.kept.pending:
            return _dropped(push, self.kept.pending)
        self.kept = self.kept._replace(pending=push)
        return f"No host began to deploy the push of {push}."

    def next(self, now):
        """The turn to begin now, or nothing."""
        if self._awaits_answer:
            overdue = self.answer_timeout and now >= self._due
            return self._begin(None, now) if overdue else None
        if not self.kept.pending or (self._held and now < self._due):
            return None
        return self._begin(None if self._held else self.kept.pending, now)

    def _begin(self, push, now):
        self.kept = self.kept._replace(turn=self.kept.turn + 1)
        if push:
            self.kept = self.kept._replace(pending=None, deployed=push)
        self._awaits_answer = True
        self._due = now + self.answer_timeout
        return Turn(self.kept.turn, push)


def dump(kept):
    """As JSON can hold it."""
    return {
        **kept._asdict(),
        "version": VERSION,
        "pending": kept.pending and kept.pending._asdict(),
        "deployed": kept.deployed and kept.deployed._asdict(),
    }


def load(state):
    """What ``dump`` was given.

    :raises ValueError: it is something else.
    """
    try:
        if state["version"] != VERSION:
            raise ValueError(f"version {state['version']}")
        return Kept(
            int(state["turn"]),
            int(state["newest"]),
            Push(**state["pending"]) if state["pending"] else None,
            Push(**state["deployed"]) if state["deployed"] else None,
            tuple((str(delivery), str(signature)) for delivery, signature in state["seen"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(str(error)) from error


def _dropped(push, newer):
    return f"Dropped the push of {push}: the newer one of {newer.commit[:12]} waits in its place."


def _why(host):
    if host.state == "unknown":
        return f"{host.name} cannot be asked"
    return f"{host.name} has an open deployment{f' of {host.release}' if host.release else ''}"
