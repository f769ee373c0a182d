"""Where the demo plays: its folders, its names, and how it speaks to the person who watches."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import Iterator

DEMO = Path(__file__).resolve().parent
ROOT = DEMO.parent
RUN = DEMO / ".run"
LOGS = RUN / "logs"
INVENTORY = RUN / "inventory.yml"
SUMMARY = RUN / "summary.json"
REPORT = RUN / "report.html"
PICTURE = RUN / "picture.svg"

_begin = time.monotonic()


class DemoError(Exception):
    """One clear sentence: which step failed, why, and where its log is."""


def say(text: str = "") -> None:
    print(text, flush=True)


def complain(text: str) -> None:
    print(f"\ndemo: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Announce a step, and say how long it took."""
    begin = time.monotonic()
    say(f"\n▸ {title}")
    yield
    say(f"  done in {time.monotonic() - begin:.1f} s ({elapsed()} since the start)")


def elapsed() -> str:
    minutes, seconds = divmod(int(time.monotonic() - _begin), 60)
    return f"{minutes}:{seconds:02d}"


def shown(path: Path) -> str:
    """Return a path of the checkout as somebody in it would type it."""
    return str(path.relative_to(ROOT))
