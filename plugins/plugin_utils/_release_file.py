# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The file of a repository that names the release, for hosts that pull. Pure."""

from __future__ import annotations

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._validation import check_release

# A label and some comments; anything longer is another file.
LONGEST = 4096
_FORM = "write the label of one release in it, such as 1.4.2, and nothing else but lines that begin with #."


class ReleaseFileError(Exception):
    """One sentence for the person who wrote the file."""


def label_in(content: bytes, path: str) -> str:
    """The label of the release, which is the only line that is neither empty nor a comment.

    :param path: the file, for the sentence.
    :raises ReleaseFileError: the file does not name one release.
    """
    if len(content) > LONGEST:
        raise ReleaseFileError(f"bluegreen_release_file is {path}, but it has more than {LONGEST} bytes: {_FORM}")
    try:
        lines = [line.strip() for line in content.decode("utf-8").splitlines()]
    except ValueError:
        raise ReleaseFileError(f"bluegreen_release_file is {path}, but it is not UTF-8 text: {_FORM}") from None
    labels = [line for line in lines if line and not line.startswith("#")]
    if len(labels) != 1:
        count = f"{len(labels)} lines with labels" if labels else "no label"
        raise ReleaseFileError(f"bluegreen_release_file is {path}, but it has {count}: {_FORM}")
    try:
        return check_release(labels[0], f"bluegreen_release_file ({path})")
    except BluegreenError as error:
        raise ReleaseFileError(error.message) from error
