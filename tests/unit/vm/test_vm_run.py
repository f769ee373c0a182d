"""tests/system/vm: cells, moments of the journal, the list of remote runs."""

from __future__ import annotations

import argparse

import pytest
from vm_play import RemoteRun, remote_runs
from vm_show import parse_cell
from vm_watch import Moment, reached


@pytest.mark.parametrize("text, cell", [("cut:cutover", ("cut", "cutover", 0)), ("clock:health:-3600", ("clock", "health", -3600))])
def test_a_cell_is_read_and_called_as_it_was(text, cell):
    assert parse_cell(text) == cell
    assert str(parse_cell(text)) == text


@pytest.mark.parametrize("text", ["", "cut", "cut:nowhere", "cut:health:3600", "clock:health", "burn:health"])
def test_what_is_no_cell_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="there is no cell"):
        parse_cell(text)


def test_seconds_are_a_number():
    with pytest.raises(argparse.ArgumentTypeError, match="'hour' in 'clock:health:hour' is not a number of seconds"):
        parse_cell("clock:health:hour")


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
