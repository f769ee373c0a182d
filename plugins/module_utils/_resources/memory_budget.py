# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Memory as a budget: what each phase of a deployment needs at its worst moment, and what is free then. Pure.

It decides three things. Old workers are stopped before the new color boots, which frees their memory, or throttled,
which frees only their CPU. The old web runs until the approval, or stops after its drain, which frees its memory for
the new workers. And the app is loaded for the names of its tasks while the old workers run, or after they have stopped.
"""

from __future__ import annotations

from typing import Any, Collection, Mapping, NamedTuple, Optional

from .disk import MIB, mib

STRATEGIES = ("stop", "throttle", "auto")
OLD_WEB = ("auto", "running", "stopped")

# Bytes for this collection's own modules, for Compose, and for what a color needs only while it boots.
RESERVE = 64 * MIB


class Room(NamedTuple):
    """Bytes: free on the host, and held by the live color now, from which the candidate's needs are estimated.

    ``app`` is what a loaded app holds before it works, measured at the main process of a worker; 0 if none runs.
    """

    free: int
    web: int
    support: int = 0
    workers: int = 0
    app: int = 0

    @property
    def is_known(self) -> bool:
        """Whether it is known what the containers hold; without that nothing can be estimated."""
        return bool(self.web)

    @property
    def first(self) -> int:
        """What the services need that start before the cutover."""
        return self.web + self.support

    @property
    def both(self) -> int:
        """What the candidate needs while all of the live color runs."""
        return self.first + self.workers + RESERVE


class Need(NamedTuple):
    """Bytes that a phase needs at its worst moment, with the reserve, and bytes that are free then.

    ``what`` names what needs them, ``when`` says when they are free; both are half sentences.
    """

    phase: str
    what: str
    needed: int
    free: int
    when: str

    @property
    def fits(self) -> bool:
        return self.needed <= self.free

    @property
    def line(self) -> str:
        return f"{self.what} needs {mib(self.needed)} MiB of memory, and {mib(self.free)} MiB are free {self.when}"


class Decision(NamedTuple):
    """``strategy`` is stop or throttle, ``old_web`` running or stopped; a reason is empty if there was no choice."""

    strategy: str
    strategy_reason: str
    old_web: str
    old_web_reason: str


def decide(strategy: str, old_web: str, room: Room, broker: str, workers_run: bool) -> Decision:
    """How the old workers and the old web make room.

    :param strategy: one of :data:`STRATEGIES`.
    :param old_web: one of :data:`OLD_WEB`.
    :param broker: mode of the broker.
    :param workers_run: whether the live color has running workers.
    """
    chosen, why = _strategy(strategy, room, broker, workers_run)
    return Decision(chosen, why, *_old_web(old_web, chosen, room))


def _strategy(wanted: str, room: Room, broker: str, workers_run: bool) -> tuple[str, str]:
    if wanted == "stop" or not workers_run:
        return "stop", ""
    if wanted == "throttle":
        return "throttle", ""
    if broker != "color":
        # Between the cutover and the start of the new workers the old ones would read the new web's tasks.
        return "stop", (
            "auto chose stop, because with one broker for both colors the old workers would discard tasks that "
            "only the new release knows"
        )
    if not room.workers:
        return "stop", "auto chose stop, because the memory that the containers hold is unknown"
    chosen = "throttle" if room.both <= room.free else "stop"
    return chosen, (
        f"auto chose {chosen}, because the new color needs {mib(room.both)} MiB (including a reserve of "
        f"{mib(RESERVE)} MiB), and {mib(room.free)} MiB are free while the old color runs"
    )


def _old_web(wanted: str, strategy: str, room: Room) -> tuple[str, str]:
    if wanted != "auto":
        return wanted, ""
    if strategy == "throttle" or not room.is_known or not room.workers:
        return "running", ""
    beside = new_workers(room, strategy, "running")
    if beside.fits:
        return "running", ""
    return "stopped", f"auto chose to stop it before the new workers start, because {beside.line}"


def names(room: Room) -> Need:
    """The :class:`Need` of the container that loads the app for the names of its tasks, while the old workers run."""
    return Need(
        "stop_workers",
        "a container that loads the new release once to list its tasks",
        room.app + RESERVE,
        room.free,
        "now",
    )


def before_stop(room: Room) -> Need:
    """The :class:`Need` of support and an init service while all of the live color runs.

    An init service loads the app as a worker does. If no worker runs, its need is unknown and counts as 0.
    """
    needed = room.app + room.support + RESERVE if room.app else 0
    return Need("before_stop", "an init service of the new release", needed, room.free, "now")


def room_recorded(recorded: Optional[Mapping[str, Any]], free: int) -> Room:
    """The :class:`Room` that the plan recorded, with the bytes that are free now.

    :param recorded: as :func:`record` made it; ``None`` without a plan.
    """
    return Room(**{key: (recorded or {}).get(key, 0) for key in Room._fields})._replace(free=free)


def new_web(room: Room, strategy: str) -> Need:
    """The :class:`Need` of the candidate's support, init and web beside the old web."""
    if strategy == "throttle" or not room.workers:
        return Need("start_candidate", "the new web", room.first + RESERVE, room.free, "while the old color runs")
    return Need(
        "start_candidate",
        "the new web",
        room.first + RESERVE,
        room.free + room.workers,
        "once the old workers have stopped",
    )


