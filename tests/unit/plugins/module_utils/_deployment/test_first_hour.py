# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page about the first hour shows what the plan says of the Compose files on it."""

from __future__ import annotations

import os
import re

import pytest
import yaml

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _errors
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._http import Answer
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.opening import PORTS

ROOT = os.path.abspath(os.path.join(os.path.dirname(_errors.__file__), "..", ".."))
AUTO = {role: ["auto"] for role in ("web", "support", "init", "workers")}


def page():
    with open(os.path.join(ROOT, "docs", "your-app.md"), encoding="utf-8") as source:
        return source.read()


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", page(), re.DOTALL)


def files():
    """The Compose file before and after the change that the page shows."""
    (changes,) = blocks("diff")
    return tuple(
        "".join(line[1:] for line in changes.splitlines(keepends=True) if line[0] in (" ", sign)) for sign in "-+"
    )


def words(text):
    """The text without its line ends."""
    return " ".join(text.split())


def assert_shown(shown, text):
    """The page shows all of the text, except for what is left out where it has an ellipsis."""
    pattern = " .+ ".join(re.escape(words(part)) for part in shown.split("\n…\n"))
    assert re.fullmatch(pattern, words(text)), text


def lay(scene, text, ports):
    """Let Compose render the file of the page, as far as it matters here."""
    for color, port in ports.items():
        known = re.sub(r"\$\{BG_PORT:-[^}]*\}", str(port), text)
        data = yaml.safe_load(re.sub(r"\$\{BG_RELEASE:-[^}]*\}", "1.4.2", known))
        services = {name: rendered(service) for name, service in data["services"].items()}
        project = f"shop-{color}"
        networks = {"default": {"name": f"{project}_default"}, **(data.get("networks") or {})}
        volumes = {key: {"name": f"{project}_{key}"} for key in data.get("volumes") or {}}
        scene.rendered[color] = {"name": project, "services": services, "networks": networks, "volumes": volumes}


def rendered(service):
    ports = [each.rsplit(":", 2) for each in service.get("ports", ())]
    mounts = [each.split(":") for each in service.get("volumes", ())]
    networks = service.get("networks", ["default"])
    return {
        **service,
        "ports": [
            {"host_ip": "".join(before), "published": host, "target": int(target), "protocol": "tcp"}
            for *before, host, target in ports
        ],
        "volumes": [{"type": "volume", "source": source, "target": target} for source, target in mounts],
        "depends_on": {name: {"condition": "service_started"} for name in service.get("depends_on", ())},
        "networks": dict.fromkeys(networks),
        "environment": service.get("environment", {}),
    }


@pytest.fixture
def by_hand(scene):
    """The app of the page, as its owner started it."""
    scene.engine.inspected.clear()
    scene.file.unlink()
    scene.by_hand(port=8000)
    scene.passes_to(8000)
    return scene


def said(scene, text):
    # The web of the page has a container_name, that of the scene has none.
    text = text.replace("shop-web-1 publishes", "shop publishes")
    return text.replace(str(scene.file), "/etc/nginx/conf.d/bluegreen-shop.conf").replace(str(scene.src), "/srv/shop")


def test_the_first_look_says_all_that_is_wrong(by_hand):
    lay(by_hand, files()[0], PORTS)
    by_hand.answer = Answer(404, "", 0.1)
    with pytest.raises(BluegreenError) as refusal:
        by_hand.open(check_mode=True, services=AUTO, release="1.4.2")
    assert_shown(blocks("text")[0], said(by_hand, refusal.value.message))
    (warning,) = by_hand.host.warnings
    assert "bluegreen_health_path" in warning


def test_with_what_it_says_the_second_look_has_a_plan(by_hand):
    inventory = yaml.safe_load(blocks("yaml")[1])
    ports, projects = inventory["bluegreen_ports"], inventory["bluegreen_projects"]
    lay(by_hand, files()[1], ports)
    by_hand.engine.images["redis:8"] = {"Id": "sha256:redis-1"}
    by_hand.rendered["shop"] = by_hand.rendered["blue"]
    by_hand.point_to(8000)
    del by_hand.engine.inspected["shop-beat"]
    opened = by_hand.open(
        check_mode=True,
        services={**AUTO, "ignored": inventory["bluegreen_ignored_services"]},
        colors={color: {"project": projects[color], "port": ports[color]} for color in ports},
        release="1.4.2",
    )
    assert_shown(blocks("text")[1], said(by_hand, "\n".join(opened["plan"])))
