"""tests/faults/results.py and matrix_report.py: what is kept of a run, and how it is told."""

from __future__ import annotations

import further
import matrix_report
import pytest
import results
from matrix import COMMITTED, ROLLED_BACK

ABOUT = {"date": "2026-11-25", "machine": "2 × a CPU", "rate": 20, "tasks": 3, "revert_after": 20, "minutes": 41, "hosts": 3}


def result(cell, **fields):
    return {
        "cell": cell, "ok": True, "wrong": [], "end": ROLLED_BACK, "seconds": 24.2, "took": 40, "requests": 800, "failed": 0,
        "failed_while_down": 0, "retried": 0, "accepted": 100, "lost": 0, "lost_running": 0, "doubled": 0,
        "doubled_by_celery": 0, "waited_in_unacked": 0, **fields,
    }


def test_results_are_read_again_and_the_last_one_counts(tmp_path):
    kept = results.Results(tmp_path / "results.jsonl")
    assert kept.read() == {}
    for seconds in (1, 2):
        kept.add(result("kill:health", seconds=seconds))
    assert kept.read()["kill:health"]["seconds"] == 2
    kept.forget()
    assert kept.read() == {}


def test_a_line_that_was_cut_off_is_passed_over(tmp_path):
    file = tmp_path / "results.jsonl"
    kept = results.Results(file)
    kept.add(result("kill:health"))
    file.write_text(file.read_text(encoding="utf-8") + '{"cell": "kill:cut', encoding="utf-8")
    assert list(kept.read()) == ["kill:health"]


def test_the_report_has_a_cell_for_each_result_and_the_sums():
    text = matrix_report.report(
        {each["cell"]: each for each in (result("kill:health"), result("blink:finish", end=COMMITTED, seconds=3))}, ABOUT
    )
    assert "**2 cells, 2 whole, 0 wrong. 1600 requests, 0 failed. 200 tasks accepted, 0 lost, 0 doubled.**" in text
    assert "| SIGKILL of ansible-playbook | old 0/0/0 24.2 s |  |" in text
    assert "| link silent for 5 s |  | new 0/0/0 3 s |" in text
    assert "NOT WHOLE**" not in text.split("| fault |")[1]
    assert "## Wrong" not in text


def test_the_report_names_what_went_wrong_and_why():
    wrong = result("kill:health", ok=False, end="", seconds=None, wrong=["not whole: worker of blue is exited"])
    text = matrix_report.report({"kill:health": wrong}, ABOUT)
    assert "1 cells, 0 whole, 1 wrong" in text
    assert "| **NOT WHOLE** |" in text
    assert "* `kill:health`: not whole: worker of blue is exited" in text


def test_the_report_names_what_was_wrong_before(tmp_path):
    kept = results.Results(tmp_path / "results.jsonl")
    for wrong in (["1 tasks lost"], ["2 requests failed"], []):
        kept.add(result("kill:health", ok=not wrong, wrong=wrong))
    text = matrix_report.report(kept.read(), ABOUT)
    assert "1 cells, 1 whole, 0 wrong" in text
    assert "because it was wrong\n\n* `kill:health`: 1 tasks lost; 2 requests failed\n" in text


def test_the_report_leaves_out_what_is_no_cell_any_more():
    text = matrix_report.report({each: result(each) for each in ("kill:health", "twice:finish")}, ABOUT)
    assert "**1 cells" in text
    assert "a second deployment" not in text


def test_the_report_tells_apart_what_the_fault_itself_took():
    text = matrix_report.report({"power:health": result("power:health", failed_while_down=31, lost_running=2)}, ABOUT)
    assert "31 in 1 cells" in text
    assert "with early acknowledgement: 2." in text


def test_a_cell_is_told_in_a_line_with_what_was_wrong():
    assert matrix_report.line(result("kill:health")).startswith("kill:health")
    wrong = result("kill:health", ok=False, wrong=["2 tasks lost"], failed_while_down=4)
    assert "WRONG: 2 tasks lost" in matrix_report.line(wrong)
    assert "(4 while down)" in matrix_report.line(wrong)


def test_further_parts_have_sections_of_their_own():
    twice = {f"twice-{n}": {"cell": f"twice-{n}", "ok": n != 2, "wrong": ["both went on"] if n == 2 else [], "apart": 0.1}
             for n in (1, 2)}
    killed = {"killed-1": result("killed-1", hunted=4, phase="health", delays=[0.1, 3.2])}
    first, second = further.sections({**twice, **killed})
    assert "1 times exactly one went on" in first
    assert "* twice-2: both went on" in first
    assert "4 recoveries were killed by SIGKILL" in second
    assert "| health | 0.1, 3.2 | rolled back | 0/0/0 | 24.2 |" in second


@pytest.mark.parametrize("found", [{}, {"kill:health": result("kill:health")}])
def test_parts_that_were_not_measured_have_none(found):
    assert further.sections(found) == []
