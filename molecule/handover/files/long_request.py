# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the live web for an answer that takes so long, as soon as a deployment has come to a step.

long_request.py STEP SECONDS. Started with the deployment, the request could be over before the cutover.
"""

import json
import sys
import time
import urllib.request

LIMIT = 180
step, seconds = sys.argv[1:]


def reached():
    try:
        with open("/var/lib/bluegreen/shop/deployment.json", encoding="utf-8") as file:
            return json.load(file)["step"] == step
    except FileNotFoundError:
        return False


end = time.monotonic() + LIMIT
while not reached():
    if time.monotonic() > end:
        sys.exit(f"No deployment came to {step} within {LIMIT} s.")
    time.sleep(0.05)
urllib.request.urlopen(f"http://127.0.0.1/work?seconds={seconds}", timeout=2 * int(seconds) + 10)
