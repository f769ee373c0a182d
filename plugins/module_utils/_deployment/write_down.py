# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is written when a deployment is opened: guard, settings, journal, secrets and snapshots."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator

from .._compose import version as compose_version
from .._docker.containers import role_of
from .._errors import BluegreenError
from .._host import Host
from .._install import guard_units
from .._journal import settings_file
from .._journal.create import create_journal
from .._journal.journal import Journal
from .._journal.step import Step
from .._journal.store import Store
from .._linux.files import write_atomically
from .._resources import host as host_resources, memory_budget
from .._snapshot import restore as snapshot_restore
from .._snapshot.file import kept_color
from .color import Color
from .situation import Situation

# Parameters that the journal keeps as they are.
_FROM_PARAMS = (
    "unknown_tasks",
    "keep_keys",
    "drain_timeout",
    "remove_volumes",
    "keep_images",
    "revert_after",
    "watch",
    "approval_timeout",
    "on_timeout",
)


@contextlib.contextmanager
def all_or_nothing(store: Store, deployment_id: str) -> Iterator[None]:
    """Leave nothing of a deployment that could not be written down whole, as on a full disk."""
    try:
        yield
    except Exception:
        with contextlib.suppress(BluegreenError, OSError):
            journal = store.load()
            if journal is not None and journal["id"] == deployment_id:
                store.discard()
        raise


def write_down(situation: Situation) -> Journal:
    """Install the guard, then write everything that a rollback needs.

    :returns: the journal of the deployment, which is open now.
    :raises BluegreenError: something cannot be written, or a kept color cannot be completed.
    """
    store, settings, params = situation.store, situation.settings, situation.params
    facts = journal_facts(situation)
    facts["armed"] = _install_guard(situation.host, store, settings.nginx.file, params["revert_after"])
    policies = {container.service: container.restart_policy for container in situation.live_containers}
    settings_file.write(store, settings.journaled(), policies, facts["workers"].get("stop_timeout"))
    journal = create_journal(store, params["deployment_id"], params["owner"] or "an unnamed owner", facts)
    if situation.compose:
        compose_version.remember(store, situation.compose)
    for color, text in situation.renderings.env.items():
        # Not flushed to the disk: after a power cut the deployment is rolled back, and Compose never reads these.
        write_atomically(store.env_file(color, params["deployment_id"]), text, mode=0o600, lasting=False)
    if settings.broker.url:
        write_atomically(store.path("broker.url"), settings.broker.url, mode=0o600)
    try:
        _remember(situation, journal)
    except BluegreenError as error:
        # Nothing was touched, and a deployment that never began must not keep the next one out. Almost never needed.
        from .end import end

        end(store, journal, "rolled_back", error.message)
        raise
    journal.done(Step.OPEN)
    return journal


def _install_guard(host: Host, store: Store, nginx_file: str, revert_after: int) -> bool:
    """Let the host itself watch the deployment from here on; whether the guard's timer runs."""
    # The plan does not need it, and an import costs a Raspberry Pi more than a question to the engine.
    from .._install import program as host_program

    return host_program.install(host, store, nginx_file) and guard_units.arm(host, store.app, revert_after)


def _remember(situation: Situation, journal: Journal) -> None:
    """Write down what the live color is made of; create what is missing of a kept color that is to become live."""
    host, store = situation.host, situation.store
    if situation.live:
        # An ignored service is never stopped, so nobody has to bring it back.
        services = situation.settings.services
        live = [
            each
            for each in situation.live_containers
            if role_of(each.service, services) or each.service in situation.old_workers
        ]
        release = situation.live_release
        snapshot_restore.remember(
            host, store, situation.live, release, live, lambda container: container.restart_policy
        )
    if situation.kept:
        snapshot_restore.restore_missing(host, store, journal, Color(host, situation.settings, situation.idle))


def journal_facts(situation: Situation) -> dict[str, Any]:
    """What the journal keeps of the checks and their decisions; its schema is in docs/journal.md."""
    params, live = situation.params, situation.live_containers
    snapshot = kept_color(situation.store) if situation.kept else None
    return {
        "release": params["release"],
        "release_from": situation.live_release,
        "from": situation.live,
        "to": situation.idle,
        "settings": situation.settings.journaled(),
        "old_containers": [{"id": each.id, "name": each.name, "service": each.service} for each in live],
        # The snapshot of a kept color has its policies; a running container is asked for its own.
        "policies": snapshot_restore.policies_of(snapshot) if snapshot else {},
        "old_workers": situation.old_workers,
        "init_before_stop": situation.init_before_stop,
        "workers": params["workers"] or {},
        "worker_strategy": situation.memory.strategy,
        "old_web": situation.memory.old_web,
        "memory_budget": memory_budget.record(situation.room, host_resources.oom_kills()),
        # After a rollback to the kept color, the one that was live is kept in its place.
        "old_color": "stopped" if situation.kept else params["old_color"],
        "to_kept": situation.kept,
        **{name: params[name] for name in _FROM_PARAMS},
    }
