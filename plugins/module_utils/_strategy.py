# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What becomes of the old workers while the new color boots: stopped, or throttled until the new ones work. Pure.

Stopping gives their memory and CPU to the new web. Throttling gives only the CPU, so the host has to hold both colors
whole, but no task waits for the new color.
"""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources import MIB, mib

STRATEGIES = ("stop", "throttle", "auto")

# For what a color needs only while it boots.
RESERVE = 64 * MIB


class Room(NamedTuple):
    """Bytes: free on the host, and what the live color holds now, as the measure of the candidate's.

    ``web`` counts support services, too.
    """

    free: int
    web: int
    workers: int

    @property
    def both(self):
        """What the candidate needs beside a live color of which nothing has stopped."""
        return self.web + self.workers + RESERVE


def decide(wanted, room, broker, workers_run):
    """``(stop or throttle, why)``; the reason is empty when nothing was left to decide.

    :param wanted: one of :data:`STRATEGIES`.
    :param room: :class:`Room`
    :param broker: mode of the broker.
    :param workers_run: whether the live color has workers that run.
    """
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
        return "stop", "auto chose stop: the engine does not tell how much memory the containers hold"
    figures = (
        f"the new color needs {mib(room.both)} MiB beside the old one, {mib(RESERVE)} MiB of them to spare, and "
        f"{mib(room.free)} MiB are free"
    )
    return ("throttle" if room.both <= room.free else "stop"), (
        f"auto chose {'throttle' if room.both <= room.free else 'stop'}: {figures}"
    )


def memory_finding(strategy, room):
    """A sentence when the candidate would not fit, else ``""``."""
    if strategy == "throttle":
        if room.both <= room.free:
            return ""
        return (
            f"bluegreen_worker_strategy is throttle, which leaves the old workers in memory, but {mib(room.both)} MiB are "
            f"needed beside them (what the live color holds now, and {mib(RESERVE)} MiB to spare) and {mib(room.free)} MiB "
            "are free: set it to stop or auto, or free memory on this host."
        )
    if room.web <= room.free + room.workers:
        return ""
    return (
        f"Not enough memory for a second web: {mib(room.web)} MiB needed (what the live color's web and support services "
        f"hold now), {mib(room.free)} MiB free and {mib(room.workers)} MiB more once the old workers have stopped. Free "
        "memory on this host, or give the app fewer web processes."
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
