# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A container that is started, and proved to have started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._errors import BluegreenError
from .containers import Container, inspect_container
from .logs import last_lines
from .transport import EngineError

if TYPE_CHECKING:
    from .._host import Host

AGAIN = "Correct that, then deploy again."


def start_container(host: Host, container: Container, way_out: str = AGAIN) -> Container:
    """Start a container and return it as it is afterwards.

    :param way_out: the last sentence of an error: what the user does next, empty where the caller says that.
    :raises BluegreenError: the engine refused, or the start time of the container did not change.
    """
    try:
        host.engine.start(container.id)
    except EngineError as error:
        # pylint does not follow the relative import that makes EngineError an exception.
        raise BluegreenError(  # pylint: disable=bad-exception-cause
            f"Container {container.name} could not be started: {error.message.rstrip('.')}. {way_out}".rstrip(),
            failure="start",
            logs=last_lines(host, [container]),
        ) from error
    now = inspect_container(host.engine, container.id)
    if now.started_at == container.started_at:
        last = f"was last started at {now.started_at}" if now.started_at and now.ever_started else "was never started"
        raise BluegreenError(
            f"Container {container.name} was told to start, but did not: it is {now.status}, and {last}. Look at "
            f"docker logs {container.name} for the cause. {way_out}".rstrip(),
            failure="start",
            logs=last_lines(host, [container]),
        )
    return now
