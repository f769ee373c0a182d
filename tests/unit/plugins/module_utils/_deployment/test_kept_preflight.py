# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Back to the color that was kept."""

from __future__ import annotations

import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _settings
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment.end import end
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker import containers as docker_containers
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import settings_file
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import history_of, log
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery import recover as recovery
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery.request import Request
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._snapshot import (
    file as snapshot_file,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import (
    ALWAYS,
    LISTS,
)


def test_the_kept_color_comes_back_without_compose_and_its_files(kept):
    kept.host.programs.clear()
    result = kept.open(prefer="rollback", release="", project_src="/srv/none", pull="always")
    assert (result["changed"], result["live"], result["idle"], result["release"]) == (True, "blue", "green", "1")
    assert result["plan"][0] == "plan: shop: green becomes live (back to release 1, which was kept)"
    assert not [line for line in result["plan"] if line.startswith("fetch")]
    assert result["plan"][-1] == "finish: after approval, stop and keep shop-blue"
    assert (result["undecided"], result["fetch"]) == (False, {"leftover": False})
    journal = kept.store.load()
    assert journal["policies"] == kept.policies
    # Whoever goes back may want to come forward again.
    assert journal["old_color"] == "stopped"


def test_the_kept_color_goes_by_the_broker_that_its_containers_name(kept):
    kept.engine.inspected["blue-worker"]["Config"]["Env"] = ["CELERY_BROKER_URL=redis://redis.lan/0"]
    kept.engine.inspected["blue-redis"]["Config"]["Image"] = "cache:1"
    assert kept.open(prefer="rollback", release="")["broker"] == "shared"


def test_an_open_question_keeps_nobody_from_going_back(kept):
    kept.engine.inspected["blue-worker"]["Config"]["Env"] = ["REDIS_URL=redis://redis.lan/0"]
    result = kept.open(prefer="rollback", release="")
    assert result["broker"] == "color"
    assert "plan: broker color, each color has its own: by the lists of services" in result["plan"]


def test_without_lists_of_services_the_last_deployment_and_the_containers_have_them(kept):
    listed = kept.open(prefer="rollback", release="", check_mode=True)
    auto = {role: ["auto"] for role in ("web", "support", "init", "workers")}
    settings = _settings.settings_of({**kept.params, "services": LISTS})
    settings_file.write(kept.store, settings.journaled(), {}, None)
    assert kept.open(prefer="rollback", release="", check_mode=True, services=auto) == listed


def test_the_same_way_back_again_changes_nothing(kept):
    kept.host.programs.clear()
    kept.open(prefer="rollback", release="")
    again = kept.open(prefer="rollback", release="")
    assert (again["changed"], again["id"], again["release"], again["up_to_date"]) == (False, "dep-1", "1", False)


def test_nothing_was_kept(scene):
    assert scene.refusal(prefer="rollback") == (
        "Nothing to roll back: no deployment of app shop is open, and no old color was kept. Deploy the earlier "
        "release instead, or set bluegreen_old_color: stopped to keep the old color from the next deployment on."
    )


@pytest.mark.parametrize(
    "entry, way",
    [
        (
            {"result": "committed", "release_from": "1"},
            " (ansible-playbook smallfleet.bluegreen.deploy -e bluegreen_release=1)",
        ),
        # Nothing says which one was live before.
        ({"result": "committed", "release_from": ""}, ""),
        ({"result": "failed", "release_from": "1"}, ""),
    ],
)
def test_where_nothing_was_kept_the_release_from_before_is_named(scene, entry, way):
    scene.store.create()
    log(scene.store, {"id": "dep-0", "release": "2", "from": "green", "to": "blue", "ended": "", "reason": "", **entry})
    with pytest.raises(BluegreenError) as refusal:
        scene.open(prefer="rollback", release="")
    assert f"no old color was kept. Deploy the earlier release instead{way}, or set" in refusal.value.message


def created(scene, service):
    (found,) = docker_containers.of_project(scene.engine, "shop-green", [service])
    return found


def test_a_kept_color_that_somebody_removed_is_created_again(kept):
    kept.engine.prune()
    kept.engine.images["sha256:web-1"] = kept.engine.images.pop("registry/web:1")
    result = kept.open(prefer="rollback", release="")
    assert result["plan"][0] == (
        "plan: shop: green becomes live (back to release 1, which was kept; created again, because they were removed: "
        "shop-green-beat-1, shop-green-redis-1, shop-green-web-1, shop-green-worker-1)"
    )
    assert {each.status for each in docker_containers.of_project(kept.engine, "shop-green")} == {"created"}
    # The tag has moved on; what comes back is what was there.
    assert created(kept, "web").image == "sha256:web-1"
    journal = kept.store.load()
    assert journal["policies"][created(kept, "worker").id] == ALWAYS
    assert journal["recreated"][0] == "network shop-green_default"
    assert kept.host.warnings[-1].startswith("network shop-green_default, ")


def test_the_plan_creates_nothing(kept):
    kept.engine.prune()
    assert kept.open(check_mode=True, prefer="rollback", release="")["changed"] is True
    assert kept.host.calls == []


def test_a_kept_color_that_cannot_be_created_again_is_refused(kept):
    kept.engine.prune()
    del kept.engine.images["registry/worker:1"]
    with pytest.raises(BluegreenError) as refusal:
        kept.open(prefer="rollback", release="")
    assert refusal.value.message == (
        "Container shop-green-worker-1 was removed by somebody, and its image registry/worker:1 (sha256:worker-1) is "
        "no longer on this host (docker system prune -a removes images too): bring exactly that image back with docker "
        "pull or docker load, then run ansible-playbook smallfleet.bluegreen.rollback again."
    )
    assert kept.host.calls == []
    assert kept.store.load() is None


def test_a_kept_color_whose_place_a_later_release_has_taken_is_refused(kept):
    kept.engine.inspected["green-worker"].update(Id="green-worker-2", Image="sha256:worker-2")
    kept.engine.inspected["green-worker-2"] = kept.engine.inspected.pop("green-worker")
    with pytest.raises(BluegreenError) as refusal:
        kept.open(prefer="rollback", release="")
    assert refusal.value.message == (
        "Containers of the kept color green were replaced by others (shop-green-worker-1): deploy release 1 again "
        "instead."
    )
    assert kept.host.calls == []


def test_a_way_back_that_fails_at_its_begin_keeps_nobody_out(kept, monkeypatch):
    kept.engine.prune()

    def refuse(name, body):
        raise EngineError("no space left on device", 500)

    monkeypatch.setattr(kept.engine, "create", refuse)
    with pytest.raises(BluegreenError, match=r"shop-green-beat-1 of color green .* \(no space left on device\)"):
        kept.open(prefer="rollback", release="")
    assert kept.store.load() is None
    assert history_of(kept.store)[-1]["result"] == "rolled_back"


def test_a_way_back_that_failed_is_tried_again_by_the_same_command(kept):
    """Else a release that is live and bad would stay, and the rollback would pass for done."""
    kept.open(prefer="rollback", release="")
    undo = Request(prefer="rollback")
    end(kept.store, kept.store.load(), "rolled_back", "green is not healthy.")
    assert history_of(kept.store)[-1]["to_kept"] is True
    found = recovery.recover(kept.host, kept.store, undo, check_mode=False)
    assert (found["found"], found["already"], found["again"], found["kept"]) == (False, False, True, "1")
    assert kept.open(prefer="rollback", release="", deployment_id="dep-2")["release"] == "1"


def test_a_release_that_was_undone_was_on_no_way_to_a_kept_color(kept):
    kept.open(release="3")
    end(kept.store, kept.store.load(), "rolled_back", "green is not healthy.")
    assert "to_kept" not in history_of(kept.store)[-1]
    assert snapshot_file.kept_color(kept.store)["color"] == "green"


def test_what_brings_the_live_color_back_is_written_down(scene):
    scene.of_release("1")
    scene.engine.inspected["blue-web"]["Config"]["Env"] = ["PASSWORD=secret"]
    # No color starts it, so nobody has to bring it back.
    scene.engine.add("db")
    scene.open()
    remembered = snapshot_file.of_color(scene.store, "blue")
    assert remembered["release"] == "1"
    assert [each["name"] for each in remembered["containers"]] == [
        f"shop-blue-{service}-1" for service in ("beat", "redis", "web", "worker")
    ]
    assert [each["Name"] for each in remembered["networks"]] == ["shop-blue_default"]
    assert os.stat(scene.store.path("containers.json")).st_mode & 0o777 == 0o600
    # A secret is there, and nowhere else.
    for name in os.listdir(scene.store.folder):
        if name != "containers.json":
            with open(scene.store.path(name), encoding="utf-8") as file:
                assert "secret" not in file.read()


def test_the_color_that_is_kept_is_not_forgotten_for_the_live_one(kept):
    kept.open(release="3")
    assert snapshot_file.kept_color(kept.store)["color"] == "green"
    assert snapshot_file.of_color(kept.store, "blue") is not None
