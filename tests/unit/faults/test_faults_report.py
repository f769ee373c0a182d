"""tests/system/faults/results.py and matrix_report.py: what is kept of a run, and how it is told."""

from __future__ import annotations

import further
import matrix_report
import pytest
import results
from matrix import COMMITTED, ROLLED_BACK


def result(cell, **fields):
    return {
        "cell": cell, "host": "pi", "at": 1764500000, "wrong": [], "end": ROLLED_BACK, "seconds": 24.2, "took": 40, "requests": 800, "failed": 0,
        "failed_while_down": 0, "retried": 0, "accepted": 100, "lost": 0, "lost_running": 0, "doubled": 0,
        "doubled_by_celery": 0, "waited_in_unacked": 0, **fields,
    }


def reported(*cells):
    return matrix_report.report({each["cell"]: each for each in cells}, "2 × a CPU")


def test_the_last_result_of_a_cell_counts_and_says_what_was_wrong_before(tmp_path):
    file = tmp_path / "results.jsonl"
    assert results.read(file) == {}
    for wrong in (["1 tasks lost"], ["2 requests failed"], []):
        results.add(result("kill:health", wrong=wrong), file)
    known = results.read(file)["kill:health"]
    assert (known["wrong"], known["wrong_before"]) == ([], ["1 tasks lost", "2 requests failed"])


def test_a_line_that_was_cut_off_is_passed_over(tmp_path):
    file = tmp_path / "results.jsonl"
    results.add(result("kill:health"), file)
    file.write_text(file.read_text(encoding="utf-8") + '{"cell": "kill:cut', encoding="utf-8")
    assert list(results.read(file)) == ["kill:health"]


def test_the_report_has_a_cell_for_each_result_and_the_sums():
    text = reported(result("kill:health"), result("blink:finish", end=COMMITTED, seconds=3))
    assert "**2 cells, 2 whole, 0 wrong. 1600 requests, 0 failed. 200 tasks accepted, 0 lost, 0 doubled. It took 1 minutes of 1 hosts.**" in text
    assert "| SIGKILL of ansible-playbook | old 0/0/0 24.2 s |  |" in text
    assert "| link silent for 5 s |  | new 0/0/0 3 s |" in text
    assert "NOT WHOLE**" not in text.split("| fault |")[1]
    assert "## Wrong" not in text


def test_the_report_names_what_went_wrong_and_why():
    text = reported(result("kill:health", end="", seconds=None, wrong=["not whole: worker of blue is exited"]))
    assert "1 cells, 0 whole, 1 wrong" in text
    assert "| **NOT WHOLE** |" in text
    assert "* `kill:health`: not whole: worker of blue is exited" in text


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("wrong_before", ["1 tasks lost", "2 requests failed"], "because it was wrong\n\n* `kill:health`: 1 tasks lost; 2 requests failed\n"),
        ("missed_before", "it ended before", "because the fault had not struck\n\n* `kill:health`: it ended before\n"),
        ("by_hand", "rollback.yml ended with 0", "Run by hand, once the cause was fixed\n\n* `kill:health`: rollback.yml ended with 0\n"),
    ],
)
def test_the_report_names_what_happened_besides(key, value, told):
    assert told in reported(result("kill:health", **{key: value}))


def test_the_report_tells_apart_what_the_fault_itself_took():
    text = reported(result("power:health", failed_while_down=31, lost_running=2))
    assert "31 in 1 cells" in text
    assert "with early acknowledgement: 2." in text


def test_further_parts_have_sections_of_their_own():
    twice = {f"twice-{n}": {"cell": f"twice-{n}", "wrong": ["both went on"] if n == 2 else [], "apart": 0.1}
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
