# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The file of the report, on the controller."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from typing import Any, Callable

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._fleet_page import page


class ReportError(Exception):
    """One sentence for the user who named the file."""


def _json(report: dict[str, Any]) -> str:
    return json.dumps(report, indent=1, ensure_ascii=False) + "\n"


# By the extension of the file.
FORMATS: dict[str, Callable[[dict[str, Any]], str]] = {".html": page, ".json": _json}
# The time of the report, which each format has before any other one.
_AT = re.compile(r'(?:"at": |<time datetime=)"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"')


def check_name(name: str) -> None:
    if os.path.splitext(name)[1] not in FORMATS:
        raise ReportError(
            f"bluegreen_report is {name!r}, but its extension chooses the format: use a name that ends with .html or "
            ".json."
        )


def differs(name: str, report: dict[str, Any]) -> bool:
    """Whether the file is missing, or differs from the report in more than its time."""
    path = _path(name)
    try:
        with open(path, encoding="utf-8") as file:
            previous = file.read()
    except (OSError, ValueError):
        return True
    at = _AT.search(previous)
    return not at or _rendered(path, {**report, "at": at[1]}) != previous


def write(name: str, report: dict[str, Any]) -> None:
    """Replace the report in one step, so that a reader sees either the previous report or this one.

    :raises ReportError: if the file cannot be written.
    """
    path = _path(name)
    rendered = _rendered(path, report)
    try:
        descriptor, draft = tempfile.mkstemp(prefix=".bluegreen-report-", dir=os.path.dirname(path))
        try:
            with open(descriptor, "w", encoding="utf-8") as target:
                target.write(rendered)
            os.chmod(draft, 0o644)
            os.replace(draft, path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(draft)
            raise
    except OSError as error:
        raise ReportError(
            f"bluegreen_report is {name!r}, but {path} cannot be written ({error.strerror}): name a file in a folder "
            "of this computer that exists and is writable."
        ) from error


def _path(name: str) -> str:
    return os.path.abspath(os.path.expanduser(name))


def _rendered(path: str, report: dict[str, Any]) -> str:
    return FORMATS[os.path.splitext(path)[1]](report)
