# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine on a socket, and a client of it."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import Engine
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.engine_server import Server


@pytest.fixture
def server(tmp_path):
    made = Server(tmp_path / "docker.sock")
    yield made
    made.close()


@pytest.fixture
def engine(server):
    return Engine(f"unix://{server.path}", [])
