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
import json
import os
import re
import shutil
import signal
import site
import sys
import time
import traceback

import fleet as fleets
import yaml
from fleet import ROOT, RUN, Fleet, awaits, rolled_back, untouched, whole_on

for folder in ("integration/page", "eda"):
    sys.path.insert(0, str(ROOT / "tests" / folder))

# pylint: disable=wrong-import-position
import chromium  # noqa: E402
import service  # noqa: E402

NAMES = ("pi-1", "pi-2", "pi-3", "pi-4", "pi-5")
SICK = {"bluegreen_env": {"DEMO_HEALTH": "fail"}}
BATCHES = {"bluegreen_serial": [1, 2, 2]}
# This checkout, and what the playbooks take from elsewhere.
COLLECTIONS = os.pathsep.join([str(ROOT / ".cache/collections"), *site.getsitepackages()])
PROMPT = {"bluegreen_approval": "prompt"}
# From the cut until the host is whole by itself: its deadline, half a minute at most of work, and a busy machine.
REVERT_AFTER = 20
HEALED_WITHIN = REVERT_AFTER + 60.0
# For a look at all of them, connections included.
GLANCE_WITHIN = 6.0
LOOKS = 5


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
    seconds = []
    # What else this machine does can only add to it, so the fastest one is what it needs.
    for _unused in range(LOOKS):
        begun = time.monotonic()
        rc, text = case.fleet.play("status", case.name, bluegreen_report=str(page))
        seconds.append(round(time.monotonic() - begun, 1))
        case.expect(rc == 0, f"it ended with {rc}")
    case.seconds = min(seconds)
    case.expect(case.seconds < GLANCE_WITHIN, f"it took {', '.join(map(str, seconds))} s")
    shown = seen_in_a_browser(case, page)
    for name in NAMES:
        case.expect(name in text and name in shown, f"{name}: it is not in the table, or not on the page")


def seen_in_a_browser(case, page):
    """The text of the page, which has to open without a complaint."""
    if not chromium.PROGRAM:
        case.wrong.append("there is no Chromium: lab/setup chromium installs it")
        return ""
    browser = chromium.Chromium(RUN / "chromium")
    try:
        browser.open(str(page), 390, "light")
        case.wrong += [f"the page: {complaint}" for complaint in browser.complaints()]
        return browser.evaluate("document.body.innerText")
    finally:
        browser.close()


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
        "new release and await approval. To approve it there: ansible-playbook smallfleet.bluegreen.finish --limit pi-1,pi-2. "
        "To go back there: ansible-playbook smallfleet.bluegreen.rollback --limit pi-1,pi-2. Repair pi-3 and deploy again, or raise "
        "bluegreen_max_failed_hosts."
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


def asked(case):
    """A human on a terminal is asked once, for all hosts, and the answer counts for each."""
    with case.fleet.under_load() as case.counts:
        terminal = case.fleet.on_terminal("smallfleet.bluegreen.deploy", case.name, bluegreen_release="2", **PROMPT)
        case.expect(terminal.asks("Type 2 to remove the old color"), "nobody was asked")
        looks = case.fleet.looks()
        case.expect_hosts(looks, awaits, *NAMES, release="2")
        terminal.type("2\r")
        rc, text = terminal.end()
    question = text[text.index("shop serves release 2 ("):].split(")")[0]
    for name in NAMES:
        color = looks[name]["answer"]["color"]
        case.expect(re.search(rf"{color} on [^;]*{name}", question), f"{name}: {color} is live, and the question is: {question}")
    case.expect(rc == 0 and text.count("Type 2 to remove") == 1, f"it ended with {rc}, or asked more than once")
    case.expect_hosts(case.fleet.looks(), whole_on, *NAMES, release="2")


