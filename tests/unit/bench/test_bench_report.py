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
    runs = {setting: {way: [run()] * 3 for way in tables.MEASURED} for setting in tables.SETTINGS}
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


TOLD = {
    "cpu_connection_s": 0.5,
    "cpu_module_s": 1.5,
    "cpu_own_s": 0.2,
    "cpu_guard_s": 0.1,
    "cpu_passing_s": 0.7,
    "cpu_compose_s": 1.2,
    "cpu_engine_s": 0.8,
    "cpu_boot_s": 1.9,
    "cpu_app_rest_s": -0.3,
    "cpu_system_s": 0.2,
    "cpu_untold_s": 0.2,
    "cpu_told_s": 6.8,
    "cpu_outside_s": 5.2,
    "cpu_boot_whole_s": 2.1,
    "compose_calls": 12,
    "peak_passing_mib": 130.0,
    "peak_compose_mib": 55.0,
    "held_compose_mib": 41.0,
    "peak_module_mib": 30.0,
    "held_module_mib": None,
}
RUNS = [
    {"phase": "open", "action": "bg_deployment", "name": "Open", "seconds": 1.5, "away_s": 0.0, "itself_s": 0.3},
    {"phase": "cutover", "action": "bg_switch", "name": "Switch", "seconds": 1.0, "away_s": 0.8, "itself_s": 0.4},
]
FLOOR = {
    "rc": 0,
    "figures": {
        "cpu_compose_s": 0.9,
        "cpu_engine_s": 0.6,
        "cpu_boot_s": 2.0,
        "cpu_floor_s": 3.5,
        "compose_calls": 4,
        "seconds": 5.0,
    },
}


@pytest.fixture
def told(runs):
    first = runs["1cpu-color"]
    first["ours-stop"] = [{**run(ansible=True, **TOLD, runs_away=1, away_s=0.8), "runs": RUNS} for _each in range(3)]
    first["floor"] = [FLOOR] * 3
    return runs


@pytest.mark.parametrize(
    "line",
    [
        # The split has the ways that it is known of, and the floor beside them.
        "|  | ours-stop | the floor |",
        "| modules that Ansible sends: its wrapper and their own work, which are one process | 1.5 s | – |",
        "| `docker` and `docker compose` | 1.2 s | 0.9 s |",
        "| the app's own boot, up to the way's end | 1.9 s | 2 s |",
        "| **beyond app and load** | 7 s | – |",
        "| `docker compose` calls | 12 | 4 |",
        "| against the floor | 2.00 | 1.00 |",
        # Memory, one process and all of them.
        "| a container that came and went: it asks for the names of tasks | – | 130 |",
        "| `docker compose` | – | 55 / 41 |",
        "| a module that Ansible sent | – | 30 / – |",
        # Runs on the host, and which of them no worker was there for.
        "| `cutover` | `bg_switch` | Switch | 1 s | 0.4 s | – | – | 0.8 s |",
        "|  |  | **all** | 2.5 s | 0.7 s | – | – | 0.8 s |",
        "| of them while no worker was there, neither an old nor a new one | 1 |",
    ],
)
def test_the_report_tells_apart_what_it_costs(told, line):
    assert line in tables.report(META, told).splitlines()


def test_the_floor_is_said_in_words_and_is_no_way_of_its_own(told):
    text = tables.report(META, told)
    assert "The floor, 3.5 s: `docker compose` 0.9 s, the engine 0.6 s, the app's own boot 2 s." in text
    assert "| requests |" in text
    assert "floor" not in tables.brief("1cpu-color", told["1cpu-color"])
    assert "| floor" not in text
    assert list(tables.whole({"floor": [FLOOR]})) == []


def test_without_the_floor_the_seconds_are_told_apart_as_ever(told):
    del told["1cpu-color"]["floor"]
    lines = tables.report(META, told).splitlines()
    assert "| `docker compose` calls | 12 |" in lines
    assert not [line for line in lines if line.startswith("| against the floor")]


def test_without_the_floor_and_the_split_nothing_is_said_of_them(runs):
    text = tables.report(META, runs)
    assert "Where the processor seconds" not in text
    assert "The floor," not in text
    assert "The most that each kind had in memory" not in text


def test_the_report_says_why_nobody_told_whose_the_seconds_are(runs):
    text = tables.report({**META, "untold": "The kernel does not tell."}, runs)
    assert "**Whose the processor seconds are was not measured:** The kernel does not tell." in text


def test_figures_to_reach_are_one_table_with_those_of_other_reports(runs):
    there = targets.Verdict("make vm", "worker gap of a deployment", "70 s", "≤ 45 s", "44 s", True)
    runs["1cpu-color"]["script"] = [run(worker_gap_s=5.0, cpu_beyond_s=3.5)]
    text = tables.report(META, runs, [there])
    table = text.partition("## Figures to reach")[2].partition("\n## ")[0]
    assert "| `ours-stop` | longest time without a finished task | 1.15 × `script` | ≤ 0.8 × `script` | 1.20 × (6 s, `script` 5 s) | **not met** |" in table
    assert "| 2.8 × `script` | ≤ 1.6 × `script` | 2.00 × (7 s, `script` 3.5 s) | **not met** |" in table
    assert "| `ours-stop` | the same release again | 2.2 s | ≤ 1.5 s | – | – |" in table
    assert table.rstrip().endswith("| `make vm` | worker gap of a deployment | 70 s | ≤ 45 s | 44 s | met |")


def test_the_terminal_gets_the_table_and_what_was_not_reached(runs):
    text = tables.brief("1cpu-color", runs["1cpu-color"])
    assert "whole run" in text
    assert "ours-stop: tasks lost / doubled / requests failed: 0 / 0 / 0 of 1500 tasks, 1200 requests, to reach" in text
    assert "ours-stop: whole run, approval automatic: 13 s, to reach ≤ 10 s: NOT MET" in text


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
