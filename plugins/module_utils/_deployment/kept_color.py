# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What a rollback means where no deployment is open: to the kept color, or that it was done already. Pure.

Who runs it may have been told to by an error, or may not know that the guard was faster. So after a way back it goes
no further by itself: the release before has to be named.
"""

from __future__ import annotations

from typing import Optional

from .._commands import command
from .._errors import BluegreenError


def done_already(last: dict, kept: Optional[dict], wanted: str) -> str:
    """That the last deployment was rolled back already, as a sentence; empty where a rollback goes to the kept color.

    :param last: the last entry of the history, empty where there is none.
    :param kept: the color that was kept stopped, as :func:`file.kept_color`.
    :param wanted: the release that the user names, or an empty string.
    """
    further = kept["release"] if kept else ""
    if last.get("result") != "rolled_back" or last.get("to_kept") or wanted and wanted == further:
        return ""
    live = last.get("release_from", "")
    if wanted not in ("", live, last.get("release", "")):
        # Neither of the two that it was about: that has to be said, and is refused.
        return ""
    state = f"release {live or '(none)'} is live" if last.get("from") else "no color is live"
    sentence = f"Release {last.get('release') or '(none)'} was rolled back already ({last.get('ended') or 'earlier'}); {state}."
    if further:
        return f"{sentence} To go further back, name the release: {command('rollback', further)}."
    if kept:
        return f"{sentence} To go further back, deploy the earlier release: the one that was kept has no label."
    return sentence


def is_tried_again(last: dict, kept: Optional[dict]) -> bool:
    """Whether the last deployment was to lead to the kept color and did not, so that a rollback means that again.

    Other hosts may have got there, and are not to go back from it for that.
    """
    return kept is not None and last.get("result") == "rolled_back" and bool(last.get("to_kept"))


def require_named(last: dict, kept: dict, wanted: str) -> None:
    """Raise unless it is the kept color that is meant.

    :param kept: the color that was kept stopped; the others as in :func:`done_already`.
    """
    done = done_already(last, kept, wanted)
    if done:
        raise BluegreenError(done)
    if wanted in ("", kept["release"]):
        return
    release = kept["release"]
    way = f"name that one ({command('rollback', release)})" if release else f"leave it out ({command('rollback')})"
    raise BluegreenError(
        f"bluegreen_release is {wanted!r}, but the color that was kept, {kept['color']}, has release {release or '(none)'}: to go "
        f"back to it {way}, or deploy release {wanted} ({command('deploy', wanted)})."
    )
