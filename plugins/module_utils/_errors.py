# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The one exception for failures that a user can understand and act on."""

from __future__ import annotations

from typing import Any


class BluegreenError(Exception):
    """A failure: one clear sentence, and facts that the module returns with it.

    :param message: what happened, with which option and value, and the way out.
    :param details: JSON-serializable facts for the module's result (``logs``, ``failure``, ...).
    """

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


def reason_of(error: BaseException) -> str:
    """Why a call to the system or the network failed, for the middle of a sentence; never empty."""
    return str(getattr(error, "strerror", None) or error) or type(error).__name__


class Fenced(BluegreenError):
    """The deployment is not, or no longer, that of the caller; nothing was changed."""
