# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which color is live, and whether the place of the other one is free."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.opening import (
    PORTS,
    Scene,
)


@pytest.mark.parametrize(
    "port, words, live, idle",
    [(18001, "", "blue", "green"), (18002, "", "green", "blue"), (18001, " down", "", "blue")],
)
def test_the_live_color_is_the_one_whose_port_nginx_has(monkeypatch, tmp_path, port, words, live, idle):
    scene = Scene(monkeypatch, tmp_path)
    if live:
        scene.live(live)
    scene.point_to(port, words)
    result = scene.open()
    assert (result["live"], result["idle"]) == (live, idle)


def test_without_the_file_no_color_is_live(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.file.unlink()
    result = scene.open()
    assert (result["live"], result["idle"], result["up_to_date"]) == ("", "blue", False)
    assert result["diff"]["before"] == ""


def test_a_file_that_points_to_neither_color_is_refused(scene):
    scene.point_to(8000)
    assert "sends requests to 127.0.0.1:8000, which is neither color" in scene.refusal()


@pytest.mark.parametrize("web", ["exited", "created"])
def test_a_live_color_that_does_not_run_is_refused(monkeypatch, tmp_path, web):
    scene = Scene(monkeypatch, tmp_path)
    scene.live(web=web)
    assert scene.refusal() == (
        "Nginx sends requests to blue (port 18001), but service web of project shop-blue does not run: start it, or, "
        f"if no color is to be live, remove {tmp_path / 'bluegreen-shop.conf'} and run ansible-playbook "
        "smallfleet.bluegreen.prepare."
    )


def test_a_live_color_under_another_name_is_told_the_name(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.engine.add("api", color="prod", app="store", published=18001)
    assert scene.refusal() == (
        "Nginx sends requests to blue (port 18001), which container store-prod-api-1 of project store-prod publishes, "
        "but the inventory has project 'shop-blue' (bluegreen_projects.blue) and web service 'web' (the first of "
        "bluegreen_web_services): set both to what runs."
    )


def test_an_idle_color_that_runs_is_refused(scene):
    scene.live("green", web="exited", redis="running")
    assert scene.refusal() == (
        "Color green is idle, but beat and worker of project shop-green run: stop them first (docker compose -p "
        "shop-green stop beat worker)."
    )


IGNORED = {"ignored": ["db", "adminer"]}


@pytest.mark.parametrize("running", [["db"], ["db", "adminer"]])
def test_an_ignored_service_of_the_idle_project_is_in_nobodys_way(scene, running):
    """Such as the database of an app that was adopted, which finish has left."""
    for service in running:
        scene.engine.add(service, color="green")
    for color in PORTS:
        scene.rendered[color]["services"].update(
            dict.fromkeys(IGNORED["ignored"], {"image": "postgres", "restart": "always"})
        )
    result = scene.open(services=IGNORED)
    assert result["changed"] is True
    assert not set(running) & set(result["fetch"]["services"])


@pytest.mark.parametrize(
    "service, services, sentence",
    [
        (
            "db",
            IGNORED,
            "bluegreen_ports.green is 18002, but container shop-green-db-1 (service db, bluegreen_ignored_services) "
            "holds that port: give the container another port in the Compose file, or choose another one for the "
            "color.",
        ),
        (
            "toolbox",
            IGNORED,
            "Color green is idle, but toolbox of project shop-green runs: stop it first (docker compose -p shop-green "
            "stop toolbox).",
        ),
    ],
)
def test_what_stands_in_the_way_of_the_idle_color_is_refused(scene, service, services, sentence):
    scene.engine.add(service, color="green", published=18002 if service == "db" else 0)
    for color in PORTS:
        scene.rendered[color]["services"].update(
            dict.fromkeys(IGNORED["ignored"], {"image": "postgres", "restart": "always"})
        )
    assert scene.refusal(services=services) == sentence


@pytest.mark.parametrize("served", [True, False])
def test_an_idle_color_that_nginx_serves_past_the_file_is_not_stopped(scene, served):
    scene.live("green")
    if served:
        scene.passes_to(18002)
    assert ("leave the project running, write http://shop there" in scene.refusal()) is served
    assert ("stop them first" in scene.refusal()) is not served


def test_an_idle_broker_may_run_because_it_may_hold_tasks(scene):
    scene.engine.add("redis", color="green")
    result = scene.open()
    assert result["fetch"]["leftover"] is True
    assert "fetch: tasks that the broker of shop-green still holds move to shop-blue" in result["plan"]


def test_a_stopped_idle_color_holds_no_tasks_for_anybody(scene):
    scene.engine.add("redis", color="green", status="exited")
    assert scene.open()["fetch"]["leftover"] is False


def test_another_support_service_holds_no_tasks(scene):
    scene.engine.add("cache", color="green")
    for color in PORTS:
        scene.rendered[color]["services"]["cache"] = {"image": "memcached", "restart": "always"}
    scene.hashes["cache"] = "hash-cache"
    assert scene.open(services={"support": ["redis", "cache"]})["fetch"]["leftover"] is False


def test_a_port_that_a_foreign_container_holds_is_refused(scene):
    scene.engine.add("grafana", color="1", app="monitoring", published=18002)
    assert scene.refusal() == (
        "bluegreen_ports.green is 18002, but container monitoring-1-grafana-1 holds that port: choose another port."
    )


def test_a_port_that_a_process_holds_is_refused(scene):
    scene.listeners = {18002: 812}
    assert scene.refusal() == (
        "bluegreen_ports.green is 18002, but python3 (process 812) listens on that port: choose another port."
    )


def test_a_port_that_somebody_out_of_sight_holds_is_refused(scene):
    scene.listeners = {18002: 0}
    assert "but a process that cannot be seen from here listens on that port" in scene.refusal()


def test_other_ports_may_be_held_by_anybody(scene):
    scene.listeners = {22: 1, 18001: 2, 18003: 3}
    assert scene.open()["changed"] is True
