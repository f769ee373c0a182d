"""What a client asks for with POST /tasks."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import NamedTuple

from shop import settings

# A chord is several tasks that sleep, and one more that Celery starts when the last of them is done.
KINDS = ("sleep", "cpu", "chord")
ACKS = ("early", "late")
MOST_PARTS = 20
LONGEST_SECONDS = 600.0
LATEST_SECONDS = 86400.0


class OrderError(ValueError):
    """One sentence that names the parameter, its value and what would be right."""


class Order(NamedTuple):
    kind: str
    seconds: float
    queue: str
    priority: int
    countdown: float
    ack: str
    parts: int = 3  # of a chord, without the last one


def parse(parameters: object) -> Order:
    """Return the order that the parameters describe, every one of which may be left out."""
    if not isinstance(parameters, Mapping):
        raise OrderError('The body is no JSON object; it is one, as {"kind": "sleep", "seconds": 0.5}.')
    unknown = sorted(set(parameters) - set(Order._fields))
    if unknown:
        raise OrderError(f"{unknown[0]} is no parameter of a task; there are {', '.join(Order._fields)}.")
    return Order(
        kind=_choice(parameters, "kind", KINDS),
        seconds=_number(parameters, "seconds", _usual_seconds(), 0, LONGEST_SECONDS),
        queue=_choice(parameters, "queue", settings.QUEUES),
        priority=int(_number(parameters, "priority", 0, 0, 9)),
        countdown=_number(parameters, "countdown", 0, 0, LATEST_SECONDS),
        ack=_choice(parameters, "ack", ACKS),
        parts=int(_number(parameters, "parts", 3, 1, MOST_PARTS)),
    )


def _usual_seconds() -> float:
    # 0.1 to 1 s and 0.4 s on average: two processes keep up with 3 a second, and catch up after a pause.
    return round(random.triangular(0.1, 1.0, 0.15), 3)


def _choice(parameters: Mapping[str, object], name: str, choices: tuple[str, ...]) -> str:
    value = parameters.get(name, choices[0])
    if value not in choices:
        raise OrderError(f"{name}={value} is not possible; it is one of {', '.join(choices)}.")
    return str(value)


def _number(parameters: Mapping[str, object], name: str, default: float, least: float, most: float) -> float:
    value = parameters.get(name, default)
    try:
        number = float(str(value))
    except ValueError:
        number = -1.0
    if not least <= number <= most:
        raise OrderError(f"{name}={value} is not possible; it is a number from {least:g} to {most:g}.")
    return number
