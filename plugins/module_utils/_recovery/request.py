# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a recovery is asked for."""

from __future__ import annotations

from typing import NamedTuple


class Request(NamedTuple):
    """Which deployment a caller means, and which way it wants.

    ``prefer`` is ``rollback`` to undo the deployment, empty to let the state of the host decide; ``reason`` is for the
    history. ``deployment_id`` and ``epoch`` are given by a caller who means only that deployment, and only as long as
    it is the caller's. ``release`` is the one that the user names. ``guard`` is whether the caller is the guard of this
    host.
    """

    prefer: str = ""
    reason: str = ""
    deployment_id: str = ""
    epoch: int = 0
    release: str = ""
    guard: bool = False
