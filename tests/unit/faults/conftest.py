"""The fault matrix is no package of the collection: its folder and the demo's go on the path."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

for folder in (ROOT / "demo", ROOT / "tests" / "faults"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
