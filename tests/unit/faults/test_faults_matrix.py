"""tests/system/faults/matrix.py and results.py: which cells there are, what they promise, and what is kept of a run."""

from __future__ import annotations

from pathlib import Path

import matrix
import pytest
import results
import strikes
from matrix import ROLLED_BACK, Cell

ROOT = Path(__file__).resolve().parents[3]


def test_every_step_that_is_waited_for_is_one_of_the_journal():
    journal = (ROOT / "docs/journal.md").read_text(encoding="utf-8")
    for phase in matrix.PHASES.values():
        assert f"`{phase.moment['step']}`" in journal


def test_before_the_cutover_a_controller_that_is_gone_leaves_the_old_release():
    for phase in matrix.ORDER[: matrix.ORDER.index("cutover")]:
        assert matrix.may_end(Cell("kill", phase)) == {ROLLED_BACK}


@pytest.mark.parametrize("fault", matrix.FAULTS.values(), ids=lambda fault: fault.name)
def test_a_fault_strikes_and_what_it_breaks_is_mended(fault):
    assert fault.strike or fault.on_host or fault.variables
    assert not fault.strike or callable(getattr(strikes.Strikes, fault.strike))
    for command in (fault.on_host, fault.before, fault.undo, fault.after):
        assert "{live}" not in (text := command.format(live="blue", candidate="green")) and "{candidate}" not in text
    if "conf.d" in fault.on_host or "full" in fault.on_host:
        assert fault.undo


def test_what_has_to_be_whole_within_seconds_is_a_phase_that_is_struck():
    for fault in matrix.FAULTS.values():
        assert set(fault.within) <= set(fault.phases)


def test_visitors_may_miss_a_web_that_a_fault_takes_away_only_once_it_is_live():
    assert not matrix.takes_down(Cell("web-exits", "health"))
    assert matrix.takes_down(Cell("web-exits", "switched"))
    assert matrix.takes_down(Cell("power", "open"))
    assert not matrix.takes_down(Cell("kill", "switched"))


def test_the_last_result_of_a_cell_counts_and_says_what_was_wrong_before(tmp_path):
    file = tmp_path / "results.jsonl"
    assert results.read(file) == {}
    for wrong in (["1 tasks lost"], ["2 requests failed"], []):
        results.add({"cell": "kill:health", "wrong": wrong}, file)
    # The last line of a run that was cut off.
    file.write_text(file.read_text(encoding="utf-8") + '{"cell": "kill:cut', encoding="utf-8")
    known = results.read(file)
    assert list(known) == ["kill:health"]
    assert (known["kill:health"]["wrong"], known["kill:health"]["wrong_before"]) == ([], ["1 tasks lost", "2 requests failed"])
