# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Commands as a user types them, for sentences that name one as the way out. Pure."""

from __future__ import annotations


def command(playbook: str, release: str = "") -> str:
    """The command line of a playbook of this collection.

    :param release: the release that has to be named; a release without a label cannot be named.
    """
    named = f" -e bluegreen_release={release}" if release else ""
    return f"ansible-playbook smallfleet.bluegreen.{playbook}{named}"
