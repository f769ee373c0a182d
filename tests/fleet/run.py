# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts to five Pi-sized hosts over SSH, all of them under load: the canary, batches, gates, and hosts that are lost.

    .venv/bin/python tests/fleet/run.py [--only CASE,…]

`tests/run --parts fleet` runs lab/setup before it, which it needs. It makes containers bluegreen-fleet-…, which are
removed at the end; what it measured and the logs are in tests/fleet/.run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import signal
import sys
import time
import traceback

import fleet as fleets
from fleet import HERE, RUN, Fleet, awaits, rolled_back, untouched, whole_on

NAMES = ("pi-1", "pi-2", "pi-3", "pi-4", "pi-5")
CHECKOUT = hashlib.sha1(str(HERE).encode()).hexdigest()[:6]
SICK = {"bluegreen_env": {"DEMO_HEALTH": "fail"}}
BATCHES = {"bluegreen_serial": [1, 2, 2]}
# From the cut until the host is whole by itself: its deadline, half a minute at most of work, and a busy machine.
REVERT_AFTER = 20
HEALED_WITHIN = REVERT_AFTER + 60.0
# For a look at all of them, connections included.
GLANCE_WITHIN = 6.0


class Case:
    """One rollout, and what was wrong with it: sentences."""

    def __init__(self, fleet, name):
        self.fleet = fleet
        self.name = name
        self.wrong = []
        self.seconds = 0.0
        self.counts = {}

    def deploy(self, release, *arguments, **variables):
        begun = time.monotonic()
        rc, text = self.fleet.play("deploy", self.name, *arguments, bluegreen_release=release, **variables)
        self.seconds = round(time.monotonic() - begun, 1)
        return rc, text

    def expect(self, condition, sentence):
        if not condition:
            self.wrong.append(sentence)

    def expect_hosts(self, looks, verdict, *names, **given):
        for name in names:
            self.wrong += [f"{name}: {sentence}" for sentence in verdict(looks[name], **given)]

    def expect_untouched(self, before, looks, *names):
        for name in names:
            self.wrong += [f"{name}: {sentence}" for sentence in untouched(before[name], looks[name])]


def everywhere(case):
    """A good release: the canary is through before anybody else begins, and all have it at the end."""
    before = case.fleet.looks()
    with case.fleet.under_load() as case.counts:
        rc, text = case.deploy("2")
    looks = case.fleet.looks()
    case.expect(rc == 0, f"it ended with {rc}")
    case.expect_hosts(looks, whole_on, *NAMES, release="2")
    for name in NAMES:
        case.expect(before[name]["last"]["id"] != looks[name]["last"]["id"], f"{name}: it has no line in its history")
    settled = text.find("pi-1] => msg: Release 2")
    begun = [text.find(f"changed: [{name}]") for name in NAMES[1:]]
    case.expect(0 < settled < min(begun), "another host was begun before the canary was through")


def again(case):
    """The same release once more: nothing is touched, and nobody is asked."""
    before = case.fleet.looks()
    rc, text = case.deploy("2")
    case.expect(rc == 0 and "changed=0" in text and "changed=1" not in text, f"it ended with {rc}, or changed something")
    case.expect_untouched(before, case.fleet.looks(), *NAMES)


def glance(case):
    """status.yml: all hosts in one table and on one page, while somebody waits for it."""
    page = RUN / "fleet.html"
    begun = time.monotonic()
    rc, text = case.fleet.play("status", case.name, bluegreen_report=str(page))
    case.seconds = round(time.monotonic() - begun, 1)
    case.expect(rc == 0, f"it ended with {rc}")
    case.expect(case.seconds < GLANCE_WITHIN, f"it took {case.seconds} s")
    html = page.read_text(encoding="utf-8")
    for name in NAMES:
        case.expect(name in text and name in html, f"{name}: it is not shown")


def canary(case):
    """A bad release: it stops at the canary, which is whole again, and the others are untouched."""
    before = case.fleet.looks()
    with case.fleet.under_load() as case.counts:
        rc, text = case.deploy("3", **SICK)
    looks = case.fleet.looks()
    case.expect(rc == 2, f"it ended with {rc}")
    case.wrong += [f"pi-1: {sentence}" for sentence in rolled_back(before["pi-1"], looks["pi-1"])]
    case.expect_untouched(before, looks, *NAMES[1:])


