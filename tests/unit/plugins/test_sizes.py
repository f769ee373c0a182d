# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No file and no function of the plugins is too long to be read at once."""

from __future__ import annotations

import ast
from pathlib import Path

FILE_LINES = 420
FUNCTION_LINES = 60
PLUGINS = Path(__file__).resolve().parents[3] / "plugins"


def test_sizes():
    too_long = []
    for path in sorted(PLUGINS.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if len(text.splitlines()) > FILE_LINES:
            too_long.append(str(path))
        too_long += [
            f"{path}: {node.name}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            and node.end_lineno - node.lineno >= FUNCTION_LINES
        ]
    assert too_long == []
