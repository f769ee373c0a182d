"""tests/system/vm is no package: its folder goes on the path, and what it takes from the lab and the demo too."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

for folder in (ROOT / "lab", ROOT / "demo", ROOT / "bench", ROOT / "tests" / "system" / "vm"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
