# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is there anything to deploy, and what Compose is asked for it: each question starts its 60 MB."""

from __future__ import annotations

import json
import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import (
    config_hash,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment.end import end
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError, Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Completed
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import log
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.opening import (
    PORTS,
    SERVICES,
    Scene,
    pending,
)

RENDER, HASH, VERSION = "config --format json", "config --no-normalize --hash *", "version --short"


def test_the_same_release_again_is_up_to_date(scene):
    scene.of_release("2")
    result = scene.open()
    assert (result["changed"], result["up_to_date"], result["plan"], result["id"]) == (False, True, [], "")
    # Nothing is asked to see whether a switch could be proved.
    assert scene.switches is False
    assert "diff" not in result
    assert scene.untouched()


def asked(scene):
    """What Compose is asked from here on, for which color."""
    found, run = [], scene.host.run

    def noting(argv, **options):
        words = " ".join(argv)
        if "compose" in argv:
            color = next((f"{color}: " for color in PORTS if f"shop-{color}" in argv), "")
            found.append(color + next(question for question in (RENDER, HASH, VERSION) if words.endswith(question)))
        return run(argv, **options)

    scene.host.run = noting
    return found


def labelled(scene):
    """The live containers have the hashes that Compose makes of their services."""
    for service in SERVICES:
        label = config_hash._hash(scene.rendered["blue"]["services"][service], config_hash._NEVER)
        scene.engine.inspected[f"blue-{service}"]["Config"]["Labels"]["com.docker.compose.config-hash"] = label


@pytest.mark.parametrize("image", ["registry/web:1", "bluegreen-demo:2"])
def test_the_same_release_again_is_proved_by_the_live_color_alone(scene, image):
    scene.of_release("2")
    scene.engine.images[image] = {"Id": "sha256:web-1", "Size": 1}
    for color in PORTS:
        scene.rendered[color]["services"]["web"]["image"] = image
    labelled(scene)
    questions = asked(scene)
    assert scene.open()["up_to_date"] is True
    assert questions == [VERSION, f"blue: {RENDER}"]


def test_what_is_not_proved_is_asked_of_compose_once(scene):
    scene.of_release("2")
    questions = asked(scene)
    assert scene.open()["up_to_date"] is True
    assert questions == [VERSION, f"blue: {RENDER}", f"blue: {HASH}"]
    scene.hashes["worker"] = "other"
    del questions[:]
    assert "configuration of worker differs" in scene.open(check_mode=True)["plan"][0]
    assert questions == [VERSION, f"blue: {RENDER}", f"blue: {HASH}", f"green: {RENDER}"]


def test_another_release_needs_no_hashes(scene):
    scene.of_release("1")
    scene.hashes["worker"] = "other"
    questions = asked(scene)
    assert scene.open()["plan"][0] == "plan: shop: green becomes live (release 1 becomes 2)"
    assert questions == [VERSION, f"blue: {RENDER}", f"green: {RENDER}"]


def test_a_first_deployment_needs_no_hashes(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.point_to(18001, " down")
    questions = asked(scene)
    scene.open()
    assert questions == [VERSION, f"blue: {RENDER}", f"green: {RENDER}"]


def test_once_the_images_are_here_the_live_color_alone_is_compared(scene):
    scene.of_release("2")
    labelled(scene)
    scene.open(pull="always")
    scene.live("green")
    questions = asked(scene)
    assert scene.open(pull="always")["up_to_date"] is True
    assert questions == [f"blue: {RENDER}"]


@pytest.mark.parametrize("image", ["registry/shop-green:1", "registry/web:green", "registry/green_web:1"])
def test_where_each_color_has_images_of_its_own_both_are_looked_at(scene, image):
    """Somebody built the next one for green: under the same label it is another release."""
    scene.of_release("2")
    labelled(scene)
    scene.rendered["blue"]["services"]["web"]["image"] = image.replace("green", "blue")
    scene.rendered["green"]["services"]["web"]["image"] = image
    scene.engine.images[image.replace("green", "blue")] = {"Id": "sha256:web-1", "Size": 1}
    scene.engine.images[image] = {"Id": "sha256:web-2", "Size": 1}
    labelled(scene)
    assert scene.open()["plan"][0].endswith("(image of web differs)")


def test_a_service_that_is_gone_from_the_file_is_named_and_no_crash(scene):
    scene.of_release("2")
    for color in PORTS:
        del scene.rendered[color]["services"]["beat"]
    assert "bluegreen_worker_services names 'beat', but the Compose file has no such service" in scene.refusal()


def test_the_version_of_compose_is_asked_for_once(scene, plugin):
    scene.of_release("1")
    questions = asked(scene)
    scene.open(check_mode=True)
    assert scene.untouched()
    scene.open()
    assert questions.count(VERSION) == 2
    end(scene.store, scene.store.load(), "rolled_back", "")
    scene.open(check_mode=True)
    assert questions.count(VERSION) == 2
    plugin.write_text("#!/bin/sh\n# 2.21\n")
    scene.host.programs["compose version"] = Completed(0, "2.21.0\n", "")
    with pytest.raises(BluegreenError, match="Docker Compose is 2.21.0 on this host"):
        scene.open(check_mode=True)


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '{"file": [], "version": [2, 30]}', '{"file": ["x"], "version": ["2"]}', "\xff"]
)
def test_a_version_that_nobody_can_read_is_asked_for(scene, plugin, text):
    scene.store.create()
    with open(scene.store.path("compose.json"), "wb") as target:
        target.write(text.encode("latin-1"))
    questions = asked(scene)
    scene.open()
    assert questions[0] == VERSION
    with open(scene.store.path("compose.json"), encoding="utf-8") as source:
        assert json.load(source)["version"] == [2, 30, 1]


