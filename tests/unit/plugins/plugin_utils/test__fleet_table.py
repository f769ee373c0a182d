# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._fleet import fleet
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._fleet_table import lines
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.plugin_utils.fleets import (
    AT,
    UNBROKEN,
    UNREACHABLE,
    awaiting,
    broken,
    ended,
    whole,
)


def shown(*looks):
    return lines(fleet(looks, AT))


def test_a_fleet():
    told = shown(
        ("pi-1", "shop", whole()),
        ("pi-2", "shop", awaiting()),
        ("pi-3", "shop", broken()),
        ("pi-4", "shop", UNREACHABLE),
    )
    assert told == [
        "HOST  STATE        LIVE   RELEASE  SINCE (UTC)  WORKERS  QUEUE           OPEN            LAST         GAP    FREE DISK  FREE MEMORY",  # noqa: E501
        "pi-1  healthy      green  1.4.2    11-20 09:15  2/2      3               -               committed    9.7 s  21.0 GiB   584 MiB",  # noqa: E501
        "pi-2  in progress  green  1.5.0    11-25 17:08  2/2      3               1.5.0 approval  committed    9.7 s  21.0 GiB   584 MiB",  # noqa: E501
        "pi-3  degraded     green  1.4.1    11-12 09:15  1/2      4121 +2 parked  -               rolled back  9.7 s  1.0 GiB    584 MiB",  # noqa: E501
        "pi-4  unreachable  -      -        -            -        -               -               -            -      -          -",  # noqa: E501
        "",
        "pi-2: release 1.5.0 by ada@laptop awaits approval since 2026-11-25T17:07:39Z.",
        "pi-3: the web of green is unhealthy; worker of green is restarting.",
        "pi-4: Failed to connect to the host via ssh: ssh: connect to host pi-5.lan port 22: No route to host.",
        "4 hosts: 1 healthy, 1 in progress, 2 degraded.",
    ]


def test_everything_is_said_of_the_only_host():
    told = shown(("pi-1", "shop", whole()))
    assert told[-3:] == [
        "shop: green is live with release 1.4.2.",
        "green (shop-green): beat running, redis running.",
        "1 host: 1 healthy, 0 in progress, 0 degraded.",
    ]


def test_apps_are_named_where_there_are_several():
    told = shown(("pi-1", "shop", whole()), ("pi-2", "mail", whole()))
    assert [line.split()[:2] for line in told[:3]] == [["HOST", "APP"], ["pi-1", "shop"], ["pi-2", "mail"]]


def test_a_release_may_be_long_and_a_name_is_never_cut():
    name = "a-host-with-a-name-that-nobody-wants-to-type-twice.example.org"
    (dummy, row, *others) = shown((name, "shop", whole(UNBROKEN)))
    assert row.split()[0] == name
    assert row.split()[3] == UNBROKEN[:23] + "…"


def test_figures_that_there_are_none_of():
    info = whole(history=[ended(20, "1.4.2", "green", worker_gap=None)], since="", queues={"green": None})
    (dummy, row, *others) = shown(("pi-1", "shop", info))
    assert row.split() == "pi-1 healthy green 1.4.2 - 2/2 - - committed - 21.0 GiB 584 MiB".split()
