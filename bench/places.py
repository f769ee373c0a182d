"""Where the benchmark's files are, and how it speaks to the person who watches."""

from __future__ import annotations

import sys
import time
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
DEMO = ROOT / "demo"
# Git-ignored: the inventory, and the logs of the playbooks.
RUN = BENCH / ".run"
LOGS = RUN / "logs"
INVENTORY = RUN / "inventory.yml"
KEY = RUN / "key"
NO_CONFIG = RUN / "ansible.cfg"

_begin = time.monotonic()


def say(text: str = "") -> None:
    print(text, flush=True)


def complain(text: str) -> None:
    print(f"\nbench: {text}", file=sys.stderr, flush=True)


def seconds_since_start() -> int:
    return int(time.monotonic() - _begin)


def elapsed() -> str:
    minutes, seconds = divmod(seconds_since_start(), 60)
    return f"{minutes}:{seconds:02d}"


def shown(path: Path) -> str:
    """Return a path of the checkout as somebody in it would type it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
