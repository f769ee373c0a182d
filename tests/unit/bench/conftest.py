"""The benchmark is no package of the collection: its folders go on the path."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

for folder in (ROOT / "demo", ROOT / "bench", ROOT / "demo" / "callback", ROOT / "demo" / "app"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
