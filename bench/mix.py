"""The burst of tasks right before a deployment: what is in flight when it begins. All pure."""

from __future__ import annotations

import itertools
from typing import Iterator

QUEUED = 300
DELAYED = 60
# Of the delayed ones: the first is due while the deployment runs, the last one when every way is through.
FIRST_DUE = 4.0
LAST_DUE = 18.0


def burst() -> list:
    """Return the parameters of POST /tasks for each task, a delayed one after every few queued ones."""
    step = (LAST_DUE - FIRST_DUE) / (DELAYED - 1)
    queued, delayed = _kinds(), _kinds()
    tasks = []
    for number in range(DELAYED):
        tasks += [next(queued) for _each in range(QUEUED // DELAYED)]
        tasks.append({**next(delayed), "countdown": round(FIRST_DUE + number * step, 2)})
    return tasks


def _kinds() -> Iterator[dict]:
    """Yield one task after the other: two queues, priorities, early and late acknowledgement.

    They are short. What is measured is what becomes of them and not how long they take: all of them keep two
    processes busy for some 15 s.
    """
    queues = itertools.cycle(("celery", "celery", "reports"))
    priorities = itertools.cycle((0, 0, 3, 6, 9))
    acks = itertools.cycle(("early", "late"))
    seconds = itertools.cycle((0.05, 0.1, 0.15, 0.1))
    while True:
        yield {
            "seconds": next(seconds),
            "queue": next(queues),
            "priority": next(priorities),
            "ack": next(acks),
        }
