# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A process, for those who read it from the kernel and those who tell what it does."""

from __future__ import annotations

from typing import NamedTuple


class Process(NamedTuple):
    """A process of a container as the host sees it.

    ``name`` is the kernel's short name, ``argv`` the command line, ``started`` the start in ticks since the boot, which
    distinguishes it from a later process with the same ``pid``; ``is_frozen`` says that it was sent SIGSTOP.
    """

    pid: int
    ppid: int
    name: str
    argv: list[str]
    started: int = 0
    is_frozen: bool = False
