# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured, a JSON object a line: the report is made of it, and `make faults` goes on from it.

pytest's own --lf knows what failed, but not what a run that was cut off had not come to yet.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

MEASURED = Path(__file__).with_name(".run") / "results.jsonl"


def add(result: dict[str, Any], path: Path = MEASURED) -> None:
    # In one write, because workers add side by side.
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps({"at": round(time.time()), **result}, sort_keys=True) + "\n")


def read(path: Path = MEASURED) -> dict[str, dict[str, Any]]:
    """Return {cell: its last result}; in ``wrong_before`` what was wrong each time that it was measured before."""
    found: dict[str, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            result = json.loads(line)
        except ValueError:
            # The last line of a run that was cut off.
            continue
        # The last one counts, and stands where it was measured.
        before = found.pop(result["cell"], {})
        wrong_before = before.get("wrong_before", []) + before.get("wrong", [])
        found[result["cell"]] = {**result, "wrong_before": wrong_before}
    return found
