# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError, Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import close
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.step import Step
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps import bg_health

URL = "http://127.0.0.1:18002/health/"
PARAMS = {
    "app": "shop",
    "deployment_id": "",
    "epoch": 0,
    **{name: option.get("default") for name, option in bg_health.ARGUMENTS.items()},
    "url": URL,
}


class Container:
    def __init__(self, name, running=True):
        self.name = name
        self.running = running


@pytest.fixture
def asked(host, monkeypatch, store):
    """What the module asked its libraries for."""
    asked = {}

    def of_project(engine, project, services):
        asked.update(project=project, services=services)
        return [Container("web"), Container("worker", running=False)]

    def wait_healthy(host, journal, settings, containers):
        asked.update(
            settings=settings, containers=[container.name for container in containers], step=journal.get("step")
        )
        return bg_health.wait_healthy_result

    monkeypatch.setattr(bg_health, "of_project", of_project)
    monkeypatch.setattr(bg_health, "wait_healthy", wait_healthy)
    monkeypatch.setattr(bg_health, "refuse_celery_in_webs", lambda webs, services: asked.update(webs=services))
    from ansible_collections.smallfleet.bluegreen.plugins.module_utils._health.gate import Health

    monkeypatch.setattr(bg_health, "wait_healthy_result", Health(3, 0.9, 200, 12), raising=False)
    return asked


def test_by_itself_it_watches_what_runs(host, asked):
    result = bg_health.health({**PARAMS, "project": "shop-green"}, host, False)
    assert result == {
        "changed": False,
        "attempts": 3,
        "seconds": 0.9,
        "status": 200,
        "latency_ms": 12,
        "failure": "",
        "logs": {},
    }
    assert (asked["project"], asked["services"], asked["containers"]) == ("shop-green", None, ["web"])
    assert asked["settings"] == (URL, "", (200,), 2.0, 0.3, 2, 60.0, True, "deadline")


def test_without_a_project_no_container_is_looked_at(host, asked):
    bg_health.health(PARAMS, host, False)
    assert asked["containers"] == []
    assert "project" not in asked


def test_a_project_that_does_not_run_is_named(host, asked, monkeypatch):
    monkeypatch.setattr(bg_health, "of_project", lambda *args: [Container("web", running=False)])
    with pytest.raises(BluegreenError, match="project is 'shop-green', but no container of that Compose project runs"):
        bg_health.health({**PARAMS, "project": "shop-green"}, host, False)


def test_within_a_deployment_it_is_a_step_of_it(host, asked, deployment):
    bg_health.health({**PARAMS, "deployment_id": "dep-1", "epoch": 1, "project": "shop-green"}, host, False)
    assert asked["containers"] == ["web", "worker"]
    assert asked["webs"] == {"web": ["web"]}
    assert asked["step"] == "health"
    assert deployment.store.load()["step"] == "health"
    assert deployment.store.load()["done"]


def test_a_failure_leaves_the_step_undone(host, asked, deployment, monkeypatch):
    def fail(*args):
        raise BluegreenError("not healthy")

    monkeypatch.setattr(bg_health, "wait_healthy", fail)
    with pytest.raises(BluegreenError):
        bg_health.health({**PARAMS, "deployment_id": "dep-1", "epoch": 1}, host, False)
    assert (deployment.store.load()["step"], deployment.store.load()["done"]) == ("health", False)


def test_while_approval_is_awaited_the_step_stays(host, asked, deployment):
    deployment.begin(Step.AWAITING_APPROVAL)
    deployment.done(Step.AWAITING_APPROVAL)
    bg_health.health({**PARAMS, "deployment_id": "dep-1", "epoch": 1}, host, False)
    assert (deployment.store.load()["step"], deployment.store.load()["done"]) == ("awaiting_approval", True)


@pytest.fixture
def soaking(host, asked, deployment, monkeypatch):
    """Run a function while the module waits for a deployment that awaits approval; the module looks again after it."""
    deployment.begin(Step.AWAITING_APPROVAL)
    deployment.done(Step.AWAITING_APPROVAL)

    def soak(meanwhile):
        def wait_healthy(host, journal, settings, containers):
            meanwhile(deployment.store)
            journal.renew_lease()
            return bg_health.wait_healthy_result

        monkeypatch.setattr(bg_health, "wait_healthy", wait_healthy)
        return bg_health.health({**PARAMS, "deployment_id": "dep-1", "epoch": 1, "project": "shop-green"}, host, False)

    return soak


def test_a_release_that_is_only_watched_can_be_undone_meanwhile(soaking):
    """A soak may take an hour, and the guard has to be able to go back within seconds."""

    def lock(store):
        with store.lock("the guard", wait=0):
            pass

    assert soaking(lock)["attempts"] == 3


@pytest.mark.parametrize(
    "meanwhile, message",
    [
        (lambda store: close(store, {"id": "dep-1"}), "an open deployment of app shop: it was ended in the meantime"),
        (lambda store: store.load().take_over(), "was taken over in the meantime"),
        (lambda store: store.load().note(rolling_back=True), "is being undone"),
    ],
)
def test_who_watches_a_release_notices_that_it_is_undone(soaking, meanwhile, message):
    with pytest.raises(Fenced, match=message):
        soaking(meanwhile)


@pytest.mark.parametrize("params", [{"deployment_id": "dep-0", "epoch": 1}, {"deployment_id": "dep-1", "epoch": 0}])
def test_a_stranger_is_refused(host, asked, deployment, params):
    with pytest.raises(Fenced):
        bg_health.health({**PARAMS, **params}, host, False)
    assert "settings" not in asked


def test_check_mode_asks_nothing(host, asked, deployment):
    result = bg_health.health({**PARAMS, "deployment_id": "dep-1", "epoch": 1}, host, True)
    assert (result["changed"], result["attempts"]) == (False, 0)
    assert asked == {}
    assert deployment.store.load()["step"] == "open"


@pytest.mark.parametrize(
    "params, message",
    [
        ({"app": "Shop"}, "app is 'Shop'"),
        ({"project": "a b"}, "project is 'a b'"),
        ({"timeout": 0.0}, "timeout is 0, but it must be more than 0."),
        ({"deadline": -1.0}, "deadline is -1, but it must be more than 0."),
        ({"successes": 0}, "successes is 0, but it must be more than 0."),
        ({"interval": -0.1}, "interval is -0.1, but it must be more than 0."),
        ({"deadline": 1e6}, "deadline is 1000000, but it must be at most 86400 seconds, which is a day."),
        ({"timeout": 5.0, "deadline": 2.0}, "timeout is 5 s and deadline is 2 s, but one attempt must fit"),
        ({"status": []}, "status is [], but"),
        ({"status": [200, 42]}, "status contains 42, but an HTTP status is from 100 to 599."),
    ],
)
def test_bad_input_is_one_sentence(host, asked, params, message):
    with pytest.raises(BluegreenError) as refusal:
        bg_health.health({**PARAMS, **params}, host, False)
    assert refusal.value.message.startswith(message)
    assert asked == {}
