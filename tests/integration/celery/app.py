# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app with every kind of queue; what was done is a line each in /out/done."""

from __future__ import annotations

import json
import os
import sys
import time

from celery import Celery, chord
from kombu import Exchange, Queue

URL, PREFIX = os.environ["URL"], os.environ.get("PREFIX", "")

app = Celery("app", broker=URL, backend=os.environ.get("RESULTS", URL))
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "global_keyprefix": PREFIX,
        "priority_steps": [0, 3, 6, 9],
        **json.loads(os.environ.get("OPTIONS", "{}")),
    },
    result_backend_transport_options={"global_keyprefix": PREFIX},
    worker_prefetch_multiplier=1,
    task_queues=[
        Queue("celery", Exchange("celery"), "celery"),
        Queue("mails", Exchange("topics", type="topic"), "shop.#"),
        Queue("everybody", Exchange("everybody", type="fanout")),
    ],
)


@app.task(name="note", acks_late=True)
def note(word):
    time.sleep(float(os.environ.get("SECONDS", "0")))
    with open("/out/done", "a", encoding="utf-8") as done:
        done.write(f"{word}\n")
    return word


@app.task(name="note_all")
def note_all(words):
    note("chord of " + "".join(sorted(words)))


def to_mails(routing_key):
    # The queue is named so that it is declared: a message to an exchange that has none is dropped.
    return {"queue": "mails", "exchange": "topics", "routing_key": routing_key}


def publish():
    for number in range(5):
        note.delay(f"plain {number}")
    for priority in (0, 3, 5, 9):
        note.apply_async((f"priority {priority}",), priority=priority)
    note.apply_async(("topic",), **to_mails("shop.mail.sent"))
    chord([note.s("a"), note.s("b")])(note_all.s())


def publish_priorities():
    for priority in (0, 3, 5, 9):
        note.apply_async((f"priority {priority}",), priority=priority)
    note.apply_async(("later",), countdown=4, priority=5)


def publish_chord():
    chord([note.s(letter) for letter in "abcd"])(note_all.s())


def publish_later():
    note.apply_async(("later",), countdown=8)
    note.apply_async(("topic later",), **to_mails("shop.mail"), countdown=8)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
