# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether Nginx serves a color. Pure decisions.

``nginx -s reload`` returns 0 when a signal was sent, and ``nginx -t`` when the text is valid; neither means that
requests reach the color that the file names. Three observations together prove that: the configuration that ``nginx
-T`` shows (routes.py), the worker processes before and after the reload, and the connections that Nginx opens while
requests are sent through the public URL. The last two are decided here.
"""

from __future__ import annotations

from typing import Collection, Mapping, NamedTuple, Sequence

from .._validation import COLORS
from .._words import agree, joined
from .master import NginxWorker

# Connections whose owner is not known count as made by our own requests only if there are this many at least.
_FEWEST_SEEN = 3


class Verdict(NamedTuple):
    """Whether something is proved, and the reason if not: a sentence without its full stop."""

    proved: bool
    reason: str = ""


class Evidence(NamedTuple):
    """Connections from Nginx to one color that came up while requests were sent through the public URL.

    ``owned`` is the number of those that a worker process of this Nginx held; ``seen`` the number of all.
    """

    owned: int = 0
    seen: int = 0


# Worker processes


def workers_verdict(noted: Collection[NginxWorker], now: Collection[NginxWorker]) -> Verdict:
    """Whether worker processes with the new configuration have replaced those from before a reload.

    :param noted: those from before the reload.
    :param now: those of this moment.
    """
    known = {worker.identity for worker in noted}
    if not any(worker.identity not in known and not worker.draining for worker in now):
        return Verdict(False, "Nginx started no new worker process")
    stale = [str(worker.pid) for worker in now if worker.identity in known and not worker.draining]
    if stale:
        process, accept = agree(stale, "process", "processes"), agree(stale, "accepts", "accept")
        return Verdict(
            False, f"worker {process} {joined(stale)} still {accept} requests with the previous configuration"
        )
    return Verdict(True)


def has_new_workers(noted: Collection[NginxWorker], now: Collection[NginxWorker]) -> bool:
    """Whether Nginx has started worker processes since ``noted``, and so has read its files."""
    return not {worker.identity for worker in now} <= {worker.identity for worker in noted}


# Connections


def connections_verdict(
    color: str, evidence: Mapping[str, Evidence], requests: int, statuses: Sequence[int | str]
) -> Verdict:
    """Whether requests through the public URL reached a color.

    :param evidence: ``{color: Evidence}``.
    :param requests: how many requests were sent.
    :param statuses: how they were answered: HTTP statuses, or half sentences where there was no answer.
    """
    if _reached(evidence[color], requests):
        return Verdict(True)
    last = f"; the last answer was {statuses[-1]}" if statuses else ""
    for wrong in COLORS:
        if wrong != color and _reached(evidence[wrong], requests):
            return Verdict(False, f"requests through the public URL reached {wrong} and not {color}{last}")
    return Verdict(False, f"of {requests} requests through the public URL none opened a connection to {color}{last}")


def _reached(evidence: Evidence, requests: int) -> bool:
    # Other programs, such as a monitor, may ask a color's port as well, and a connection that has ended no longer shows
    # its owner. So ended connections count only if there are about as many of them as requests.
    return evidence.owned > 0 or evidence.seen >= max(_FEWEST_SEEN, requests / 2)


def color_reached(evidence: Mapping[str, Evidence], requests: int) -> str | None:
    """The color that requests through the public URL reached, ``None`` unless it is exactly one."""
    reached = [color for color in COLORS if connections_verdict(color, evidence, requests, ()).proved]
    return reached[0] if len(reached) == 1 else None
