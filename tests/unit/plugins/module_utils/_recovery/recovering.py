# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recovery of the deployment of a scene, for the tests of all its parts."""

from __future__ import annotations

import errno
import os

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import history_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.upstream_file import OwnedFile
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery import recover as recovery
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery.request import Request
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._snapshot import restore as snapshot_restore
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import ALWAYS

AGAIN = (
    "run ansible-playbook smallfleet.bluegreen.rollback again. To keep release 2 instead, run ansible-playbook "
    "smallfleet.bluegreen.finish -e bluegreen_release=2 once it is healthy; if both are unhealthy, ansible-playbook "
    "smallfleet.bluegreen.rollback -e bluegreen_release=1 makes release 1 live even though it is not healthy."
)

UNDO = Request(prefer="rollback", reason="health: no answer")

LOOK = Request(reason="recover.yml")


def recover(scene, params, check_mode=False):
    return recovery.recover(scene.host, scene.store, params, check_mode)


def abandoned(scene):
    scene.host.clock.now += 1000


def written(scene):
    (entry,) = history_of(scene.store)
    return entry


def pruned(scene, step, done=True, **facts):
    """A deployment during which a cron job ran docker system prune -f."""
    for service in ("redis", "web", "worker", "beat"):
        scene.engine.images[f"registry/{service}:1"] = {"Id": f"sha256:{service}-1"}
    scene.color("blue")
    containers = of_project(scene.engine, "shop-blue")
    snapshot_restore.remember(scene.host, scene.store, "blue", "1", containers, lambda container: dict(ALWAYS))
    scene.color("green", worker="created", beat="created")
    for worker in ("blue-worker", "blue-beat"):
        scene.engine.inspected[worker]["State"]["Status"] = "exited"
    old = [{"id": each.id, "name": each.name, "service": each.service} for each in containers]
    journal = scene.deployment(step, done, old_containers=old, signalled=["blue-beat", "blue-worker"], **facts)
    scene.calls.clear()
    scene.engine.prune()
    return journal


def of_blue(scene, attribute):
    return {each.service: getattr(each, attribute) for each in of_project(scene.engine, "shop-blue")}


def sorted_pairs(effects):
    """Worker before beat where one call is about both; their order is the business of :mod:`stop`."""
    result = list(effects)
    for index in range(len(result) - 1):
        verb, dummy, container = result[index].partition(" ")
        if container.endswith("-beat") and result[index + 1] == f"{verb} {container[:-len('beat')]}worker":
            result[index:index + 2] = reversed(result[index:index + 2])
    return result


def unstartable(scene, monkeypatch, *containers):
    start = scene.engine.start

    def refuse(container):
        if container in containers:
            raise EngineError("port is already allocated", 500)
        start(container)

    monkeypatch.setattr(scene.engine, "start", refuse)


def full_disk(scene, monkeypatch):
    def full(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(scene.store, "save", full)


def proved(scene):
    kept = OwnedFile(str(scene.file), "dep-1").backup_path
    return {"color": "green", "file": str(scene.file), "backup": kept, "nginx_workers": [], "proved": "green"}
