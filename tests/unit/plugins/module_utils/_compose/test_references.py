# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
from collections import namedtuple

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose.references import resolve

Container = namedtuple("Container", "id name service")
CONTAINERS = [
    Container("id-2", "shop-redis-2", "redis"),
    Container("id-1", "shop-redis-1", "redis"),
    Container("id-w", "shop-web-1", "web"),
]


@pytest.mark.parametrize(
    "service, resolved",
    [
        ({"image": "a"}, {"image": "a"}),
        ({"network_mode": "host", "pid": None}, {"network_mode": "host", "pid": None}),
        # Of several containers the first.
        ({"network_mode": "service:redis"}, {"network_mode": "container:id-1"}),
        ({"pid": "service:redis", "ipc": "service:web"}, {"pid": "container:id-1", "ipc": "container:id-w"}),
        ({"ipc": "shareable", "pid": "container:other"}, {"ipc": "shareable", "pid": "container:other"}),
        ({"network_mode": "service:gone"}, {"network_mode": "service:gone"}),
        ({"volumes_from": ["redis", "web:ro", "gone:rw"]}, {"volumes_from": ["id-1", "id-w", "gone:rw"]}),
        ({"volumes_from": ["container:other:ro"]}, {"volumes_from": ["other"]}),
    ],
)
def test_a_service_is_as_compose_creates_it(service, resolved):
    rendered = {"name": "shop", "services": {"it": service, "web": {"image": "b"}}, "volumes": {"x": {}}}
    before = copy.deepcopy(rendered)
    expected = {**rendered, "services": {"it": resolved, "web": {"image": "b"}}}
    assert resolve(rendered, CONTAINERS) == expected
    # It is used for other things, too.
    assert rendered == before


def test_without_containers_everything_stays_as_it_is():
    rendered = {"services": {"it": {"network_mode": "service:web"}}}
    assert resolve(rendered, []) == rendered
    assert resolve({}, CONTAINERS) == {"services": {}}
