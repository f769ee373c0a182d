# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The journal of the open deployment, with the lease of its owner.

The journal says what was meant; what is so, the host itself shows. It is written before each effect.
"""

from __future__ import annotations

import os
from typing import Union

from .._errors import BluegreenError
from .._linux.clock import timestamp
from .._resources.host import used_memory
from .._validation import release_label
from . import figures, schema as journal_schema
from .schema import VERSION

# A lease still has a length when the dead-man timer is turned off with revert_after: 0.
DEFAULT_LEASE = 900


class Journal:
    """The open deployment. Every change is on the disk when the method returns.

    :ivar data: the journal as it is written; its schema is in docs/journal.md.
    :ivar best_effort: whether what cannot be written is only warned of. Forward, no effect comes before its journal; but a
        full disk must not keep anybody from going back.
    """

    def __init__(self, store, data):
        self.store = store
        self.data = data
        self.best_effort = False
        # Time before this was spent without this process; what follows is that of the phase which it works on.
        self._begun = self._now()
        self._phase = ""

    @classmethod
    def create(cls, store, deployment_id, who, facts):
        """A new deployment in step ``open``; on the disk when this returns."""
        clock = store.host.clock
        journal = cls(
            store,
            {
                "version": VERSION,
                "app": store.app,
                "id": deployment_id,
                "epoch": 1,
                "guard": False,
                "who": who,
                "opened_at": clock.wall(),
                "step": "open",
                "done": False,
                "back": False,
                "result": "",
                "reason": "",
                "seconds": {},
                "policies": {},
                "signalled": [],
                "hops": [],
                **facts,
            },
        )
        journal.data["counted"] = journal._begun._asdict()
        wrong = journal_schema.problems({**journal.data, "lease": {"boot_id": "", "until": 0.0}}, store.app)
        if wrong:
            # Nobody could go back by a journal that nobody reads.
            raise BluegreenError(
                f"Deployment {deployment_id} is not opened, because its journal could not be read again: {'; '.join(wrong)}. "
                "Correct the variable of that name."
            )
        journal.begin("open")
        return journal

    def __getitem__(self, key):
        return self.data[key]

    def get(self, key, default=None):
        return self.data.get(key, default)

    # Steps

    def begin(self, step, **facts):
        """Announce a step before its first effect."""
        self._count(step)
        self._phase = step
        self.data.update(facts, step=step, done=False)
        self.save()

    def done(self, step, **facts):
        """Record that a step's effects are proved."""
        self._count(step)
        self._phase = ""
        self.data.update(facts, step=step, done=True)
        if step == "cutover":
            self.data["live_at"] = self.store.host.clock.wall()
        self.save()

    def _now(self):
        clock = self.store.host.clock
        return figures.Moment(clock.boot_id(), clock.boottime(), clock.wall())

    def _count(self, phase):
        """Count the time up to now; ``phase`` is what this process has worked on unless it has begun another."""
        if self._begun:
            figures.count(self.data, figures.without_a_run(self.data), self._begun)
            self._begun = None
        figures.count(self.data, self._phase or phase, self._now())

    def note(self, **facts):
        """Record facts within a step."""
        self.data.update(facts)
        self.save()

    def note_told(self, containers, ran, **facts):
        """Record, with facts, that the workers of a color take no more tasks, before those of them that run are told.

        :param ran: whether any of them does.
        """
        self._count(self.data["step"])
        self.note(**facts, **figures.workers_told(self.data, {container.project for container in containers}, ran))

    def note_consuming(self, containers):
        """Record that workers of a color were proved to consume."""
        self._count(self.data["step"])
        self.note(**figures.workers_consume(self.data, {container.project for container in containers}))

    def note_policy(self, container):
        """Keep the restart policy of a container before it is taken away; the first one noted counts."""
        if container.id not in self.data["policies"]:
            self.data["policies"][container.id] = container.restart_policy
            self.save()

    def policy_of(self, container):
        """The restart policy that a container had before it was taken away, else the one that it has."""
        return self.data["policies"].get(container.id, container.restart_policy)

    def _look_at_memory(self):
        try:
            used = used_memory()
        except (OSError, ValueError, KeyError):
            # Only people look at this.
            return
        memory = self.data.setdefault("memory", {"before": used, "peak": used})
        memory["peak"] = max(memory["peak"], used)

    def save(self):
        if self._phase:
            self._count(self._phase)
        self._look_at_memory()
        clock = self.store.host.clock
        length = self.data.get("revert_after") or DEFAULT_LEASE
        self.data["lease"] = {"boot_id": clock.boot_id(), "until": round(clock.boottime() + length, 1)}
        try:
            self.store.save(self.data)
        except OSError as error:
            sentence = (
                f"The journal {self.store.path('deployment.json')} cannot be written ({(error.strerror or str(error)).lower()}): "
                "make room there, or mend its file system."
            )
            if not self.best_effort:
                raise BluegreenError(sentence) from error
            self.store.host.warn(sentence)

    def renew_lease(self):
        """A sign of life from inside a wait: renews the lease once a third of it has gone, and looks at the memory."""
        self._look_at_memory()
        length = self.data.get("revert_after") or DEFAULT_LEASE
        if self.data["lease"]["until"] - self.store.host.clock.boottime() < length * 2 / 3:
            self.save()

    # Ownership

    def is_of_this_boot(self):
        """Whether the owner showed a sign of life on this boot."""
        return self.data["lease"]["boot_id"] == self.store.host.clock.boot_id() and os.path.exists(self.store.lease_mark)

    def lease_is_live(self):
        """Whether the owner showed a sign of life on this boot, and not too long ago."""
        return self.lease_left() > 0.0

    def lease_left(self):
        """Seconds until the owner counts as gone, 0 when it does already."""
        if not self.is_of_this_boot():
            return 0.0
        return max(self.data["lease"]["until"] - self.store.host.clock.boottime(), 0.0)

    def has_owner(self):
        """Whether somebody still goes on with it, who must not be disturbed.

        One that goes back, has failed or only has to be closed has no owner beside whoever holds the lock, and neither has
        one that the guard took over.
        """
        return not self.data["back"] and not self.data["result"] and not self.data.get("guard") and self.lease_is_live()

    def take_over(self, guard=False):
        """Make the deployment the caller's: whoever had it before can do nothing more.

        :param guard: whether the caller is the guard, which goes on with it after its own death too.
        """
        self._count(figures.WAY_BACK)
        self._phase = figures.WAY_BACK
        self.data.update(epoch=self.data["epoch"] + 1, guard=guard)
        self.save()

    @property
    def release_label(self) -> str:
        """The release as a sentence names it."""
        return release_label(str(self.data["release"]))

    def describe(self):
        """The deployment in half a sentence, for messages."""
        return f"{self.data['id']} by {self.data['who']} since {timestamp(self.data['opened_at'])}"


class NullJournal:
    """Stands in for a journal where there is none: in check mode, and in a module used by itself."""

    data = {}

    def get(self, key, default=None):
        return default

    def begin(self, step, **facts):
        pass

    def done(self, step, **facts):
        pass

    def note(self, **facts):
        pass

    def note_told(self, containers, ran, **facts):
        self.note(**facts)

    def note_consuming(self, containers):
        pass

    def note_policy(self, container):
        pass

    def policy_of(self, container):
        return container.restart_policy

    def renew_lease(self):
        pass


AnyJournal = Union[Journal, NullJournal]
