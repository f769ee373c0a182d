"""The ledger: one JSON line an event, kept outside of both colors.

Each line is one write() to a file opened for appending, which the kernel never mixes with that of
another process. So the lines of both colors can be counted exactly, whoever wrote them and when.
"""

from __future__ import annotations

import json
import os
import time

from shop import settings


def write(event: str, **fields: object) -> None:
    """Append one event; raise OSError when not all of it is in the file."""
    line = json.dumps(
        {
            "time": round(time.time(), 4),
            "event": event,
            "color": settings.COLOR,
            "release": settings.RELEASE,
            **fields,
        },
        separators=(",", ":"),
    )
    _append((line + "\n").encode())


def check() -> None:
    """Raise OSError now if a later write would fail."""
    _append(b"")


def _append(data: bytes) -> None:
    # Opened each time: somebody may have moved the file away, and this costs microseconds.
    descriptor = os.open(settings.LEDGER, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        written = os.write(descriptor, data)
    finally:
        os.close(descriptor)
    if written != len(data):
        raise OSError(f"only {written} of {len(data)} bytes went into {settings.LEDGER}")
