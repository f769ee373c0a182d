# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Start or stop containers. One that is in the wanted state already is left alone."""

from __future__ import annotations

from typing import Iterable, NamedTuple

from .containers import Container, inspect_container
from .engine import Engine, EngineError


class Ensured(NamedTuple):
    """``started`` did not run and were started; ``failed`` are those that did not start, with the errors."""

    started: list[Container]
    failed: list[tuple[Container, EngineError]]


def ensure_running(engine: Engine, containers: Iterable[Container]) -> Ensured:
    """Start the containers that did not run when they were looked at. One that fails delays no other."""
    started, failed = [], []
    for container in containers:
        if not container.running:
            try:
                engine.start(container.id)
            except EngineError as error:
                failed.append((container, error))
            else:
                started.append(container)
    return Ensured(started, failed)


def ensure_stopped(engine: Engine, containers: Iterable[Container]) -> None:
    """Stop the containers that run now; each is looked at anew."""
    for container in containers:
        if inspect_container(engine, container.id).running:
            engine.stop(container.id)
