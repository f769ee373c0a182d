# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Opening a deployment: everything is looked at, nothing is touched until all of it is in order.

The whole of it runs twice on every host: in the plan, which changes nothing anywhere, and again when the
deployment is opened, because time has passed.
"""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Iterator, Optional

from .._broker.kept_keys import check_patterns
from .._commands import command
from .._compose import version as compose_version
from .._docker.containers import role_of
from .._errors import BluegreenError
from .._host import Host
from .._install import guard_units
from .._journal import settings_file
from .._journal.fencing import Fenced, may_be_kept
from .._journal.journal import Journal
from .._journal.store import Store
from .._linux.files import write_atomically
from .._resources import host as host_resources, memory_budget
from .._settings import Settings, settings_of
from .._snapshot import restore as snapshot_restore
from .._snapshot.file import kept_color
from .._validation import check_deployment_id, check_release
from . import approval
from .color import Color
from .open_result import recovery_first, result
from .preflight import Preflight
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

# What may pass between the end of one step and the begin of the next one on a slow machine, with room to spare.
SHORTEST_REVERT = 20


def open_deployment(
    host: Host,
    store: Store,
    params: dict[str, Any],
    check_mode: bool,
    recover: Callable[[Host, Store, str], str],
) -> dict[str, Any]:
    """Check everything, then take the lock and write the journal.

    :param params: parameters of bg_deployment.
    :param recover: called with a host, a store and a reason, to complete or roll back a deployment whose owner is gone;
        returns a sentence that says how.
    :returns: the module's result.
    """
    settings = _checked(params)
    journal = store.load()
    if journal is not None and journal["id"] == params["deployment_id"]:
        return _again(host, store, journal, settings, params)
    preflight = Preflight(host, store, settings, params)
    if journal is not None and is_abandoned(journal):
        if check_mode:
            return recovery_first(preflight, journal)
        how = recover(host, store, "its owner was gone when the next one was deployed")
        host.warn(f"An earlier deployment was open whose owner is gone. {how}")
        journal = store.load()
    if journal is not None and _awaits_approval(journal) and not preflight.kept and preflight.is_pending(journal):
        # A rollout that was stopped half way is deployed again, and this host is done already.
        return result(preflight, changed=False, deployment_id=journal["id"], epoch=journal["epoch"])
    require_none_open(store, journal)

    preflight.run()
    if check_mode or preflight.up_to_date:
        return result(preflight, changed=not preflight.up_to_date)
    if not params["deployment_id"]:
        raise BluegreenError("deployment_id is empty, but a deployment is opened under an id: give it one.")
    with store.lock(f"opening deployment {params['deployment_id']}"), _all_or_nothing(store, params["deployment_id"]):
        # Somebody may have opened one between the checks and the lock.
        require_none_open(store, store.load())
        journal = _write_down(host, store, preflight, params)
    return result(preflight, changed=True, deployment_id=journal["id"], epoch=journal["epoch"])


def _checked(params: dict[str, Any]) -> Settings:
    """The settings in the parameters, all of which are checked.

    :raises BluegreenError: the first one that cannot be used.
    """
    settings = settings_of(params)
    check_release(params["release"], "bluegreen_release")
    check_patterns("bluegreen_keep_keys", params["keep_keys"])
    if params["deployment_id"]:
        check_deployment_id("deployment_id", params["deployment_id"])
    check_revert_after(params["revert_after"])
    approval.check_timeout(params["approval_timeout"])
    return settings


def _write_down(host: Host, store: Store, preflight: Preflight, params: dict[str, Any]) -> Journal:
    """Install the guard, then write everything that going back needs; the journal of the open deployment."""
    settings, facts = preflight.settings, journal_facts(preflight)
    facts["armed"] = _install_guard(host, store, settings.nginx["file"], params["revert_after"])
    policies = {container.service: container.restart_policy for container in preflight.live_containers}
    settings_file.write(store, settings.journaled(), policies, facts["workers"].get("stop_timeout"))
    journal = Journal.create(store, params["deployment_id"], params["owner"] or "an unnamed owner", facts)
    if preflight.compose:
        compose_version.remember(store, preflight.compose)
    for color, text in preflight.renderings.env.items():
        # Not flushed to the disk: after a power cut the deployment is rolled back, and Compose never reads these.
        write_atomically(store.env_file(color, params["deployment_id"]), text, mode=0o600, lasting=False)
    if settings.broker["url"]:
        write_atomically(store.path("broker.url"), settings.broker["url"], mode=0o600)
    try:
        _remember(host, store, journal, preflight)
    except BluegreenError as error:
        # Nothing was touched, and a deployment that never began must not keep the next one out. Almost never needed.
        from .end import end

        end(store, journal, "rolled_back", error.message)
        raise
    journal.done("open")
    return journal


def journal_facts(situation: Situation) -> dict[str, Any]:
    """What the journal keeps of the checks and their decisions; its schema is in docs/journal.md."""
    params, live, kept = situation.params, situation.live_containers, situation.kept
    return {
        "release": params["release"],
        "release_from": situation.live_release,
        "from": situation.live,
        "to": situation.idle,
        "settings": situation.settings.journaled(),
        "old_containers": [{"id": each.id, "name": each.name, "service": each.service} for each in live],
        # The snapshot of a kept color has its policies; a running container is asked for its own.
        "policies": snapshot_restore.policies_of(kept_color(situation.store)) if kept else {},
        "old_workers": situation.old_workers,
        "init_before_stop": situation.init_before_stop,
        "workers": params["workers"] or {},
        "worker_strategy": situation.memory.strategy,
        "old_web": situation.memory.old_web,
        "memory_budget": memory_budget.record(situation.room, host_resources.oom_kills()),
        # After a rollback to the kept color, the one that was live is kept in its place.
        "old_color": "stopped" if kept else params["old_color"],
        "to_kept": kept,
        **{name: params[name] for name in _FROM_PARAMS},
    }


@contextlib.contextmanager
def _all_or_nothing(store: Store, deployment_id: str) -> Iterator[None]:
    """Leave nothing of a deployment that could not be written down whole, as on a full disk."""
    try:
        yield
    except Exception:
        with contextlib.suppress(BluegreenError, OSError):
            journal = store.load()
            if journal is not None and journal["id"] == deployment_id:
                store.discard()
        raise


def _install_guard(host: Host, store: Store, nginx_file: str, revert_after: int) -> bool:
    """Let the host itself watch the deployment from here on; whether the guard's timer runs."""
    # The plan does not need it, and an import costs a Raspberry Pi more than a question to the engine.
    from .._install import program as host_program

    return host_program.install(host, store, nginx_file) and guard_units.arm(host, store.app, revert_after)


