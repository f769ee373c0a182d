# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/suite/style.py: what `make lint` finds beside the linters."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "suite"))

import style  # noqa: E402


@pytest.mark.parametrize(
    "line, found",
    [
        ("Mend it, then go on.", ["avoid 'Mend': write fix"]),
        ("Whoever deploys, whatever it is.", ["Whoever", "whatever"]),
        ("the file of before", ["avoid 'of before': write previous"]),
        ("It runs all the same.", ["avoid 'all the same': write anyway"]),
        ("green is no color", ["is no"]),
        ("There is no color, and it is no longer live.", []),
        ("a sign of life", ["heartbeat"]),
        ("Recommend it; amend nothing.", []),
        ("run rollback.yml", ["write smallfleet.bluegreen.rollback, or _commands.command()"]),
        ("run smallfleet.bluegreen.rollback", []),
    ],
)
def test_words(line, found):
    said = [sentence for dummy, sentence in style.offenses("docs/page.md", f"\n{line}\n")]
    assert len(said) == len(found) and all(part in sentence for part, sentence in zip(found, said)), said


def test_a_file_of_the_role_may_name_another_one():
    assert list(style.offenses("roles/bluegreen/tasks/main.yml", "# as in finish.yml\n")) == []


def function(lines):
    return "def long():\n" + "    x = 1\n" * (lines - 1)


@pytest.mark.parametrize(
    "text, found",
    [
        (function(60), []),
        (function(61), [(1, "long has 61 lines, and 60 are the most: split it")]),
        ("x = 1\n" * 420, []),
        ("x = 1\n" * 421, [(421, "the file has 421 lines, and 420 are the most: split it")]),
    ],
)
def test_sizes(text, found):
    assert list(style.offenses("plugins/module_utils/x.py", text)) == found
    assert list(style.offenses("tests/unit/x.py", text)) == []
