# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment.color import Color, colors_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import (
    inspect_container,
    of_project,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._snapshot import (
    file as snapshot_file,
    restore as snapshot_restore,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import ALWAYS, NO_RESTART

NETWORK = "shop-blue_default"


class Killed(Exception):
    """The process ends here, as with SIGKILL."""


@pytest.fixture
def scene(monkeypatch, tmp_path):
    """Blue was remembered, then its workers stopped."""
    made = Scene(monkeypatch, tmp_path)
    for service in ("redis", "web", "worker", "beat"):
        made.engine.images[f"registry/{service}:1"] = {"Id": f"sha256:{service}-1"}
    made.color("blue")
    remember(made)
    for worker in ("blue-worker", "blue-beat"):
        made.engine.inspected[worker]["State"]["Status"] = "exited"
    made.calls.clear()
    return made


def remember(scene):
    containers = of_project(scene.engine, "shop-blue")
    snapshot_restore.remember(scene.host, scene.store, "blue", "1", containers, lambda container: dict(ALWAYS))


def deployment(scene, **facts):
    old = [{"id": c.id, "name": c.name, "service": c.service} for c in of_project(scene.engine, "shop-blue")]
    signalled = ["blue-beat", "blue-worker"]
    return scene.deployment("stop_workers", **{"old_containers": old, "signalled": signalled, **facts})


def restore(scene, journal):
    old = colors_of(scene.host, scene.store, journal)[1]
    return snapshot_restore.restore_missing(scene.host, scene.store, journal, old)


def found(scene, service):
    (container,) = of_project(scene.engine, "shop-blue", [service])
    return container


def test_who_misses_nothing_does_nothing(scene):
    journal = deployment(scene)
    before = dict(journal.data)
    assert restore(scene, journal) is False
    assert scene.calls == []
    assert journal.data == before
    assert scene.host.warnings == []


def test_what_somebody_removed_is_there_again_and_not_started(scene):
    journal = deployment(scene)
    scene.engine.prune()
    assert restore(scene, journal) is True
    # Web and Redis ran, so their network was in use.
    assert scene.calls == [("create", "shop-blue-beat-1"), ("create", "shop-blue-worker-1")]
    worker = found(scene, "worker")
    assert (worker.status, worker.config_hash, worker.image_name) == ("created", "hash-worker", "registry/worker:1")
    assert scene.host.warnings == [
        "shop-blue-beat-1 and shop-blue-worker-1 of color blue had been removed (perhaps by docker system prune in a "
        "cron job), and were created again as before."
    ]


def test_the_journal_speaks_of_the_new_ones(scene):
    journal = deployment(scene)
    scene.engine.prune()
    restore(scene, journal)
    worker, beat = found(scene, "worker"), found(scene, "beat")
    data = scene.store.load()
    assert data["policies"][worker.id] == ALWAYS
    assert data["signalled"] == []
    assert {each["id"] for each in data["old_containers"]} == {"blue-redis", "blue-web", worker.id, beat.id}
    assert data["recreated"] == ["shop-blue-beat-1", "shop-blue-worker-1"]
    assert {each["id"] for each in snapshot_file.of_color(scene.store, "blue")["containers"]} == {
        "blue-redis", "blue-web", worker.id, beat.id
    }
    # Whatever is taken from now on comes back as it was.
    assert data.policy_of(worker) == ALWAYS


def test_a_full_disk_keeps_nobody_from_coming_back(scene, monkeypatch):
    journal = deployment(scene)
    scene.engine.prune()

    def full(*_given, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(snapshot_file, "write_atomically", full)
    assert restore(scene, journal) is True
    calls = list(scene.calls)
    # The file speaks of the old ids; names say which they are.
    assert restore(scene, journal) is False
    assert scene.calls == calls


def test_a_policy_that_the_journal_noted_counts_more_than_the_one_remembered(scene):
    journal = deployment(scene)
    journal.note(policies={"blue-worker": {"Name": "on-failure", "MaximumRetryCount": 2}})
    scene.engine.prune()
    restore(scene, journal)
    assert journal["policies"][found(scene, "worker").id] == {"Name": "on-failure", "MaximumRetryCount": 2}


def test_a_whole_color_comes_back_with_its_network(scene):
    for container in ("blue-web", "blue-redis"):
        scene.engine.inspected[container]["State"]["Status"] = "exited"
    journal = deployment(scene)
    scene.engine.prune()
    assert restore(scene, journal) is True
    assert scene.calls[0] == ("create network", NETWORK)
    assert len(scene.calls) == 5
    assert len(of_project(scene.engine, "shop-blue")) == 4


@pytest.mark.parametrize("effects", range(1, 6))
def test_who_is_killed_anywhere_and_runs_again_ends_the_same(scene, monkeypatch, effects):
    for container in ("blue-web", "blue-redis"):
        scene.engine.inspected[container]["State"]["Status"] = "exited"
    journal = deployment(scene)
    scene.engine.prune()
    save, create = scene.store.save, scene.engine.create

    def counted(change):
        def changed(*args):
            if len(scene.calls) >= effects:
                raise Killed
            return change(*args)

        return changed

    monkeypatch.setattr(scene.engine, "create", counted(create))
    monkeypatch.setattr(scene.store, "save", counted(save))
    with pytest.raises(Killed):
        restore(scene, journal)
    monkeypatch.setattr(scene.engine, "create", create)
    monkeypatch.setattr(scene.store, "save", save)
    journal = scene.store.load()
    restore(scene, journal)
    assert sorted(name for verb, name in scene.calls if verb == "create") == [
        f"shop-blue-{service}-1" for service in ("beat", "redis", "web", "worker")
    ]
    ids = {each.id for each in of_project(scene.engine, "shop-blue")}
    assert ids <= set(journal["policies"])
    assert {each["id"] for each in journal["old_containers"]} == ids
    assert set(journal["recreated"]) >= {f"shop-blue-{service}-1" for service in ("beat", "redis", "web", "worker")}
    calls = list(scene.calls)
    restore(scene, journal)
    assert scene.calls == calls


def test_a_container_that_lost_its_network_gets_the_new_one(scene):
    journal = deployment(scene)
    for container in ("blue-web", "blue-redis"):
        scene.engine.inspected[container]["State"]["Status"] = "exited"
    del scene.engine.known_networks[NETWORK]
    assert restore(scene, journal) is True
    assert scene.calls[0] == ("create network", NETWORK)
    assert scene.calls[1:3] == [(f"disconnect {NETWORK}", "blue-beat"), (f"connect {NETWORK}", "blue-beat")]
    assert len(scene.calls) == 9
    calls = list(scene.calls)
    assert restore(scene, journal) is False
    assert scene.calls == calls


def test_who_runs_is_never_taken_from_its_network(scene):
    journal = deployment(scene)
    scene.engine.inspected["blue-web"]["NetworkSettings"]["Networks"][NETWORK]["NetworkID"] = "another"
    restore(scene, journal)
    assert scene.calls == []


def test_a_container_is_connected_to_all_its_networks(scene):
    scene.engine.known_networks["outside"] = {"Name": "outside", "Id": "id of outside", "Scope": "local", "IPAM": {}}
    networks = scene.engine.inspected["blue-worker"]["NetworkSettings"]["Networks"]
    networks["outside"] = {"NetworkID": "id of outside", "Aliases": ["queue"]}
    remember(scene)
    journal = deployment(scene)
    scene.engine.prune()
    restore(scene, journal)
    worker = found(scene, "worker")
    assert scene.calls == [
        ("create network", "outside"),
        ("create", "shop-blue-beat-1"),
        ("create", "shop-blue-worker-1"),
        ("connect outside", worker.id),
    ]
    assert worker.aliases == ("queue",)


def test_networks_of_a_swarm_are_left_to_it(scene):
    scene.engine.known_networks[NETWORK]["Scope"] = "swarm"
    remember(scene)
    assert snapshot_file.of_color(scene.store, "blue")["networks"] == []


def test_a_network_whose_addresses_are_taken_gets_others(scene, monkeypatch):
    scene.engine.known_networks[NETWORK]["IPAM"] = {"Driver": "default", "Config": [{"Subnet": "172.20.0.0/16"}]}
    for container in ("blue-web", "blue-redis"):
        scene.engine.inspected[container]["State"]["Status"] = "exited"
    remember(scene)
    journal = deployment(scene)
    scene.engine.prune()
    create = scene.engine.create_network

    def taken(body):
        if body["IPAM"]["Config"]:
            raise EngineError("Pool overlaps with other one on this address space", 403)
        return create(body)

    monkeypatch.setattr(scene.engine, "create_network", taken)
    restore(scene, journal)
    assert scene.engine.known_networks[NETWORK]["IPAM"] == {"Driver": "default", "Config": []}


def test_an_image_whose_tag_moved_on_is_used_by_its_id(scene):
    journal = deployment(scene)
    scene.engine.prune()
    scene.engine.images["registry/worker:1"] = {"Id": "sha256:worker-2"}
    scene.engine.images["sha256:worker-1"] = {"Id": "sha256:worker-1"}
    restore(scene, journal)
    assert (found(scene, "worker").image, found(scene, "worker").image_name) == ("sha256:worker-1", "sha256:worker-1")


def test_an_image_that_is_gone_is_named_and_all_else_comes_back(scene):
    journal = deployment(scene)
    scene.engine.prune()
    scene.engine.images["registry/worker:1"] = {"Id": "sha256:worker-2"}
    with pytest.raises(BluegreenError) as failure:
        restore(scene, journal)
    assert failure.value.message == (
        "Container shop-blue-worker-1 was removed by somebody, and its image registry/worker:1 (sha256:worker-1) is no "
        "longer on this host (docker system prune -a removes images too): bring exactly that image back with docker "
        "pull or docker load, then run ansible-playbook smallfleet.bluegreen.rollback again."
    )
    assert scene.calls == [("create", "shop-blue-beat-1")]
    assert journal["recreated"] == ["shop-blue-beat-1"]


def test_a_refusal_of_the_engine_is_told(scene, monkeypatch):
    journal = deployment(scene)
    scene.engine.prune()

    def refuse(name, body):
        raise EngineError("no space left on device", 500)

    monkeypatch.setattr(scene.engine, "create", refuse)
    with pytest.raises(BluegreenError) as failure:
        restore(scene, journal)
    assert failure.value.message.splitlines()[0] == (
        "Container shop-blue-beat-1 of color blue was removed by somebody, or lost its network, and cannot be brought "
        "back (no space left on device): remove the cause, then run ansible-playbook smallfleet.bluegreen.rollback "
        "again."
    )


def test_a_container_of_which_nothing_is_remembered_is_named(scene):
    journal = deployment(scene)
    snapshot_file.forget_all(scene.store)
    scene.engine.prune()
    with pytest.raises(BluegreenError) as failure:
        restore(scene, journal)
    assert failure.value.message.splitlines()[1] == (
        f"Container shop-blue-worker-1 was removed by somebody, and {scene.store.path('containers.json')} does not say "
        "how it was made: create it (docker compose -p shop-blue up --no-start worker; if the Compose file uses "
        "BG_COLOR, BG_PORT or BG_RELEASE, set these variables to what the old color ran with), then run "
        "ansible-playbook smallfleet.bluegreen.rollback again."
    )


def test_what_somebody_made_anew_is_left_to_him(scene):
    journal = deployment(scene)
    data = scene.engine.inspected.pop("blue-worker")
    scene.engine.inspected["new"] = {**data, "Id": "new", "Image": "sha256:worker-9"}
    assert restore(scene, journal) is False
    assert scene.calls == []
    remembered = snapshot_file.of_color(scene.store, "blue")
    compared = snapshot_restore.compare(remembered, of_project(scene.engine, "shop-blue"))
    assert compared.replaced == ["shop-blue-worker-1"]


def test_init_that_had_done_its_work_is_not_to_do_it_again(scene):
    scene.engine.images["registry/migrate:1"] = {"Id": "sha256:migrate-1"}
    scene.color("blue")
    scene.engine.add("migrate", status="exited")
    remember(scene)
    scene.engine.inspected["blue-worker"]["State"]["Status"] = "exited"
    journal = deployment(scene)
    scene.engine.prune()
    restore(scene, journal)
    assert journal["ran"] == [found(scene, "migrate").id]


def test_who_lives_in_another_ones_network_is_created_after_it(scene):
    scene.engine.inspected["blue-beat"]["HostConfig"]["NetworkMode"] = "container:blue-worker"
    scene.engine.inspected["blue-beat"]["NetworkSettings"]["Networks"] = {}
    remember(scene)
    journal = deployment(scene)
    scene.engine.prune()
    restore(scene, journal)
    assert scene.calls == [("create", "shop-blue-worker-1"), ("create", "shop-blue-beat-1")]
    beat = scene.engine.inspect(found(scene, "beat").id)
    assert beat["HostConfig"]["NetworkMode"] == f"container:{found(scene, 'worker').id}"


def test_volumes_without_a_name_come_back_where_they_are_still_there(scene):
    data = scene.engine.inspected["blue-worker"]
    data["Config"]["Volumes"] = {"/state": {}, "/cache": {}}
    data["Mounts"] = [
        {"Type": "volume", "Name": name, "Source": f"/x/{name}", "Destination": target, "RW": True}
        for name, target in (("aaa", "/state"), ("bbb", "/cache"))
    ]
    remember(scene)
    journal = deployment(scene)
    scene.engine.prune()
    scene.engine.known_volumes["aaa"] = {"Name": "aaa"}
    restore(scene, journal)
    made = scene.engine.inspect(found(scene, "worker").id)
    assert made["HostConfig"]["Mounts"] == [{"Type": "volume", "Source": "aaa", "Target": "/state"}]


def test_a_policy_of_a_stopped_container_is_the_one_it_is_to_have(scene):
    scene.engine.inspected["blue-worker"]["HostConfig"]["RestartPolicy"] = dict(NO_RESTART)
    remember(scene)
    journal = deployment(scene)
    scene.engine.prune()
    restore(scene, journal)
    assert inspect_container(scene.engine, found(scene, "worker").id).restart_policy == ALWAYS


def test_the_new_color_is_not_asked_for_containers_of_the_old_one(scene):
    scene.color("green")
    journal = deployment(scene)
    settings = colors_of(scene.host, scene.store, journal)[0]
    green = Color(scene.host, settings, "green")
    assert snapshot_restore.restore_missing(scene.host, scene.store, journal, green) is False
