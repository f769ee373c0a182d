# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib.util

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install import program as host_program, seal

PYTHON = "/usr/bin/python3.11"
MAGIC = importlib.util.MAGIC_NUMBER


@pytest.fixture(scope="module")
def content():
    return host_program.pack(PYTHON, {"_guard/main.py": "print('here')\n", "_errors.py": ""}, "c" * 64)


def test_a_program_is_made_of_its_code_for_its_python(content):
    assert seal.is_whole(content)
    assert seal.is_made_of(content, PYTHON, "c" * 64, MAGIC)


@pytest.mark.parametrize(
    "python, code, magic",
    [(PYTHON, "d" * 64, MAGIC), ("/usr/bin/python3.12", "c" * 64, MAGIC), (PYTHON, "c" * 64, b"\x00\x0d\x0d\x0a")],
)
def test_of_nothing_else(content, python, code, magic):
    assert not seal.is_made_of(content, python, code, magic)


@pytest.mark.parametrize("at", [0, 30, 500, -200, -64, -1])
def test_a_changed_byte_is_seen(content, at):
    changed = bytearray(content)
    changed[at] ^= 1
    assert not seal.is_whole(bytes(changed))


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, -1])
def test_a_torn_program_is_not_whole(content, size):
    assert not seal.is_whole(content[:size])


@pytest.mark.parametrize(
    "one, other",
    [
        ({"_a": "x = 1"}, {"_a": "x = 2"}),
        ({"_a": "x = 1"}, {"_b": "x = 1"}),
        ({"_a": "", "_b": "x"}, {"_a": "x", "_b": ""}),
        ({"_a": "b"}, {"_ab": ""}),
    ],
)
def test_other_sources_are_another_code(one, other):
    assert seal.code_of(one) != seal.code_of(other)
