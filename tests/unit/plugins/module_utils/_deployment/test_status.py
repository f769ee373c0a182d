# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _http, _settings
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import queues as broker_queues
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import status as deployment_status
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import settings_file
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import log
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._process import Process
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._snapshot import file as snapshot_file
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import without_celery
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import LISTS, record

HEADER = "# Written by smallfleet.bluegreen for release 2 (deployment dep-0).\n"


@pytest.fixture
def scene(monkeypatch, tmp_path):
    made = Scene(monkeypatch, tmp_path)
    made.file.write_text(f"{HEADER}upstream shop {{ server 127.0.0.1:18002; }}\n")
    made.public = _http.Answer(200, "", 0.01)
    made.asked = []
    record(monkeypatch, made.asked, _http, "ask", lambda given: given, lambda given: made.public)
    return made


def info(scene, **changes):
    params = {"app": "shop", "colors": {}, "broker": {}, "nginx": {"file": str(scene.file)}, **changes}
    params["services"] = {**LISTS, **changes.get("services", {})}
    result = deployment_status.info(scene.host, scene.store, params)
    # It only looks.
    assert scene.calls == [] and scene.host.commands == [] and result["changed"] is False
    return result


def test_an_empty_host(scene):
    scene.file.unlink()
    result = info(scene)
    assert (result["live"], result["idle"], result["release"]) == ("", "", "")
    assert (result["app"], result["deployment"], result["history"], result["problems"]) == ("shop", None, [], [])
    assert result["colors"]["blue"]["health"] == "absent"
    assert result["summary"] == ["shop: no color is live."]


@pytest.mark.parametrize(
    "answer, problems",
    [
        ((200, ""), []),
        # The app's own business.
        ((404, ""), []),
        ((301, ""), []),
        ((500, ""), []),
        ((502, ""), ["Visitors get status 502 from https://127.0.0.1:8443/."]),
        ((0, "connection refused"), ["Visitors get no answer from https://127.0.0.1:8443/: connection refused."]),
    ],
)
def test_visitors_without_an_answer_are_a_problem(scene, answer, problems):
    """The file of a stopped Nginx names a color as that of a running one does."""
    scene.public = _http.Answer(*answer, 0.01)
    nginx = {
        "file": str(scene.file),
        "public_url": "https://127.0.0.1:8443/",
        "public_host": "shop.example.com",
        "validate_certs": False,
    }
    assert info(scene, nginx=nginx)["problems"] == problems
    (given,) = scene.asked
    assert (given["url"].port, given["host"], given["validate_certs"]) == (8443, "shop.example.com", False)


def test_what_the_last_pull_could_not_do_is_a_problem(scene):
    note = scene.store.path("pull-failed")
    with open(note, "w", encoding="utf-8") as file:
        file.write("The repository cannot be reached.\n")
    assert info(scene)["problems"] == ["The repository cannot be reached."]
    # Another user may have written it.
    os.chmod(note, 0o666)
    problem = info(scene)["problems"][-1]
    assert note in problem and "reached" not in problem


def test_where_nothing_is_live_no_visitor_is_expected(scene):
    scene.file.unlink()
    info(scene)
    assert scene.asked == []


@pytest.mark.parametrize(
    "url, queues", [("redis://queue/0", {"celery": 4}), ("redis://redis.lan/0", None), ("redis://redis/0", None)]
)
def test_the_live_color_tells_which_broker_to_look_at(scene, url, queues):
    scene.engine.add("queue", color="green")
    scene.engine.add("worker", color="green", Config__Env=[f"CELERY_BROKER_URL={url}"])
    scene.brokers["green"].tasks = {"celery": 4}
    assert info(scene, services={"support": ["redis", "queue"]})["queues"]["green"] == queues


