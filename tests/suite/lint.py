# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Linters over the whole checkout. Each one is one check."""

from __future__ import annotations

import os
import subprocess
import sys

from command import ROOT, environment, log_file, run
from outcome import Outcome
from setup import need


def lint():
    need("lint-tools")
    linters = {
        # --offline: the collections are where ANSIBLE_COLLECTIONS_PATH says; Galaxy is not asked.
        "ansible-lint": ["ansible-lint", "--offline", "--strict", "--profile", "production"],
        "antsibull-changelog": ["antsibull-changelog", "lint"],
        "antsibull-docs": [
            "antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "dependent",
            "--disallow-unknown-collection-refs", ".",
        ],
        "codespell": ["codespell", "plugins", "roles", "playbooks", "docs", "changelogs", *files("*.md")],
        "mypy": ["mypy", "--config-file", "mypy.ini"],
        "ruff": ["ruff", "check", "--no-cache", "."],
        "shellcheck": ["shellcheck", "--external-sources", *shell_scripts()],
        "style": [sys.executable, "tests/suite/style.py"],
    }
    # antsibull-docs copies the collections that ours depends on as git lists their files. Those in .venv are files
    # that our repository ignores, so they would be empty.
    env = environment(GIT_CEILING_DIRECTORIES=os.path.join(ROOT, ".venv"))
    failed = [name for name, argv in linters.items() if run(argv, f"lint-{name}", env=env) != 0]
    logs = tuple(log_file(f"lint-{name}") for name in failed)
    yield Outcome("lint", len(linters) - len(failed), len(failed), logs=logs)


def files(*patterns):
    """Names of the checkout's files, below it."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z", *(f":(glob){pattern}" for pattern in patterns)],
        cwd=ROOT, stdout=subprocess.PIPE, check=True,
    )
    return list(filter(None, listed.stdout.decode().split("\0")))


def shell_scripts():
    """Those that say so in their first line; the parts of lab/setup are read along with it."""
    found = []
    for name in files():
        path = os.path.join(ROOT, name)
        if os.path.isfile(path) and not os.path.islink(path):
            with open(path, "rb") as file:
                first = file.readline(64)
            if first.startswith(b"#!") and first.rstrip().endswith((b"bash", b"/sh")):
                found.append(name)
    return found
