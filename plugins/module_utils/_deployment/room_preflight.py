# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether the host has room for a second color: memory, which also decides how workers and web follow, and disk."""

from __future__ import annotations

import os

from .._docker.containers import Container, role_of
from .._linux import memory as host_memory
from .._resources import disk as host_disk, host as host_resources, memory_budget, memory_use
from .situation import Situation


def findings(situation: Situation) -> list[str]:
    """Sentences where the host has too little memory or disk, or cannot be written to.

    The decisions by the memory become ``room``, ``memory`` and ``init_before_stop`` of the situation.
    """
    found = [_memory_finding(situation)] if situation.live_containers else []
    found += [*_disk_findings(situation), *_writing_findings(situation)]
    return [sentence for sentence in found if sentence]


def _disk_findings(situation: Situation) -> list[str]:
    engine, live, found = situation.host.engine, situation.live_containers, []
    docker_root = host_resources.docker_root_of(engine, live[0].id if live else "")
    if docker_root:
        # A new image is taken to be as large as the one that runs.
        has_files = bool(situation.renderings.models)
        missing = {each.image for each in live} if has_files and situation.missing_images() else set()
        needed = host_disk.DISK_RESERVE + sum(host_resources.size_of_image(engine, image) for image in missing)
        free = host_disk.free_disk(docker_root)
        found.append(host_disk.disk_finding(docker_root, free, needed, "images and layers"))
    folder, needed = situation.store.folder, host_disk.STATE_RESERVE
    found.append(host_disk.disk_finding(folder, host_disk.free_disk(folder), needed, "the journal"))
    return found


def _writing_findings(situation: Situation) -> list[str]:
    places = (
        (situation.store.folder, "the journal"),
        (os.path.dirname(situation.store.lease_mark), "the lease"),
        (os.path.dirname(os.path.realpath(situation.nginx.file)), "the file that Nginx reads"),
    )
    return [host_disk.writing_finding(path, why) for path, why in places]


def _memory_finding(situation: Situation) -> str:
    """Decide what becomes of the old workers and the old web; a sentence when the host has no room for it."""
    engine, settings, params = situation.host.engine, situation.settings, situation.params
    workers = _live(situation, "workers")
    situation.room = memory_budget.Room(
        free=host_memory.available_memory(),
        web=memory_use.memory_of(engine, _live(situation, "web")),
        support=memory_use.memory_of(engine, _live(situation, "support")),
        workers=memory_use.memory_of(engine, workers),
        app=memory_use.app_of(workers),
    )
    broker, run = settings.broker.mode, any(each.running for each in workers)
    if run and not situation.kept:
        _choose_init_before_stop(situation)
    wanted = (params["workers"] or {}).get("strategy") or "stop"
    situation.memory = memory_budget.decide(wanted, params["old_web"], situation.room, broker, run)
    sentence = memory_budget.warning(situation.memory.strategy, broker)
    if sentence:
        situation.host.warn(sentence)
    if situation.memory.old_web == "stopped":
        _leave_out_backup(situation)
    return memory_budget.finding(situation.memory, situation.room)


def _live(situation: Situation, role: str) -> list[Container]:
    services = situation.settings.services
    found = [each for each in situation.live_containers if role_of(each.service, services) == role]
    if role == "workers":
        found += [each for each in situation.live_containers if each.service in situation.old_workers]
    return found


def _leave_out_backup(situation: Situation) -> None:
    """A backup that is stopped could answer nothing, and a name that Nginx cannot resolve keeps it from starting."""
    if situation.nginx.backup:
        situation.host.warn(
            "bluegreen_nginx_backup is ignored this time: the old web, which would be the backup, is stopped until the "
            "approval."
        )
        situation.settings = situation.settings._replace(nginx=situation.nginx._replace(backup=False))


def _choose_init_before_stop(situation: Situation) -> None:
    """The init services that were asked for, in the order of all; none where they do not fit beside the old workers."""
    asked = situation.params.get("init_before_stop") or ()
    names = [name for name in situation.settings.services["init"] if name in asked]
    need = memory_budget.before_stop(situation.room)
    if need.fits:
        situation.init_before_stop = names
    elif names:
        situation.init_reason = f"{', '.join(names)}, because {need.line}"
