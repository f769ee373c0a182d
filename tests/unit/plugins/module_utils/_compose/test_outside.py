# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import (
    outside as compose_outside,
    rules as compose_rules,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.compose_case import Case


def with_database(**values):
    """An app whose worker needs its database, which no color starts."""
    case = Case()
    case.set("db", image="postgres:16", container_name="shop-db")
    case.services["ignored"] = ["db"]
    case.set("worker", **values)
    return case


@pytest.mark.parametrize(
    "values, what",
    [
        ({"network_mode": "service:db", "networks": None}, "network_mode: service:db"),
        ({"ipc": "service:db"}, "ipc: service:db"),
        ({"pid": "service:db"}, "pid: service:db"),
        ({"links": ["redis", "db:database"]}, "links: db:database"),
        ({"volumes_from": ["container:db", "db:ro"]}, "volumes_from: db:ro"),
    ],
)
def test_what_cannot_be_created_without_an_ignored_service_is_refused(values, what):
    key = what.partition(":")[0]
    assert with_database(**values).findings().errors == [
        f"Service worker has {what}, but db is in bluegreen_ignored_services, so a color has no container of it: "
        f"remove {key}, or name db in another list of services instead."
    ]


@pytest.mark.parametrize(
    "values",
    [
        {"depends_on": {"db": {"condition": "service_healthy"}}},
        {"links": ["redis"], "volumes_from": ["redis", "container:db"], "ipc": "service:redis", "pid": "host"},
    ],
    ids=["depends_on", "the color's own"],
)
def test_what_can_be_created_without_it_is_no_finding(values):
    assert with_database(**values).findings() == compose_rules.Findings([], [])


STARTED = {"condition": "service_started", "required": True}


@pytest.mark.parametrize(
    "needed, kept",
    [
        ({"db": STARTED, "redis": STARTED}, {"redis": STARTED}),
        ({"db": STARTED}, None),
        ({"redis": STARTED}, {"redis": STARTED}),
        ({}, {}),
        (None, None),
    ],
)
def test_a_color_depends_on_its_own_services_only(needed, kept):
    rendered = {
        "name": "shop-blue",
        "services": {"web": {"image": "shop:1"}, "redis": {}, "db": {"depends_on": {"proxy": STARTED}}, "proxy": {}},
        "volumes": {"data": {}},
    }
    if needed is not None:
        rendered["services"]["web"]["depends_on"] = needed
    before = copy.deepcopy(rendered)
    found = compose_outside.of_color(rendered, ["redis", "web"])
    expected = copy.deepcopy(before)
    expected["services"]["web"].pop("depends_on", None)
    if kept is not None:
        expected["services"]["web"]["depends_on"] = kept
    assert found == expected
    assert rendered == before
