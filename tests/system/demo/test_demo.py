# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo`, as README has it, ends with its figures and its page.

    .venv/bin/pytest tests/system/demo
"""

from __future__ import annotations

import json
import shutil
import subprocess

import host as lab
import pytest
from controllers import ROOT

pytestmark = pytest.mark.long

NAME = "bluegreen-demo-host"
WITHIN = 900
MADE = ROOT / "demo/.run"


def make(target: str) -> None:
    done = subprocess.run(
        ["make", target], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=WITHIN, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"make {target} ended with {done.returncode}:\n{done.stdout[-4000:]}"


def test_the_demo() -> None:
    if lab.find(NAME):
        pytest.skip(f"There is a demo on this machine already: make demo-clean removes {NAME}.")
    try:
        make("demo")
        assert json.loads((MADE / "summary.json").read_text(encoding="utf-8"))
        assert "<svg" in (MADE / "report.html").read_text(encoding="utf-8")
    finally:
        # Not by make demo-clean, which removes the images that other tests use meanwhile.
        lab.destroy(NAME)
        shutil.rmtree(MADE, ignore_errors=True)
