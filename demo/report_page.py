"""The page that the demo ends with: what its table says, and pictures of both deployments. All pure."""

from __future__ import annotations

from html import escape
from typing import Iterable

import course
import picture
import report

TITLES = {
    "release 2": "Release 2 becomes live, under load",
    "release 3": "Release 3 is broken, and release 2 comes back",
}
HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>The demo of smallfleet.bluegreen</title>
<style>
  :root { --page: #ffffff; --ink: #24292f; --soft: #57606a; --line: #d0d7de; --good: #1a7f37; --bad: #cf222e }
  @media (prefers-color-scheme: dark) {
    :root { --page: #0d1117; --ink: #e6edf3; --soft: #8d96a0; --line: #30363d; --good: #3fb950; --bad: #ff7b72 }
  }
  body {
    margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 960px; background: var(--page); color: var(--ink);
    font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; font-variant-numeric: tabular-nums;
  }
  h1 { font-size: 1.4rem } h2 { font-size: 1rem; margin-top: 2rem }
  .verdict { font-size: 1.1rem; font-weight: 600; color: var(--good) } .verdict.bad { color: var(--bad) }
  .scroll { overflow-x: auto } table { border-collapse: collapse; width: 100% }
  th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap }
  th { color: var(--soft); font-weight: 500 } th:first-child { text-align: left }
  svg { display: block; width: 100%; height: auto; margin-top: 2rem }
  code { display: block; overflow-x: auto; padding: .3rem 0; white-space: pre }
</style>
</head>
<body>
"""


def pictures(measured: report.Measured) -> dict:
    """Return an SVG for each deployment, all on the same scale."""
    courses = {name: _course(measured, name, window) for name, window in _windows(measured).items()}
    shared = picture.scale(courses.values())
    return {name: picture.svg(TITLES[name], found, shared) for name, found in courses.items()}


def page(measured: report.Measured, commands: Iterable[tuple]) -> str:
    """Return the page.

    :param commands: (command, what it is for), to type next.
    """
    figures = report.summary(measured)
    wrong = [name for name in ("failed", "lost", "doubled") if figures[name]]
    verdict = (
        f"{figures['requests']} requests, {figures['failed']} failed. {figures['accepted']} tasks, "
        f"{figures['lost']} lost, {figures['doubled']} run twice."
    )
    head, *rows = report.rows(measured)
    parts = [
        "<h1>From blue to green, and back from a broken release</h1>",
        f'<p class="verdict{" bad" if wrong else ""}">{escape(verdict)}</p>',
        '<div class="scroll"><table>',
        _row(head, "th"),
        *(_row(row, "td") for row in rows),
        "</table></div>",
    ]
    # Each picture has its title in it.
    parts += pictures(measured).values()
    parts.append("<h2>What to type next</h2>")
    parts += [f"<p>{escape(purpose)}<code>{escape(command)}</code></p>" for command, purpose in commands]
    return HEAD + "\n".join([*parts, "</body>", "</html>", ""])


def _windows(measured: report.Measured) -> dict:
    return {"release 2": measured.deployment, "release 3": measured.broken}


def _course(measured: report.Measured, name: str, window: report.Window) -> dict:
    last = max((record.t for record in measured.records), default=window.end)
    when = course.Window(measured.before.begin, window.begin, window.end, max(last, window.end))
    return course.course(measured.records, measured.events, measured.rss, measured.steps[name], when)


def _row(cells: Iterable, kind: str) -> str:
    first, *others = (escape(str(cell)) for cell in cells)
    return f"<tr><th>{first}</th>" + "".join(f"<{kind}>{cell}</{kind}>" for cell in others) + "</tr>"
