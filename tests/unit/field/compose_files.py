# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Compose files of shapes as Compose renders them, as far as the roles of services depend on it.

tests/integration/compose/test_roles.py has the same done by Compose itself.
"""

from __future__ import annotations

import re
import shlex

import yaml

VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def rendered(*texts, project="shop-blue", **variables):
    """What Compose renders for files that are laid over each other."""
    values = {"BG_PORT": "18001", "BG_COLOR": "blue", "BG_RELEASE": "1", "BG_PROJECT": project, **variables}
    services, networks = {}, {}
    for text in texts:
        known = VARIABLE.sub(lambda found: values.get(found.group(1), found.group(2) or ""), text)
        data = yaml.safe_load(known) or {}
        for name, service in (data.get("services") or {}).items():
            extended = services[service["extends"]["service"]] if "extends" in service else {}
            services[name] = _merged(_merged(services.get(name, {}), extended), service)
        networks.update(data.get("networks") or {})
    networks = {
        key: {"name": key if (each or {}).get("external") else f"{project}_{key}", **(each or {})}
        for key, each in {"default": None, **networks}.items()
    }
    there = {name: _long(service) for name, service in services.items() if not service.get("profiles")}
    return {"name": project, "services": there, "networks": networks}


def _merged(service, over):
    merged = {**service, **over}
    for key in ("ports", "volumes"):
        if key in service and key in over:
            merged[key] = [*service[key], *over[key]]
    return merged


def _long(service):
    needed = service.get("depends_on") or {}
    networks = service.get("networks") or ["default"]
    words = {key: service[key] for key in ("entrypoint", "command") if key in service}
    return {
        **{key: service[key] for key in ("image", "build", "restart") if key in service},
        **{key: shlex.split(text) if isinstance(text, str) else text for key, text in words.items()},
        "depends_on": needed if isinstance(needed, dict) else {name: {} for name in needed},
        "ports": [{"published": each.split(":")[-2]} for each in service.get("ports", ())],
        "networks": networks if isinstance(networks, dict) else dict.fromkeys(networks),
        "volumes": [_mount(each) for each in service.get("volumes", ())],
    }


def _mount(text):
    source, dummy, rest = text.partition(":")
    kind = "bind" if source[:1] in "./" else "volume"
    return {"type": kind, "source": source, "read_only": rest.endswith(":ro")}
