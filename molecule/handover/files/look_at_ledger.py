# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ledger has since a time: look_at_ledger.py COLOR SECONDS, where that color's beat is the one that runs now.

One JSON object. "accepted" is the number of tasks by color. The rest is about beat, in seconds: "pause" is the time without
a tick around its last start; "overdue" how long after the start the first tick came that was due then, or how much later
than its turn one that was not; "closest" the shortest time between two ticks, "farthest" the longest one but the pause.
"""

import calendar
import collections
import json
import subprocess
import sys
import time

LEDGER = "/srv/ledger/ledger.jsonl"
INTERVAL = 5.0
WAIT = 20


def events(name, since):
    with open(LEDGER, encoding="utf-8") as file:
        found = [json.loads(line) for line in file if f'"event":"{name}"' in line and line.endswith("\n")]
    return sorted((event for event in found if event["time"] >= since), key=lambda event: event["time"])


def started(color):
    """When the container of its beat was started, seconds since 1970."""
    command = ["docker", "inspect", "--format={{.State.StartedAt}}", f"shop-{color}-beat-1"]
    moment = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    whole, _point, fraction = moment.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction or 0}")


def beat(color, since):
    start, end = started(color), time.monotonic() + WAIT
    while max(moments := [event["time"] for event in events("tick", since)], default=0) < start:
        if time.monotonic() > end:
            sys.exit(f"beat of {color} has not ticked within {WAIT} s")
        time.sleep(0.2)
    before = [moment for moment in moments if moment <= start]
    first = moments[len(before)]
    gaps = list(zip(moments, moments[1:]))
    return {
        "overdue": round(first - max(start, before[-1] + INTERVAL if before else start), 2),
        "pause": round(first - before[-1], 2) if before else None,
        "closest": round(min((later - earlier for earlier, later in gaps), default=INTERVAL), 2),
        "farthest": round(
            max((later - earlier for earlier, later in gaps if not earlier <= start < later), default=INTERVAL), 2
        ),
    }


accepted = collections.Counter(event["color"] for event in events("accepted", float(sys.argv[2])))
print(json.dumps({
    "accepted": {color: accepted[color] for color in ("blue", "green")},
    **beat(sys.argv[1], float(sys.argv[2])),
}))
