# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import move_checks
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.move_checks import (
    MIB,
    room_finding,
    server_finding,
)


@pytest.mark.parametrize(
    "info, sentence",
    [
        (b"# Server\r\nredis_version:5.0.14\r\nredis_mode:standalone\r\n", ""),
        (b"redis_version:8.0.2\r\n", ""),
        # Valkey says both, and its own number is not Redis's.
        (b"redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\nserver_mode:standalone\r\n", ""),
        (b"redis_version:4.0.14\r\n", "shop-blue/redis is Redis 4.0.14, and a move needs 5 or later"),
        (b"redis_version:3.2.0\r\nredis_mode:cluster\r\n", "shop-blue/redis is a Redis in cluster mode"),
        (b"redis_version:8.0.2\r\nredis_mode:sentinel\r\n", "shop-blue/redis is a Redis in sentinel mode"),
        (b"redis_version:7.2.4\r\nserver_mode:cluster\r\n", "shop-blue/redis is a Redis in cluster mode"),
        (b"redis_version:unstable\r\n", ""),
        (b"", ""),
    ],
)
def test_servers(info, sentence):
    found = server_finding("shop-blue/redis", move_checks.fields_of(info))
    assert found.startswith(sentence) and bool(found) is bool(sentence)
    if found:
        assert "bluegreen_broker: shared" in found


ROOMS = [(20 * MIB, "its maxmemory is 64 MiB, of which 44 MiB are used"), (300 * MIB, "300 MiB are free on this host")]


@pytest.mark.parametrize("needed, rooms, fits", [(20, ROOMS, True), (21, ROOMS, False), (999, [], True)])
def test_room(needed, rooms, fits):
    found = room_finding("blue/redis", "green/redis", needed * MIB, rooms)
    assert (found == "") is fits
    if found:
        for part in ("need 21 MiB", "green/redis has room for 20 MiB", "maxmemory is 64 MiB", "nothing was moved"):
            assert part in found


def test_small_figures_stay_different():
    assert "need 0.6 MiB, but b has room for 0.5 MiB" in room_finding("a", "b", 600_000, [(500_000, "x")])
