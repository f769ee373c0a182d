"""demo/report.py: the summary and the table."""

from __future__ import annotations

import load
import pytest
import report


def request(t, ms, method="GET", **fields):
    return load.Record(t=t, ms=ms, method=method, path="/", **{"status": 200, **fields})


def done(task_id, time):
    return {"event": "done", "id": task_id, "time": time, "kind": "sleep"}


def accepted(task_id, time):
    return {"event": "accepted", "id": task_id, "time": time, "kind": "sleep"}


@pytest.fixture
def measured():
    return report.Measured(
        records=[
            request(5, 900),
            request(12, 10),
            request(22, 40, retried=True),
            request(35, 50),
            request(45, 60),
        ],
        events=[
            *(accepted(name, 11) for name in "abcd"),
            *(done(name, at) for name, at in (("a", 12), ("b", 21), ("c", 29), ("c", 29.5))),
        ],
        rss=[(5, 500.0), (12, 100.0), (15, 120.0), (25, 300.0), (35, 250.0), (45, 999.0)],
        before=report.Window(10, 20),
        deployment=report.Window(20, 30),
        broken=report.Window(30, 40),
        phases={"fetch": 4.0, "stop_workers": 1.0},
    )


def test_summary_has_the_promised_keys(measured):
    assert report.summary(measured) == {
        "requests": 5,
        "failed": 0,
        "retried": 1,
        "accepted": 4,
        "done": 3,
        "lost": 1,
        "doubled": 1,
        "worker_gap_s": 8.0,
        "p99_before_ms": 10,
        "p99_during_ms": 40,
        "rss_before_mib": 110.0,
        "peak_rss_mib": 300.0,
        "phases": {"fetch": 4.0, "stop_workers": 1.0},
    }


def test_table_shows_each_part_of_the_demo(measured):
    lines = report.table(measured).splitlines()
    cells = {line.split("  ")[1]: line.split() for line in lines if line.strip()}
    assert cells["requests"] == ["requests", "1", "1", "1", "5"]
    assert cells["tasks lost"] == ["tasks", "lost", "1"]
    # In a part without a finished task the gap is unknown, not zero.
    assert cells["without a task"] == ["without", "a", "task", "8.0", "s", "8.0", "s", "–"]
    assert max(map(len, lines)) <= 79


def test_the_longest_phase_has_the_longest_bar():
    title, fetch, stop = report.phase_lines({"fetch": 4.0, "stop_workers": 1.0})
    assert "5.0 s" in title
    assert (fetch.count("█"), stop.count("█")) == (40, 10)


def test_the_wait_for_a_human_is_said_and_has_no_bar():
    title, fetch = report.phase_lines({"awaiting_approval": 60.0, "fetch": 4.0})
    assert title == "  Release 2, seconds a phase (64.0 s in all, 60.0 s of it waiting for approval)"
    assert fetch.count("█") == 40


@pytest.mark.parametrize("phases", [{}, {"open": 0.0}])
def test_phases_that_took_no_time_divide_by_nothing(phases):
    assert len(report.phase_lines(phases)) == 1 + len(phases)


def test_phases_come_in_the_order_in_which_they_happen():
    assert list(report.in_order({"finish": 1, "new": 2, "health": 3, "cutover": 4})) == [
        "health",
        "cutover",
        "finish",
        "new",
    ]
