# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The meaning of a rollback where no deployment is open: back to the kept color, or it was done already. Pure.

A user may run it because an error said so, and may not know that the guard was faster. So after a rollback the next one
goes no further by itself: the earlier release has to be named.
"""

from __future__ import annotations

from typing import Any, Mapping, Optional

from .._commands import command
from .._errors import BluegreenError
from .._validation import release_label


def done_already(last: Mapping[str, Any], kept: Optional[Mapping[str, Any]], wanted: str) -> str:
    """A sentence that the last deployment was rolled back already; empty where a rollback means the kept color.

    :param last: the last entry of the history, empty where there is none.
    :param kept: the color that was kept stopped, as :func:`file.kept_color`.
    :param wanted: the release that the user names, or an empty string.
    """
    further = kept["release"] if kept else ""
    if last.get("result") != "rolled_back" or last.get("to_kept") or wanted and wanted == further:
        return ""
    live = last.get("release_from", "")
    if wanted not in ("", live, last.get("release", "")):
        # A third release: that is refused elsewhere.
        return ""
    state = f"release {release_label(live)} is live" if last.get("from") else "no color is live"
    release = release_label(last.get("release", ""))
    sentence = f"Release {release} was rolled back already ({last.get('ended') or 'earlier'}); {state}."
    if further:
        return f"{sentence} To go further back, name the release: {command('rollback', further)}."
    if kept:
        return (
            f"{sentence} To go further back, deploy the earlier release: the kept color has no label by which a "
            "rollback could name it."
        )
    return sentence


def is_tried_again(last: Mapping[str, Any], kept: Optional[Mapping[str, Any]]) -> bool:
    """Whether the last deployment should have led to the kept color and did not, so that a rollback means that again.

    Other hosts may have got there, and must not go further back because this one did not.
    """
    return kept is not None and last.get("result") == "rolled_back" and bool(last.get("to_kept"))


def require_named(last: Mapping[str, Any], kept: Mapping[str, Any], wanted: str) -> None:
    """Raise unless the user means the kept color.

    :param kept: the color that was kept stopped; the others as in :func:`done_already`.
    """
    done = done_already(last, kept, wanted)
    if done:
        raise BluegreenError(done)
    if wanted in ("", kept["release"]):
        return
    release = kept["release"]
    way = "name its release" if release else "leave bluegreen_release out"
    raise BluegreenError(
        f"bluegreen_release is {wanted!r}, but the kept color {kept['color']} has release {release_label(release)}: to "
        f"go back to the kept color, {way} ({command('rollback', release)}), or deploy release {wanted} "
        f"({command('deploy', wanted)})."
    )
