# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Compose renders for the two colors of an app, to be spoiled by a test."""

from __future__ import annotations

import copy

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import rules as compose_rules

NOTHING = compose_rules.Findings([], [])
PORTS = {"blue": 18001, "green": 18002}
SERVICES = {"web": ["web"], "support": ["redis"], "init": [], "workers": ["worker", "beat"], "ignored": []}


def rendered(port=18001, name="shop-blue"):
    """What Compose renders for one color of an app that has nothing wrong."""
    services = {
        "web": {
            "image": "registry/shop:1",
            "restart": "unless-stopped",
            "ports": [{"target": 8000, "published": str(port), "host_ip": "127.0.0.1", "protocol": "tcp"}],
        },
        "redis": {
            "image": "redis:7",
            "restart": "always",
            "volumes": [{"type": "volume", "source": "queue", "target": "/data"}],
        },
        "worker": {"image": "registry/shop:1", "restart": "unless-stopped"},
        "beat": {"image": "registry/shop:1", "deploy": {"restart_policy": {"condition": "any"}}},
    }
    for service in services.values():
        service["networks"] = {"default": None}
    return {
        "name": name,
        "services": services,
        "volumes": {"queue": {"name": f"{name}_queue"}},
        "networks": {"default": {"name": f"{name}_default", "ipam": {}}},
    }


class Case:
    """A configuration to spoil; ``each()`` gives the same part of both colors."""

    def __init__(self):
        self.colors = {"blue": rendered(), "green": rendered(18002, "shop-green")}
        self.services = copy.deepcopy(SERVICES)
        self.color_volumes = ["queue"]
        self.files = []  # of the host
        self.nginx_servers = None
        self.init_before_stop = ()

    def each(self, section, name):
        return [self.colors[color][section].setdefault(name, {}) for color in ("blue", "green")]

    def set(self, service, **values):
        for definition in self.each("services", service):
            definition.update(copy.deepcopy(values))

    def findings(self):
        return compose_rules.examine(
            self.colors,
            self.services,
            PORTS,
            self.color_volumes,
            self.files.__contains__,
            self.nginx_servers,
            self.init_before_stop,
        )


def put_on(case, networks, *services):
    """Put services on networks, in both colors alike."""
    for name in services or ("web", "worker", "beat", "redis"):
        case.set(name, networks=networks)


def external(case, *keys):
    """Make networks external, one for both colors."""
    for key in keys:
        for network in case.each("networks", key):
            network.update({"external": True, "name": key})
