# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a job failed, in a few lines for the end of the output, which may be all that somebody keeps of it."""

from __future__ import annotations

import re

LINES = 16
WIDTH = 1000  # characters of a line; an assertion may say in one how a whole host is

# What pytest, ruff and others end with, a line for each thing that is wrong.
WRONG = re.compile(r"(FAILED|ERROR:?) |\S+:\d+:\d+: ")
# Of Ansible's tasks the last one counts: others were rescued.
TASK = re.compile(r"(fatal|failed): \[")


def why(text):
    """At most LINES lines of a log: the task that failed, or what is named as wrong, or just its end."""
    lines = text.rstrip().splitlines()
    tasks = [number for number, line in enumerate(lines) if TASK.match(line)]
    if tasks:
        found = lines[tasks[-1]:]
        found = found[:found.index("")] if "" in found else found
        found = [line for line in lines[:tasks[-1]] if line.startswith("TASK [")][-1:] + found
    else:
        found = [line for line in lines if WRONG.match(line)] or lines[-LINES:]
    return [line[:WIDTH] for line in found[:LINES]]