def new_workers(room: Room, strategy: str, old_web: str) -> Need:
    """The :class:`Need` of the new workers beside everything that runs then."""
    free = room.free - room.first + (0 if strategy == "throttle" else room.workers)
    when = "while two webs run" if strategy == "stop" else "while two webs and the old workers run"
    if old_web == "stopped":
        free, when = free + room.web, "once the old web has stopped"
    return Need("start_workers", "the Celery of the new color", room.workers + RESERVE, free, when)


def needs(room: Room, decision: Decision, asks_names: bool, init_before_stop: Collection[str] = ()) -> list[Need]:
    """The :class:`Need` of each phase in order, for the plan; none if it is unknown what the containers hold.

    :param asks_names: whether the app may be loaded for the names of its tasks.
    :param init_before_stop: the init services that run while the old workers do, and for which the new support services
        start before them.
    """
    if not room.is_known:
        return []
    found = []
    if init_before_stop and room.app:
        found.append(before_stop(room))
    if asks_names and room.app:
        early = names(room._replace(free=room.free - room.support) if init_before_stop else room)
        later = early._replace(free=early.free + room.workers, when="once the old workers have stopped")
        found.append(early if early.fits or decision.strategy == "throttle" else later)
    found.append(new_web(room, decision.strategy))
    if room.workers:
        found.append(new_workers(room, decision.strategy, decision.old_web))
    return found


def finding(decision: Decision, room: Room) -> str:
    """A sentence when a phase would not fit, else ``""``."""
    if not room.is_known:
        return ""
    if decision.strategy == "throttle" and room.both > room.free:
        return (
            "bluegreen_worker_strategy is throttle, which leaves the old workers in memory, but the new color needs "
            f"{mib(room.both)} MiB while they run (as much as the live color uses now, and a reserve of {mib(RESERVE)} "
            f"MiB), and {mib(room.free)} MiB are free: set the strategy to stop or auto, or free memory on "
            "this host."
        )
    web = new_web(room, decision.strategy)
    if not web.fits:
        return (
            f"Not enough memory for a second web: it needs {mib(web.needed)} MiB (as much as the live color's web and "
            f"support services use now, and a reserve of {mib(RESERVE)} MiB), but {mib(room.free)} MiB are free, and "
            f"{mib(room.workers)} MiB more once the old workers have stopped. Free memory on this host, or give the "
            "app fewer web processes."
        )
    workers = new_workers(room, decision.strategy, decision.old_web)
    if workers.fits or not room.workers:
        return ""
    if decision.old_web == "running":
        return (
            f"bluegreen_old_web: running leaves the old web in memory, but {workers.line}: set "
            "bluegreen_old_web to stopped or auto, or free memory on this host."
        )
    return (
        f"Not enough memory: {workers.line}. Free memory on this host, or give the app fewer worker processes."
    )


def warning(strategy: str, broker: str) -> str:
    """A sentence when the old workers may be stopped although they are to be throttled, else ``""``."""
    if strategy != "throttle" or broker == "color":
        return ""
    return (
        "bluegreen_worker_strategy is throttle, and both colors use one broker. If the two releases register "
        "different tasks, or it is unknown, the deployment stops the old workers instead, because they would discard "
        "tasks that only the new release knows."
    )


def may_load(app: int, free: int) -> bool:
    """Whether the app can be loaded now without using up the host's memory.

    :param app: bytes that it holds once loaded; 0 if unknown.
    :param free: bytes.
    """
    return not app or app + RESERVE <= free


def record(room: Room, oom_kills: int) -> dict[str, int]:
    """The budget as the journal keeps it, for the error if something is killed for memory later.

    :param oom_kills: how often the kernel has killed for memory since its boot.
    """
    return {"oom_kills": oom_kills, **{key: max(value, 0) for key, value in room._asdict().items()}}


def expected(recorded: Optional[Mapping[str, Any]]) -> str:
    """The recorded budget as a sentence that begins with a blank, for an error; empty without a record."""
    if not recorded or not recorded["web"]:
        return ""
    web = recorded["web"] + recorded["support"]
    return (
        f" Going by the old containers, the plan expected {mib(web)} MiB for the new web and its support services and "
        f"{mib(recorded['workers'])} MiB for the new workers, and {mib(recorded['free'])} MiB were free then: this "
        "release needs more, or something else on this host used the memory."
    )
