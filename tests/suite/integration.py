# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of single edges against the real thing, in seconds: messages in real Redis servers, a page in a browser."""

from __future__ import annotations

import os

from command import CACHE, ROOT
from outcome import Outcome
from setup import have, need
from unit import SHORT, pytest

# What a server of another version may do differently; how it is with many messages, one server shows for all.
MOVES = [f"tests/integration/redis/test_{name}.py" for name in ("redis", "move", "hold", "kept", "refused")]


def integration(every_server):
    need("app")
    tools = os.pathsep.join([os.path.join(ROOT, "tests", "suite", "bin"), os.path.join(CACHE, "nginx", "usr", "sbin")])
    # Before the first tests, because some of them move tasks from one version to another.
    missing = have("redis")
    # Why this machine cannot have them: only then are their tests skipped.
    reasons = {"BLUEGREEN_NO_CHROMIUM": have("chromium"), "BLUEGREEN_NO_NGINX": have("nginx"), "BLUEGREEN_NO_COMPOSE": have("compose")}
    yield pytest("integration", ".venv", "tests/integration", *(() if every_server else SHORT), tools=tools, **reasons)
    # Minutes for what rarely differs, so `make test` leaves them to `make test-all`.
    for server in ("6", "7", "valkey") if every_server else ():
        name = f"integration-on-{server if server.isalpha() else 'redis-' + server}"
        if missing:
            yield Outcome(name, 0, 0, 1, notes=(missing,))
        else:
            image = f"bluegreen-redis:{server}"
            yield pytest(name, ".venv", *MOVES, tools=tools, BLUEGREEN_REDIS_IMAGE=image)
