# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app whose tasks take a while; what begins, ends and ticks is a line each in /out/ledger."""

from __future__ import annotations

import os
import sys
import time

from celery import Celery

app = Celery("naps", broker=os.environ["URL"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    task_acks_late=os.environ.get("LATE") == "1",
    worker_prefetch_multiplier=1,
    beat_schedule={"tick": {"task": "tick", "schedule": 1.0}},
    beat_schedule_filename="/tmp/schedule",
)


def note(word):
    with open("/out/ledger", "a", encoding="utf-8") as ledger:
        ledger.write(f"{word}\n")


@app.task(name="nap")
def nap(word, seconds):
    note(f"begun {word}")
    time.sleep(seconds)
    note(f"done {word}")


@app.task(name="talk")
def talk(kilobytes, delay):
    note("begun talk")
    time.sleep(delay)
    for _line in range(kilobytes * 8):
        print("x" * 127, flush=True)
    note("done talk")


@app.task(name="tick")
def tick():
    note("tick")


if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        nap.delay(number, float(sys.argv[2]))
