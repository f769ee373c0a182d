# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app that runs by hand, beside colors that are not live yet."""

from __future__ import annotations

import json

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import (
    adoption_routes,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Completed
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.opening import (
    SERVICES,
    Scene,
)

ADOPTED = {"blue": {"project": "shop", "port": 8000}, "green": {"project": "shop-green", "port": 8001}}
UNUSED = "No server block uses the upstream shop: write proxy_pass http://shop; in the server block of this app."


def test_nginx_is_to_be_found_before_an_app_that_runs_by_hand_is_adopted(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)

    def refuse(seen):
        raise BluegreenError("No Nginx is there.")

    monkeypatch.setattr(adoption_routes, "of_seen", refuse)
    scene.point_to(18001, " down")
    scene.by_hand()
    assert scene.refusal() == "No Nginx is there."


def test_an_app_that_runs_by_hand_is_adopted_by_its_port(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    for service in SERVICES:
        labels = {"com.docker.compose.project": "blue-app", "com.docker.compose.service": service}
        container = scene.engine.add(service, published=18001 if service == "web" else 0)
        scene.engine.inspected[container]["Config"]["Labels"] = labels
    scene.rendered["green"]["name"] = "green-app"
    scene.rendered["app"] = scene.rendered["blue"]
    scene.host.programs["config --format"] = lambda argv: Completed(
        0, json.dumps(scene.rendered["blue" if "blue-app" in argv else "green"]), ""
    )
    colors = {"blue": {"project": "blue-app"}, "green": {"project": "green-app"}}
    assert scene.open(colors=colors)["live"] == "blue"
    assert [each["service"] for each in scene.store.load()["old_containers"]] == ["beat", "redis", "web", "worker"]


@pytest.mark.parametrize("file", ["none", "no live color"])
@pytest.mark.parametrize(
    "colors, folder",
    [
        # Nothing was said of it, its port alone, its project alone, and all of it while the file names no live color.
        ({}, ""),
        ({"blue": {"port": 8000}}, "/home/pi/shop"),
        ({"blue": {"project": "shop"}}, "/home/pi/shop"),
        (ADOPTED, ""),
    ],
)
def test_an_app_that_runs_and_is_served_is_adopted_and_never_stopped(monkeypatch, tmp_path, file, colors, folder):
    scene = Scene(monkeypatch, tmp_path)
    scene.by_hand(folder=folder)
    scene.passes_to(8000)
    scene.point_to(18001, " down", "# Written by smallfleet.bluegreen.\n")
    if file == "none":
        scene.file.unlink()
    # What Nginx itself has against it would lead visitors to an upstream without a server.
    scene.nginx_says = [UNUSED]
    rendered = scene.rendered["blue"]
    scene.host.programs["config --format"] = lambda argv: Completed(
        0, json.dumps(scene.rendered["green"] if "shop-green" in argv else rendered), ""
    )
    for color, port in ((c, g["port"]) for c, g in colors.items() if "port" in g):
        scene.rendered[color]["services"]["web"]["ports"][0]["published"] = str(port)
    refusal = scene.refusal(colors=colors)
    assert "and Nginx sends requests to it (/etc/nginx/site.conf:2)" in refusal
    assert "leave the app running, and adopt it as blue" in refusal and "stop" not in refusal
    assert f"The playbook writes blue as the live color into {scene.file}, and does not reload Nginx" in refusal
    assert "proxy_pass http://shop;\nin place of proxy_pass http://127.0.0.1:8000;" in refusal
    assert ("bluegreen_projects: {blue: shop, green: shop-green}" in refusal) is (
        "project" not in colors.get("blue", {})
    )
    assert ("bluegreen_ports: {blue: 8000, green: 1" in refusal) is ("port" not in colors.get("blue", {}))


@pytest.mark.parametrize("listeners, warned", [({8000: 812}, True), ({}, False)])
def test_before_the_first_deployment_it_is_said_what_an_upstream_without_a_server_does(
    monkeypatch, tmp_path, listeners, warned
):
    scene = Scene(monkeypatch, tmp_path)
    scene.point_to(18001, " down")
    scene.passes_to(8000)
    scene.listeners = listeners
    scene.nginx_says = [UNUSED]
    scene.refusal()
    sentence = (
        "No color is live yet, so requests that Nginx passes to http://shop get a 502 until the first deployment has "
        "switched Nginx: if visitors reach this app through /etc/nginx/site.conf:2 (port 8000: python3 (process 812)) "
        "now, change that only when they can wait that long."
    )
    assert scene.host.warnings == [sentence] * warned


def test_what_runs_beside_the_two_colors_is_warned_of(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.point_to(18001, " down")
    scene.by_hand()
    assert scene.open()["changed"] is True
    assert [words for words in scene.host.warnings if "beside the two colors" in words] != []


def test_a_file_that_somebody_else_wrote_is_not_left_to_prepare(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.point_to(18001, " down")
    scene.by_hand()
    scene.passes_to(8000)
    assert (
        f"Write this and nothing else into {scene.file} (ansible-playbook smallfleet.bluegreen.prepare does not write "
        in scene.refusal()
    )


def test_of_two_colors_that_run_the_one_that_nginx_serves_is_live(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.point_to(18001, " down", "# Written by smallfleet.bluegreen.\n")
    scene.live("blue")
    scene.live("green")
    scene.passes_to(18002)
    refusal = scene.refusal()
    assert "adopt it as green" in refusal and "upstream shop { server 127.0.0.1:18002; }" in refusal


def test_a_file_that_points_to_an_app_by_hand_is_told_its_names(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.point_to(8000)
    scene.by_hand(folder="/home/pi/shop")
    assert scene.refusal() == (
        f"{scene.file} sends requests to port 8000, which shop-web-1 of project shop publishes, but no color has this "
        "project and this port: leave the app running, and make it blue, the live color. Write into the inventory:\n"
        "bluegreen_projects: {blue: shop, green: shop-green}\n"
        "bluegreen_ports: {blue: 8000, green: 18002}\n"
        "Then deploy again."
    )


def test_a_live_color_of_another_project_is_told_its_name(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.by_hand(port=18001)
    assert (
        "make it blue, the live color. Write into the inventory:\nbluegreen_projects: {blue: shop, green: "
        "shop-green}\nThen" in (scene.refusal())
    )
