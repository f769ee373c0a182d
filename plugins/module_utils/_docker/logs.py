# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The last lines that containers logged, for the details of a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable

from .._validation import printable
from .containers import Container
from .engine import EngineError

if TYPE_CHECKING:
    from .._host import Host

LINES = 20


def lines_of(host: Host, container_id: str, tail: int = LINES) -> list[str]:
    """The last log lines of a container; none if the engine cannot read them, as with the logging driver ``none``."""
    try:
        return host.engine.logs(container_id, tail)
    except EngineError:
        return []


def last_lines(host: Host, containers: Iterable[Container], tail: int = LINES) -> dict[str, list[str]]:
    """The last log lines of each container by its name; the reason in place of them if they cannot be read."""
    lines = {}
    for container in containers:
        try:
            # A terminal would obey control characters in a log.
            lines[container.name] = [printable(line) for line in host.engine.logs(container.id, tail)]
        except EngineError as error:
            lines[container.name] = [f"(no logs: {error.message})"]
    return lines
