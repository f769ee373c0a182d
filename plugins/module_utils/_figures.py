# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What a deployment cost, from its journal: for the result, the history and status."""

from __future__ import annotations


def figures(journal):
    """Figures of a deployment.

    :returns: ``seconds`` a phase; ``tasks_moved``, messages moved to the other color's broker; ``worker_gap``, seconds
        from the first signal to the old workers until the new ones consumed, 0 where they overlapped and ``None`` where
        no worker was stopped; ``memory``, bytes in use on the host, ``before`` the deployment and at its ``peak``.
    """
    return {
        "seconds": journal["seconds"],
        "tasks_moved": journal.get("tasks_moved", 0),
        "worker_gap": worker_gap(journal.get("idle_since"), journal.get("busy_since")),
        "memory": journal.get("memory"),
    }


def worker_gap(idle_since, busy_since):
    """Seconds without a worker that takes tasks.

    :param idle_since, busy_since: seconds since the boot at which the old workers got their first signal, and at which
        workers were proved to consume again; ``None`` for never.
    """
    if idle_since is None or busy_since is None:
        return None
    return round(max(busy_since - idle_since, 0.0), 2)


def sentence(entry):
    """The figures of an entry of the history for people, ``""`` when it has none.

    Entries of earlier versions lack some of them.
    """
    parts = []
    if entry.get("seconds"):
        parts.append(f"{sum(entry['seconds'].values()):.1f} s")
    if entry.get("worker_gap") is not None:
        parts.append(f"worker gap {entry['worker_gap']:.1f} s")
    if entry.get("tasks_moved"):
        parts.append(f"{entry['tasks_moved']} tasks moved")
    if entry.get("memory"):
        before, peak = (round(entry["memory"][name] / 1024 / 1024) for name in ("before", "peak"))
        parts.append(f"memory {before} MiB before and {peak} MiB at its peak")
    return ", ".join(parts)
