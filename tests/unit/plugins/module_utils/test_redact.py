# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose.cli import env_text
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._redact import hide, hide_in, in_env_text, texts_in


@pytest.mark.parametrize(
    "value, texts",
    [
        ("hunter2!", {"hunter2!"}),
        (12345678, {"12345678"}),
        ({"a": ["hunter2!", {"b": "other one"}]}, {"hunter2!", "other one"}),
        ("first line\nsecond line", {"first line\nsecond line", "first line", "second line"}),
        ("redis://me:p%40ss@redis/0", {"redis://me:p%40ss@redis/0", "p%40ss", "p@ss"}),
        ("http://[", {"http://["}),
    ],
)
def test_texts_of_a_value(value, texts):
    assert {text for text in texts_in(value) if text} == texts


@pytest.mark.parametrize(
    "value",
    ["hunter2!", "it's hidden", 'double " and $dollar', "back\\slash", "line one\nline two", "tail\\n\r\n", "ümläut1"],
)
def test_values_of_an_env_file_are_found_as_they_were_given(value):
    text = env_text({"BG_RELEASE": "release", "FIRST": value, "SECOND": "another one"})
    assert {value, "another one"} <= in_env_text(text)
    assert "release" not in in_env_text(text)


def test_a_secret_is_hidden_wherever_it_stands():
    secrets = {"hunter2!", "hunter2!hunter2!", "1", "word", "web-blue"}
    text = "hunter2!hunter2! is not hunter2!, 1 word of web-blue"
    assert hide(text, secrets, known="web-blue") == "(hidden) is not (hidden), 1 word of web-blue"
    assert hide_in({"msg": text, "list": [text, 7, None]}, {"hunter2!"}) == {
        "msg": "(hidden)(hidden) is not (hidden), 1 word of web-blue",
        "list": ["(hidden)(hidden) is not (hidden), 1 word of web-blue", 7, None],
    }
