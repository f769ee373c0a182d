# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two parts beside the matrix: two controllers at the same second, and a recovery that is killed again and again."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from typing import Any, Optional

from matrix import COMMITTED, FAULTS, Cell
from pi_host import RELEASES, FaultsError, PiHost
from trial import Trial
from verdict import Look, end_of, whats_missing

TWICE = 20
KILLED = 20
# One deployment's recovery is killed that often before it may end.
KILLS_EACH = 4
LATEST_KILL = 4.0
PHASES_KILLED = ("stopped", "cutover", "switched", "handover", "start_workers")
SEED = 20


# -- two deployments within the same second -------------------------------------------------------


def twice(pi: PiHost, number: int) -> dict[str, Any]:
    """Start two deployments from two controllers at once: one goes on, the other one names it."""
    begun = time.time()
    before = _whole(pi)
    live = before["answer"]["color"]
    others = [release for release in RELEASES if release != before["answer"]["release"]]
    both = [
        pi.play("deploy", f"twice-{number}-{release}", {"bluegreen_release": release, "bluegreen_approval": "automatic"})
        for release in others
    ]
    apart = time.time() - begun
    try:
        codes = [each.wait(150) for each in both]
    finally:
        for each in both:
            each.stop()
    look = pi.look()
    wrong = list(whats_missing(look))
    if sorted(code == 0 for code in codes) != [False, True]:
        wrong.append(f"they ended with {codes[0]} and {codes[1]}")
    elif not wrong:
        loser = both[0 if codes[0] else 1]
        if end_of(look, live) != COMMITTED or look["answer"]["release"] != others[codes.index(0)]:
            wrong.append(f"release {look['answer']['release']} is live")
        if look["last"]["id"] not in " ".join(loser.output().split()):
            wrong.append(f"the other one does not name {look['last']['id']}")
    return {"cell": f"twice-{number}", "wrong": wrong, "apart": round(apart, 2),
            "took": round(time.time() - begun, 1)}


# -- a recovery that is killed --------------------------------------------------------------------


def kills() -> list[tuple[str, list[float]]]:
    """[(phase at which the controller is killed, seconds after which each recovery is killed)]: the same in each run."""
    chance = random.Random(SEED)
    delays = [round(chance.uniform(0.0, LATEST_KILL), 2) for _each in range(KILLED)]
    return [
        (PHASES_KILLED[number % len(PHASES_KILLED)], delays[number * KILLS_EACH:(number + 1) * KILLS_EACH])
        for number in range(KILLED // KILLS_EACH)
    ]


def killed(pi: PiHost, number: int, reference: Optional[dict[str, Any]]) -> dict[str, Any]:
    """Kill the controller, and then each recovery but the last one: the end is that of a recovery which is left alone.

    :param reference: the result of the same deployment without the kills of the recovery; measured when there is none.
    """
    phase, delays = kills()[number - 1]
    if reference is None:
        reference = Trial(pi, Cell("kill", phase)).run()
    fault = FAULTS["recovery"]._replace(hunt=tuple(delays), patience=220.0)
    trial = Trial(pi, Cell("recovery", phase), number, fault)
    result = trial.run()
    if result["end"] and result["end"] != reference["end"]:
        result["wrong"].append(f"it ended as {result['end']}, and without the kills as {reference['end'] or 'not whole'}")
    result.update(cell=f"killed-{number}", phase=phase, delays=delays)
    return result


def _whole(pi: PiHost) -> Look:
    look = pi.look()
    missing = whats_missing(look) if look else ["it does not answer"]
    if missing:
        raise FaultsError(f"{pi.name} is not whole to begin with: {'; '.join(missing)}")
    return look


# -- the report -----------------------------------------------------------------------------------


def sections(results: dict[str, dict[str, Any]]) -> list[str]:
    """What the report says about both."""
    doubles = [result for name, result in results.items() if name.startswith("twice-")]
    kills_done = [result for name, result in results.items() if name.startswith("killed-")]
    parts = []
    if doubles:
        whole = sum(not result["wrong"] for result in doubles)
        parts.append(
            "## Two deployments at once\n\n"
            f"{len(doubles)} times two controllers were started within {max(r['apart'] for r in doubles):g} s. {whole} times "
            "exactly one went on, and the other one was refused and named it.\n" + _list_wrong(doubles)
        )
    if kills_done:
        instants = sum(result["hunted"] for result in kills_done)
        whole = sum(not result["wrong"] for result in kills_done)
        rows = [
            f"| {result['phase']} | {', '.join(f'{delay:g}' for delay in result['delays'])} | {result['end'] or 'NOT WHOLE'} | "
            f"{result['failed']}/{result['lost']}/{result['doubled']} | {result['seconds'] or ''} |"
            for result in kills_done
        ]
        parts.append(
            "## The recovery killed at random instants\n\n"
            f"{instants} recoveries were killed by SIGKILL, {KILLS_EACH} after each other, and came again by themselves. "
            f"{whole} of {len(kills_done)} deployments ended as they do without it.\n\n"
            "| controller killed at | recovery killed after (s) | end | failed / lost / doubled | whole after (s) |\n"
            "|---|---|---|---|---|\n" + "\n".join(rows) + "\n" + _list_wrong(kills_done)
        )
    return parts


def _list_wrong(results: Iterable[dict[str, Any]]) -> str:
    lines = [f"* {result['cell']}: {'; '.join(result['wrong'])}" for result in results if result["wrong"]]
    return "\n" + "\n".join(lines) + "\n" if lines else ""
