"""The demo is no package of the collection: its folders go on the path."""

from __future__ import annotations

import sys
from pathlib import Path

DEMO = Path(__file__).resolve().parents[3] / "demo"

for folder in (DEMO, DEMO / "app", DEMO / "callback"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
