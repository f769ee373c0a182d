# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import random

import pytest
from github_delivery import Ignored, Push
from github_turns import REMEMBERED, Host, Kept, Turn, Turns, dump, load


def push(number, pushed_at=0):
    return Push(f"id-{number}", f"{number:064x}", "example/shop", "main", f"{number:040x}", pushed_at)


def is_open(number, name="pi1"):
    return Host(name, "open", push(number).commit)


def closed(number, result="committed", name="pi1"):
    return Host(name, "closed", push(number).commit, result)


FRESH = Host("pi1", "closed")


def turns():
    return Turns(interval=60, answer_timeout=7200)


def begun(number=1):
    """A deployment of that push is on its way."""
    made = turns()
    made.offer(push(number))
    assert made.next(0) == Turn(1, push(number))
    return made


def test_a_push_is_deployed_at_once():
    made = turns()
    assert made.next(0) is None
    assert made.offer(push(1)) == ["Accepted the push of 000000000000 on main (delivery id-1)."]
    turn = made.next(0)
    assert (turn.kind, turn.push, turn.number) == ("deploy", push(1), 1)


def test_one_turn_at_a_time():
    made = begun()
    made.offer(push(2))
    assert made.next(7199) is None


def test_only_the_newest_waits_and_each_other_is_told():
    made = begun()
    told = [line for number in range(2, 101) for line in made.offer(push(number))]
    assert sum(line.startswith("Dropped") for line in told) == 98
    assert made.kept.pending == push(100)
    made.answer([closed(1)], 10)
    assert made.next(10) == Turn(2, push(100))


def test_the_next_push_waits_while_a_deployment_is_open_and_goes_when_it_ended():
    made = begun()
    made.offer(push(2))
    said = made.answer([is_open(1), closed(1, name="pi2")], 100)
    assert said == [
        "The run for the push of 000000000000 on main (delivery id-1) has ended: its deployment is finished on 1 "
        "host, awaits finish or rollback on 1 host.",
        f"The push of 000000000000 on main (delivery id-2) waits: pi1 has an open deployment of {push(1).commit}.",
    ]
    assert made.next(159) is None
    assert made.next(160) == Turn(2, None)
    assert made.answer([is_open(1), closed(1, name="pi2")], 170) == []  # told once
    assert made.next(229) is None
    assert made.next(230).kind == "look"
    assert made.answer([closed(1), closed(1, name="pi2")], 240) == []
    assert made.next(240) == Turn(4, push(2))


def test_a_push_that_comes_while_a_deployment_is_open_is_told_to_wait():
    made = begun()
    assert len(made.answer([is_open(1)], 100)) == 1
    made.offer(push(2))
    assert made.next(160).kind == "look"
    waits = "waits: pi1 has an open deployment of"
    assert [waits in line for line in made.answer([is_open(1)], 170)] == [True]
    assert made.answer([is_open(1)], 230) == []
    # So is the one that takes its place.
    made.offer(push(3))
    assert [waits in line for line in made.answer([is_open(1)], 290)] == [True]


def test_nobody_is_looked_at_when_nothing_waits():
    made = begun()
    made.answer([is_open(1)], 100)
    assert made.next(100000) is None
    made.offer(push(2))
    assert made.next(100000).kind == "look"


@pytest.mark.parametrize("hosts", [
    [is_open(9)],  # somebody deploys by hand
    [Host("pi1", "open", "")],
    [FRESH, Host("pi2", "unknown")],
])
def test_a_push_that_no_host_could_begin_waits_again(hosts):
    made = begun()
    said = made.answer(hosts, 10)
    assert said[0] == "No host began to deploy the push of 000000000000 on main (delivery id-1)."
    assert said[1].startswith("The push of 000000000000 on main (delivery id-1) waits: pi")
    assert made.kept.pending == push(1) and made.kept.deployed is None
    assert made.next(70).kind == "look"
    made.answer([FRESH], 80)
    assert made.next(80) == Turn(3, push(1))


def test_a_push_that_no_host_could_begin_gives_way_to_a_newer_one():
    made = begun()
    made.offer(push(2))
    said = made.answer([is_open(9)], 10)
    assert said[0].startswith("Dropped the push of") and "id-1" in said[0]
    assert made.kept.pending == push(2)


def test_a_push_is_not_deployed_again_after_it_was_rolled_back():
    made = begun()
    assert "rolled back on 1 host" in made.answer([closed(1, "rolled_back")], 10)[0]
    assert made.next(10000) is None


def test_a_push_that_failed_before_any_host_began_is_not_tried_again():
    made = begun()
    assert made.answer([FRESH], 10)[0].endswith("has ended: no host began to deploy it.")
    assert made.next(10000) is None