def second_batch(case):
    """A host fails in the second batch: it is whole again, the third is never begun, and the rest can be deployed later."""
    before = case.fleet.looks()
    case.fleet.write_inventory(group=BATCHES, pi_3=SICK)
    with case.fleet.under_load() as case.counts:
        rc, text = case.deploy("3")
    looks = case.fleet.looks()
    case.expect(rc == 2, f"it ended with {rc}")
    case.expect_hosts(looks, awaits, "pi-1", "pi-2", release="3")
    case.wrong += [f"pi-3: {sentence}" for sentence in rolled_back(before["pi-3"], looks["pi-3"])]
    case.expect_untouched(before, looks, "pi-4", "pi-5")
    stopped = (
        "The rollout stops here: pi-3 failed or could not be reached, and bluegreen_max_failed_hosts is 0. pi-1, pi-2 have the "
        "new release and await approval: finish.yml with --limit pi-1,pi-2 approves it there, and rollback.yml goes back."
    )
    case.expect(stopped in text, "it does not say how to go on")


def rest(case):
    """What was stopped is deployed again as it is: hosts that have the release are left alone, and finished with the others."""
    before = case.fleet.looks()
    case.fleet.write_inventory(group=BATCHES)
    with case.fleet.under_load() as case.counts:
        rc, text = case.deploy("3")
    looks = case.fleet.looks()
    case.expect(rc == 0, f"it ended with {rc}")
    case.expect_hosts(looks, whole_on, *NAMES, release="3")
    for name in ("pi-1", "pi-2"):
        case.expect(f"shop has release 3 already ({looks[name]['answer']['color']}), which awaits approval." in text,
                    f"{name}: the plan does not say that it has it already")
        live = [
            {each["id"] for each in look["containers"] if each["color"] == looks[name]["answer"]["color"]}
            for look in (before[name], looks[name])
        ]
        case.expect(live[0] == live[1], f"{name}: it was deployed again")


def unreachable(case):
    """A host that cannot be reached any more, its workers stopped: it heals itself, and the rollout stops."""
    before = case.fleet.looks()
    pi = case.fleet.hosts["pi-2"]
    watching = pi.start_agent(moment={"step": "stop_workers", "done": True}, after=0.0)
    with case.fleet.under_load() as case.counts:
        controller = case.fleet.begin(
            "deploy", case.name, bluegreen_release="1", bluegreen_revert_after=REVERT_AFTER, **BATCHES
        )
        try:
            met = watching.next("moment", 200)
            pi.link.cut()
            cut = time.monotonic()
            rc = controller.wait(fleets.PLAYBOOK_WITHIN)
            text = " ".join(controller.output().split())
        finally:
            controller.stop()
            watching.stop()
        case.expect(met, "pi-2 never came to stop its workers")
        look = pi.look()
        while rolled_back(before["pi-2"], look) and time.monotonic() - cut < HEALED_WITHIN:
            time.sleep(0.5)
            look = pi.look()
        case.seconds = round(time.monotonic() - cut, 1)
        pi.link.mend()
        looks = case.fleet.looks()
        case.expect(rc not in (0, None), f"it ended with {rc}")
        case.wrong += [f"pi-2: {sentence}" for sentence in rolled_back(before["pi-2"], looks["pi-2"])]
        case.expect_hosts(looks, awaits, "pi-1", "pi-3", release="1")
        case.expect_untouched(before, looks, "pi-4", "pi-5")
        case.expect("--limit pi-1,pi-3 approves it there" in text, "it does not say how to go on")
        rc, text = case.fleet.play("finish", f"{case.name}.finish", "--limit=pi-1,pi-3")
        case.expect(rc == 0, f"finish.yml ended with {rc}")
        looks = case.fleet.looks()
        case.expect_hosts(looks, whole_on, "pi-1", "pi-3", release="1")


