# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The two brokers that a task names as ``source`` and ``destination``; both have to answer before anything is done."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator

from .._broker.connection import Broker, connect
from .._broker.redis import RedisError
from .._broker.settings import BrokerSettings
from .._broker.url import PLAIN, parse_url
from .._docker.containers import of_project
from .._errors import BluegreenError
from .._host import Host
from .._module.spec import BROKER_OPTIONS, Params
from .._validation import check_project

SIDES = ("source", "destination")

BROKER: dict[str, Any] = {
    "type": "dict",
    "required": True,
    "options": {"project": {"type": "str", "default": ""}, **BROKER_OPTIONS},
}


def check_sides(params: Params) -> None:
    """Raise if a side names an invalid project."""
    for side in SIDES:
        if params[side]["project"]:
            check_project(f"{side}.project", params[side]["project"])


@contextlib.contextmanager
def reached(host: Host, params: Params, done: str) -> Iterator[tuple[Broker, Broker]]:
    """Source and destination, connected.

    :param done: the verb for the sentence about a broker that does not answer: "Nothing was moved."
    :raises BluegreenError: one of them is not named, is not a single Redis, does not run, or does not answer.
    """
    with _broker(host, "source", params["source"]) as source:
        with _broker(host, "destination", params["destination"]) as destination:
            _reach("source", source, done)
            _reach("destination", destination, done)
            yield source, destination


def _broker(host: Host, side: str, given: dict[str, str]) -> Broker:
    if not given["project"] and not given["url"]:
        raise BluegreenError(f"{side} names no broker: give it a project (and service), or a url.")
    _refuse_scheme(side, given["url"])
    containers = of_project(host.engine, given["project"]) if given["project"] else []
    broker = connect(host, containers, BrokerSettings("color", given["service"], given["url"]))
    if broker is None:
        raise BluegreenError(
            f"{side}.service is {given['service']!r}, but project {given['project'] or '(none)'} has no such service: "
            "name the service that is the broker."
        )
    if broker.container is not None and not broker.container.running:
        raise BluegreenError(
            f"{side} is {broker.name}, whose container {broker.container.name} is {broker.container.status}: start it "
            "first (bg_start)."
        )
    return broker


def _reach(side: str, broker: Broker, done: str) -> None:
    """Ask a Redis once, so that the error about one that does not answer names the option."""
    try:
        broker.run_id()
    except RedisError as error:
        raise BluegreenError(f"{side} ({broker.name}): {error.message} Nothing was {done}.") from error


def _refuse_scheme(side: str, url: str) -> None:
    scheme = parse_url(url, f"{side}.url").scheme if url else "redis"
    if scheme not in PLAIN:
        kind = next((word for word in ("sentinel", "cluster") if word in scheme), "")
        reason = f"which is a Redis with {kind}" if kind else "which is not a plain Redis"
        raise BluegreenError(
            f"{side}.url begins with {scheme}://, {reason}, but tasks and keys can be moved only from one single "
            "server to another over redis://. Nothing was changed. Use one broker outside both colors "
            "(bluegreen_broker: shared)."
        )
