# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The journal of the open deployment, with the lease of its owner.

The journal records intentions, each before its effect. The host itself shows what has really happened.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Iterable, Optional, Protocol, Union

from .._errors import BluegreenError, reason_of
from .._linux.clock import timestamp
from .._linux.memory import used_memory
from .._validation import release_label
from . import counting
from .step import Step

if TYPE_CHECKING:
    from .store import Store

# Seconds that a lease lasts where the dead-man timer is off (revert_after: 0).
DEFAULT_LEASE = 900


class Container(Protocol):
    """A container as the journal needs it."""

    @property
    def id(self) -> str: ...

    @property
    def project(self) -> str: ...

    @property
    def service(self) -> str: ...

    @property
    def restart_policy(self) -> dict[str, Any]: ...


class Journal:
    """The open deployment. Every change is on the disk when the method returns.

    :ivar data: the journal as it is written; its schema is in docs/journal.md.
    :ivar best_effort: whether a failed write is only a warning. A deployment that goes forward must never get ahead of
        its journal, but a full disk must not stop a rollback.
    """

    def __init__(self, store: Store, data: dict[str, Any]) -> None:
        self.store = store
        self.data = data
        self.best_effort = False
        # The time up to here passed without this process; from here on it belongs to the phase of this process.
        self._begun: Optional[counting.Moment] = self.now()
        self._phase = ""

    def __getitem__(self, key: str) -> Any:
        return self.data[key]

    def get(self, key: str, default: Any = None) -> Any:
        return self.data.get(key, default)

    # Steps

    @property
    def step(self) -> Step:
        """The step that was begun last."""
        return Step(self.data["step"])

    @property
    def awaits_approval(self) -> bool:
        """Whether a human has to decide now: the release is live, and the deployment is not being undone."""
        is_settled = self.step is Step.AWAITING_APPROVAL and self.data["done"]
        return bool(is_settled and not self.data["rolling_back"] and not self.data["result"])

    def begin(self, step: Step, **facts: Any) -> None:
        """Announce a step before its first effect."""
        self._count(step.value)
        self._phase = step.value
        self.data.update(facts, step=step.value, done=False)
        self.save()

    def done(self, step: Step, **facts: Any) -> None:
        """Record that the effects of a step were verified."""
        self._count(step.value)
        self._phase = ""
        self.data.update(facts, step=step.value, done=True)
        if step is Step.CUTOVER:
            self.data["live_at"] = self.store.host.clock.wall()
        self.save()

    def now(self) -> counting.Moment:
        """This moment, as it is counted."""
        clock = self.store.host.clock
        return counting.Moment(clock.boot_id(), clock.boottime(), clock.wall())

    def _count(self, phase: str) -> None:
        """Count the time up to now as that of the phase that this process has begun, or else of ``phase``."""
        if self._begun:
            counting.count(self.data, counting.without_a_run(self.data), self._begun)
            self._begun = None
        counting.count(self.data, self._phase or phase, self.now())

    def note(self, **facts: Any) -> None:
        """Record facts within a step."""
        self.data.update(facts)
        self.save()

    def note_told(self, containers: Iterable[Container], ran: bool, **facts: Any) -> None:
        """Record, with facts, that the workers of a color take no more tasks; called before they are told to stop.

        :param ran: whether any of them still runs.
        """
        self._count(self.data["step"])
        self.note(**facts, **counting.workers_told(self.data, {container.project for container in containers}, ran))

    def note_consuming(self, containers: Iterable[Container]) -> None:
        """Record that workers of a color were seen to consume tasks."""
        self._count(self.data["step"])
        self.note(**counting.workers_consume(self.data, {container.project for container in containers}))

    def note_policy(self, container: Container) -> None:
        """Record the restart policy of a container before it is disabled; the first one recorded counts."""
        if container.id not in self.data["policies"]:
            self.data["policies"][container.id] = container.restart_policy
            self.save()

    def policy_of(self, container: Container) -> dict[str, Any]:
        """The restart policy of a container before it was disabled, in the engine's form; else its present one."""
        policy: dict[str, Any] = self.data["policies"].get(container.id, container.restart_policy)
        return policy

    def _measure_memory(self) -> None:
        try:
            used = used_memory()
        except (OSError, ValueError, KeyError):
            # Nothing but reports for people uses this figure.
            return
        memory = self.data.setdefault("memory", {"before": used, "peak": used})
        memory["peak"] = max(memory["peak"], used)

    def save(self) -> None:
        """Write the journal and renew the lease.

        :raises BluegreenError: it cannot be written; only a warning where ``best_effort`` is set.
        """
        if self._phase:
            self._count(self._phase)
        self._measure_memory()
        clock = self.store.host.clock
        length = self.data.get("revert_after") or DEFAULT_LEASE
        self.data["lease"] = {"boot_id": clock.boot_id(), "until": round(clock.boottime() + length, 1)}
        try:
            self.store.save(self.data)
        except OSError as error:
            sentence = (
                f"The journal {self.store.path('deployment.json')} cannot be written ({reason_of(error).lower()}): "
                "make room there, or fix its file system."
            )
            if not self.best_effort:
                raise BluegreenError(sentence) from error
            self.store.host.warn(sentence)

    def renew_lease(self) -> None:
        """The heartbeat of a wait: measures the memory, and writes a new lease once a third of it has passed."""
        self._measure_memory()
        length = self.data.get("revert_after") or DEFAULT_LEASE
        if self.data["lease"]["until"] - self.store.host.clock.boottime() < length * 2 / 3:
            self.save()

    # Ownership

    def is_of_this_boot(self) -> bool:
        """Whether the owner's last heartbeat was on this boot."""
        of_this_boot: bool = self.data["lease"]["boot_id"] == self.store.host.clock.boot_id()
        return of_this_boot and os.path.exists(self.store.lease_mark)

    def lease_is_live(self) -> bool:
        """Whether the owner's lease has not expired."""
        return self.lease_left() > 0.0

    def lease_left(self) -> float:
        """Seconds until the lease of the owner expires; 0 once it has."""
        if not self.is_of_this_boot():
            return 0.0
        left: float = self.data["lease"]["until"] - self.store.host.clock.boottime()
        return max(left, 0.0)

    def has_owner(self) -> bool:
        """Whether a controller still works on the deployment and must not be disturbed.

        A deployment that is being rolled back, has failed or only has to be closed belongs to the holder of the lock,
        and so does one that the guard took over.
        """
        is_ending = self.data["rolling_back"] or self.data["result"] or self.data.get("guard")
        return not is_ending and self.lease_is_live()

    def take_over(self, guard: bool = False) -> None:
        """Make the deployment the caller's: its previous owner can do nothing more.

        :param guard: whether the caller is the guard, which continues with the deployment even if it is killed itself.
        """
        self._count(counting.WAY_BACK)
        self._phase = counting.WAY_BACK
        self.data.update(epoch=self.data["epoch"] + 1, guard=guard)
        self.save()

    @property
    def release_label(self) -> str:
        """The release as a sentence names it."""
        return release_label(str(self.data["release"]))

    def describe(self) -> str:
        """Id, user and time of the deployment in half a sentence, for messages."""
        return f"{self.data['id']} by {self.data['who']} since {timestamp(self.data['opened_at'])}"


class NullJournal:
    """Stands in for a journal where there is none: in check mode, and in a module used by itself."""

    data: dict[str, Any] = {}

    def get(self, key: str, default: Any = None) -> Any:
        return default

    def begin(self, step: Step, **facts: Any) -> None:
        pass

    def done(self, step: Step, **facts: Any) -> None:
        pass

    def note(self, **facts: Any) -> None:
        pass

    def note_told(self, containers: Iterable[Container], ran: bool, **facts: Any) -> None:
        self.note(**facts)

    def note_consuming(self, containers: Iterable[Container]) -> None:
        pass

    def note_policy(self, container: Container) -> None:
        pass

    def policy_of(self, container: Container) -> dict[str, Any]:
        return container.restart_policy

    def renew_lease(self) -> None:
        pass


AnyJournal = Union[Journal, NullJournal]
