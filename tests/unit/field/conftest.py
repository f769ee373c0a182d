"""The field bed is no package of the collection: its folder goes on the path."""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "system/field"

if str(FOLDER) not in sys.path:
    sys.path.insert(0, str(FOLDER))
