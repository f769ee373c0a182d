"""tests/system/faults/append_only.py: what a worker had in hand when it was killed, by Redis' own file."""

from __future__ import annotations

import append_only
import pytest


def log(*commands):
    """The commands as Redis writes them."""
    parts = [f"*{len(words)}\r\n" + "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words) for words in commands]
    return "".join(parts)


PUSHED = [("LPUSH", "celery", '{"id": "a"}'), ("LPUSH", "celery", '{"id": "ä-b"}')]
TAKEN = [*PUSHED, ("RPOP", "celery")]


@pytest.mark.parametrize(
    "commands, tasks",
    [
        (PUSHED, set()),
        (TAKEN, {"a"}),
        ([*TAKEN, ("RPOP", "celery")], {"a", "ä-b"}),
        ([*TAKEN, ("HSET", "unacked", "1", '[{"id": "a"}, "", "celery"]')], set()),
        ([*TAKEN, ("HSET", "other", "1", '[{"id": "a"}, "", "celery"]')], {"a"}),
        ([*TAKEN, ("RPUSH", "celery", '{"id": "a"}')], set()),
        # The collection moves what waits: a queue is renamed, copied, and emptied.
        ([*PUSHED, ("RENAME", "celery", "stage"), ("LREM", "stage", "1", '{"id": "a"}'), ("DEL", "stage")], set()),
        ([*PUSHED, ("RENAMENX", "celery", "stage"), ("RPOP", "stage")], {"a"}),
        ([("SELECT", "0"), *TAKEN, ("EXPIRE", "x", "7")], {"a"}),
    ],
)
def test_in_hand(commands, tasks):
    assert append_only.in_hand(log(*commands), {"a", "ä-b"}) == tasks


def test_a_command_that_was_cut_off_did_not_happen():
    assert append_only.in_hand(log(*PUSHED) + "*2\r\n$4\r\nRP", {"a"}) == set()
