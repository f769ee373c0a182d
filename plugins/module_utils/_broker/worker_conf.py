# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The configuration of a color's workers, which they are asked for before they stop.

Celery hides the values of settings with "key" in their name, so neither ``unacked_key`` nor ``global_keyprefix`` can be
asked for: both are read from the keys in Redis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, NamedTuple, Sequence
from urllib.parse import urlsplit

from .._celery import kombu
from .._docker.containers import Container
from . import remote_control
from .node_names import nodes_of

if TYPE_CHECKING:
    from .._host import Host
    from .._journal.journal import AnyJournal
    from .connection import Broker

_REDIS = ("redis", "rediss", "valkey", "valkeys")


class WorkerConf(NamedTuple):
    """The settings in which all workers that answered agree; where two differ, neither counts.

    :ivar layout: :class:`kombu.Layout`
    :ivar results: host of the Redis that keeps the results; ``""`` for another store or none, ``None`` if not known.
    :ivar soft_shutdown: seconds of ``worker_soft_shutdown_timeout``, the longest of all.
    """

    layout: kombu.Layout = kombu.Layout()
    results: str | None = None
    soft_shutdown: float = 0.0


def ask_conf(host: Host, broker: Broker, containers: Sequence[Container]) -> WorkerConf:
    """Ask the workers in some containers for their configuration; never raises.

    A worker that is busy in the solo pool, or has no remote control, does not answer; then nothing is known.
    """
    nodes = nodes_of(host, containers)
    answers = remote_control.ask_all(host, broker, "conf", nodes, {"with_defaults": False}) if nodes else None
    return merged([content for content in (answers or {}).values() if isinstance(content, dict)])


def merged(answers: Sequence[Mapping[str, Any]]) -> WorkerConf:
    """The settings from the answers of workers, each the settings that differ from Celery's defaults; pure."""
    if not answers:
        return WorkerConf()
    layouts, results = {_layout(each) for each in answers}, {_results(each) for each in answers}
    return WorkerConf(
        layouts.pop() if len(layouts) == 1 else kombu.Layout(),
        results.pop() if len(results) == 1 else None,
        max(_seconds(each.get("worker_soft_shutdown_timeout")) for each in answers),
    )


def _layout(answer: Mapping[str, Any]) -> kombu.Layout:
    options = answer.get("broker_transport_options")
    options = options if isinstance(options, dict) else {}
    separator, steps = options.get("sep", kombu.SEPARATOR), options.get("priority_steps", kombu.PRIORITY_STEPS)
    if not isinstance(separator, str) or not isinstance(steps, (list, tuple)) or not all(map(_is_step, steps)):
        return kombu.Layout()
    return kombu.Layout(separator, tuple(steps))


def _is_step(step: object) -> bool:
    return isinstance(step, int) and not isinstance(step, bool)


def _results(answer: Mapping[str, Any]) -> str | None:
    backend = answer.get("result_backend")
    if not isinstance(backend, str):
        return ""
    try:
        parts = urlsplit(backend)
        return (parts.hostname or "") if parts.scheme.lower() in _REDIS else ""
    except ValueError:
        return None


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and value > 0 else 0.0


def remember(journal: AnyJournal, broker: Broker, conf: WorkerConf) -> None:
    """Note in the journal what the moves need; the guard and a rollback read it too."""
    if conf.layout == kombu.Layout() and conf.results is None:
        # The answers of an earlier call are better than none.
        return
    noted = {"separator": conf.layout.separator, "steps": list(conf.layout.steps), "results": conf.results}
    journal.note(celery={**(journal.get("celery") or {}), broker.name: noted})


def layout_of(journal: AnyJournal, *brokers: Broker) -> kombu.Layout:
    """The first layout that is known of some brokers; an empty one if none is."""
    known = journal.get("celery") or {}
    for broker in brokers:
        found = known.get(broker.name)
        if found and found["separator"] and found["steps"]:
            return kombu.Layout(found["separator"], tuple(found["steps"]))
    return kombu.Layout()
