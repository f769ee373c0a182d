# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of this machine at which the lab's hosts can be reached."""

from __future__ import annotations

import random
import socket

# Below those that Linux and Docker hand out: a host keeps its port while it is switched off, and nobody gets it meanwhile.
PORTS = range(20000, 30000)


def free_port():
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
