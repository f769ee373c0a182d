# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery.script import script_of, simple_commands


@pytest.mark.parametrize(
    "script, commands",
    [
        ("a b; c", [["a", "b"], ["c"]]),
        # What the shell replaces stays one word, or a part of one.
        ("a $(b c; d) e", [["a", "$(b c; d)", "e"]]),
        ('a "x$(b "c)d")y" `e f`', [["a", 'x$(b "c)d")y', "`e f`"]]),
        ("a $((1 + (2))) $(b $(c))", [["a", "$((1 + (2)))", "$(b $(c))"]]),
        # In single quotes it replaces nothing.
        ("a '$(b' ; c", [["a", "$(b"], ["c"]]),
        # A comment ends with its line, and begins only where a word does.
        ("a # b's\nc#d $# ${#e} '# f'", [["a"], ["c#d", "$#", "${#e}", "# f"]]),
        ("a \\\n  b", [["a", "b"]]),
        ("sh -c 'a; b'", [["a"], ["b"]]),
        # The shell would refuse these.
        ("a $(b; c", [["a", "$"], ["b"], ["c"]]),
        ("a 'b", [["a", "'b"]]),
    ],
)
def test_the_commands_of_a_script(script, commands):
    assert [words for words in simple_commands(["sh", "-c", script]) if words] == commands


@pytest.mark.parametrize(
    "words, found",
    [
        (["bash", "-euo", "pipefail", "-c", "a", "b"], (["bash", "-euo", "pipefail", "-c"], "a")),
        (["tini", "--", "sh", "-ce", "a"], (["tini", "--", "sh", "-ce"], "a")),
        (["su", "app", "-c", "a"], (["su", "app", "-c"], "a")),
        (["su", "app", "--command=a"], (["su", "app", "-c"], "a")),
        (["sh", "/start.sh", "-c", "a"], None),
        (["sh", "-c"], None),
        (["sh", "-o", "c", "a"], None),
        ([], None),
    ],
)
def test_the_script_of_a_command(words, found):
    assert script_of(words) == found


@pytest.mark.parametrize("words", [["su"] * 20000, ["bash", "-o"] * 10000, ["sh", "-c", "$(" * 20000 + "`" * 20000]])
def test_the_time_does_not_grow_with_the_square_of_a_command(words):
    before = time.process_time()
    simple_commands(words)
    # Linear, these take a tenth of a second here; with the square of their length, half a minute.
    assert time.process_time() - before < 10
