# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that stands against a deployment is said in one run, and services find their roles by themselves."""

from __future__ import annotations

import json

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _settings
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Completed
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._http import Answer
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import settings_file
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import unlisted
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import HEALTH
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import LISTS
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.opening import PORTS

AUTO = {role: ["auto"] for role in ("web", "support", "init", "workers")}


def findings_of(scene, check_mode=True, **params):
    with pytest.raises(BluegreenError) as refusal:
        scene.open(check_mode=check_mode, **params)
    assert scene.untouched()
    return refusal.value.details["findings"], refusal.value.message


def commands(scene):
    """The Compose file of a user who lists no services."""
    for color in PORTS:
        services = scene.rendered[color]["services"]
        services["worker"]["command"] = ["celery", "-A", "shop", "worker"]
        services["beat"]["command"] = ["celery", "-A", "shop", "beat"]


def fixed(scene, service, **settings):
    for color in PORTS:
        scene.rendered[color]["services"][service].update(settings)


TEN = (
    "Service redis has container_name: redis",
    "Service beat publishes host port 5555 in both colors",
    "Network default has the fixed name shop_net",
    "/srv/redis is mounted into redis of both colors",
    "bluegreen_broker is shared, but CELERY_BROKER_URL of service worker is redis://redis/0",
    "bluegreen_init_before_stop names 'migrate'",
    "bluegreen_ports.blue is 18001, but python3 (process 7) listens on that port",
    "Image registry/beat:1 of service beat is not on this host",
    "site.conf:3 does not pass to shop.",
    "Not enough disk space for the journal",
)


def ten_faults(scene):
    """An app that was never deployed, on a host that was prepared."""
    scene.engine.inspected.clear()
    scene.point_to(18001, " down")
    commands(scene)
    fixed(scene, "redis", container_name="redis", volumes=[{"type": "bind", "source": "/srv/redis", "target": "/data"}])
    fixed(scene, "beat", ports=[{"target": 5555, "published": "5555"}])
    for color in PORTS:
        scene.rendered[color]["networks"] = {"default": {"name": "shop_net"}}
        for service in scene.rendered[color]["services"].values():
            service["networks"] = {"default": None}
    scene.environment("worker", CELERY_BROKER_URL="redis://redis/0")
    scene.listeners = {18001: 7}
    del scene.engine.images["registry/beat:1"]
    scene.nginx_says = ["site.conf:3 does not pass to shop."]
    scene.disk[scene.store.folder] = 1024 * 1024
    return {"services": AUTO, "broker": {"mode": "shared"}, "init_before_stop": ["migrate"], "pull": "never"}


def test_ten_faults_are_named_in_one_run(scene):
    findings, message = findings_of(scene, **ten_faults(scene))
    for words in TEN:
        assert [words for sentence in findings if words in sentence] == [words], findings
    assert len(findings) == len(TEN)


def test_the_run_ends_with_what_would_be_done(scene):
    findings, message = findings_of(scene, **ten_faults(scene))
    said, dummy, plan = message.partition("\nWith all of this corrected, the deployment would do this:\n")
    assert said == "\n".join(findings)
    assert plan.splitlines()[:5] == [
        "plan: shop: blue becomes live (first deployment)",
        "plan: redis: support service, it runs Redis or Valkey",
        "plan: web: web service, it publishes ${BG_PORT}",
        "plan: worker: worker service, its command is a Celery worker",
        "plan: beat: worker service, its command is a Celery beat",
    ]
    assert "start_candidate: start redis, web of shop-blue" in plan


def test_only_a_look_ends_with_a_plan(scene):
    findings, message = findings_of(scene, check_mode=False, **ten_faults(scene))
    assert message == "\n".join(findings)


def test_files_that_cannot_be_read_do_not_hide_what_else_is_wrong(scene):
    scene.point_to(18001, " down")
    scene.host.programs["config --format"] = Completed(1, "", "yaml: line 3: did not find expected key")
    scene.nginx_says = ["site.conf:3 does not pass to shop."]
    findings, message = findings_of(scene, services=AUTO)
    assert [sentence.split()[0] for sentence in findings] == ["bluegreen_project_src", "site.conf:3"]
    assert message == "\n".join(findings)


