"""The course of one deployment as a picture (SVG), for light and dark pages. All pure."""

from __future__ import annotations

import math
from typing import Iterable, NamedTuple
from xml.sax.saxutils import escape

WIDTH = 960
LEFT, RIGHT = 62, 14
TITLE, AXIS, SPACE = 30, 40, 26
LABEL_HEIGHT = 13
# Of 11 px Helvetica, a little too wide rather than too narrow.
LETTER_WIDTH = 6.2
# Seconds of the load before the deployment, and after it, that are shown.
BEFORE, AFTER = 6, 6

STYLE = """
  svg { font: 11px Helvetica, Arial, sans-serif; }
  .page { fill: #ffffff } text { fill: #24292f } .quiet { fill: #57606a } .title { font-size: 14px }
  .grid { stroke: #d0d7de; stroke-width: 1 } .mark { stroke: #24292f; stroke-dasharray: 3 3 }
  .band0 { fill: #0969da; fill-opacity: .07 } .band1 { fill: #0969da; fill-opacity: .17 }
  .bar { fill: #8c959f; fill-opacity: .55 } .line { fill: none; stroke: #0969da; stroke-width: 1.6 }
  .task { fill: #1a7f37; fill-opacity: .75 } .memory { fill: #8250df; fill-opacity: .3 }
  .failed { fill: #cf222e } text.failed { font-weight: bold }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { fill: #e6edf3 } .quiet { fill: #8d96a0 }
    .grid { stroke: #30363d } .mark { stroke: #e6edf3 }
    .band0 { fill: #58a6ff; fill-opacity: .09 } .band1 { fill: #58a6ff; fill-opacity: .22 }
    .bar { fill: #8d96a0; fill-opacity: .55 } .line { stroke: #58a6ff }
    .task { fill: #3fb950; fill-opacity: .75 } .memory { fill: #a371f7; fill-opacity: .4 }
    .failed { fill: #ff7b72 }
  }
"""


class Scale(NamedTuple):
    """What all pictures of a setting share, so that they can be laid beside each other."""

    until: float  # seconds after the deployment's begin
    slowest_ms: float
    tasks: float  # a second
    memory_mib: float


def scale(courses: Iterable[dict]) -> Scale:
    """Return the scale on which every one of these courses can be seen whole."""
    courses = list(courses)
    until = max(math.ceil(course["end"]) for course in courses) + AFTER

    def greatest(name: str) -> float:
        return max((value for course in courses for _at, value in _shown(course, name, until)), default=1)

    return Scale(until, max(greatest("slowest_ms"), 100), greatest("tasks"), greatest("memory_mib"))


def svg(title: str, course: dict, shared: Scale) -> str:
    """Return the picture: answers, tasks and memory over the same seconds, the steps as bands behind them."""
    labels = placed([(name, begin) for name, begin, _end in course["steps"]], lambda at: _x(at, shared))
    rows = max((row for _name, _x, row in labels), default=0) + 1
    top = TITLE + rows * LABEL_HEIGHT + 6
    heights = (130, 80, 80)
    tops = [top + sum(heights[:number]) + SPACE * number for number in range(len(heights))]
    bottom = tops[-1] + heights[-1]
    parts = [
        f'<text class="title" x="{LEFT}" y="18">{escape(title)}</text>',
        *_bands(course, shared, top, bottom),
        *(
            f'<text x="{x:.1f}" y="{TITLE + (row + 1) * LABEL_HEIGHT - 3}">{escape(name)}</text>'
            for name, x, row in labels
        ),
        *_answers(course, shared, tops[0], heights[0]),
        *_tasks(course, shared, tops[1], heights[1]),
        *_memory(course, shared, tops[2], heights[2]),
        *_axis(shared, top, bottom),
    ]
    height = bottom + AXIS
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="page" width="{WIDTH}" height="{height}"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def placed(labels: Iterable[tuple], x_of) -> list:
    """Return (name, x, row) of each (name, time): in the first row where it does not run into another."""
    ends: list = []
    result = []
    for name, at in labels:
        x = x_of(at)
        row = next((number for number, end in enumerate(ends) if end <= x), len(ends))
        if row == len(ends):
            ends.append(0.0)
        ends[row] = x + (len(name) + 1) * LETTER_WIDTH
        result.append((name, x, row))
    return result


def _x(at: float, shared: Scale) -> float:
    return LEFT + (at + BEFORE) / (shared.until + BEFORE) * (WIDTH - LEFT - RIGHT)


def _shown(course: dict, name: str, until: float) -> list:
    """Return (second, value) of what is known and within the picture."""
    return [
        (course["first"] + number, value)
        for number, value in enumerate(course[name])
        if value is not None and -BEFORE <= course["first"] + number < until
    ]


