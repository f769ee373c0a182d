# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether a color is healthy, by its answers and by its containers meanwhile. Pure."""

from __future__ import annotations

from typing import Collection, NamedTuple, Optional

from .._docker.containers import Container
from .._http import Answer


class Tally(NamedTuple):
    """The attempts so far: how many, how many good ones in a row, and how the last one ended."""

    attempts: int = 0
    in_a_row: int = 0
    status: int = 0
    latency_ms: int = 0
    failure: str = ""


def count(tally: Tally, answer: Answer, expected: Collection[int], cut_short: bool = False) -> Tally:
    """The tally with one more attempt.

    :param expected: HTTP statuses that are good.
    :param cut_short: whether the attempt had less time than its timeout, because of the deadline. Its failure tells
        less than that of the attempt before it, which is kept.
    """
    if cut_short and answer.failure and tally.attempts:
        return tally._replace(attempts=tally.attempts + 1, in_a_row=0)
    failure = answer.failure
    if not failure and answer.status not in expected:
        failure = f"answered with status {answer.status}, not {' or '.join(map(str, expected))}"
    return Tally(
        attempts=tally.attempts + 1,
        in_a_row=0 if failure else tally.in_a_row + 1,
        status=answer.status,
        latency_ms=round(answer.seconds * 1000),
        failure=failure,
    )


def trouble(before: Container, now: Optional[Container]) -> str:
    """What an unhealthy container did, as half a sentence; empty if it is healthy.

    :param before: the container as it was when the wait began.
    :param now: as it is now, ``None`` if it is gone.
    """
    if now is None:
        return "was removed"
    if now.status == "restarting" or now.restart_count != before.restart_count:
        return f"restarted (exit code {now.exit_code})"
    if not now.running:
        return "was killed for memory" if now.oom_killed else f"exited with code {now.exit_code}"
    if now.started_at != before.started_at:
        return "was restarted by somebody else"
    if now.health == "unhealthy":
        return "is unhealthy according to its own health check"
    return ""


def too_late(url: str, deadline: float, option: str, successes: int, tally: Tally) -> str:
    """The sentence for a deadline that has passed.

    :param deadline: seconds that were allowed.
    :param option: the name under which the user knows the deadline, empty if it cannot be set.
    :param successes: good answers in a row that were needed.
    """
    limit = f"{deadline:g} s ({option})" if option else f"{deadline:g} s"
    last = "the only attempt" if tally.attempts == 1 else f"the last of {tally.attempts} attempts"
    return f"{url} did not become healthy within {limit}; {last} {_how(successes, tally)}."


def way_out(option: str) -> str:
    """What to do about a deadline that has passed, as a sentence; ``option`` as in :func:`too_late`."""
    return f"Look at the log of the web service{f', or raise {option}' if option else ''}."


def so_far(url: str, successes: int, tally: Tally) -> str:
    """Half a sentence for a wait that continues."""
    return f"attempt {tally.attempts} at {url} {_how(successes, tally)}"


def _how(successes: int, tally: Tally) -> str:
    last = tally.failure or f"{tally.in_a_row} of {successes} good answers in a row"
    return last if last.startswith("answered") else f"ended with: {last}"
