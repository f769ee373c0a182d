# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Compose files, Nginx, the engine and the broker, as they are checked before a deployment."""

from __future__ import annotations

import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis import RedisError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import (
    renderings,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import (
    adoption_routes,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Completed
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    preflight as nginx_preflight,
    running as nginx_running,
    served_files,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.opening import (
    PORTS,
    REAL,
    Scene,
)


@pytest.mark.parametrize("name", ["BG_COLOR", "BG_PORT", "BG_PROJECT", "BG_RELEASE"])
def test_names_that_the_role_sets_itself_are_refused(scene, name):
    assert scene.refusal(colors={"green": {"env": {name: "x"}}}) == (
        f"bluegreen_env sets {name}, which the role sets itself: remove it, or choose another name."
    )


def test_each_color_is_rendered_with_variables_of_its_own(scene):
    scene.open(colors={"green": {"env": {"A": "1"}}}, check_mode=True)
    assert scene.seen_env == {
        "shop-blue": "BG_COLOR='blue'\nBG_PORT='18001'\nBG_PROJECT='shop-blue'\nBG_RELEASE='2'\n",
        "shop-green": "A='1'\nBG_COLOR='green'\nBG_PORT='18002'\nBG_PROJECT='shop-green'\nBG_RELEASE='2'\n",
    }


def test_the_env_files_of_a_look_are_gone_after_it(scene, monkeypatch, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(renderings.tempfile, "tempdir", str(scratch))
    scene.open(check_mode=True)
    assert os.listdir(scratch) == []
    scene.host.programs["config --format"] = Completed(1, "", "yaml: line 3: did not find expected key")
    scene.refusal()
    assert os.listdir(scratch) == []


def test_all_that_is_wrong_in_the_compose_file_is_said_at_once(scene):
    for color in PORTS:
        scene.rendered[color]["services"]["redis"]["container_name"] = "redis"
        scene.rendered[color]["services"]["db"] = {"image": "postgres:16", "restart": "always"}
    with pytest.raises(BluegreenError) as refusal:
        scene.open()
    assert len(refusal.value.details["findings"]) == 2
    assert refusal.value.message == "\n".join(refusal.value.details["findings"])
    assert scene.untouched()


def test_warnings_stop_nothing(scene):
    for color in PORTS:
        del scene.rendered[color]["services"]["worker"]["restart"]
    assert scene.open()["changed"] is True
    assert scene.host.warnings == [
        "Service worker has no restart policy, so it would not restart after a reboot: give it restart: unless-stopped."
    ]


def test_files_that_nginx_serves_are_looked_at_with_what_the_color_has(scene, monkeypatch):
    seen = []
    monkeypatch.setattr(
        served_files,
        "find_warnings",
        lambda host, asked, rendered, services, release: seen.append(rendered) or ["Nginx serves."],
    )
    for color in PORTS:
        services = scene.rendered[color]["services"]
        services["db"] = {"image": "postgres:16", "container_name": "db"}
        services["web"]["depends_on"] = {
            "db": {"condition": "service_started"},
            "redis": {"condition": "service_started"},
        }
    scene.params["services"] = {"ignored": ["db"]}
    assert scene.open()["changed"] is True
    assert "Nginx serves." in scene.host.warnings
    # What no color starts is not waited for, and not hashed.
    assert [list(each["services"]["web"]["depends_on"]) for each in seen[0].values()] == [["redis"], ["redis"]]


@pytest.mark.parametrize("live", [True, False])
def test_nginx_is_asked_for_its_configuration_once(monkeypatch, tmp_path, live):
    scene, asked = Scene(monkeypatch, tmp_path), []

    class Running:
        prefix = "/usr/share/nginx"
        container = file = ""

        def __init__(self, host, nginx):
            asked.append("found")

        def check(self):
            asked.append("nginx -T")
            return nginx_running.Checked(
                True, "", "# configuration file /etc/nginx/nginx.conf:\nhttp { root /srv/static; }\n"
            )

        def written_as(self):
            return {}

    monkeypatch.setattr(adoption_routes, "of_seen", REAL["of_seen"])
    monkeypatch.setattr(nginx_preflight, "preflight", REAL["preflight"])
    monkeypatch.setattr(nginx_running, "Running", Running)
    monkeypatch.setattr(nginx_preflight, "_public_side", lambda *about: None)
    monkeypatch.setattr(nginx_preflight, "_answer_findings", lambda *about: ([], []))
    monkeypatch.setattr(nginx_preflight.routes, "findings", lambda *about: [])
    for color in PORTS:
        mount = {"type": "bind", "source": "/srv/static", "target": "/static"}
        scene.rendered[color]["services"]["web"]["volumes"] = [mount]
    if live:
        scene.live()
    else:
        scene.point_to(18001, " down")
        scene.by_hand()
    assert scene.open(release="2")["changed"] is True
    # Each of the parts got something to look at.
    assert live or any("beside the two colors" in words for words in scene.host.warnings)
    assert any("serves files from /srv/static" in words for words in scene.host.warnings)
    assert asked == ["found", "nginx -T"]


def test_an_engine_that_is_down_is_the_first_thing_said(scene, monkeypatch):
    def refuse():
        raise EngineError("The Docker Engine does not answer: start it.")

    monkeypatch.setattr(scene.engine, "ping", refuse)
    assert scene.refusal(project_src="/srv/none") == "The Docker Engine does not answer: start it."


def test_a_folder_that_is_not_there_is_refused_before_compose_is_asked(scene):
    del scene.host.programs["compose version"]
    assert "bluegreen_project_src is '/srv/none', but there is no such folder" in scene.refusal(project_src="/srv/none")


def test_an_old_compose_is_refused(scene):
    scene.host.programs["compose version"] = Completed(0, "2.21.0\n", "")
    assert "Docker Compose is 2.21.0 on this host, but 2.22 or later is needed" in scene.refusal()


def test_what_nginx_has_against_it_is_refused(scene):
    scene.nginx_says = ["Nginx is broken already.", "And more."]
    assert scene.refusal() == "Nginx is broken already.\nAnd more."


def test_nginx_is_told_what_else_the_live_color_publishes(scene):
    scene.engine.add("web", published=18001)
    scene.engine.add("worker", published=15555)
    # Nothing of the app's own is moved.
    scene.engine.add("grafana", published=13000)
    scene.nginx_says = ["Stop here."]
    assert scene.refusal() == "Stop here."
    assert scene.published == {15555: "worker"}


def test_a_release_outside_of_the_grammar_is_refused(scene):
    assert "bluegreen_release is '-1', but it must begin with" in scene.refusal(release="-1")


def test_the_broker_is_found_in_the_compose_file(scene):
    scene.environment("worker", CELERY_BROKER_URL="redis://:hunter2@cache:6379/0")
    for color in PORTS:
        scene.rendered[color]["services"]["cache"] = {"image": "redis:8", "restart": "always"}
    scene.hashes["cache"] = "hash-cache"
    result = scene.open(services={"support": ["redis", "cache"]})
    assert (result["broker"], result["broker_service"]) == ("color", "cache")
    assert (
        "plan: broker color, each color has its own: CELERY_BROKER_URL of service worker is redis://cache:6379/0, and "
        "cache is a support service" in result["plan"]
    )
    assert scene.store.load()["settings"]["broker"] == {"mode": "color", "service": "cache", "url": ""}
    again = scene.open(services={"support": ["redis", "cache"]})
    assert (again["broker"], again["broker_service"]) == ("color", "cache")


def test_a_shared_broker_that_is_found_is_used_as_far_as_it_is_known(scene):
    scene.environment("worker", CELERY_BROKER_URL="redis://:hunter2@redis.lan:6379/0")
    result = scene.open(services={"support": [], "ignored": ["redis"]})
    assert result["broker"] == "shared"
    assert not [line for line in result["plan"] if line.startswith("handover")]
    with open(scene.store.path("deployment.json"), encoding="utf-8") as source:
        assert "hunter2" not in source.read()
    assert scene.store.broker_url() == "redis://:hunter2@redis.lan:6379/0"


def test_a_broker_that_contradicts_the_variables_is_refused(scene):
    scene.environment("worker", CELERY_BROKER_URL="amqp://:hunter2@redis//")
    assert scene.refusal().startswith(
        "CELERY_BROKER_URL of service worker is amqp://redis//, and redis is a support service, but tasks can be moved"
    )


def test_a_url_that_cannot_be_read_is_warned_of(scene):
    scene.environment("worker", CELERY_BROKER_URL="redis://:hun/ter2@redis/0")
    assert scene.open()["broker"] == "color"
    assert ["cannot be read" in sentence for sentence in scene.host.warnings] == [True]


def test_what_the_compose_file_has_wrong_is_said_before_what_follows_from_it(scene):
    scene.environment("worker", CELERY_BROKER_URL="redis://redis.lan/0")
    message = scene.refusal(services={"support": ["reddis"]}, broker={"mode": "color"})
    assert "reddis" in message and "CELERY_BROKER_URL" not in message


class Locked:
    container = None

    def __init__(self, code):
        self.code = code

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        pass

    def databases(self):
        raise RedisError("Redis at 10.0.0.2:6379 asks for a password.", self.code)


def test_a_redis_that_lets_nobody_in_is_refused_before_anything_is_touched(scene):
    scene.redis = Locked("NOAUTH")
    assert scene.refusal() == "Redis at 10.0.0.2:6379 asks for a password."


def test_a_redis_that_cannot_be_asked_is_no_obstacle(scene):
    scene.redis = Locked("")
    assert scene.open()["changed"] is True
    assert scene.host.warnings == []


def test_code_that_is_mounted_is_warned_of(scene):
    (scene.folder / "src" / "shop.py").write_text("")
    for color in PORTS:
        scene.rendered[color]["services"]["web"]["volumes"] = [
            {"type": "bind", "source": str(scene.src), "target": "/app"}
        ]
    assert scene.open()["changed"] is True
    assert [sentence.partition(":")[0] for sentence in scene.host.warnings] == [
        f"{scene.src} holds code and is mounted into web"
    ]