def test_the_disk_is_waited_for_only_where_a_power_cut_matters(scene, plugin, monkeypatch):
    """A card of a Raspberry Pi takes up to a tenth of a second each time."""
    synced, fsync = [], os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: (synced.append(os.readlink(f"/proc/self/fd/{descriptor}")), fsync(descriptor))
    )
    files = []
    for release in "23":
        scene.open(release=release)
        files.append([os.path.basename(path) for path in synced if not os.path.isdir(path)])
        end(scene.store, scene.store.load(), "rolled_back", "")
        del synced[:]
    lasting = [".settings.json.tmp", ".deployment.json.tmp", ".containers.json.tmp", ".deployment.json.tmp"]
    # The second time the app is made of the same.
    assert files == [lasting, lasting[1:]]


def test_where_docker_finds_its_plugin_itself_nothing_is_remembered(scene):
    questions = asked(scene)
    scene.open()
    assert VERSION in questions and not os.path.exists(scene.store.path("compose.json"))


def test_another_label_is_another_release(scene):
    scene.of_release("1")
    result = scene.open()
    assert result["plan"][0] == "plan: shop: green becomes live (release 1 becomes 2)"


def test_another_configuration_is_something_to_do(scene):
    scene.of_release("2")
    scene.hashes["worker"] = "other"
    assert "configuration of worker differs" in scene.open()["plan"][0]


@pytest.mark.parametrize("now", [{"Id": "sha256:web-2", "Size": 1}, None])
def test_another_image_under_the_same_name_is_something_to_do(scene, now):
    scene.of_release("2")
    scene.engine.images["registry/web:1"] = now
    assert "image of web differs" in scene.open()["plan"][0]


@pytest.mark.parametrize("service", ["worker", "beat", "redis"])
def test_a_live_color_of_which_a_part_is_down_is_not_up_to_date(monkeypatch, tmp_path, service):
    scene = Scene(monkeypatch, tmp_path)
    scene.live(**{service: "exited"})
    scene.of_release("2")
    assert f"service {service} does not run" in scene.open()["plan"][0]


def test_a_container_that_is_no_part_of_a_color_does_not_count(scene):
    scene.of_release("2")
    scene.engine.add("adminer", status="exited")
    for color in PORTS:
        scene.rendered[color]["services"]["adminer"] = {"image": "adminer"}
    assert scene.open(services={"ignored": ["adminer"]})["up_to_date"] is True


@pytest.mark.parametrize("code, up_to_date", [(0, True), (1, False)])
def test_an_init_service_has_done_its_work_when_it_ended_well(scene, code, up_to_date):
    scene.of_release("2")
    scene.engine.add("migrate", status="exited")
    scene.engine.inspected["blue-migrate"]["State"]["ExitCode"] = code
    scene.engine.images["registry/migrate:1"] = {"Id": "sha256:migrate-1", "Size": 1}
    for color in PORTS:
        scene.rendered[color]["services"]["migrate"] = {"image": "registry/migrate:1"}
    scene.hashes["migrate"] = "hash-migrate"
    assert scene.open(services={"init": ["migrate"]})["up_to_date"] is up_to_date


UNKNOWN = (
    "Color blue has no container of init service migrate, and the history does not say whether there ever was one, so "
    "migrate counts as done. If migrate is new and still has to run, deploy under another bluegreen_release."
)


