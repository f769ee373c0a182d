# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts to five Pi-sized hosts over SSH, all of them under load: the canary, batches, gates, and hosts that are lost.

    .venv/bin/pytest tests/system/fleet -k canary

In this order each test finds the hosts as the one before it leaves them; alone it first brings them there. Logs are in
tests/system/fleet/.run.
"""

from __future__ import annotations

import os
import re
import shutil
import site
import time
from typing import Any

import pytest
import service
import yaml
from chromium import Chromium
from controllers import ROOT
from ssh_fleet import PLAYBOOK_WITHIN, RUN, Fleet, names
from standing import awaits, rolled_back, untouched, whole_on, wrong_with

pytestmark = pytest.mark.long

NAMES = names(5)
SICK = {"bluegreen_env": {"DEMO_HEALTH": "fail"}}
BATCHES: dict[str, Any] = {"bluegreen_serial": [1, 2, 2]}
PROMPT = {"bluegreen_approval": "prompt"}
# This checkout, and what the playbooks take from elsewhere.
COLLECTIONS = os.pathsep.join([str(ROOT / ".cache/collections"), *site.getsitepackages()])
# From the cut until the host is whole by itself: its deadline, half a minute at most of work, and a busy machine.
REVERT_AFTER = 20
HEALED_WITHIN = REVERT_AFTER + 60.0
# For a look at all of them, connections included. What else this machine does can only add to it, so the fastest counts.
GLANCE_WITHIN = 6.0
GLANCES = 5


def pending(text: str) -> list[str]:
    """The hosts that AWX is told about, which await approval."""
    return sorted(re.findall(r"(pi-\d):\s+id: ", text.rpartition("CUSTOM STATS:")[2]))


def test_a_release_reaches_all_hosts_and_the_canary_is_through_before_another_begins(fleet: Fleet, under_load) -> None:
    before = fleet.bring("1")
    with under_load():
        text = fleet.must_play("deploy", bluegreen_release="2")
    looks = fleet.looks()
    assert wrong_with(NAMES, whole_on, looks, release="2") == {}
    assert [name for name in NAMES if before[name]["last"]["id"] == looks[name]["last"]["id"]] == []
    assert 0 < text.find("pi-1] => msg: Release 2") < min(text.find(f"changed: [{name}]") for name in NAMES[1:])


def test_the_same_release_again_changes_nothing(fleet: Fleet) -> None:
    before = fleet.bring("2")
    text = fleet.must_play("deploy", bluegreen_release="2")
    assert "changed=0" in text and "changed=1" not in text
    assert wrong_with(NAMES, untouched, before, fleet.looks()) == {}


def test_status_shows_all_hosts_in_a_table_and_on_a_page_while_one_waits_for_it(fleet: Fleet, browser: Chromium) -> None:
    page, seconds = RUN / "fleet.html", []
    for _unused in range(GLANCES):
        begun = time.monotonic()
        text = fleet.must_play("status", bluegreen_report=str(page))
        seconds.append(time.monotonic() - begun)
    browser.open(str(page), 390, "light")
    assert browser.complaints() == []
    shown = browser.evaluate("document.body.innerText")
    assert [name for name in NAMES if name not in text or name not in shown] == []
    assert min(seconds) < GLANCE_WITHIN, seconds


def test_a_bad_release_stops_at_the_canary_which_goes_back(fleet: Fleet, under_load) -> None:
    before = fleet.bring("2")
    with under_load():
        rc, text = fleet.play("deploy", bluegreen_release="3", **SICK)
    looks = fleet.looks()
    assert rc == 2, text[-3000:]
    assert rolled_back(before["pi-1"], looks["pi-1"]) == []
    assert wrong_with(NAMES[1:], untouched, before, looks) == {}


def test_a_host_that_fails_in_the_second_batch_goes_back_and_stops_the_rollout(fleet: Fleet, under_load) -> None:
    before = fleet.bring("2")
    fleet.write_inventory(group=BATCHES, pi_3=SICK)
    with under_load():
        rc, text = fleet.play("deploy", bluegreen_release="3")
    looks = fleet.looks()
    assert rc == 2, text[-3000:]
    assert wrong_with(("pi-1", "pi-2"), awaits, looks, release="3") == {}
    assert rolled_back(before["pi-3"], looks["pi-3"]) == []
    assert wrong_with(("pi-4", "pi-5"), untouched, before, looks) == {}
    assert (
        "The rollout stops here: pi-3 failed or could not be reached, and bluegreen_max_failed_hosts is 0. pi-1, pi-2 have the "
        "new release and await approval. To approve it there: ansible-playbook smallfleet.bluegreen.finish --limit pi-1,pi-2. "
        "To go back there: ansible-playbook smallfleet.bluegreen.rollback --limit pi-1,pi-2. Repair pi-3 and deploy again, or raise "
        "bluegreen_max_failed_hosts."
    ) in text
    assert pending(text) == ["pi-1", "pi-2"]


def test_a_stopped_rollout_goes_on_and_leaves_hosts_alone_that_have_the_release(fleet: Fleet, under_load) -> None:
    have = ("pi-1", "pi-2")
    before = fleet.looks()
    if wrong_with(have, awaits, before, release="3"):
        fleet.bring("2")
        fleet.must_play("deploy", "--limit=pi-1,pi-2", bluegreen_release="3", bluegreen_approval="manual")
        before = fleet.looks()
    fleet.write_inventory(group=BATCHES)
    with under_load():
        text = fleet.must_play("deploy", bluegreen_release="3")
    looks = fleet.looks()
    assert wrong_with(NAMES, whole_on, looks, release="3") == {}
    for name in have:
        color = looks[name]["answer"]["color"]
        assert f"shop has release 3 already ({color}), which awaits approval." in text
        old, new = ({each["id"] for each in look["containers"] if each["color"] == color} for look in (before[name], looks[name]))
        assert old == new


def test_a_human_on_a_terminal_is_asked_once_for_all_hosts(fleet: Fleet, under_load) -> None:
    fleet.bring("3")
    with under_load():
        terminal = fleet.on_terminal("deploy", bluegreen_release="2", **PROMPT)
        asked = terminal.asks("Type 2 to remove the old color")
        looks = fleet.looks()
        terminal.type("2\r")
        rc, text = terminal.end()
    assert (asked, rc, text.count("Type 2 to remove")) == (True, 0, 1), text[-3000:]
    assert wrong_with(NAMES, awaits, looks, release="2") == {}
    question = text[text.index("shop serves release 2 ("):].split(")")[0]
    assert [name for name in NAMES if not re.search(rf"{looks[name]['answer']['color']} on [^;]*{name}", question)] == [], question
    assert wrong_with(NAMES, whole_on, fleet.looks(), release="2") == {}


def test_the_play_of_the_docs_asks_in_every_batch_and_a_no_leaves_that_batch(fleet: Fleet, under_load) -> None:
    fleet.bring("2")
    page = (ROOT / "docs/fleet.md").read_text(encoding="utf-8")
    (block,) = [block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "serial:" in block]
    (play,) = yaml.safe_load(block)
    play.update(hosts="all", serial=[1, 2, "100%"])
    playbook = RUN / "in_batches.yml"
    playbook.write_text(yaml.safe_dump([play]), encoding="utf-8")
    with under_load():
        terminal = fleet.on_terminal(str(playbook), bluegreen_release="3", **PROMPT)
        questions = []
        for answer in ("3\r", "no\r", "3\r"):
            questions.append(terminal.asks("Type 3 to remove the old color"))
            terminal.type(answer)
        rc, text = terminal.end()
    looks = fleet.looks()
    assert (questions, rc) == ([True] * 3, 0), text[-3000:]
    named = [set(re.findall(r"pi-\d", part.split(")")[0])) for part in text.split("shop serves release 3 (")[1:]]
    assert named == [{"pi-1"}, {"pi-2", "pi-3"}, {"pi-4", "pi-5"}]
    said_yes, said_no = ("pi-1", "pi-4", "pi-5"), ("pi-2", "pi-3")
    assert wrong_with(said_yes, whole_on, looks, release="3") == {}
    assert wrong_with(said_no, awaits, looks, release="3") == {}

    # For all hosts, of which two have something to undo.
    fleet.must_play("rollback")
    looks = fleet.looks()
    assert wrong_with(said_no, whole_on, looks, release="2") == {}
    assert wrong_with(said_yes, whole_on, looks, release="3") == {}
    fleet.must_play("deploy", "--limit=pi-2,pi-3", bluegreen_release="3")


def test_a_push_to_github_awaits_approval_everywhere_and_the_next_one_waits_for_that(fleet: Fleet, under_load) -> None:
    """Through a real ansible-rulebook."""
    fleet.bring("3")
    first, second = service.commit(1), service.commit(2)
    for pi in fleet.hosts.values():
        for release, commit in (("1", first), ("2", second)):
            pi.exec(["docker", "tag", f"bluegreen-demo:{release}", f"bluegreen-demo:{commit}"])
    folder = RUN / "pushed"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "inventory").mkdir(parents=True)
    fleet.write_inventory(group={"ansible_ssh_host_key_checking": False})
    shutil.copy(fleet.inventory, folder / "inventory/hosts.yml")
    webhook = service.Service(
        folder, inventory=str(folder / "inventory"), collections_path=COLLECTIONS, webhook_playbook="smallfleet.bluegreen.deploy"
    )
    try:
        with under_load():
            webhook.start().listening()
            webhook.push(first)
            webhook.wait_for("has ended: its deployment awaits finish or rollback on 5 hosts", seconds=PLAYBOOK_WITHIN)
            assert wrong_with(NAMES, awaits, fleet.looks(), release="1") == {}
            webhook.push(second)
            webhook.wait_for(f"has an open deployment of {first}")
            fleet.must_play("finish")
            webhook.wait_for("has ended: its deployment awaits finish or rollback on 5 hosts", count=2, seconds=PLAYBOOK_WITHIN)
            assert wrong_with(NAMES, awaits, fleet.looks(), release="2") == {}
            fleet.must_play("finish")
    finally:
        webhook.stop()
    looks = fleet.looks()
    assert {name: looks[name]["last"].get("release") for name in NAMES} == dict.fromkeys(NAMES, second)


def test_the_next_host_is_the_canary_where_the_first_is_off_and_may_be_lost(fleet: Fleet, under_load) -> None:
    fleet.bring("2")
    fleet.write_inventory(pi_2=SICK)
    fleet.hosts["pi-1"].link.cut()
    before = fleet.looks()
    try:
        with under_load():
            rc, text = fleet.play("deploy", bluegreen_release="3", bluegreen_max_failed_hosts=1)
    finally:
        fleet.hosts["pi-1"].link.restore()
    looks = fleet.looks()
    assert rc not in (0, None), text[-3000:]
    assert "pi-1, pi-2 failed or could not be reached" in text
    assert rolled_back(before["pi-2"], looks["pi-2"]) == []
    assert wrong_with(("pi-1", "pi-3", "pi-4", "pi-5"), untouched, before, looks) == {}


def test_a_host_that_is_cut_off_without_workers_heals_itself_and_stops_the_rollout(fleet: Fleet, under_load) -> None:
    before = fleet.bring("2")
    pi = fleet.hosts["pi-2"]
    watching = pi.start_agent(moment={"step": "stop_workers", "done": True}, after=0.0)
    with under_load():
        controller = fleet.begin("deploy", bluegreen_release="1", bluegreen_revert_after=REVERT_AFTER, **BATCHES)
        try:
            assert watching.next("moment", 200), "pi-2 never came to stop its workers"
            pi.link.cut()
            healed_by = time.monotonic() + HEALED_WITHIN
            rc = controller.wait(PLAYBOOK_WITHIN)
            text = " ".join(controller.output().split())
            while rolled_back(before["pi-2"], pi.look()) and time.monotonic() < healed_by:
                time.sleep(0.5)
        finally:
            controller.stop()
            watching.stop()
            pi.link.restore()
        looks = fleet.looks()
        assert rc not in (0, None), text[-3000:]
        assert rolled_back(before["pi-2"], looks["pi-2"]) == []
        assert wrong_with(("pi-1", "pi-3"), awaits, looks, release="1") == {}
        assert wrong_with(("pi-4", "pi-5"), untouched, before, looks) == {}
        assert "finish --limit pi-1,pi-3." in text
        assert pending(text) == ["pi-1", "pi-3"]
        fleet.must_play("finish", "--limit=pi-1,pi-3")
        assert wrong_with(("pi-1", "pi-3"), whole_on, fleet.looks(), release="1") == {}


def test_a_fleet_that_may_lose_a_host_goes_on_without_it(fleet: Fleet, under_load) -> None:
    fleet.bring("1", "pi-1", "pi-3")
    before = fleet.bring("2", "pi-2", "pi-4", "pi-5")
    fleet.hosts["pi-2"].link.cut()
    try:
        with under_load():
            rc, text = fleet.play("deploy", bluegreen_release="1", bluegreen_max_failed_hosts=1, **BATCHES)
    finally:
        fleet.hosts["pi-2"].link.restore()
    looks = fleet.looks()
    assert rc == 4, text[-3000:]
    assert wrong_with(("pi-1", "pi-3", "pi-4", "pi-5"), whole_on, looks, release="1") == {}
    # Those that have it already are left alone.
    assert wrong_with(("pi-1", "pi-2", "pi-3"), untouched, before, looks) == {}


def test_what_is_wrong_with_the_fleet_itself_is_said_in_a_sentence_and_nothing_is_done(fleet: Fleet) -> None:
    before = fleet.looks()
    for arguments, variables, sentence in (
        ((), {"bluegreen_hosts": "nobody"}, "bluegreen_hosts is 'nobody', but no host of the inventory matches it"),
        (("--limit=pi-2",), {"bluegreen_hosts": "pi-1"}, "no host of the inventory matches it within --limit pi-2"),
        (("--limit=nobody",), {}, "no hosts to target"),
        ((), {"bluegreen_serial": [1, "x%"]}, "bluegreen_serial is [1, 'x%'], but it must be a list of counts of hosts"),
    ):
        rc, text = fleet.play("deploy", *arguments, bluegreen_release="2", **variables)
        assert rc not in (0, None), f"{arguments or variables} ended with {rc}"
        assert sentence in text and "Traceback" not in text, text[-400:]
    assert wrong_with(NAMES, untouched, before, fleet.looks()) == {}
