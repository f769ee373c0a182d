"""bench/targets.py: which figures are reached."""

from __future__ import annotations

import pytest
import targets

GOOD = {
    "requests": 400,
    "accepted": 500,
    "failed": 0,
    "retried": 0,
    "lost": 0,
    "doubled": 0,
    "in_flight": 350,
    "worker_gap_s": 2.0,
    "beats_missed": 1,
    "beats_doubled": 0,
    "p50_before_ms": 4.0,
    "p50_during_ms": 5.0,
    "p99_before_ms": 10.0,
    "p99_during_ms": 12.0,
    "memory_before_mib": 200.0,
    "memory_peak_mib": 300.0,
    "memory_beside_mib": 218.0,
    "cpu_s": 8.0,
    "cpu_beyond_s": 7.0,
    "seconds": 13.0,
    "held_s": 0.5,
    "others_cpus": 0.1,
}


def verdict(way, what, **ways):
    base = {"p99_ratio": 1.2, "beside_ratio": 1.09}
    chosen = {name: {**GOOD, **base, **own} for name, own in ways.items()}
    return next(each for each in targets.verdicts(chosen, []) if each.way == way and each.what.startswith(what))


@pytest.mark.parametrize(
    ("what", "own", "met"),
    [
        ("tasks lost", {}, True),
        ("tasks lost", {"lost": 1}, False),
        ("tasks lost", {"doubled": 1}, False),
        ("tasks lost", {"failed": 1}, False),
        ("CPU of the host beyond", {"cpu_beyond_s": 6.4}, True),
        ("CPU of the host beyond", {"cpu_beyond_s": 6.41}, False),
        ("CPU of the host beyond", {"cpu_beyond_s": None}, None),
        ("longest time", {"worker_gap_s": 4.0}, True),
        ("longest time", {"worker_gap_s": 4.1}, False),
        ("whole run", {"seconds": 10.0}, True),
        ("whole run", {"seconds": 10.1}, False),
        ("peak memory", {"beside_ratio": 1.1}, True),
        ("peak memory", {"beside_ratio": 1.11}, False),
        ("p99 during / before", {"p99_ratio": 1.4}, True),
        ("p99 during / before", {"p99_ratio": 1.41}, False),
        ("p99 during / before", {"p99_ratio": None}, None),
        ("p99 during / before, against", {"p99_ratio": 1.29}, True),
        ("p99 during / before, against", {"p99_ratio": 1.3}, False),
        ("a run of a `bg_` module", {"run_itself_s": 0.12}, True),
        ("a run of a `bg_` module", {"run_itself_s": 0.13}, False),
        ("a run of a `bg_` module", {}, None),
        ("the same release again", {"again_s": 1.5}, True),
        ("the same release again", {"again_s": 1.6}, False),
    ],
)
def test_the_verdict_on_stop(what, own, met):
    script = {"cpu_beyond_s": 4.0, "worker_gap_s": 5.0, "p99_ratio": 1.3}
    assert verdict("ours-stop", what, **{"ours-stop": own, "script": script}).met is met


@pytest.mark.parametrize(
    ("what", "own", "met"),
    [
        ("tasks lost", {"failed": 1}, False),
        ("whole run", {"seconds": 11.0}, True),
        ("whole run", {"seconds": 11.1}, False),
    ],
)
def test_the_verdict_on_throttle(what, own, met):
    assert verdict("ours-throttle", what, **{"ours-throttle": own}).met is met


@pytest.mark.parametrize("what", ["CPU of the host beyond", "longest time", "p99 during / before, against"])
def test_without_the_other_ways_there_is_no_verdict_against_them(what):
    assert verdict("ours-stop", what, **{"ours-stop": {}}).met is None


def test_p99_is_compared_with_every_way_that_is_not_ours():
    others = {"recreate": {"p99_ratio": 1.1, "failed": 3}, "ours-throttle": {"p99_ratio": 0.9}}
    assert verdict("ours-stop", "p99 during / before, against", **{"ours-stop": {}}, **others).met is False


def test_ways_that_are_not_ours_have_nothing_to_reach():
    assert targets.verdicts({"script": GOOD}, [targets.Verdict("make vm", "gap", "", "", "", True)]) == []
