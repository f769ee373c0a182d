"""bench/elsewhere.py: what other reports say of figures to reach."""

from __future__ import annotations

import importlib
from pathlib import Path

import elsewhere
import pytest
from targets import Verdict

ROOT = Path(__file__).resolve().parents[3]
TEXT = """# A report

Words.

## What was to be reached

|  | before | to reach | measured |  |
| :-- | --: | --: | --: | --: |
| gap | 70 s | ≤ 45 s | 44 s | met |
| whole | 187 s | ≤ 110 s | 170 s | **not met** |
| more | 2 s | ≤ 1 s | – | – |

## Something else

| a | b | c | d | e |
| --: | --: | --: | --: | --: |
| 1 | 2 | 3 | 4 | met |
"""


def test_the_rows_below_the_heading_are_read_and_no_others():
    assert elsewhere.of_text(TEXT, "make vm") == [
        Verdict("make vm", "gap", "70 s", "≤ 45 s", "44 s", True),
        Verdict("make vm", "whole", "187 s", "≤ 110 s", "170 s", False),
        Verdict("make vm", "more", "2 s", "≤ 1 s", "–", None),
    ]


@pytest.mark.parametrize("text", ["", "# A report\n\n| a | b |\n", "## What was to be reached\n"])
def test_a_report_without_the_table_says_nothing(text):
    assert elsewhere.of_text(text, "make vm") == []


def test_each_report_is_asked_and_one_that_is_not_there_is_left_out(tmp_path):
    (tmp_path / "tests/fleet").mkdir(parents=True)
    (tmp_path / "tests/fleet/cost.md").write_text(TEXT, encoding="utf-8")
    assert {each.way for each in elsewhere.verdicts(tmp_path)} == {"make fleet-cost"}


def test_what_the_fleets_report_writes_is_read(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tests/fleet"))
    cost_report = importlib.import_module("cost_report")
    text = f"{elsewhere.HEADING}\n\n{cost_report._table(['', 'before', 'to reach', 'measured', ''], [cost_report._reached(1.1)])}"
    assert elsewhere.of_text(text, "make fleet-cost")[0].met is True