def one_may_be_lost(case):
    """A host that is off, in a fleet that may lose one: all others get the release, those included that have it already."""
    case.fleet.hosts["pi-2"].link.cut()
    before = case.fleet.looks()
    try:
        with case.fleet.under_load() as case.counts:
            rc, text = case.deploy("1", bluegreen_max_failed_hosts=1, **BATCHES)
    finally:
        case.fleet.hosts["pi-2"].link.mend()
    looks = case.fleet.looks()
    case.expect(rc == 4, f"it ended with {rc}")
    case.expect_hosts(looks, whole_on, "pi-1", "pi-3", "pi-4", "pi-5", release="1")
    case.expect_untouched(before, looks, "pi-1", "pi-2", "pi-3")


def nobody(case):
    """What can be wrong with the fleet itself is said in a sentence, and nothing is done."""
    before = case.fleet.looks()
    for arguments, variables, sentence in (
        ((), {"bluegreen_hosts": "nobody"}, "bluegreen_hosts is 'nobody', but no host of the inventory matches it"),
        (("--limit=pi-2",), {"bluegreen_hosts": "pi-1"}, "no host of the inventory matches it within --limit pi-2"),
        (("--limit=nobody",), {}, "no hosts to target"),
        ((), {"bluegreen_serial": [1, "x%"]}, "bluegreen_serial is [1, 'x%'], but it must be a list of counts of hosts"),
    ):
        rc, text = case.deploy("2", *arguments, **variables)
        case.expect(rc not in (0, None), f"{arguments or variables} ended with {rc}")
        case.expect(sentence in text and "Traceback" not in text, f"{arguments or variables} is not said: {text[-400:]}")
    case.expect_untouched(before, case.fleet.looks(), *NAMES)


CASES = (everywhere, again, glance, canary, second_batch, rest, unreachable, one_may_be_lost, nobody)


def run(fleet, function):
    case = Case(fleet, function.__name__)
    try:
        function(case)
    except Exception as error:  # whatever it is, the others can still be tried
        (RUN / f"{case.name}.error").write_text(traceback.format_exc(), encoding="utf-8")
        case.wrong.append(f"the harness: {error}")
    fleet.write_inventory()
    counted = {
        what: sum(counts.get(what, 0) for counts in case.counts.values())
        for what in ("requests", "failed", "retried", "accepted", "lost", "doubled")
    }
    for what in ("failed", "lost", "doubled"):
        case.expect(not counted[what], f"{counted[what]} {'requests' if what == 'failed' else 'tasks'} {what}")
    result = {"case": case.name, "ok": not case.wrong, "seconds": case.seconds, **counted, "wrong": case.wrong}
    print(
        f"{case.name:<16}{'as it has to be' if result['ok'] else 'WRONG'}, {case.seconds} s; {counted['requests']} requests, "
        f"{counted['failed']} failed; {counted['accepted']} tasks, {counted['lost']} lost, {counted['doubled']} doubled",
        flush=True,
    )
    for sentence in case.wrong:
        print(f"    {sentence}", flush=True)
    return result


def _interrupt(*_unused):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description="Rollouts to a fleet of Pi-sized hosts.")
    parser.add_argument("--only", default="", metavar="CASE,…", help=f"some of {', '.join(case.__name__ for case in CASES)}")
    options = parser.parse_args()
    known = {case.__name__: case for case in CASES}
    names = options.only.split(",") if options.only else list(known)
    for name in names:
        if name not in known:
            parser.error(f"there is no case {name!r}; there are {', '.join(known)}")
    signal.signal(signal.SIGTERM, _interrupt)
    fleet = Fleet(NAMES, CHECKOUT)
    results = []
    try:
        begun = time.monotonic()
        fleet.make()
        print(f"{len(NAMES)} hosts with release 1 after {time.monotonic() - begun:.0f} s", flush=True)
        for name in names:
            results.append(run(fleet, known[name]))
    finally:
        fleet.destroy()
        (RUN / "results.jsonl").write_text("".join(f"{json.dumps(result)}\n" for result in results), encoding="utf-8")
    return 0 if len(results) == len(names) and all(result["ok"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
