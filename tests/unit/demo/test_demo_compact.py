"""demo/callback/compact.py: which tasks a person sees, and how messages are laid out."""

from __future__ import annotations

import compact
import pytest


@pytest.mark.parametrize(
    ("module", "changed", "seconds", "shown"),
    [
        ("set_fact", False, 0.0, False),
        ("command", True, 0.0, True),
        ("command", False, 5.0, True),
        ("bg_health", False, 0.1, True),
    ],
)
def test_is_shown(module, changed, seconds, shown):
    assert compact.is_shown(module, changed, seconds) is shown


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"msg": "no disk", "stderr": "x"}, "no disk"),
        ({"msg": ["one", "two"]}, "one\ntwo"),
        ({"msg": "", "stderr": "killed"}, "killed"),
        ({}, "it gave no reason"),
    ],
)
def test_message_of(result, message):
    assert compact.message_of(result) == message


def test_a_paragraph_keeps_its_lines_and_breaks_what_is_too_long(monkeypatch):
    monkeypatch.setattr(compact, "COLUMNS", 80)
    text = "first\n\n" + "word " * 40
    lines = compact.paragraph(text).splitlines()
    assert lines[:2] == ["      first", ""]
    assert len(lines) == 5
    assert max(map(len, lines)) <= compact.COLUMNS
