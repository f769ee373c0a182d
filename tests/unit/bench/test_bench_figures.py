"""bench/figures.py and costs.py: the figures that README names, from what was observed."""

from __future__ import annotations

import costs
import figures
import load
import pytest
from accountant import Seen
from kinds import Charge
from machine import Outcome
from measure import Observed
from sampler import Sample


def request(t, ms, **fields):
    return load.Record(t=t, ms=ms, method="GET", path="/", **{"status": 200, **fields})


def event(what, name, time):
    return {"event": what, "id": name, "time": time, "kind": "sleep"}


def run(phase, action, begin, end):
    return {"phase": phase, "action": action, "name": action, "begin": begin, "end": end}


@pytest.fixture
def observed():
    """From second 120 to 130 worker w1 is replaced by w2; before 112 there is nothing but the load."""
    return Observed(
        records=[
            request(99, 900),
            *(request(100 + number / 10, 10) for number in range(100)),
            request(115, 700),
            *(request(120 + number / 10, 20) for number in range(98)),
            request(129.85, 55.0),
            request(129.9, 1.0, status=502),
            request(131, 800),
        ],
        events=[
            *(event("accepted", name, 118) for name in "abcde"),
            *(event("done", name, at) for name, at in (("a", 119), ("b", 121), ("c", 127.5), ("c", 128), ("d", 134))),
        ],
        samples=[
            Sample(100, 200.0, 10.0, {"w1": 90.0}, 1.0, 50.0),
            Sample(110, 200.0, 12.0, {"w1": 90.0}, 1.0, 53.0),
            Sample(119, 900.0, 15.0, {"w1": 90.0}, 2.0, 60.0),
            Sample(120, 210.0, 16.0, {"w1": 90.0}, 2.0, 61.0),
            Sample(122, 210.0, 17.0, {"w1": 90.0}, 2.0, 61.0),
            Sample(125, 300.0, 21.0, {"web": 60.0, "redis": 10.0}, 2.5, 68.0),
            Sample(129, 260.0, 25.0, {"web": 20.0, "w2": 5.0}, 4.0, 78.0),
            Sample(130, 260.0, 26.0, {"web": 20.0, "w2": 5.0}, 4.0, 79.0),
            Sample(135, 800.0, 26.0, {"w2": 5.0}, 9.0, 99.0),
        ],
        outcome=Outcome(
            rc=0, steps=[("open", 121.0, 123.0)], history={}, log="", controller={"cpu_seconds": 4.0, "remote_runs": 3},
            runs=[
                run("open", "bg_deployment", 120.0, 122.0),
                run("cutover", "bg_switch", 122.5, 125.0),
                run("start_workers", "bg_start", 128.0, 130.0),
            ],
        ),
        begun=100.0, burst=112.0, deployment=120.0, deployed=130.0, ended=135.0, release="2", again=2.04,
        old={"w1": "worker"}, fresh={"web": "web", "redis": "redis", "w2": "worker"},
        seen=Seen(
            charges=[
                Charge(100, 112, "program", 0.6),
                Charge(121, 122, "module", 0.4),
                Charge(123, 124, "program", 0.4),
                Charge(129, 130, "program", 0.3),
            ],
            peaks=[], held=[], compose_calls=[],
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        ("requests", 202),
        ("failed", 1),
        ("p99_before_ms", 10),
        ("p99_during_ms", 55.0),
        ("in_flight", 4),
        ("accepted", 5),
        ("lost", 1),
        ("doubled", 1),
        ("worker_gap_s", 6.5),
        ("memory_before_mib", 200.0),
        ("memory_peak_mib", 300.0),
        # At the end, when only the web of the candidate is there: not where the whole is greatest.
        ("memory_beside_mib", 240.0),
        ("seconds", 10.0),
        ("cpu_s", 10.0),
        # Less the 2 s in ten that the load had taken before.
        ("cpu_beyond_s", 8.0),
        # The median of the two runs after the one that opens, less 0.05 s in a second without a deployment.
        ("run_itself_s", 0.24),
        ("again_s", 2.0),
    ],
)
def test_figures_of_a_run(observed, figure, expected):
    assert figures.of_run(observed)["figures"][figure] == expected


def test_a_gap_without_any_finished_task_is_the_whole_window(observed):
    nothing = observed._replace(events=[event("accepted", "a", 118)])
    assert figures.of_run(nothing)["figures"]["worker_gap_s"] == 15.0


def test_no_worker_is_there_from_the_end_of_the_old_one_to_the_start_of_the_new_one(observed):
    assert costs.away(observed) == (122, 129)
    assert [each["away_s"] for each in figures.of_run(observed)["runs"]] == [0.0, 2.5, 1.0]


def kept(**fields):
    return {"figures": {"failed": 0, "p99_before_ms": 10.0, "p99_during_ms": 20.0, **fields}}


def test_faults_are_summed_over_the_runs_and_the_rest_is_the_median():
    way = figures.of_way([kept(failed=1, seconds=9.0), kept(seconds=1.0), kept(failed=2, seconds=2.0)])
    assert (way["failed"], way["seconds"]) == (3, 2.0)


def test_a_ratio_is_the_median_of_the_runs_ratios_and_not_that_of_the_medians():
    runs = [
        kept(p99_before_ms=10.0, p99_during_ms=10.0),
        kept(p99_before_ms=100.0, p99_during_ms=200.0),
        kept(p99_before_ms=20.0, p99_during_ms=100.0),
    ]
    assert figures.of_way(runs)["p99_ratio"] == 2.0
    assert figures.spread(runs, "p99_ratio") == (1.0, 5.0)
