"""tests/vm: cells, moments of the journal, the list of remote runs, the report."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

import pytest
from vm_play import RemoteRun, remote_runs
from vm_report import report
from vm_watch import Moment, reached

RUN = Path(__file__).resolve().parents[3] / "tests" / "vm" / "run.py"


@pytest.fixture(name="run", scope="module")
def _run():
    # Not by its name, which the demo's and the benchmark's have too.
    spec = importlib.util.spec_from_file_location("vm_run", RUN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_cell_is_read(run):
    assert run.parse_cell("cut:cutover") == ("cut", "cutover", 0)
    assert run.parse_cell("clock:health:-3600") == ("clock", "health", -3600)


def test_the_usual_cells_are_cells(run):
    assert len({run.parse_cell(each) for each in run.CELLS}) == len(run.CELLS)


@pytest.mark.parametrize("text", ["", "cut", "cut:nowhere", "cut:health:3600", "clock:health", "burn:health"])
def test_what_is_no_cell_is_refused(run, text):
    with pytest.raises(argparse.ArgumentTypeError, match="there is no cell"):
        run.parse_cell(text)


def test_seconds_are_a_number(run):
    with pytest.raises(argparse.ArgumentTypeError, match="'hour' in 'clock:health:hour' is no number of seconds"):
        run.parse_cell("clock:health:hour")


@pytest.mark.parametrize(
    "step, is_reached", [("open", False), ("stop_workers", False), ("cutover", True), ("settle", True), ("", False)]
)
def test_a_step_is_reached_in_it_and_after_it(step, is_reached):
    assert reached(Moment("d1", step, False, False), "cutover") is is_reached


def test_a_moment_says_what_the_journal_said():
    assert str(Moment("d1", "cutover", False, False)) == "cutover"
    assert str(Moment("d1", "cutover", True, True)) == "cutover, done, going back"
    assert str(Moment("", "", False, False)) == "none"


def test_remote_runs_are_read():
    text = "start_workers smallfleet.bluegreen.bg_start 41.07 Start the new Celery, and hand over\n"
    assert remote_runs(text) == [RemoteRun("start_workers", "bg_start", 41.07, "Start the new Celery, and hand over")]


FIGURES = {
    "arch": "arm64",
    "limit": 300,
    "begun": 0,
    "seconds": 3600,
    "busy": 2.5,
    "ended": "",
    "machine": {
        "system": "Linux 6.12 aarch64", "docker": "26.1", "memory_mib": 1536, "cpus": 2, "loop_s": 2.4,
        "loop_here_s": 0.1,
    },
    "deployments": {
        "deploy-2": {"seconds": 200.0, "runs": 8, "phases": None, "took": None, "worker_gap": None, "result": ""},
        "finish-2": {
            "seconds": 40.0, "runs": 1, "phases": {"open": 9.1, "finish": 20.0, "between_runs": 70.9},
            "took": 100.0, "worker_gap": 61.2,
            "result": "committed",
        },
        "clock-health": {"seconds": 104.0, "runs": 9, "phases": {"open": 9.1}, "took": None, "worker_gap": None, "result": "committed"},
    },
    "floor_s": 5.4,
    "counted": {"label": "deploy-2", "why_not": "", "kinds": {"app:": 20.0, "compose": 30.0}},
    "runs": [
        ["deploy-2", "cutover", "bg_switch", 12.0, "Switch"],
        ["deploy-3", "cutover", "bg_switch", 16.0, "smallfleet.bluegreen.bluegreen : Switch"],
    ],
    "cells": [
        {
            "kind": "cut", "step": "cutover", "by": 0, "from": "2", "to": "3", "wrong": "", "met": "cutover",
            "release": "2", "result": "rolled_back", "login_s": 56.0, "whole_s": 40.4, "task_s": 9.0,
        },
        {"kind": "clock", "step": "health", "by": -3600, "from": "2", "to": "3", "wrong": "It failed."},
    ],
    "load": {
        "requests": 1000, "failed": 0, "failures": [], "retried": 0, "asked_while_off": 70, "under_way_s": 11.0,
        "p50_ms": 120.0, "p99_ms": 900.0, "accepted": 300, "done": 299, "doubled": 0, "interrupted": 1, "lost": 0,
    },
}  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "| `cutover` | cutover | 2 → 3 | 2 | rolled_back | 56.0 | 40.4 | 9.0 | whole |",
        "| `health` | – | -3600 | 2 → 3 | – | – | **It failed.** |",
        "| `cutover` | `bg_switch` | Switch | 2 | 14.0 | 12.0 | 16.0 |",
        "| `deploy-2` | 200.0 | 8 |",
        "| `finish` | 20.0 | – |",
        "| `docker` and `docker compose` | 30.0 | 60% |",
        "| the app | 20.0 | 40% |",
        "| all | 50.0 | 100% |",
        "| `between_runs` | 70.9 | – |",
        "| all of them | 100.0 | – |",
        "| worker gap | 61.2 | – |",
        "| worker gap of a deployment | 70 s | ≤ 45 s | 61 s | **not met** |",
        "| whole deployment, the longest | 187 s | ≤ 110 s | 104 s | met |",
        "| 1000 | 0 | 0 | 120.0 | 900.0 |",
        "| 300 | 299 | 0 | 0 | 1 |",
    ],
)
def test_the_report_has_each_figure(line):
    assert line in report(FIGURES).splitlines()


def test_seconds_that_were_not_counted_are_not_made_up():
    counted = {"label": "deploy-2", "why_not": "The kernel does not tell.", "kinds": {}}
    assert "They were not counted: The kernel does not tell." in report({**FIGURES, "counted": counted})


def test_the_figures_to_reach_are_those_of_arm64():
    assert "to be reached" not in report({**FIGURES, "arch": "amd64"})


def test_a_run_that_did_not_come_to_its_end_says_so_and_reports_what_there_is():
    text = report(
        {"arch": "amd64", "limit": 60, "begun": 0, "seconds": 60, "busy": 1.0, "ended": "It was stopped.",
         "deployments": {}, "runs": [], "cells": []}
    )  # fmt: skip
    assert "**It did not come to its end:** It was stopped." in text
    assert "##" not in text