def test_a_file_that_names_no_color_does_not_hide_what_else_is_wrong(scene):
    scene.point_to(9999)
    fixed(scene, "redis", container_name="redis")
    findings, message = findings_of(scene)
    assert ["9999" in sentence or "container_name" in sentence for sentence in findings] == [True, True]
    # Nobody knows which color comes next.
    assert "would do" not in message


def test_an_engine_that_does_not_answer_is_the_only_finding(scene, monkeypatch):
    def ping():
        raise EngineError("The Docker Engine does not answer.")

    monkeypatch.setattr(scene.engine, "ping", ping)
    assert scene.refusal(EngineError) == "The Docker Engine does not answer."


def test_variables_are_all_refused_at_once(scene):
    findings, dummy = findings_of(scene, services={"web": []}, release="a b", revert_after=3, approval_timeout=-1)
    assert [sentence.split()[0] for sentence in findings] == [
        "bluegreen_web_services",
        "bluegreen_release",
        "bluegreen_revert_after",
        "bluegreen_approval_timeout",
    ]


# Services that find their roles


def test_the_lists_that_were_found_are_journaled(scene):
    commands(scene)
    result = scene.open(services={**AUTO, "ignored": []})
    lists = {"support": ["redis"], "init": [], "web": ["web"], "workers": ["worker", "beat"], "ignored": []}
    assert result["services"] == lists
    for name in ("deployment.json", "settings.json"):
        with open(scene.store.path(name), encoding="utf-8") as source:
            settings = json.load(source)["settings"]
        assert settings["services"] == lists
        assert "auto" not in settings
        assert settings["broker"]["mode"] == "color"


def test_the_plan_says_why_each_service_has_its_role_unless_all_are_listed(scene):
    commands(scene)
    reason = "plan: worker: worker service, its command is a Celery worker"
    assert reason in scene.open(check_mode=True, services=AUTO)["plan"]
    mixed = scene.open(check_mode=True, services={**AUTO, "workers": ["worker", "beat"]})["plan"]
    assert "plan: worker: worker service, bluegreen_worker_services names it" in mixed
    assert not [line for line in scene.open(check_mode=True)["plan"] if "worker service" in line]


def test_a_service_without_a_role_is_refused(scene):
    commands(scene)
    for color in PORTS:
        scene.rendered[color]["services"]["db"] = {"image": "postgres:16", "restart": "always"}
    (finding,), message = findings_of(scene, services=AUTO)
    assert finding.startswith("Service 'db' of the Compose file has no role, because it stores data, and")


@pytest.mark.parametrize(
    "health, wrong",
    [
        ({"path": "health"}, "bluegreen_health_path is 'health', but"),
        ({"status": []}, "bluegreen_health_status is [], but"),
    ],
)
def test_a_wrong_health_check_hides_nothing_else(scene, health, wrong):
    fixed(scene, "redis", container_name="redis")
    findings, _message = findings_of(scene, health={**HEALTH, **health})
    assert [sentence.startswith(start) for sentence, start in zip(findings, (wrong, "Service redis has"))] == [True] * 2


def test_what_two_colors_cannot_share_is_said_of_a_service_without_a_role_too(scene):
    commands(scene)
    for color in PORTS:
        scene.rendered[color]["services"]["flower"] = {
            "image": "mher/flower:2",
            "restart": "always",
            "ports": [{"target": 5555, "published": "5555", "host_ip": "", "protocol": "tcp"}],
        }
    findings, _message = findings_of(scene, services=AUTO)
    assert [sentence.partition(" in both")[0] for sentence in findings[1:]] == [
        "If a color is to start flower: Service flower publishes host port 5555"
    ]


