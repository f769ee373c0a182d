# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks as jobs of AWX: the checkout is found, nothing is asked, the stats say what is pending."""

from __future__ import annotations

import time

import pytest
from fleet import HOST, WHOLE, WITHOUT_WORKERS

QUESTION = r"Type \S+ to remove the old color.*"


def other(color):
    return {"blue": "green", "green": "blue"}[color]


def another(release):
    return {"1": "2", "2": "3", "3": "2"}[release]


def test_a_plain_checkout_has_the_collection_beside_its_playbooks(deployed):
    job = deployed.run("playbooks/status.yml")
    assert job.status == "successful", job.text
    beside = job.project / "playbooks/collections/ansible_collections/smallfleet/bluegreen/roles/bluegreen/tasks"
    assert job.actions["smallfleet.bluegreen.bg_info"].startswith(f"{beside}/parts/read_state.yml:")
    assert "Python interpreter" not in job.text


def test_the_first_deployment_has_nothing_to_ask(deployed):
    assert deployed.answer == ("blue", "1")
    assert deployed.runs() == {"blue": WHOLE}
    assert deployed.history()["result"] == "committed"


def test_prompt_asks_nobody_and_approves_nothing(fleet):
    color, release = fleet.answer
    wanted = another(release)
    # The second and the third find it awaiting approval, where deploy.yml would ask again.
    for given in (wanted, "wrong", ""):
        job = fleet.run(
            "playbooks/deploy.yml", {"bluegreen_release": wanted, "bluegreen_approval": "prompt"},
            # ansible-runner would type it, if there were a question.
            passwords={QUESTION: given},
        )
        assert job.status == "successful", job.text
        assert "ansible.builtin.pause" not in job.actions
        assert fleet.answer == (other(color), wanted)
        assert fleet.runs() == {color: WITHOUT_WORKERS, other(color): WHOLE}
        assert job.stats == {"bluegreen_pending": {HOST: {"id": fleet.journal()["id"], "release": wanted}}}


def test_manual_waits_for_a_finish_of_that_release(fleet):
    color, release = fleet.answer
    wanted = another(release)
    deployed = fleet.run("playbooks/deploy.yml", {"bluegreen_release": wanted, "bluegreen_approval": "manual"})
    assert deployed.status == "successful", deployed.text
    pending = fleet.look()

    refused = fleet.run("playbooks/finish.yml", {"bluegreen_release": "9"})
    assert refused.status == "failed"
    assert f"the release of app shop that awaits approval is '{wanted}': nothing was finished" in refused.messages
    assert fleet.look() == pending

    finished = fleet.run("playbooks/finish.yml", {"bluegreen_release": wanted})
    assert finished.status == "successful", finished.text
    assert fleet.answer == (other(color), wanted)
    assert fleet.runs() == {other(color): WHOLE}


@pytest.mark.parametrize(
    "typed, another_one",
    [
        ("1.10", "1.1"),
        *(pytest.param(*labels, marks=pytest.mark.long) for labels in (("0123", "83"), ("on", "True"), ("2026-11-29", "2026"))),
    ],
)
def test_a_release_is_the_text_that_was_typed(fleet, typed, another_one):
    fleet.machine.exec(["docker", "tag", "bluegreen-demo:2", f"bluegreen-demo:{typed}"])
    deployed = fleet.run("playbooks/deploy.yml", {"bluegreen_release": typed, "bluegreen_approval": "manual"})
    assert deployed.status == "successful", deployed.text
    assert fleet.journal()["release"] == typed
    assert deployed.stats["bluegreen_pending"][HOST]["release"] == typed
    refused = fleet.run("playbooks/finish.yml", {"bluegreen_release": another_one})
    assert refused.status == "failed"
    assert f"bluegreen_release is '{another_one}', but the release of app shop that awaits approval is '{typed}'" in refused.messages


def test_automatic_leaves_nothing_pending(fleet):
    color, release = fleet.answer
    wanted = another(release)
    job = fleet.run("playbooks/deploy.yml", {"bluegreen_release": wanted, "bluegreen_approval": "automatic"})
    assert job.status == "successful", job.text
    assert job.stats == {"bluegreen_pending": {}}
    assert fleet.runs() == {other(color): WHOLE}


def test_an_unknown_approval_is_refused_before_anything_is_touched(fleet):
    before = fleet.look()
    job = fleet.run("playbooks/deploy.yml", {"bluegreen_release": "1", "bluegreen_approval": "yes please"})
    assert job.status == "failed"
    assert "value of bluegreen_approval must be one of: prompt, manual, automatic, got: yes please" in job.messages
    assert fleet.look() == before


def test_a_job_that_is_cancelled_while_the_workers_are_stopped_is_undone_by_the_host(fleet):
    color, release = fleet.answer
    job = fleet.start("playbooks/deploy.yml", {
        "bluegreen_release": another(release),
        "bluegreen_approval": "manual",
        "bluegreen_revert_after": 20,
        # Time to cancel it in.
        "bluegreen_env": {"DEMO_BOOT_SECONDS": "15"},
    })
    while fleet.journal().get("step") not in ("start_candidate", "health"):
        assert job.running, job.text
        time.sleep(0.1)
    job.kill()
    assert fleet.runs()[color] == WITHOUT_WORKERS
    assert job.events("playbook_on_stats") == []
    assert fleet.becomes(color, release, seconds=90)
    last = fleet.history()
    assert last["result"] == "rolled_back"
    # Whoever launched it, in words that AWX knows.
    assert last["who"] == f"alice@awx-job-{job.number}"

    recovered = fleet.run("playbooks/recover.yml")
    assert recovered.status == "successful", recovered.text
    assert "No deployment of app shop is open." in recovered.messages
