"""What other reports of this checkout say of figures that were to be reached."""

from __future__ import annotations

import contextlib
from pathlib import Path

from targets import Verdict

HEADING = "## What was to be reached"
# {who writes it: the report}
REPORTS = {"make vm": "docs/results/vm.md", "make fleet-cost": "docs/results/fleet-cost.md"}
_MET = {"met": True, "**not met**": False}


def verdicts(root: Path) -> list:
    """Return what the reports say; nothing of one that is not there, or is older than this heading."""
    found: list = []
    for maker, name in REPORTS.items():
        with contextlib.suppress(FileNotFoundError):
            found += of_text((root / name).read_text(encoding="utf-8"), maker)
    return found


def of_text(text: str, maker: str) -> list:
    """Return the rows of the table below the heading: what, before, to reach, measured, whether met. Pure."""
    below = text.partition(f"{HEADING}\n")[2].partition("\n## ")[0]
    lines = [line for line in below.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    return [
        Verdict(maker, what, before, limit, measured, _MET.get(met))
        for what, before, limit, measured, met in rows
    ]