def without_breaks(values: list) -> list:
    """Return (second, value) in stretches of seconds that follow each other."""
    stretches: list = []
    for second, value in values:
        if not stretches or stretches[-1][-1][0] != second - 1:
            stretches.append([])
        stretches[-1].append((second, value))
    return stretches


def _bands(course: dict, shared: Scale, top: float, bottom: float) -> list:
    return [
        f'<rect class="band{number % 2}" x="{_x(begin, shared):.1f}" y="{top}" '
        f'width="{_x(end, shared) - _x(begin, shared):.1f}" height="{bottom - top}">'
        f"<title>{escape(name)}: {end - begin:.1f} s</title></rect>"
        for number, (name, begin, end) in enumerate(course["steps"])
    ]


def _bar(kind: str, second: int, height: float, floor: float, shared: Scale) -> str:
    x, width = _x(second, shared), _x(second + 1, shared) - _x(second, shared)
    return (
        f'<rect class="{kind}" x="{x + 0.5:.1f}" y="{floor - height:.1f}" '
        f'width="{width - 1:.1f}" height="{height:.1f}"/>'
    )


def _answers(course: dict, shared: Scale, top: float, height: float) -> list:
    floor = top + height
    decades = math.log10(shared.slowest_ms)

    def y(ms: float) -> float:
        return height * max(0.0, math.log10(max(ms, 1.0))) / decades

    parts = _grid([10**power for power in range(int(decades) + 1)], y, floor, "ms")
    parts += [
        _bar("bar", second, y(ms), floor, shared) for second, ms in _shown(course, "slowest_ms", shared.until)
    ]
    for second, count in _shown(course, "failed", shared.until):
        parts.append(_bar("failed", second, 12, top + 12, shared))
        parts.append(f'<text class="failed" x="{_x(second, shared):.1f}" y="{top + 24}">{count}</text>')
    for stretch in without_breaks(_shown(course, "median_ms", shared.until)):
        points = [f"{_x(second + 0.5, shared):.1f},{floor - y(ms):.1f}" for second, ms in stretch]
        parts.append(f'<polyline class="line" points="{" ".join(points)}"/>')
    return [*parts, _caption("answers: slowest and median of each second; failed ones in red", floor)]


def _tasks(course: dict, shared: Scale, top: float, height: float) -> list:
    floor = top + height

    def y(count: float) -> float:
        return height * count / shared.tasks

    bars = [
        _bar("task", second, y(count), floor, shared)
        for second, count in _shown(course, "tasks", shared.until)
    ]
    return [*_grid([0, shared.tasks], y, floor, ""), *bars, _caption("tasks finished in each second", floor)]


def _memory(course: dict, shared: Scale, top: float, height: float) -> list:
    floor = top + height

    def y(mib: float) -> float:
        return height * mib / shared.memory_mib

    known = _shown(course, "memory_mib", shared.until)
    points = [f"{_x(second + 0.5, shared):.1f},{floor - y(mib):.1f}" for second, mib in known]
    if known:
        points = [
            f"{_x(known[0][0] + 0.5, shared):.1f},{floor}",
            *points,
            f"{_x(known[-1][0] + 0.5, shared):.1f},{floor}",
        ]
    area = f'<polygon class="memory" points="{" ".join(points)}"/>'
    return [
        *_grid([0, shared.memory_mib], y, floor, "MiB"),
        area,
        _caption("memory of the whole host: greatest of each second", floor),
    ]


def _grid(values: Iterable[float], y, floor: float, unit: str) -> list:
    parts = []
    for value in values:
        at = floor - y(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(
            f'<text class="quiet" x="{LEFT - 5}" y="{at + 4:.1f}" text-anchor="end">'
            f"{f'{value:g} {unit}'.strip()}</text>"
        )
    return parts


def _caption(text: str, floor: float) -> str:
    return f'<text class="quiet" x="{LEFT}" y="{floor + 14}">{escape(text)}</text>'


def _axis(shared: Scale, top: float, bottom: float) -> list:
    parts = [
        f'<line class="mark" x1="{_x(0, shared):.1f}" x2="{_x(0, shared):.1f}" y1="{top}" y2="{bottom}"/>'
    ]
    # A human may think about the approval for minutes.
    for second in range(0, int(shared.until) + 1, 5 * math.ceil(shared.until / 150)):
        parts.append(
            f'<text class="quiet" x="{_x(second, shared):.1f}" y="{bottom + 30}" text-anchor="middle">'
            f"{second} s</text>"
        )
    return parts
