"""The figures that a deployment of ours is to reach, and whether it did. All pure."""

from __future__ import annotations

from typing import NamedTuple, Optional

STOP, THROTTLE = "ours-stop", "ours-throttle"
OURS = (STOP, THROTTLE)
SCRIPT = "script"


class Verdict(NamedTuple):
    way: str
    what: str
    before: str  # as it was when the figure to reach was set
    limit: str
    measured: str
    met: Optional[bool]  # None: it was not measured, or what it is compared with was not


class _Limit(NamedTuple):
    """A figure that is to be at most so much, by itself or so many times the script's."""

    way: str
    what: str
    figure: str
    before: float
    most: float
    unit: str = ""
    against_script: bool = False


_LIMITS = (
    _Limit(STOP, "CPU of the host beyond app and load", "cpu_beyond_s", 2.8, 1.6, " s", against_script=True),
    _Limit(STOP, "longest time without a finished task", "worker_gap_s", 1.15, 0.8, " s", against_script=True),
    _Limit(STOP, "whole run, approval automatic", "seconds", 16.3, 10, " s"),
    _Limit(THROTTLE, "whole run, approval automatic", "seconds", 17.9, 11, " s"),
    _Limit(STOP, "peak memory / before, beside the candidate's own web and Redis", "beside_ratio", 1.21, 1.10),
    _Limit(STOP, "p99 during / before", "p99_ratio", 1.59, 1.4),
    _Limit(STOP, "a run of a `bg_` module after `open`, CPU of the host for it", "run_itself_s", 0.33, 0.12, " s"),
    _Limit(STOP, "the same release again", "again_s", 2.2, 1.5, " s"),
)


def verdicts(ways: dict) -> list:
    """Return the verdict on each figure of those of our ways that were measured.

    :param ways: {way: its figures} of one setting.
    """
    ours = [way for way in OURS if way in ways]
    faults = [_no_fault(way, ways[way]) for way in ours]
    limits = [_limited(limit, ways) for limit in _LIMITS if limit.way in ways]
    lowest = [_lowest(ways)] if STOP in ways else []
    return [*faults, *limits, *lowest]


def _no_fault(way: str, own: dict) -> Verdict:
    names = ("lost", "doubled", "failed")
    counts = [own[name] for name in names]
    measured = f"{' / '.join(map(str, counts))} of {own['accepted']} tasks, {own['requests']} requests"
    what = "tasks lost / doubled / requests failed"
    return Verdict(way, what, "0 / 0 / 0", "0 / 0 / 0", measured, not any(counts))


def _limited(limit: _Limit, ways: dict) -> Verdict:
    value = ways[limit.way].get(limit.figure)
    unit = " × `script`" if limit.against_script else limit.unit
    before, most = f"{limit.before:g}{unit}", f"≤ {limit.most:g}{unit}"
    if not limit.against_script:
        measured = "–" if value is None else f"{value:g}{unit}"
        met = None if value is None else value <= limit.most
        return Verdict(limit.way, limit.what, before, most, measured, met)
    reference = ways.get(SCRIPT, {}).get(limit.figure)
    if value is None or not reference:
        return Verdict(limit.way, limit.what, before, most, "–", None)
    measured = f"{value / reference:.2f} × ({value:g}{limit.unit}, `script` {reference:g}{limit.unit})"
    return Verdict(limit.way, limit.what, before, most, measured, value / reference <= limit.most)


def _lowest(ways: dict) -> Verdict:
    what, limit = "p99 during / before, against every other way", "the lowest"
    own = ways[STOP].get("p99_ratio")
    others = {
        name: figures["p99_ratio"]
        for name, figures in ways.items()
        if name not in OURS and figures["p99_ratio"] is not None
    }
    if not others or own is None:
        return Verdict(STOP, what, "second", limit, "–", None)
    lowest = min(others, key=others.__getitem__)
    measured = f"{own:g}; the lowest other is `{lowest}` with {others[lowest]:g}"
    return Verdict(STOP, what, "second", limit, measured, own < others[lowest])