def test_a_partial_rollout_holds_and_is_not_begun_again():
    made = begun()
    assert "awaits finish or rollback on 1 host" in made.answer([is_open(1), Host("pi2", "unknown")], 10)[0]
    assert made.kept.pending is None


def test_a_workflow_of_awx_answers_without_hosts():
    made = begun()
    assert made.answer([], 10) == ["The run for the push of 000000000000 on main (delivery id-1) has ended."]
    made.offer(push(2))
    assert made.next(10) == Turn(2, push(2))


def test_a_turn_without_an_answer_is_followed_by_a_look_and_the_push_is_not_forgotten():
    made = begun()
    assert made.next(7200) == Turn(2, None)
    assert "awaits finish or rollback on 1 host" in made.answer([is_open(1)], 7210)[0]


def test_without_a_time_limit_an_answer_is_waited_for():
    made = Turns(60, 0)
    made.offer(push(1))
    made.next(0)
    assert made.next(1e9) is None


@pytest.mark.parametrize("again", [
    push(1),
    push(2)._replace(delivery="id-1"),
    push(1)._replace(delivery="id-2"),  # the id is not signed
])
def test_a_push_is_never_taken_twice(again):
    made = begun()
    with pytest.raises(Ignored, match="none is deployed twice"):
        made.offer(again)
    assert made.kept.pending is None


def test_what_is_remembered_has_a_bound():
    made = turns()
    for number in range(REMEMBERED + 1):
        made.offer(push(number))
    assert len(made.kept.seen) == REMEMBERED
    with pytest.raises(Ignored):
        made.offer(push(1))


def test_an_older_push_that_comes_late_changes_nothing():
    made = turns()
    made.offer(push(2, pushed_at=200))
    with pytest.raises(Ignored, match="older than one that was accepted"):
        made.offer(push(1, pushed_at=199))
    made.offer(push(3, pushed_at=200))
    made.offer(push(4))  # its sender has no clock
    assert (made.kept.pending, made.kept.newest) == (push(4), 200)


# A restart


def restarted(made):
    return Turns(60, 7200, load(json.loads(json.dumps(dump(made.kept)))))


def test_a_waiting_push_survives_a_restart():
    made = begun()
    made.answer([is_open(1)], 10)
    made.offer(push(2))
    again = restarted(made)
    assert again.resume() == ["The push of 000000000000 on main (delivery id-2) still waits."]
    assert again.next(0) == Turn(2, push(2))  # turns are numbered on: an old answer is none to it
    with pytest.raises(Ignored):
        again.offer(push(1))


def test_a_push_that_was_being_deployed_is_not_deployed_again():
    again = restarted(begun())
    assert "stopped while it deployed the push of 000000000000 on main (delivery id-1)" in again.resume()[0]
    assert again.next(1e9) is None
    assert again.kept.deployed is None


@pytest.mark.parametrize("state", [
    {}, {"version": 2}, [], "text", None,
    {**dump(Kept()), "version": 2},
    {**dump(Kept()), "turn": "x"},
    {**dump(Kept()), "pending": {"commit": "a"}},
    {**dump(Kept()), "pending": "text"},
    {**dump(Kept()), "seen": [["a"]]},
    {**dump(Kept()), "seen": 5},
])
def test_what_was_not_dumped_is_not_loaded(state):
    with pytest.raises(ValueError):
        load(state)


# All at once


@pytest.mark.parametrize("seed", range(50))
def test_whatever_happens_one_deployment_at_a_time_and_the_newest_push_last(seed):
    """Pushes, restarts and a human's decisions in any order, against hosts that refuse a second deployment as ours do."""
    chance = random.Random(seed)
    made, now, number, deployed, open_release = turns(), 0.0, 0, [], ""
    last = ""
    for _step in range(400):
        now += chance.random() * 30
        what = chance.random()
        if what < 0.4:
            number += 1
            made.offer(push(number))
        elif what < 0.5:
            open_release, last = "", open_release or last
        elif what < 0.55:
            made = restarted(made)
            made.resume()
        turn = made.next(now)
        if turn and turn.push and not open_release:
            assert turn.push.commit not in deployed
            open_release = turn.push.commit
            deployed.append(open_release)
        if turn and chance.random() < 0.9:  # else the service was stopped
            made.answer([Host("pi1", "open" if open_release else "closed", open_release or last)], now)
        elif turn:
            made = restarted(made)
            made.resume()
    assert deployed == sorted(deployed)
    # In the end, when all is decided, nothing newer is left behind than what a stop of the service took.
    while made.kept.pending:
        now += 100
        turn = made.next(now)
        made.answer([Host("pi1", "closed", turn.push.commit if turn.push else last)], now)
        if turn.push:
            assert turn.push == push(number)