def test_a_host_in_the_middle_of_a_deployment(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", beat="created")
    scene.engine.inspected["green-web"]["State"]["Health"] = {"Status": "unhealthy"}
    scene.brokers["blue"].tasks = {"mail": 1, "celery": 4}
    scene.deployment("start_workers", done=False)
    result = info(scene)
    assert (result["live"], result["idle"], result["release"]) == ("green", "blue", "2")
    assert result["queues"] == {"blue": {"mail": 1, "celery": 4}, "green": {}}
    green = result["colors"]["green"]
    assert (green["project"], green["port"], green["release"], green["health"]) == (
        "shop-green",
        18002,
        "2",
        "unhealthy",
    )
    assert green["containers"][0] == {
        "id": "green-beat",
        "name": "shop-green-beat-1",
        "service": "beat",
        "role": "workers",
        "status": "created",
        "health": "",
        "image": "registry/beat:1",
        "started_at": "",
        "restart_policy": "unless-stopped",
        "without_celery": False,
    }
    assert result["deployment"] == {
        "id": "dep-1",
        "who": "ada@laptop",
        "since": "2026-11-23T12:00:00Z",
        "step": "start_workers",
        "release": "2",
        "from": "blue",
        "to": "green",
        "going_back": False,
        "result": "",
        "reason": "",
        "held_by": [],
        "not_taken_back": "",
        "old_web": "running",
        "progress": None,
        "owner_alive": True,
    }
    assert result["summary"] == [
        "shop: green is live with release 2.",
        "blue (shop-blue): beat exited, redis running, web running, worker exited.",
        "blue: tasks wait: 4 in celery, 1 in mail.",
        "green (shop-green): beat created, redis running, web unhealthy, worker running.",
        "Deployment dep-1 of release 2 by ada@laptop is in step start_workers since 2026-11-23T12:00:00Z.",
    ]


def test_a_worker_whose_celery_has_ended_does_not_count_as_running(scene, monkeypatch):
    scene.color("green")
    for service, words in (("worker", "worker"), ("beat", "beat")):
        data = scene.engine.inspected[f"green-{service}"]
        data.update(Path="sh", Args=["-c", f"celery multi start w1 -A shop {words}; tail -f /dev/null"])
        data["State"]["Pid"] = 900 if service == "worker" else 950
    scene.engine.inspected["green-beat"].update(Path="celery", Args=["-A", "shop", "beat"])
    looks = []

    def processes(pids):
        looks.append(pids)
        return {
            900: [Process(900, 1, "tail", ["tail", "-f"])],
            950: [Process(950, 1, "celery", ["celery", "-A", "shop", "beat"])],
        }

    monkeypatch.setattr(without_celery, "processes_of_each", processes)
    result = info(scene)
    assert looks == [[900, 950]] or looks == [[950, 900]]
    lost = {each["service"]: each["without_celery"] for each in result["colors"]["green"]["containers"]}
    assert lost == {"beat": False, "redis": False, "web": False, "worker": True}
    assert (
        "green (shop-green): beat running, redis running, web running, worker running without Celery."
        in result["summary"]
    )


def test_held_tasks_are_shown_by_name_with_what_to_do(scene, monkeypatch):
    scene.color("green")
    scene.brokers["green"].tasks = {"celery": 1, "held": 3}
    monkeypatch.setattr(broker_queues, "parked_tasks", lambda broker: {"shop.new": 2, "shop.mail": 1})
    result = info(scene)
    assert result["held"] == {"blue": None, "green": {"shop.new": 2, "shop.mail": 1}}
    assert result["summary"][2:4] == [
        "green: tasks wait: 1 in celery.",
        "green: these tasks are parked, because the workers do not register them: shop.new (2), shop.mail (1). They "
        "continue with the next release that registers them, or with bluegreen_unknown_tasks: move.",
    ]


def test_a_move_that_takes_long_shows_how_far_it_is(scene):
    scene.deployment("handover", done=False, progress={"moved": 41_200, "of": 100_000})
    result = info(scene)
    assert result["deployment"]["progress"] == {"moved": 41_200, "of": 100_000}
    assert result["summary"][-1] == "Of 100000 tasks 41200 have moved so far."


def test_what_awaits_approval_has_no_owner_who_could_be_gone(scene):
    scene.color("green")
    scene.deployment("awaiting_approval")
    result = info(scene)
    assert result["deployment"]["owner_alive"] is False
    assert result["summary"][-1] == (
        "Deployment dep-1 of release 2 by ada@laptop awaits approval since 2026-11-23T12:00:00Z."
    )


def test_an_old_web_that_is_stopped_until_the_approval_is_explained(scene):
    scene.color("green")
    scene.deployment("awaiting_approval", old_web="stopped")
    result = info(scene)
    assert result["deployment"]["old_web"] == "stopped"
    assert result["summary"][-1] == (
        "The web of blue is stopped until the approval or a rollback, because this host has too little memory for both."
    )


def test_an_owner_that_is_gone(scene):
    scene.deployment("health")
    scene.host.clock.now += 1000
    assert info(scene)["deployment"]["owner_alive"] is False


def test_the_color_that_was_kept_has_its_release(scene):
    scene.color("green")
    scene.color("blue", "exited")
    snapshot_file.put(scene.store, "blue", {"release": "1", "containers": [], "networks": []})
    snapshot_file.keep(scene.store, "blue", ["worker"])
    result = info(scene)
    assert (result["colors"]["blue"]["release"], result["colors"]["blue"]["health"]) == ("1", "stopped")


def test_the_last_deployments(scene):
    with open(scene.store.path("history.jsonl"), "w", encoding="utf-8") as history:
        for number in range(23):
            entry = {
                "id": f"dep-{number}",
                "release": str(number),
                "result": "committed",
                "ended": "2026-11-20T09:15:31Z",
            }
            history.write(json.dumps(entry) + "\n")
    result = info(scene)
    assert [entry["id"] for entry in result["history"]] == [f"dep-{number}" for number in range(3, 23)]
    assert result["summary"][-1] == "Last deployment: release 22 was finished at 2026-11-20T09:15:31Z."


def test_since_when_the_color_is_live(scene):
    entry = {"id": "dep-0", "to": "green", "result": "committed", "started": "2026-11-20T09:15:02Z"}
    with open(scene.store.path("history.jsonl"), "w", encoding="utf-8") as history:
        history.write(json.dumps({**entry, "seconds": {"cutover": 2.0, "finish": 5.0}}) + "\n")
        for number in range(1, 23):
            history.write(json.dumps({"id": f"dep-{number}", "to": "blue", "result": "rolled_back"}) + "\n")
    # It is longer ago than what is shown.
    assert info(scene)["since"] == "2026-11-20T09:15:04Z"
    scene.file.unlink()
    assert info(scene)["since"] == ""


def test_services_of_the_live_color_without_a_container(scene):
    scene.color("green")
    scene.color("blue")
    del scene.engine.inspected["green-beat"], scene.engine.inspected["blue-beat"]
    colors = info(scene, services={"init": ["migrate"]})["colors"]
    assert colors["green"]["missing"] == [{"service": "beat", "role": "workers"}]
    assert colors["blue"]["missing"] == []


def test_memory_and_disk_of_the_host(scene):
    resources = info(scene)["resources"]
    assert resources["disk"]["path"] == scene.engine.root
    for room in resources.values():
        assert 0 <= room["available"] <= room["total"]


def test_what_cannot_be_read_is_warned_of_and_the_rest_is_shown(scene, monkeypatch):
    scene.color("blue")
    scene.file.write_text("upstream shop { server 127.0.0.1:9999; }\n")
    scene.deployment("health")
    for name in ("deployment.json", "deployment.json.previous"):
        with open(scene.store.path(name), "w", encoding="utf-8") as torn:
            torn.write("{")

    def fail(broker):
        raise BluegreenError(f"{broker.name} does not answer.")

    monkeypatch.setattr(broker_queues, "count_messages", fail)
    result = info(scene)
    assert (result["live"], result["deployment"], result["queues"]["blue"]) == ("", None, None)
    assert result["problems"] == scene.host.warnings
    neither, silent, corrupt = scene.host.warnings
    assert "sends requests to 127.0.0.1:9999, which is neither color" in neither
    assert silent == "shop-blue/redis does not answer."
    assert "cannot be read" in corrupt
    assert result["colors"]["blue"]["health"] == "running"


def test_a_broker_that_is_down_has_no_queues_to_show(scene):
    scene.color("blue", redis="exited")
    assert info(scene)["queues"]["blue"] is None


# Services that the user leaves to the Compose file

AUTO = {role: ["auto"] for role in LISTS}


def deployed(scene, **lists):
    """Leave the settings of a deployment with these services."""
    scene.store.create()
    params = {"app": "shop", "colors": {}, "services": {**LISTS, **lists}, "nginx": {}, "broker": {}}
    settings_file.write(scene.store, _settings.settings_of(params).journaled(), {}, None)


def roles_in(result, color="green"):
    return {each["service"]: each["role"] for each in result["colors"][color]["containers"]}


def test_services_that_the_last_deployment_found_have_its_roles(scene):
    scene.color("green")
    del scene.engine.inspected["green-beat"]
    deployed(scene)
    result = info(scene, services=AUTO)
    assert roles_in(result) == {"redis": "support", "web": "web", "worker": "workers"}
    assert result["colors"]["green"]["missing"] == [{"service": "beat", "role": "workers"}]


def test_a_list_of_the_user_wins_over_the_last_deployment(scene):
    scene.color("green")
    deployed(scene, workers=["worker"])
    assert roles_in(info(scene, services={**AUTO, "workers": ["beat"]})) == {
        "redis": "support", "web": "web", "worker": "", "beat": "workers"
    }


def test_before_the_first_deployment_containers_show_their_roles(scene):
    scene.engine.add("site", color="green", published=18002)
    scene.engine.add("jobs", color="green", Config__Cmd=["celery", "-A", "shop", "worker"])
    scene.engine.add("cache", color="green", Config__Image="redis:8")
    scene.engine.add("other", color="green")
    result = info(scene, services=AUTO)
    assert roles_in(result) == {"site": "web", "jobs": "workers", "cache": "support", "other": ""}
    assert result["colors"]["green"]["missing"] == []


def test_services_of_a_release_that_was_rolled_back_are_not_missed(scene):
    scene.color("green")
    deployed(scene, workers=["worker", "beat", "mailer"])
    log(scene.store, {"id": "dep-0", "result": "rolled_back", "release": "3", "ended": "2026-11-23T10:00:00Z"})
    assert info(scene, services=AUTO)["colors"]["green"]["missing"] == []
