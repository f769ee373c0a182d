# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import rules as compose_rules
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.compose_case import Case

RULE = {"traefik.enable": "true", "traefik.http.routers.shop.rule": "Host(`shop.example.com`)"}


@pytest.mark.parametrize(
    "what, values",
    [
        ("the label traefik.http.routers.shop.rule", {"labels": RULE}),
        ("the label caddy", {"labels": {"caddy": "shop.example.com", "caddy.reverse_proxy": "{{upstreams 8000}}"}}),
        ("the label caddy_1", {"labels": {"caddy_1": "shop.example.com"}}),
        ("VIRTUAL_HOST", {"environment": {"VIRTUAL_HOST": "shop.example.com"}}),
    ],
)
def test_a_proxy_that_finds_both_colors_by_itself_is_warned_of(what, values):
    case = Case()
    case.set("web", **values)
    assert case.findings() == compose_rules.Findings(
        [],
        [
            f"Service web has {what}, the same in both colors, so a proxy that finds containers by it would send "
            "visitors to both colors at once: remove it, and point the proxy at Nginx."
        ],
    )


@pytest.mark.parametrize(
    "service, values",
    [
        ("web", {"labels": {**RULE, "traefik.enable": "false"}}),
        ("web", {"labels": {"com.example.team": "shop", "traefik.docker.network": "proxy", "caddyshack": "x"}}),
        ("web", {"labels": {"caddy": ""}, "environment": {"VIRTUAL_HOST": None}}),
        ("worker", {"labels": RULE}),
    ],
)
def test_other_labels_are_none_of_its_business(service, values):
    case = Case()
    case.set(service, **values)
    assert case.findings() == compose_rules.Findings([], [])


def test_a_host_name_of_each_color_is_told_apart():
    case = Case()
    for color in ("blue", "green"):
        case.colors[color]["services"]["web"]["labels"] = {
            "traefik.http.routers.shop.rule": f"Host(`{color}.example.com`)"
        }
    assert case.findings() == compose_rules.Findings([], [])


def test_names_of_routers_tell_no_visitors_apart():
    case = Case()
    for color in ("blue", "green"):
        case.colors[color]["services"]["web"]["labels"] = {
            f"traefik.http.routers.{color}.rule": "Host(`shop.example.com`)"
        }
    assert [sentence.partition(",")[0] for sentence in case.findings().warnings] == [
        "Service web has the label traefik.http.routers.blue.rule"
    ]
