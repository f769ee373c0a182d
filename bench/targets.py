"""The figures that a deployment of ours is to reach, and whether it did. All pure."""

from __future__ import annotations

from typing import NamedTuple, Optional

OURS = ("ours-stop", "ours-throttle")


class Verdict(NamedTuple):
    what: str
    limit: str
    measured: str
    met: Optional[bool]  # None: only reported, or what it is compared with was not measured


def verdicts(way: str, ways: dict) -> list:
    """Return the verdict on each figure of a way of ours.

    :param ways: {way: its figures} of one setting.
    """
    own = ways[way]
    stop = way == "ours-stop"
    return [
        Verdict(
            "tasks lost / doubled",
            "0 / 0",
            f"{own['lost']} / {own['doubled']} of {own['accepted']}",
            own["lost"] == own["doubled"] == 0,
        ),
        Verdict("failed requests", "0", f"{own['failed']} of {own['requests']}", own["failed"] == 0),
        _at_most("longest time without a finished task", own["worker_gap_s"], 7 if stop else 3, " s"),
        *([_against_script(own, ways.get("script"))] if stop else []),
        _at_most("p99 during / before", own["p99_ratio"], 1.5 if stop else 2.5, ""),
        *([_below_others(own, ways)] if stop else []),
        _at_most(
            "peak memory / before, beside the candidate's own web and Redis",
            own["beside_ratio"],
            1.10 if stop else None,
            "",
        ),
        _at_most("whole run, approval automatic", own["seconds"], 14, " s"),
    ]


def _at_most(what: str, value: Optional[float], most: Optional[float], unit: str) -> Verdict:
    measured = "–" if value is None else f"{value:g}{unit}"
    if most is None:
        return Verdict(what, "reported", measured, None)
    return Verdict(what, f"≤ {most:g}{unit}", measured, None if value is None else value <= most)


def _against_script(own: dict, script: Optional[dict]) -> Verdict:
    what, limit = "longest time without a finished task, against that of `script`", "≤ 1/3"
    if not script or not script["worker_gap_s"]:
        return Verdict(what, limit, "–", None)
    ratio = own["worker_gap_s"] / script["worker_gap_s"]
    return Verdict(what, limit, f"{ratio:.2f} (of {script['worker_gap_s']:g} s)", ratio <= 1 / 3)


def _below_others(own: dict, ways: dict) -> Verdict:
    what, limit = "p99 during / before, against the other ways without a failed request", "the lowest"
    others = {
        name: figures["p99_ratio"]
        for name, figures in ways.items()
        if name not in OURS and figures["failed"] == 0 and figures["p99_ratio"] is not None
    }
    if not others or own["p99_ratio"] is None:
        return Verdict(what, limit, "–", None)
    lowest = min(others, key=others.__getitem__)
    measured = f"{own['p99_ratio']:g}; next is `{lowest}` with {others[lowest]:g}"
    return Verdict(what, limit, measured, own["p99_ratio"] < others[lowest])
