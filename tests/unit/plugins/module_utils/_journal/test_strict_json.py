# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import strict_json
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.strict_json import LIMIT, Unreadable


def test_json_is_read_as_usual():
    raw = b'{"a": [1, -2.5, "\xc3\xbc", null, true], "b": {}}\n'
    assert strict_json.loads(raw) == {"a": [1, -2.5, "ü", None, True], "b": {}}


@pytest.mark.parametrize(
    "spoiled",
    [
        b"",
        b"\xff\xfe\x00",
        b"\x00" * 4096,
        b"{" * 100000,
        b'{"version": ' + b"[" * 100000,
        b'{"version": 1, "epoch": ' + b"9" * 1000000 + b"}",
        b'{"version": 1, "epoch": 1e999}',
        b'{"version": 1, "epoch": NaN}',
        b'{"version": 1, "epoch": -Infinity}',
        b'{"version": 1, "version": 1}',
        b" " * (LIMIT + 1),
    ],
    ids=range(11),
)
def test_anything_else_is_unreadable(spoiled):
    with pytest.raises(Unreadable):
        strict_json.loads(spoiled)


def test_the_sentence_names_the_problem():
    with pytest.raises(Unreadable, match=f"it has more than {LIMIT} bytes"):
        strict_json.loads(b" " * (LIMIT + 1))
    with pytest.raises(Unreadable, match="it is not JSON") as unreadable:
        strict_json.loads(b"{")
    assert unreadable.value.problems == ["it is not JSON"]
