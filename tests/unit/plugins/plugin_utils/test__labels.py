# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._labels import Unreadable, as_typed, read, refusal

NAME = "bluegreen_release"
AWX = f"!unsafe 'other': !unsafe 'x'\n!unsafe '{NAME}': !unsafe '1.10'\n"
QUOTE = f"Write it in quotes, {NAME}: "


def reading(**files):
    def of(path):
        if path not in files:
            raise Unreadable(path)
        return files[path]

    return of


@pytest.mark.parametrize(
    "text, made",
    [
        ("1.10", 1.1),
        ("0123", 83),
        ("on", True),
        ("12:30", 750),
        ("2026-11-29", datetime.date(2026, 11, 29)),
        ("null", None),
        ("~", None),
        ("", None),
        ("0x1F", 31),
        ("1_000", 1000),
        (".5", 0.5),
        ("1.0e+3", 1000.0),
        ("1", 1),
    ],
)
def test_what_awx_wrote_is_read_again(text, made):
    assert as_typed(NAME, made, ["@vars"], reading(vars=f"!unsafe '{NAME}': !unsafe '{text}'\n")) == text


@pytest.mark.parametrize(
    "options, files, found",
    [
        (["@a"], {"a": AWX}, "1.10"),
        (["@a", "x=1"], {"a": AWX}, "1.10"),
        (["@a", "@b"], {"a": AWX, "b": "other: 1"}, "1.10"),
        (["@a", "@b"], {"a": AWX, "b": ""}, "1.10"),
        (["@b", "@a"], {"a": AWX, "b": f"{NAME}: 1.100"}, "1.10"),
        # The last one counts, also with an equal value.
        (["@a", "@b"], {"a": AWX, "b": f"{NAME}: 1.1"}, None),
        (["@a", f'{{"{NAME}": 1.1}}'], {"a": AWX}, None),
        ([f"{{{NAME}: !unsafe '1.10'}}"], {}, "1.10"),
        (["@a"], {"a": AWX + f"{NAME}: 1.1\n"}, None),
        (["@a"], {"a": AWX.replace("1.10", "1.100") + AWX}, "1.10"),
        # Another value than the variable has was given in a way that is not seen here.
        (["@a"], {"a": AWX.replace("1.10", "1.20")}, None),
        (["@a"], {"a": AWX.replace("1.10", "text")}, None),
        # A later one that cannot be read may have it.
        (["@a", "@gone"], {"a": AWX}, None),
        (["@a", "@b"], {"a": AWX, "b": "$ANSIBLE_VAULT;1.1;AES256\n3132\n"}, None),
        (["@a", "@b"], {"a": AWX, "b": "- [\n"}, None),
        (["@a", "@b"], {"a": AWX, "b": "&x x: {y: 1}\n<<: *x\n"}, None),
        # A number that a program wrote may be all that is left of 1.10.
        (["@a"], {"a": f"{NAME}: 1.10"}, None),
        (["@a"], {"a": f'{{"{NAME}": 1.10}}'}, None),
        (["@a"], {"a": f"{NAME}: !unsafe [1.10]"}, None),
        ([], {}, None),
    ],
)
def test_the_last_option_that_has_it_counts(options, files, found):
    assert as_typed(NAME, 1.1, options, reading(**files)) == found


@pytest.mark.parametrize(
    "text, made", [("1", True), ("yes", 1), ("1", "1"), ("1.0", 1), ("2026-99-99", None), ("=", None)]
)
def test_another_kind_of_value_is_not_the_same(text, made):
    assert as_typed(NAME, made, ["@vars"], reading(vars=f"{NAME}: !unsafe '{text}'")) is None


@pytest.mark.parametrize("text", ["1.10", "", "True"])
def test_text_is_not_refused(text):
    assert refusal(NAME, text, text, []) == ""


def test_true_is_the_same_text_again_on_its_way_to_a_module():
    assert refusal(NAME, "True", True, []) == ""


@pytest.mark.parametrize("text, rendered, shown", [("1.10", 1.1, "1.1 (a number)"), ("None", None, "null (nothing)")])
def test_what_templates_change_is_refused(text, rendered, shown):
    assert refusal(NAME, text, rendered, []) == (
        f"{NAME} is {text!r}, but jinja2_native turns it into {shown} in each template. Nothing was done. Turn "
        "jinja2_native off, with ANSIBLE_JINJA2_NATIVE=False or in ansible.cfg."
    )


@pytest.mark.parametrize(
    "value, given, sentence",
    [
        (1.1, "1.10", f'is 1.1 (a number), not text. Nothing was done. {QUOTE}"1.10", or use -e {NAME}=1.10.'),
        (83, "0123", f'is 83 (a number), not text. Nothing was done. {QUOTE}"0123", or use -e {NAME}=0123.'),
        (True, "on", f'is true (a boolean), not text. Nothing was done. {QUOTE}"on", or'),
        (datetime.date(2026, 11, 29), "2026-11-29", "is 2026-11-29 (a date), not text"),
        (None, "", f'is null (nothing), not text. Nothing was done. {QUOTE}"…", or use -e {NAME}=….'),
        ([1], "[1]", f'is [1] (a list), not text. Nothing was done. {QUOTE}"…"'),
        ({"a": 1}, "{a: 1}", "is {'a': 1} (a dictionary), not text"),
    ],
)
def test_what_is_not_text_is_refused_with_what_it_became(value, given, sentence):
    said = refusal(NAME, value, value, [f"{{{NAME}: {given}}}"])
    assert said.startswith(f"{NAME} {sentence}")


def test_what_was_given_out_of_sight_is_refused_without_a_guess():
    assert refusal(NAME, 1.1, 1.1, ["x=1", "@gone"], reading()) == (
        f'{NAME} is 1.1 (a number), not text. Nothing was done. {QUOTE}"…", or use -e {NAME}=….'
    )


def test_a_playbook_of_ones_own_in_awx_is_told_of_those_that_read_it_again():
    assert refusal(NAME, 1.1, 1.1, ["@a"], reading(a=AWX)) == (
        f"{NAME} is 1.1 (a number), not text. Nothing was done. AWX passed it as text, but only the collection's own "
        "playbooks keep it as it was typed. Use one of them, such as smallfleet.bluegreen.deploy, or begin your "
        "playbook with an import_playbook of one."
    )


def test_a_file_is_read_and_a_pipe_is_not(tmp_path):
    (tmp_path / "vars").write_text("a: ü\n", encoding="utf-8")
    assert read(str(tmp_path / "vars")) == "a: ü\n"
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "binary").write_bytes(b"\xff")
    for name in ("pipe", "binary", "gone", ""):
        with pytest.raises(Unreadable):
            read(str(tmp_path / name))
