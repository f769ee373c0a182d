"""bench/tables.py, bench/targets.py and bench/picture.py: what the report says."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import picture
import pytest
import tables
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
COURSE = {
    "first": -8,
    "failed": [None] * 10 + [7] + [None] * 12,
    "median_ms": [4.0] * 10 + [None, None] + [5.0] * 11,
    "slowest_ms": [9] * 10 + [None, None] + [250] * 11,
    "tasks": [3] * 23,
    "memory_mib": [200] * 15 + [300] * 8,
    "steps": [["stop_workers", 0.0, 2.0], ["health", 2.0, 2.2], ["cutover", 2.2, 6.0]],
    "load_until": 12.0,
    "end": 6.0,
}


def run(rc=0, ansible=False, **fields):
    own = {"ansible_remote_runs": 9, "ansible_cpu_s": 4.0, "ansible_local_s": 2.0, "ansible_remote_s": 3.0}
    return {
        "rc": rc,
        "figures": {**GOOD, **(own if ansible else {}), **fields},
        "failures": [],
        "phases": {"stop_workers": 2.0, "health": 0.2},
        "inside": {"stop_workers": 1.5} if ansible else {},
        "latencies_before_ms": [4] * 99 + [10],
        "latencies_during_ms": [5] * 99 + [12],
        "course": COURSE,
    }


META = {
    "date": "2026-11-23",
    "seconds": 1800,
    "machine": "2 × a processor, Linux 6",
    "versions": {"Redis": "8.0.2"},
    "controller": "ansible-core 2.19",
    "pictures": "1cpu-color",
    "load": {"requests": 20, "tasks": 3, "queued": 300, "delayed": 60, "before": 20.0, "after": 6.0},
}


def verdict(way, what, **ways):
    base = {"p99_ratio": 1.2, "beside_ratio": 1.09}
    chosen = {name: {**GOOD, **base, **own} for name, own in ways.items()}
    return next(each for each in targets.verdicts(way, chosen) if each.what.startswith(what))


@pytest.mark.parametrize(
    ("what", "own", "met"),
    [
        ("tasks lost", {}, True),
        ("tasks lost", {"lost": 1}, False),
        ("tasks lost", {"doubled": 1}, False),
        ("failed", {"failed": 1}, False),
        ("longest time", {"worker_gap_s": 7.0}, True),
        ("longest time", {"worker_gap_s": 7.01}, False),
        ("p99 during / before", {"p99_ratio": 1.51}, False),
        ("p99 during / before", {"p99_ratio": None}, None),
        ("peak memory", {"beside_ratio": 1.1}, True),
        ("peak memory", {"beside_ratio": 1.11}, False),
        ("whole run", {"seconds": 14.1}, False),
    ],
)
def test_the_verdict_on_stop(what, own, met):
    assert verdict("ours-stop", what, **{"ours-stop": own}).met is met


@pytest.mark.parametrize(
    ("what", "own", "met"),
    [
        ("longest time", {"worker_gap_s": 3.1}, False),
        ("p99 during / before", {"p99_ratio": 2.5}, True),
        ("peak memory", {"beside_ratio": 1.9}, None),
    ],
)
def test_the_verdict_on_throttle(what, own, met):
    assert verdict("ours-throttle", what, **{"ours-throttle": own}).met is met


@pytest.mark.parametrize(("gap", "met"), [(6.0, True), (5.9, False)])
def test_the_gap_is_a_third_of_the_scripts(gap, met):
    what = "longest time without a finished task, against"
    assert verdict("ours-stop", what, **{"ours-stop": {}, "script": {"worker_gap_s": gap}}).met is met


def test_without_the_script_there_is_no_verdict_against_it():
    assert verdict("ours-stop", "longest time without a finished task, against", **{"ours-stop": {}}).met is None


def test_p99_is_compared_with_ways_that_failed_no_request():
    what = "p99 during / before, against"
    others = {"recreate": {"p99_ratio": 1.0, "failed": 3}, "plain": {"p99_ratio": 1.3}}
    assert verdict("ours-stop", what, **{"ours-stop": {}}, **others).met is True
    assert verdict("ours-stop", what, **{"ours-stop": {"p99_ratio": 1.3}}, **others).met is False


@pytest.fixture
def runs():
    return {
        "1cpu-color": {
            "plain": [run(lost=5, seconds=7.0), run(lost=4, seconds=8.0), run(seconds=6.0)],
            "ours-stop": [run(ansible=True, worker_gap_s=gap) for gap in (6.0, 5.0, 7.0)],
        }
    }


def test_the_report_has_medians_with_their_spread_and_sums(runs):
    text = tables.report(META, runs)
    assert "| tasks lost | 9 | 0 |" in text
    assert "| whole run | 7 s (6 to 8) | 13 s |" in text
    assert "| longest time without a finished task | 2 s | 6 s (5 to 7) |" in text


def test_the_report_has_ratios_against_plain(runs):
    assert "| whole run | 1.00 | 1.86 |" in tables.report(META, runs)


def test_the_report_has_phases_with_the_modules_own_seconds(runs):
    text = tables.report(META, runs)
    assert "* `plain`: stop_workers 2.0, health 0.2\n" in text
    assert "* `ours-stop`: stop_workers 2.0 (1.5), health 0.2\n" in text


def test_the_report_says_what_ours_is_worse_at_and_what_that_way_breaks(runs):
    assert "* `ours-stop`: whole run 13 s; `plain` 7 s (9 lost)" in tables.report(META, runs)


def test_the_report_says_that_it_is_a_part_and_what_ended_with_an_error(runs):
    runs["1cpu-color"]["ours-stop"][1]["rc"] = 2
    text = tables.report(META, runs)
    assert "**A part only:**" in text
    assert "**Ended with an error:** ours-stop (1cpu-color, 1 of 3)." in text
    # The median of the two that are left.
    assert "| longest time without a finished task | 2 s | 6.5 s (6 to 7) |" in text


def test_a_way_that_never_deployed_has_no_figures(runs):
    runs["1cpu-color"]["ours-stop"] = [run(rc=2, seconds=1.0)]
    text = tables.report(META, runs)
    assert "| requests | 1200 |" in text
    assert "to reach" not in text
    assert "ours-stop" not in tables.brief("1cpu-color", runs["1cpu-color"])
    runs["half-color"] = {"plain": [run(rc=1)]}
    assert "½ CPU" not in tables.report(META, runs)


def test_the_report_says_when_the_machine_was_not_quiet(runs):
    assert "Not alone" not in tables.report(META, runs)
    runs["1cpu-color"]["plain"][2]["figures"]["others_cpus"] = 0.5
    assert "while these were measured: plain (1cpu-color)." in tables.report(META, runs)


def test_a_complete_report_does_not_call_itself_a_part():
    runs = {setting: {way: [run()] * 3 for way in tables.WAYS} for setting in tables.SETTINGS}
    text = tables.report(META, runs)
    assert "A part only" not in text
    assert text.count("| requests | 1200 |") == 3


def test_every_row_of_a_table_has_as_many_cells(runs):
    for block in tables.report(META, runs).split("\n\n"):
        rows = [line.count("|") for line in block.splitlines() if line.startswith("|")]
        assert len(set(rows)) <= 1


def test_a_figure_that_is_not_there_is_a_dash(runs):
    runs["1cpu-color"]["ours-stop"] = [run(ansible=True, cpu_s=None)]
    assert "| CPU of the host | 8 s | – |" in tables.report(META, runs)


def test_the_terminal_gets_the_table_and_what_was_not_reached(runs):
    text = tables.brief("1cpu-color", runs["1cpu-color"])
    assert "whole run" in text
    assert "ours-stop: longest time without a finished task: 6 s, to reach ≤ 7 s\n" in text
    runs["1cpu-color"]["ours-stop"] = [run(seconds=20.0)]
    assert "20 s, to reach ≤ 14 s: NOT MET" in tables.brief("1cpu-color", runs["1cpu-color"])


def test_the_picture_is_made_of_the_run_with_the_median_gap():
    assert tables.typical([run(worker_gap_s=gap) for gap in (9.0, 1.0, 3.0, 2.0)])["figures"]["worker_gap_s"] == 2.0


def test_the_picture_shows_each_step_failures_and_both_color_schemes():
    text = picture.svg("ours & more", COURSE, picture.scale([COURSE]))
    root = ET.fromstring(text)
    shown = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "ours & more" in shown
    assert {"stop_workers", "health", "cutover", "7"} <= set(shown)
    assert "prefers-color-scheme: dark" in text


def test_nothing_of_the_picture_lies_outside_of_it():
    root = ET.fromstring(picture.svg("t", COURSE, picture.scale([COURSE])))
    _left, _top, width, height = map(float, root.get("viewBox").split())
    for drawn in root.iter("{http://www.w3.org/2000/svg}rect"):
        x, y = float(drawn.get("x", 0)), float(drawn.get("y", 0))
        assert 0 <= x <= x + float(drawn.get("width")) <= width
        assert 0 <= y <= y + float(drawn.get("height")) <= height


def test_pictures_of_one_setting_have_one_scale():
    slower = {**COURSE, "slowest_ms": [4000] * 23, "end": 9.5}
    assert picture.scale([COURSE, slower]) == picture.scale([slower, COURSE])
    assert picture.scale([COURSE, slower]).until == 10 + picture.AFTER


def test_labels_that_would_run_into_each_other_are_put_below():
    rows = [row for _name, _x, row in picture.placed([("long name", 0), ("b", 10), ("c", 200)], lambda at: at)]
    assert rows == [0, 1, 0]


def test_a_second_without_an_answer_breaks_the_line():
    assert picture.without_breaks([(1, 4.0), (2, 5.0), (4, 6.0)]) == [[(1, 4.0), (2, 5.0)], [(4, 6.0)]]