@pytest.mark.parametrize(
    "history, up_to_date, warnings",
    [
        ([{"to": "blue", "init": ["migrate"]}], True, []),
        ([{"to": "blue", "init": ["migrate"]}, {"to": "green", "init": [], "result": "rolled_back"}], True, []),
        # The last one that made this color live counts, and no attempt that came to nothing.
        ([{"to": "blue", "init": []}], False, []),
        (
            [{"to": "blue", "init": ["migrate"]}, {"to": "green", "init": ["migrate"]}, {"to": "blue", "init": []}],
            False,
            [],
        ),
        ([{"to": "blue", "init": []}, {"to": "green", "init": ["migrate"], "result": "rolled_back"}], False, []),
        # An adopted color, and one whose init services nobody noted.
        ([], True, [UNKNOWN]),
        ([{"to": "blue"}], True, [UNKNOWN]),
    ],
)
def test_an_init_service_without_a_container_was_pruned_or_is_new(scene, history, up_to_date, warnings):
    scene.of_release("2")
    scene.add_init("migrate")
    scene.store.create()
    for number, entry in enumerate(history):
        log(scene.store, {"id": f"old-{number}", "result": "committed", **entry})
    result = scene.open(check_mode=True, services={"init": ["migrate"]})
    assert result["up_to_date"] is up_to_date
    assert [each for each in scene.host.warnings if "of init service" in each] == warnings
    assert ("new" in " ".join(result["plan"])) is not up_to_date


def test_nothing_is_said_of_an_init_service_that_runs_with_the_next_release(scene):
    scene.of_release("1")
    scene.add_init("migrate")
    scene.open(services={"init": ["migrate"]})
    assert not [each for each in scene.host.warnings if "of init service" in each]


@pytest.mark.parametrize("init, is_pending", [(["migrate"], True), ([], False)])
def test_of_a_release_that_awaits_approval_its_journal_knows_the_init_services(scene, init, is_pending):
    scene.add_init("migrate")
    journal = pending(scene)
    journal.data["settings"]["services"]["init"] = init
    journal.save()
    if is_pending:
        assert scene.open(services={"init": ["migrate"]})["pending"]
    else:
        with pytest.raises(Fenced):
            scene.open(services={"init": ["migrate"]})


def test_pulling_always_is_undecided_until_the_images_are_here(scene):
    scene.of_release("2")
    result = scene.open(pull="always")
    assert (result["changed"], result["up_to_date"], result["undecided"]) == (True, False, True)
    assert result["fetch"]["pull"] == "always"
    # The containers were created from what was pulled; they are the live ones.
    for service in SERVICES:
        scene.engine.add(service, color="green", status="created")
    again = scene.open(pull="always")
    assert (again["changed"], again["up_to_date"], again["undecided"]) == (False, True, False)


def test_a_pull_that_brought_another_image_goes_on(scene):
    scene.of_release("2")
    scene.open(pull="always")
    for service in SERVICES:
        scene.engine.add(service, color="green", status="created")
    scene.engine.inspected["green-web"]["Image"] = "sha256:web-2"
    assert scene.open(pull="always")["up_to_date"] is False


def test_a_service_that_is_built_without_a_name_is_built_to_know(scene):
    scene.of_release("2")
    for color in PORTS:
        scene.rendered[color]["services"]["web"]["build"] = {"context": "."}
        del scene.rendered[color]["services"]["web"]["image"]
    scene.engine.images["shop-green-web"] = {"Id": "sha256:web-1", "Size": 1}
    result = scene.open(check_mode=True)
    assert (result["undecided"], result["fetch"]["build"]) == (True, "always")
    assert "fetch: build web; create" in "\n".join(result["plan"])
    assert scene.open(check_mode=True, pull="never")["fetch"]["build"] == "never"


@pytest.mark.parametrize(
    "pull, fetch, words",
    [
        ("missing", ("missing", "policy"), "pull images that are missing"),
        ("always", ("always", "policy"), "pull all images"),
        ("never", ("never", "never"), "pull nothing"),
        ("build", ("missing", "policy"), "pull images that are missing"),
    ],
)
def test_how_images_are_got(scene, pull, fetch, words):
    result = scene.open(check_mode=True, pull=pull)
    assert (result["fetch"]["pull"], result["fetch"]["build"]) == fetch
    assert any(line.startswith(f"fetch: {words}") for line in result["plan"])


def test_building_builds_what_can_be_built(scene):
    for color in PORTS:
        scene.rendered[color]["services"]["web"]["build"] = {"context": "."}
    assert scene.open(check_mode=True, pull="build")["fetch"]["build"] == "always"
    assert scene.open(check_mode=True, pull="missing")["fetch"]["build"] == "policy"


def test_an_image_that_is_missing_and_must_not_be_pulled_is_refused(scene):
    del scene.engine.images["registry/web:1"]
    assert scene.refusal(pull="never") == (
        "Image registry/web:1 of service web is not on this host, and bluegreen_pull is never: load it there, or set "
        "bluegreen_pull to missing."
    )
