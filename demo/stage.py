"""Where the demo plays: its folders."""

from __future__ import annotations

from pathlib import Path

DEMO = Path(__file__).resolve().parent
RUN = DEMO / ".run"
LOGS = RUN / "logs"
INVENTORY = RUN / "inventory.yml"
SUMMARY = RUN / "summary.json"
REPORT = RUN / "report.html"
PICTURE = RUN / "picture.svg"


class DemoError(Exception):
    """One clear sentence: which step failed, why, and where its log is."""