def asked_in_batches(case):
    """The play of docs/fleet.md asks in every batch, and only for its hosts; a no leaves those of that batch."""
    page = (ROOT / "docs/fleet.md").read_text(encoding="utf-8")
    (block,) = [block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "serial:" in block]
    (play,) = yaml.safe_load(block)
    play.update(hosts="all", serial=[1, 2, "100%"])
    playbook = RUN / "in_batches.yml"
    playbook.write_text(yaml.safe_dump([play]), encoding="utf-8")
    questions = []
    with case.fleet.under_load() as case.counts:
        terminal = case.fleet.on_terminal(str(playbook), case.name, bluegreen_release="3", **PROMPT)
        for answer in ("3\r", "no\r", "3\r"):
            questions.append(terminal.asks("Type 3 to remove the old color"))
            terminal.type(answer)
        rc, text = terminal.end()
    looks = case.fleet.looks()
    case.expect(rc == 0 and questions == [True] * 3, f"it ended with {rc}, and the questions came: {questions}")
    named = [set(re.findall(r"pi-\d", part.split(")")[0])) for part in text.split("shop serves release 3 (")[1:]]
    case.expect(named == [{"pi-1"}, {"pi-2", "pi-3"}, {"pi-4", "pi-5"}], f"the questions named {named}")
    case.expect_hosts(looks, whole_on, "pi-1", "pi-4", "pi-5", release="3")
    case.expect_hosts(looks, awaits, "pi-2", "pi-3", release="3")

    # For all hosts, of which two have something to undo.
    rc, text = case.fleet.play("rollback", f"{case.name}.rollback")
    looks = case.fleet.looks()
    case.expect(rc == 0, f"rollback.yml ended with {rc}")
    case.expect_hosts(looks, whole_on, "pi-2", "pi-3", release="2")
    case.expect_hosts(looks, whole_on, "pi-1", "pi-4", "pi-5", release="3")
    rc, text = case.deploy("3", "--limit=pi-2,pi-3")
    case.expect(rc == 0, f"it ended with {rc}")


def first_is_off(case):
    """The first host is off, in a fleet that may lose one: the next one is the canary, and nobody else is begun with it."""
    case.fleet.write_inventory(pi_2=SICK)
    case.fleet.hosts["pi-1"].link.cut()
    before = case.fleet.looks()
    try:
        with case.fleet.under_load() as case.counts:
            rc, text = case.deploy("2", bluegreen_max_failed_hosts=1)
    finally:
        case.fleet.hosts["pi-1"].link.mend()
    looks = case.fleet.looks()
    case.expect(rc not in (0, None), f"it ended with {rc}")
    case.expect("pi-1, pi-2 failed or could not be reached" in text, "it does not say who was lost")
    case.wrong += [f"pi-2: {sentence}" for sentence in rolled_back(before["pi-2"], looks["pi-2"])]
    case.expect_untouched(before, looks, "pi-1", "pi-3", "pi-4", "pi-5")


def pushed(case):
    """A push to GitHub, through a real ansible-rulebook: it awaits approval everywhere, and the next one waits for that."""
    first, second = service.commit(1), service.commit(2)
    for pi in case.fleet.hosts.values():
        for release, commit in (("1", first), ("2", second)):
            pi.exec(["docker", "tag", f"bluegreen-demo:{release}", f"bluegreen-demo:{commit}"])
    folder = RUN / "pushed"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "inventory").mkdir(parents=True)
    case.fleet.write_inventory(group={"ansible_ssh_host_key_checking": False})
    shutil.copy(case.fleet.inventory, folder / "inventory/hosts.yml")
    webhook = service.Service(
        folder, inventory=str(folder / "inventory"), collections_path=COLLECTIONS, webhook_playbook="smallfleet.bluegreen.deploy"
    )
    try:
        with case.fleet.under_load() as case.counts:
            webhook.start().listening()
            webhook.push(first)
            webhook.wait_for("has ended: its deployment awaits finish or rollback on 5 hosts", seconds=fleets.PLAYBOOK_WITHIN)
            case.expect_hosts(case.fleet.looks(), awaits, *NAMES, release="1")
            webhook.push(second)
            webhook.wait_for(f"has an open deployment of {first}")
            rc, _text = case.fleet.play("finish", f"{case.name}.finish")
            case.expect(rc == 0, f"finish.yml ended with {rc}")
            webhook.wait_for("has ended: its deployment awaits finish or rollback on 5 hosts", count=2, seconds=fleets.PLAYBOOK_WITHIN)
            looks = case.fleet.looks()
            case.expect_hosts(looks, awaits, *NAMES, release="2")
            rc, _text = case.fleet.play("finish", f"{case.name}.finish-2")
            looks = case.fleet.looks()
            case.expect(rc == 0, f"finish.yml ended with {rc}")
            for name in NAMES:
                case.expect(looks[name]["last"].get("release") == second, f"{name}: its last deployment is another one")
    finally:
        webhook.stop()


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


CASES = (
    everywhere, again, glance, canary, second_batch, rest, asked, asked_in_batches, pushed, first_is_off, unreachable,
    one_may_be_lost, nobody,
)  # fmt: skip


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
    fleet = Fleet(NAMES)
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
