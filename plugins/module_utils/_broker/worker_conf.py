# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What the workers of a color are configured to, asked of themselves before they stop.

Celery hides the values of settings whose name holds "key", so neither ``unacked_key`` nor ``global_keyprefix`` can be
asked: both are read from the keys in Redis.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from .._celery import kombu
from . import remote_control
from .node_names import nodes_of

_REDIS = ("redis", "rediss", "valkey", "valkeys")


class WorkerConf(NamedTuple):
    """What all workers that answered say; where two differ, neither counts.

    :ivar layout: :class:`kombu.Layout`
    :ivar results: host of the Redis that keeps the results; ``""`` for another store or none, ``None`` when nobody told.
    :ivar soft_shutdown: seconds of ``worker_soft_shutdown_timeout``, the longest of all.
    """

    layout: object = kombu.Layout()
    results: object = None
    soft_shutdown: float = 0.0


def ask_conf(host, broker, containers) -> WorkerConf:
    """Ask the workers in some containers for their configuration; never a failure.

    One that is busy in the solo pool, or has no remote control, does not answer, and then nothing is known.
    """
    nodes = nodes_of(host, containers)
    answers = remote_control.ask_all(host, broker, "conf", nodes, {"with_defaults": False}) if nodes else None
    return merged([content for content in (answers or {}).values() if isinstance(content, dict)])


def merged(answers) -> WorkerConf:
    """A :class:`WorkerConf` from the answers of workers, each what Celery calls its changes; pure."""
    if not answers:
        return WorkerConf()
    layouts, results = {_layout(each) for each in answers}, {_results(each) for each in answers}
    return WorkerConf(
        layouts.pop() if len(layouts) == 1 else kombu.Layout(),
        results.pop() if len(results) == 1 else None,
        max(_seconds(each.get("worker_soft_shutdown_timeout")) for each in answers),
    )


def _layout(answer):
    options = answer.get("broker_transport_options")
    options = options if isinstance(options, dict) else {}
    separator, steps = options.get("sep", kombu.SEPARATOR), options.get("priority_steps", kombu.PRIORITY_STEPS)
    if not isinstance(separator, str) or not isinstance(steps, (list, tuple)) or not all(_is_step(each) for each in steps):
        return kombu.Layout()
    return kombu.Layout(separator, tuple(steps))


def _is_step(step):
    return isinstance(step, int) and not isinstance(step, bool)


def _results(answer):
    backend = answer.get("result_backend")
    if not isinstance(backend, str):
        return ""
    try:
        parts = urlsplit(backend)
        return (parts.hostname or "") if parts.scheme.lower() in _REDIS else ""
    except ValueError:
        return None


def _seconds(value):
    return float(value) if isinstance(value, (int, float)) and value > 0 else 0.0


def remember(journal, broker, conf):
    """Keep in the journal what the moves need; the guard and a rollback read it too."""
    if conf.layout == kombu.Layout() and conf.results is None:
        # What an earlier look was told is better than nothing.
        return
    noted = {"separator": conf.layout.separator, "steps": list(conf.layout.steps), "results": conf.results}
    journal.note(celery={**(journal.get("celery") or {}), broker.name: noted})


def layout_of(journal, *brokers):
    """The :class:`kombu.Layout` that is known of the first of some brokers of which any is."""
    known = journal.get("celery") or {}
    for broker in brokers:
        found = known.get(broker.name)
        if found and found["separator"] and found["steps"]:
            return kombu.Layout(found["separator"], tuple(found["steps"]))
    return kombu.Layout()
