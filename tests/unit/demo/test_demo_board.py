"""demo/app/shop/board.py and order.py: the dashboard's figures, and what a client may ask for."""

from __future__ import annotations

import json

import pytest
from shop import order
from shop.board import Board, Follower


def event(name, task_id="a", time=100.0, kind="sleep", color="blue"):
    return {"event": name, "id": task_id, "time": time, "kind": kind, "color": color}


def figures(*events, now=101.0):
    board = Board()
    for one in events:
        board.add(one)
    return board.figures(now)


@pytest.mark.parametrize(
    ("events", "counts"),
    [
        ([], (0, 0, 0)),
        ([event("accepted")], (1, 0, 1)),
        ([event("accepted"), event("started")], (1, 0, 1)),
        ([event("accepted"), event("done")], (1, 1, 0)),
        ([event("done"), event("accepted")], (1, 1, 0)),
        ([event("tick", kind="tick"), event("done", kind="tick")], (0, 0, 0)),
    ],
)
def test_counts(events, counts):
    shown = figures(*events)
    assert (shown["accepted"], shown["done"], shown["waiting"]) == counts


def test_finished_tasks_are_shown_by_second_and_color():
    shown = figures(
        event("done", "a", 99.2, color="blue"),
        event("done", "b", 99.9, color="green"),
        event("done", "c", 100.0, color="green"),
        now=101.5,
    )
    assert shown["finished"][-3:] == [{}, {"blue": 1, "green": 1}, {"green": 1}]


def test_the_last_ticks_are_shown_with_the_color_of_their_beat():
    shown = figures(*[event("tick", time=float(number), kind="tick", color="green") for number in range(20)])
    assert shown["ticks"][-1] == {"time": 19.0, "color": "green"}
    assert len(shown["ticks"]) == 12


def test_the_file_is_followed_and_half_a_line_waits_for_its_end(tmp_path):
    file = tmp_path / "ledger.jsonl"
    follower = Follower(str(file), Board())
    assert follower.figures(1.0)["accepted"] == 0

    line = json.dumps(event("accepted"))
    file.write_text(line[:20], encoding="utf-8")
    assert follower.figures(2.0)["accepted"] == 0

    file.write_text(line + "\n" + json.dumps(event("done")) + "\n", encoding="utf-8")
    shown = follower.figures(3.0)
    assert (shown["accepted"], shown["done"]) == (1, 1)


def test_an_order_without_parameters_is_a_short_sleep():
    wanted = order.parse({})
    assert 0.1 <= wanted.seconds <= 1.0
    assert wanted._replace(seconds=0) == order.Order("sleep", 0, "celery", 0, 0, "early")


def test_an_order_takes_every_parameter_as_text():
    wanted = order.Order("chord", 2.5, "reports", 9, 30.0, "late", 5)
    assert order.parse({name: str(value) for name, value in wanted._asdict().items()}) == wanted


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"kind": "shred"}, "kind=shred"),
        ({"seconds": "soon"}, "seconds=soon"),
        ({"seconds": "nan"}, "seconds=nan"),
        ({"seconds": -1}, "seconds=-1"),
        ({"seconds": 601}, "seconds=601"),
        ({"queue": "other"}, "queue=other"),
        ({"priority": 10}, "priority=10"),
        ({"countdown": 1e9}, "countdown="),
        ({"ack": "never"}, "ack=never"),
        ({"parts": 0}, "parts=0 is not possible; it is a number from 1 to 20"),
        ({"colour": "red"}, "colour"),
        ([], "no JSON object"),
    ],
)
def test_an_impossible_order_is_refused_in_one_sentence(parameters, named):
    with pytest.raises(order.OrderError, match=named):
        order.parse(parameters)
