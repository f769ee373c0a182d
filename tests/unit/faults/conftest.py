"""The fault matrix is not a package: its folder and those that it takes from are on the path."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

for folder in (ROOT / "demo", ROOT / "lab", ROOT / "tests/system/field", ROOT / "tests/system/faults"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
