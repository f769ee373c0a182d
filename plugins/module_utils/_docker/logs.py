# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What containers said last, for the details of a failure."""

from __future__ import annotations

from .._validation import printable
from .engine import EngineError

LINES = 20


def lines_of(host, container_id: str, tail: int = LINES) -> list:
    """The last log lines of a container; none where they cannot be read back, as with the logging driver ``none``."""
    try:
        return host.engine.logs(container_id, tail)
    except EngineError:
        return []


def last_lines(host, containers, tail=LINES):
    """The last log lines of each container by name; best effort."""
    lines = {}
    for container in containers:
        try:
            # A terminal must not take what an app writes for commands.
            lines[container.name] = [printable(line) for line in host.engine.logs(container.id, tail)]
        except EngineError as error:
            lines[container.name] = [f"(no logs: {error.message})"]
    return lines
