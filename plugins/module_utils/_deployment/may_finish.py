# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which deployment may be finished, and by whom. It changes nothing."""

from __future__ import annotations

from typing import Any

from .._commands import command
from .._errors import Fenced
from .._journal.fencing import require_owner
from .._journal.journal import Journal
from .._journal.may_recover import may_be_kept
from .._journal.step import Step
from .._validation import release_label
from . import approval


def require_finishable(app: str, journal: Journal, params: dict[str, Any]) -> None:
    """Raise :class:`Fenced` unless the open deployment is the one that is meant, and may be finished.

    :param params: parameters of bg_deployment: ``deployment_id`` and ``epoch``, both empty for whichever awaits
        approval, and ``release``, empty for any.
    """
    deployment = f"Deployment {journal.describe()} of app {app}"
    if params["deployment_id"]:
        require_owner(app, journal, params["deployment_id"], params["epoch"], Step.FINISH)
    if may_be_kept(journal.data):
        _require_named_to_stay(deployment, journal, params)
        return
    if journal["rolling_back"]:
        raise Fenced(
            f"{deployment} is being undone, and nothing was finished: complete the rollback with "
            f"{command('rollback')}, then deploy again."
        )
    if journal.step < Step.AWAITING_APPROVAL:
        raise Fenced(
            f"{deployment} is in step {journal['step']}, not awaiting approval: wait for it, or undo it with "
            f"{command('rollback')}."
        )
    if params["deployment_id"] and journal.step is not Step.FINISH and approval.is_over(journal):
        raise Fenced(
            f"The approval of release {journal.release_label} of app {app} expired after {journal['approval_timeout']} "
            f"s (bluegreen_approval_timeout), and nothing was finished: run {command('finish')} to approve it anyway, "
            f"or {command('rollback')} to undo it."
        )
    if params["release"] and params["release"] != journal["release"]:
        raise Fenced(
            f"bluegreen_release is {params['release']!r}, but the release of app {app} that awaits approval is "
            f"{journal['release']!r}: nothing was finished. To approve that release, run "
            f"{command('finish', journal['release'])}."
        )


def _require_named_to_stay(deployment: str, journal: Journal, params: dict[str, Any]) -> None:
    """A rollback that did not end can be turned round, by a user who names the release."""
    if not params["deployment_id"] and params["release"] == journal["release"]:
        return
    what = "is being undone" if journal["rolling_back"] else f"failed in step {journal['step']}"
    raise Fenced(
        f"{deployment} {what}, and nothing was finished: complete the rollback with {command('rollback')}, or, if "
        f"Nginx still serves release {journal.release_label} and it is to stay, name it "
        f"({command('finish', journal['release'])})."
    )


def result_without_deployment(
    app: str, history: list[dict[str, Any]], deployment_id: str, release: str
) -> dict[str, Any]:
    """The module's result where no deployment is open, because it was finished already.

    :param history: entries of the history, oldest first.
    :param deployment_id: the deployment that is meant, or an empty string.
    :param release: the release that is meant where no deployment is named, or an empty string.
    :raises Fenced: what is meant was not finished.
    """
    if deployment_id:
        done = [entry for entry in history if entry["id"] == deployment_id]
        if not done:
            raise Fenced(
                f"deployment_id {deployment_id} names no open deployment of app {app}: nothing was finished. Look at "
                f"{command('status')}."
            )
        if done[-1]["result"] != "committed":
            raise _was_rolled_back(app, done[-1])
        return {"changed": False, "result": "committed"}
    if release:
        _require_live(app, history, release)
    return {"changed": False, "result": ""}


def _require_live(app: str, history: list[dict[str, Any]], release: str) -> None:
    if not history:
        raise Fenced(
            f"bluegreen_release is {release!r}, but nothing awaits approval and no deployment of app {app} was "
            f"recorded here: nothing was finished. Deploy release {release} first."
        )
    last = history[-1]
    live = last["release"] if last["result"] == "committed" else last.get("release_from", "")
    if release == live:
        return
    if release == last["release"]:
        raise _was_rolled_back(app, last)
    raise Fenced(
        f"bluegreen_release is {release!r}, but nothing awaits approval, and release {release_label(live)} of app "
        f"{app} is live: nothing was finished. Deploy release {release} first."
    )


def _was_rolled_back(app: str, entry: dict[str, Any]) -> Fenced:
    reason = f" ({entry['reason']})" if entry["reason"] else ""
    return Fenced(
        f"Release {release_label(entry['release'])} of app {app} was rolled back in the meantime{reason}, and "
        f"{entry['from'] or 'no color'} is live: nothing was finished. Deploy again."
    )
