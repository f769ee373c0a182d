# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Memory as a budget: what each phase of a deployment needs at its worst moment, and what is free then. Pure.

Three things are decided by it. Old workers are stopped before the new color boots, which gives it their memory, or
throttled, which gives it only their CPU. The old web runs until the approval, or stops when its drain is over, which gives
the new workers its memory. And the app is loaded aside for the names of its tasks beside the old workers, or after them.
"""

from __future__ import annotations

from typing import NamedTuple

from .host import MIB, mib

STRATEGIES = ("stop", "throttle", "auto")
OLD_WEB = ("auto", "running", "stopped")

# For this collection's own modules, for Compose, and for what a color needs only while it boots.
RESERVE = 64 * MIB


class Room(NamedTuple):
    """Bytes: free on the host, and what the live color holds now, as the measure of the candidate's.

    ``app`` is what an app holds that is only loaded, as the main process of a worker does; 0 where none runs.
    """

    free: int
    web: int
    support: int = 0
    workers: int = 0
    app: int = 0

    @property
    def is_known(self):
        """Whether the containers tell what they hold: without that there is nothing to reckon with."""
        return bool(self.web)

    @property
    def first(self):
        """What starts before the cutover."""
        return self.web + self.support

    @property
    def both(self):
        """What the candidate needs beside a live color of which nothing has stopped."""
        return self.first + self.workers + RESERVE


class Need(NamedTuple):
    """What a phase needs at its worst moment, the reserve included, and what is free then, in bytes.

    ``what`` needs it and ``when`` it is free are half sentences.
    """

    phase: str
    what: str
    needed: int
    free: int
    when: str

    @property
    def fits(self):
        return self.needed <= self.free

    @property
    def line(self):
        return f"{self.what} needs {mib(self.needed)} MiB of memory, and {mib(self.free)} MiB are free {self.when}"


class Decision(NamedTuple):
    """``strategy`` is stop or throttle, ``old_web`` running or stopped; a reason is empty where nothing was left to decide."""

    strategy: str
    strategy_reason: str
    old_web: str
    old_web_reason: str


def decide(strategy, old_web, room, broker, workers_run):
    """What becomes of the old workers and of the old web, as a :class:`Decision`.

    :param strategy: one of :data:`STRATEGIES`.
    :param old_web: one of :data:`OLD_WEB`.
    :param room: :class:`Room`
    :param broker: mode of the broker.
    :param workers_run: whether the live color has workers that run.
    """
    chosen, why = _strategy(strategy, room, broker, workers_run)
    return Decision(chosen, why, *_old_web(old_web, chosen, room))


def _strategy(wanted, room, broker, workers_run):
    if wanted == "stop" or not workers_run:
        return "stop", ""
    if wanted == "throttle":
        return "throttle", ""
    if broker != "color":
        # Between the cutover and the start of the new workers the old ones read what the new web publishes.
        return "stop", (
            "auto chose stop: with one broker for both colors the old workers would discard tasks that only the new release "
            "knows"
        )
    if not room.workers:
        return "stop", "auto chose stop: nothing tells how much memory the containers hold"
    chosen = "throttle" if room.both <= room.free else "stop"
    return chosen, (
        f"auto chose {chosen}: the new color needs {mib(room.both)} MiB beside the old one, {mib(RESERVE)} MiB of them to "
        f"spare, and {mib(room.free)} MiB are free"
    )


def _old_web(wanted, strategy, room):
    if wanted != "auto":
        return wanted, ""
    if strategy == "throttle" or not room.is_known or not room.workers:
        return "running", ""
    beside = new_workers(room, strategy, "running")
    if beside.fits:
        return "running", ""
    return "stopped", f"auto chose stopped: {beside.line}"


def names(room):
    """The :class:`Need` of the container that loads the app for the names of its tasks, while the old workers run."""
    return Need(
        "stop_workers", "the container that asks the new release for the names of its tasks", room.app + RESERVE, room.free, "now"
    )


def before_stop(room):
    """The :class:`Need` of support and an init service beside a live color of which nothing has stopped.

    An init service loads the app as a worker does. Where none tells what that takes, it is not known to be too much.
    """
    needed = room.app + room.support + RESERVE if room.app else 0
    return Need("before_stop", "an init service of the new release", needed, room.free, "now")


def room_recorded(recorded, free):
    """The :class:`Room` that the plan has recorded, with what is free now.

    :param recorded: what :func:`record` gave, or nothing.
    """
    return Room(**{key: (recorded or {}).get(key, 0) for key in Room._fields})._replace(free=free)


def new_web(room, strategy):
    """The :class:`Need` of the candidate's support, init and web beside the old web."""
    if strategy == "throttle" or not room.workers:
        return Need("start_candidate", "the new web", room.first + RESERVE, room.free, "beside the old color")
    return Need(
        "start_candidate",
        "the new web",
        room.first + RESERVE,
        room.free + room.workers,
        "once the old workers have stopped",
    )


