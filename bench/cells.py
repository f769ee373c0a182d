"""Tables and their cells. All pure."""

from __future__ import annotations

from typing import NamedTuple, Optional

import figures


class Row(NamedTuple):
    title: str
    name: str  # of the figure
    unit: str = ""
    spread: bool = True  # with the least and the greatest of the runs


def markdown(rows: list, words: int = 1) -> str:
    """Return a table, its head first; so many of its columns, from the left, are words and not figures."""
    head, *body = rows
    line = [":--" if number < words else "--:" for number in range(len(head))]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in [head, line, *body])


def cell(row: Row, own: dict, runs: list) -> str:
    text = plain(own.get(row.name), row.unit)
    between = figures.spread(runs, row.name) if row.spread else None
    if between and between[0] != between[1]:
        text += f" ({number(between[0])} to {number(between[1])})"
    return text


def plain(value: Optional[float], unit: str) -> str:
    return number(value) if value is None else f"{number(value)} {unit}".strip()


def number(value: Optional[float]) -> str:
    if value is None:
        return "–"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) < 10 else f"{value:.1f}".removesuffix(".0")


def ratio(value: Optional[float], reference: Optional[float]) -> str:
    return "–" if value is None or not reference else f"{value / reference:.2f}"