def test_a_database_without_a_role_hides_nothing_about_the_broker(scene):
    commands(scene)
    for color in PORTS:
        services = scene.rendered[color]["services"]
        services["db"] = {"image": "postgres:16", "restart": "always"}
        services["worker"]["environment"] = {"CELERY_BROKER_URL": "rediss://redis/0"}
    findings, message = findings_of(scene, services=AUTO)
    assert [sentence.partition(" of ")[0] for sentence in findings] == ["Service 'db'", "CELERY_BROKER_URL"]
    assert "plan: broker" not in message


def test_a_worker_behind_a_script_is_not_taken_for_one_that_was_dropped(scene, monkeypatch):
    commands(scene)
    monkeypatch.setattr(unlisted, "is_celery", lambda container: container.service in ("worker", "beat"))
    fixed(scene, "worker", command=["/start.sh"], image="registry/shop:1")
    fixed(scene, "beat", command=["/start.sh"], image="registry/shop:1")
    fixed(scene, "web", image="registry/shop:1")
    findings, message = findings_of(scene, services=AUTO)
    assert [sentence.partition(" of ")[0] for sentence in findings] == ["Service 'beat'", "Service 'worker'"]
    assert all("bluegreen_worker_services: [beat, worker]" in sentence for sentence in findings)
    assert scene.host.warnings == []


def test_an_image_that_is_not_here_yet_leaves_the_role_of_the_last_deployment(scene):
    commands(scene)
    for color in PORTS:
        scene.rendered[color]["services"]["jobs"] = {"image": "registry/jobs:2", "restart": "always"}
    assert "jobs" in findings_of(scene, services=AUTO)[0][0]
    listed = _settings.settings_of({**scene.params, "services": {**LISTS, "workers": ["worker", "beat", "jobs"]}})
    scene.store.create()
    settings_file.write(scene.store, listed.journaled(), {}, None)
    plan = scene.open(check_mode=True, services=AUTO)["plan"]
    reason = "as in the last deployment, because its image registry/jobs:2 is not here yet"
    assert f"plan: jobs: worker service, {reason}" in plan


def test_a_web_that_starts_celery_too_is_refused_in_one_sentence(scene):
    commands(scene)
    fixed(scene, "web", command=["sh", "-c", "celery -A shop worker & exec gunicorn shop.wsgi"])
    (finding,), message = findings_of(scene, services=AUTO)
    assert "starts a Celery worker beside the web" in finding


# The health path, asked of the live web


@pytest.mark.parametrize(
    "answer, way",
    [
        (Answer(404, "", 0.1), "set bluegreen_health_path, which is /health/, to a path that it answers"),
        (Answer(400, "", 0.1), "set bluegreen_health_host, which is empty, so the app is asked for 127.0.0.1, to a"),
        (Answer(301, "", 0.1, "https://shop.example/"), "it redirects to https://shop.example/, so set"),
        (Answer(403, "", 0.1), "to a path that needs no login"),
        (Answer(500, "", 0.1), "look at the log of the web"),
    ],
)
def test_a_live_web_that_does_not_answer_the_health_check_is_warned_of(scene, answer, way):
    scene.answer = answer
    assert scene.open(check_mode=True)["changed"] is True
    (warning,) = scene.host.warnings
    assert f"The web that runs answers http://127.0.0.1:18001/health/ with status {answer.status}, not 200" in warning
    assert way in warning


def test_a_web_started_by_hand_is_asked_too(scene):
    scene.engine.inspected.clear()
    scene.point_to(18001, " down")
    scene.by_hand(port=8000)
    scene.passes_to(8000)
    scene.answer = Answer(404, "", 0.1)
    findings_of(scene)
    assert any("http://127.0.0.1:8000/health/ with status 404" in warning for warning in scene.host.warnings)


@pytest.mark.parametrize("answer", [Answer(200, "", 0.1), Answer(0, "connection refused", 0.1)])
def test_a_web_that_answers_well_or_not_at_all_is_not_warned_of(scene, answer):
    scene.answer = answer
    scene.open(check_mode=True)
    assert scene.host.warnings == []
