# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events for demo/ledger.py, which counts them: a line each, appended in one piece."""

import json
import os
import time

from django.conf import settings


def write(event, task):
    line = json.dumps({"time": time.time(), "event": event, "kind": "order", "id": task, "color": settings.COLOR})
    descriptor = os.open(settings.LEDGER, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)
