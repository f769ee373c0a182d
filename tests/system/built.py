# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as Galaxy gets it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from controllers import ROOT


def artifact(folder: Path) -> Path:
    """Build it into a folder."""
    command = [ROOT / ".venv/bin/ansible-galaxy", "collection", "build", "--output-path", folder, ROOT]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    (built,) = folder.glob("*.tar.gz")
    return built
