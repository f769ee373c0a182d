"""demo/ledger.py: what is lost, doubled, missed."""

from __future__ import annotations

import json

import ledger
import pytest


def event(name, task_id="a", time=0.0, kind="sleep"):
    return {"event": name, "id": task_id, "time": time, "kind": kind, "color": "blue", "release": "1"}


def test_a_task_that_was_accepted_and_done_is_neither_lost_nor_doubled():
    counts = ledger.count([event("accepted"), event("started"), event("done")])
    assert counts.summary() == {
        "accepted": 1,
        "done": 1,
        "lost": 0,
        "doubled": 0,
        "ticks": 0,
        "ticks_missed": 0,
        "ticks_doubled": 0,
    }


def test_done_may_be_written_before_accepted():
    counts = ledger.count([event("done"), event("accepted")])
    assert counts.lost == []


@pytest.mark.parametrize(
    ("events", "field", "ids"),
    [
        ([event("accepted"), event("started")], "lost", ["a"]),
        ([event("accepted"), event("done"), event("done")], "doubled", ["a"]),
        # Started twice and done once is what at-least-once means; it is not done twice.
        ([event("accepted"), event("started"), event("started"), event("done")], "doubled", []),
    ],
)
def test_what_went_wrong_is_named_by_id(events, field, ids):
    assert getattr(ledger.count(events), field) == ids


def test_ticks_are_no_tasks():
    counts = ledger.count(
        [event("tick", kind="tick"), event("started", kind="tick"), event("done", kind="tick")]
    )
    assert (counts.accepted, counts.done, counts.ticks) == (0, 0, 1)


@pytest.mark.parametrize(
    ("times", "missed", "doubled"),
    [
        ([], 0, 0),
        ([0, 5, 10.2, 15], 0, 0),
        ([0, 5, 15], 1, 0),
        # Beat was away from 5 to 13, caught up at once, and went on from there.
        ([0, 5, 13, 18], 1, 0),
        # A second beat, two seconds behind the first.
        ([0, 5, 7, 10, 12], 0, 2),
        ([10, 0, 5], 0, 0),
    ],
)
def test_tick_faults(times, missed, doubled):
    assert ledger.tick_faults(times) == (missed, doubled)


@pytest.mark.parametrize(
    ("since", "until", "gap"),
    [
        (0.0, float("inf"), 6.0),
        (9.0, float("inf"), 2.0),  # from 9 to the first at 11
        (9.0, 20.0, 8.0),  # up to the end of the window too
        (30.0, 40.0, None),
    ],
)
def test_worker_gap_is_the_longest_time_without_a_finished_task(since, until, gap):
    events = [event("done", str(at), at) for at in (2.0, 5.0, 11.0, 12.0)]
    events += [event("done", "t", 8.0, "tick"), event("accepted", "x", 8.0)]
    assert ledger.worker_gap(events, since, until) == gap


def written(*events):
    return "".join(json.dumps(each) + "\n" for each in events)


def test_nobody_waits_for_tasks_that_are_done_nor_long_for_those_that_are_not(monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(ledger.time, "time", lambda: clock[0])
    monkeypatch.setattr(ledger.time, "sleep", lambda seconds: clock.append(clock.pop() + seconds))

    def waited(read, *arguments, **further):
        began = clock[0]
        return len(ledger.wait_until_done(read, *arguments, **further)), round(clock[0] - began)

    assert waited(lambda: written(event("accepted"), event("done"))) == (2, 0)
    assert waited(lambda: written(event("accepted")), 30) == (1, 30)
    assert waited(lambda: written(event("accepted")), 30, still=5) == (1, 6)
    assert waited(lambda: written(event("accepted")), 30, still=5, earliest=clock[0] + 10) == (1, 16)
    # One is done at last: those that are still to come get their time from then on.
    begin, both = clock[0], (event("accepted"), event("accepted", "b"))
    assert waited(lambda: written(*both, *[event("done")] * (clock[0] > begin + 3)), 30, still=5) == (3, 10)


def test_a_line_that_is_still_being_written_is_left_out():
    assert ledger.parse('{"event": 1}\n{"eve') == [{"event": 1}]


def test_a_line_that_is_no_event_is_named():
    with pytest.raises(ValueError, match="line 2 of the ledger"):
        ledger.parse('{"event": 1}\nhalf\n')


def test_command_line_fails_when_something_is_lost(tmp_path, capsys):
    file = tmp_path / "ledger.jsonl"
    file.write_text(json.dumps(event("accepted")) + "\n", encoding="utf-8")
    assert ledger.main([str(file)]) == 1
    assert json.loads(capsys.readouterr().out)["ids"] == {"lost": ["a"], "doubled": []}