def new_workers(room, strategy, old_web):
    """The :class:`Need` of the new workers beside what runs then."""
    free = room.free - room.first + (0 if strategy == "throttle" else room.workers)
    when = "beside two webs" if strategy == "stop" else "beside two webs and the old workers"
    if old_web == "stopped":
        free, when = free + room.web, "once the old web has stopped"
    return Need("start_workers", "a second set of workers", room.workers + RESERVE, free, when)


def needs(room, decision, asks_names, init_before_stop=()):
    """The :class:`Need` of each phase in order, for the plan; none where the containers do not tell what they hold.

    :param asks_names: whether the app may be loaded for the names of its tasks.
    :param init_before_stop: the init services that run while the old workers do; the new support services run from then on.
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


def finding(decision, room):
    """A sentence when a phase would not fit, else ``""``."""
    if not room.is_known:
        return ""
    if decision.strategy == "throttle" and room.both > room.free:
        return (
            f"bluegreen_worker_strategy is throttle, which leaves the old workers in memory, but {mib(room.both)} MiB are "
            f"needed beside them (what the live color holds now, and {mib(RESERVE)} MiB to spare) and {mib(room.free)} MiB "
            "are free: set it to stop or auto, or free memory on this host."
        )
    web = new_web(room, decision.strategy)
    if not web.fits:
        return (
            f"Not enough memory for a second web: {mib(web.needed)} MiB needed (what the live color's web and support services "
            f"hold now, and {mib(RESERVE)} MiB to spare), {mib(room.free)} MiB free and {mib(room.workers)} MiB more once the "
            "old workers have stopped. Free memory on this host, or give the app fewer web processes."
        )
    workers = new_workers(room, decision.strategy, decision.old_web)
    if workers.fits or not room.workers:
        return ""
    if decision.old_web == "running":
        return (
            f"bluegreen_old_web is running, which leaves the old web in memory, but {workers.line}: set it to stopped or auto, "
            "or free memory on this host."
        )
    return (
        f"Not enough memory for a second set of workers: {workers.line}. Free memory on this host, or give the app fewer "
        "worker processes."
    )


def warning(strategy, broker):
    """A sentence for a choice that is possible and can lose tasks, else ``""``."""
    if strategy != "throttle" or broker == "color":
        return ""
    return (
        "bluegreen_worker_strategy is throttle, and both colors use one broker: between the cutover and the start of the "
        "new workers the old ones take what the new web publishes, and discard tasks that only the new release knows. Add "
        "a new task one release before anything publishes it, or set the strategy to stop."
    )


def may_load(app, free):
    """Whether an app can be loaded now without taking the host's last memory.

    :param app: bytes that it holds then; 0 where nobody can tell.
    """
    return not app or app + RESERVE <= free


def record(room, oom_kills):
    """What the journal keeps of it, to say what was reckoned with should something be killed for memory.

    :param oom_kills: how often the kernel has killed for memory since its boot.
    """
    return {"oom_kills": oom_kills, **{key: max(value, 0) for key, value in room._asdict().items()}}


def reckoned(recorded):
    """The same as a sentence that begins with a blank, for an error; empty without a record."""
    if not recorded or not recorded["web"]:
        return ""
    web = recorded["web"] + recorded["support"]
    return (
        f" The plan had reckoned with {mib(web)} MiB for the new web and its support services and with "
        f"{mib(recorded['workers'])} MiB for the new workers, as the old ones held, and {mib(recorded['free'])} MiB were free "
        "then: this release needs more, or something else on this host took it."
    )
