# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._release_file import (
    LONGEST,
    ReleaseFileError,
    label_in,
)


@pytest.mark.parametrize("content", [b"1.10", b"1.10\n", b"# again\n\n  1.10 \r\n"])
def test_the_only_label_counts(content):
    assert label_in(content, "/repo/release") == "1.10"


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "it has no label"),
        (b"# 1.4.2\n", "it has no label"),
        (b"1.4.2\n1.5.0\n", "it has 2 lines with labels"),
        (b"\xff\xfe1", "it is not UTF-8 text"),
        (b"1" * (LONGEST + 1), "more than 4096 bytes"),
        (b"release: 1.4.2\n", "bluegreen_release_file (/repo/release) is 'release: 1.4.2'"),
        (b"<<<<<<< HEAD\n", "'<<<<<<< HEAD'"),
        (b"../1\n", "must not contain .."),
    ],
)
def test_garbage_is_refused_in_one_sentence(content, words):
    with pytest.raises(ReleaseFileError) as error:
        label_in(content, "/repo/release")
    assert words in str(error.value) and "/repo/release" in str(error.value)
    assert str(error.value).endswith(".") and "\n" not in str(error.value)