def check_revert_after(seconds: int) -> None:
    """Raise unless the guard can act after so many seconds without a heartbeat, ``0`` for never."""
    if seconds and seconds < SHORTEST_REVERT:
        raise BluegreenError(
            f"bluegreen_revert_after is {seconds} s, but a slow host may need up to {SHORTEST_REVERT} s between two "
            f"steps, so a healthy deployment could be rolled back: use {SHORTEST_REVERT} or more, or 0 to disable "
            "automatic recovery."
        )


def is_abandoned(journal: Journal) -> bool:
    """Whether the owner of an open deployment is gone. One that failed waits for a human."""
    return journal["step"] != "awaiting_approval" and journal["result"] != "failed" and not journal.has_owner()


def _remember(host: Host, store: Store, journal: Journal, situation: Situation) -> None:
    """Write down what the live color is made of; create what is missing of a kept color that is to become live."""
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


def _awaits_approval(journal: Journal) -> bool:
    return bool(
        journal["step"] == "awaiting_approval" and journal["done"] and not journal["back"] and not journal["result"]
    )


def require_none_open(store: Store, journal: Optional[Journal]) -> None:
    """Raise :class:`Fenced` when another deployment of the app is open."""
    if journal is None:
        return
    if journal["result"] == "failed":
        way = f"look at it ({command('status')}), then undo it with {command('rollback')}"
        if may_be_kept(journal.data):
            keep = command("finish", journal["release"])
            way += f", or keep release {journal.release_label}, which Nginx may still serve, with {keep}"
    elif journal["step"] == "awaiting_approval":
        raise Fenced(
            f"Deployment {journal.describe()} of app {store.app} awaits approval of release {journal.release_label}: "
            f"approve it with {command('finish')}, or undo it with {command('rollback')}."
        )
    else:
        way = f"wait for it, or undo it with {command('rollback')}"
    raise Fenced(f"Deployment {journal.describe()} of app {store.app} is open, in step {journal['step']}: {way}.")


def _again(host: Host, store: Store, journal: Journal, settings: Settings, params: dict[str, Any]) -> dict[str, Any]:
    """The same open once more: it changes nothing, and decides anew once images are here."""
    if journal["back"] or journal["result"]:
        raise Fenced(
            f"Deployment {journal.describe()} of app {store.app} is being undone: deploy again under another id."
        )
    preflight = Preflight(host, store, settings, params)
    preflight.adopt(journal)
    preflight.find_colors(journal["from"])
    if preflight.kept:
        preflight.require_kept()
    else:
        preflight.renderings.render(preflight.settings, preflight.live or preflight.idle)
        preflight.decide_from_created()
    return result(preflight, changed=False, deployment_id=journal["id"], epoch=journal["epoch"])
