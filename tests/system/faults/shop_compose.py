# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The app that the faults strike: the demo's, with a Redis that keeps its queues and a web that breaks on demand. Pure."""

from __future__ import annotations

import copy

# What breaks the web of a color while it runs: a file /srv/faults/<color>.500 on the host.
WEB = '''"""The demo's web, which answers 500 to everything while the file is there."""

import os

from shop import settings
from shop.web import app as shop

BROKEN = f"/srv/faults/{settings.COLOR}.500"


def app(environ, start_response):
    if os.path.exists(BROKEN):
        start_response("500 Internal Server Error", [("Content-Type", "text/plain"), ("Content-Length", "7")])
        return [b"broken\\n"]
    return shop(environ, start_response)
'''


def for_faults(demo, image):
    """Return the Compose file made from the demo's."""
    made = copy.deepcopy(demo)
    for service in made["services"].values():
        service["image"] = image
    web = made["services"]["web"]
    web["command"] = [*web["command"][:-1], "--pythonpath=/srv/faults", "shop_faults:app"]
    # Docker stops web and Redis at the same time when it is stopped itself, and then a web waits for its Redis.
    web["command"] = [word.replace("--graceful-timeout=25", "--graceful-timeout=5") for word in web["command"]]
    web["stop_grace_period"] = "7s"
    web["volumes"] = [*web["volumes"], "/srv/faults:/srv/faults:ro"]
    # A kill loses nothing of it: what was written is the kernel's. With `everysec` it may answer up to two seconds before it
    # writes, as long as an fsync takes, and with `always` it waits for a disk that this machine's other work has too.
    # On the host's own disk, because Docker's gets full.
    redis = made["services"]["redis"]
    kept = ["--appendonly", "yes", "--appendfsync", "no", "--dir", "/data"]
    redis["command"] = ["redis-server", "--save", "", *kept, "--protected-mode", "no"]
    redis["volumes"] = ["/srv/redis-${BG_COLOR}:/data"]
    return made
