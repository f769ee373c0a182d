# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a part needs from lab/setup, made when the part begins."""

from __future__ import annotations

import os
import subprocess

from command import ROOT


def need(*parts):
    """Without it the suite cannot go on; lab/setup says why."""
    subprocess.run([os.path.join(ROOT, "lab", "setup"), *parts], stdin=subprocess.DEVNULL, check=True)


def have(part):
    """Why this machine cannot have it, or nothing."""
    made = subprocess.run(
        [os.path.join(ROOT, "lab", "setup"), part], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        check=False,
    )
    return made.stderr.strip().splitlines()[-1] if made.returncode else ""
