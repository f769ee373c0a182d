# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured, a JSON object a line, so that a run which was cut off goes on where it stopped."""

from __future__ import annotations

import json
import threading


class Results:
    """A file of results; of several for one name the last one counts."""

    def __init__(self, path):
        self._path = path
        self._writing = threading.Lock()

    def forget(self):
        self._path.unlink(missing_ok=True)

    def add(self, result):
        with self._writing, open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(result, sort_keys=True) + "\n")

    def read(self):
        """{name: result}; in ``wrong_before`` what was wrong whenever it was measured before."""
        found = {}
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return found
        for line in text.splitlines():
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
