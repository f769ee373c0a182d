# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Who runs Ansible, as the journal and the history of a host name them."""

from __future__ import annotations

import os
import pwd
import socket
from typing import Any, Mapping


def owner(variables: Mapping[str, Any]) -> str:
    """User and computer, such as ``ada@laptop``; in a job of AWX its user and its number.

    :param variables: those of the host.
    """
    if "awx_job_id" in variables:
        return f"{variables.get('awx_user_name') or 'awx'}@awx-job-{variables['awx_job_id']}"
    return f"{_user()}@{socket.gethostname()}"


def _user() -> str:
    """The name of the user, or the number of one without a name, as in some containers."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
