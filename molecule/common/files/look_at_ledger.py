# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ledger has since a time: look_at_ledger.py COLOR SECONDS, where that color's beat is the one that runs now.

One JSON object. "accepted" is the number of tasks by color. The rest is about beat, times in seconds: "restarted" is
whether it was started since then; "pause" the time without a tick around its last start; "overdue" how long after its
program had loaded the first tick came that was due then, or how much later than its turn one that was not; "closest"
the shortest time between two ticks since then, "farthest" the longest one but the pause.
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


def docker(*arguments):
    return subprocess.run(("docker", *arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True).stdout.decode()


def seconds(moment):
    """Seconds since 1970 of a time that Docker prints."""
    whole, _point, fraction = moment.strip().rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction or 0}")


def started(color):
    """When the container of its beat was started, seconds since 1970."""
    return seconds(docker("inspect", "--format={{.State.StartedAt}}", f"shop-{color}-beat-1"))


def loaded(color, start):
    """When beat itself began, after the container had started: on a busy machine the app takes seconds to load."""
    lines = docker("logs", "--timestamps", f"shop-{color}-beat-1").splitlines()
    return min(at for at in (seconds(line.split()[0]) for line in lines if "is starting" in line) if at >= start)


def beat(color, since):
    start, end = started(color), time.monotonic() + WAIT
    while max(moments := [event["time"] for event in events("tick", 0)], default=0) < start:
        if time.monotonic() > end:
            sys.exit(f"beat of {color} has not ticked within {WAIT} s")
        time.sleep(0.2)
    last, first = max(filter(start.__ge__, moments), default=start), min(filter(start.__lt__, moments))
    lately = [moment for moment in moments if moment >= since]
    gaps = list(zip(lately, lately[1:]))
    return {
        "restarted": start >= since,
        "pause": round(first - last, 2),
        "overdue": round(first - max(loaded(color, start), last + INTERVAL), 2),
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
