# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Recovery with a damaged journal, by the state of the host alone.

Nginx tells which color is live, and ``settings.json``, which every deployment leaves behind, which services the app
has. Nginx is not switched, nothing is removed, and no Redis is stopped. Only the workers of the live color are made to
run.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple, Optional

from .. import _settings
from .._commands import command
from .._deployment.color import Color
from .._docker import cpu_shares
from .._docker.ensure import ensure_running
from .._errors import BluegreenError, Fenced
from .._host import Host
from .._install import guard_units
from .._journal import settings_file
from .._journal.history import log
from .._journal.journal import Container as JournaledContainer, NullJournal
from .._journal.store import JournalCorrupt, Store
from .._journal.strict_json import Unreadable
from .._linux.clock import timestamp
from .._linux.files import remove
from .._nginx import public_requests, switch as nginx_switch
from .._workers import start as workers_start, stop as workers_stop


class _InMemoryJournal(NullJournal):
    """A journal in memory, for what is done without one; ``policies`` are restart policies by service."""

    def __init__(self, policies: dict[str, dict[str, Any]]) -> None:
        self.data: dict[str, Any] = {}
        self._policies = policies

    def get(self, key: str, default: Any = None) -> Any:
        return self.data.get(key, default)

    def note(self, **facts: Any) -> None:
        self.data.update(facts)

    def policy_of(self, container: JournaledContainer) -> dict[str, Any]:
        return self._policies.get(container.service, container.restart_policy)


class _Remembered(NamedTuple):
    """What the last deployment left behind: settings, restart policies, and the seconds that workers get to stop."""

    settings: _settings.Settings
    journal: _InMemoryJournal
    stop_timeout: Optional[float]


def recover_without_journal(host: Host, store: Store, corrupt: JournalCorrupt, check_mode: bool) -> dict[str, Any]:
    """Run the workers of the color that Nginx serves and of no other one, and move the damaged journal aside.

    :param corrupt: the error of reading the journal.
    :returns: the result of the module, as that of :func:`recover.recover`.
    :raises BluegreenError: it cannot be told which services the app has, or which color is served.
    """
    known = _remembered(store)
    settings = known.settings
    try:
        served, why = public_requests.served_color(host, settings.nginx), ""
    except BluegreenError as error:
        served, why = None, f" ({error.message.rstrip('.')})"
    if not served:
        raise BluegreenError(
            f"{corrupt.what}, and it could not be verified which color Nginx serves{why}. So nothing was done: repair "
            f"Nginx, then run {command('recover')} again."
        )
    if check_mode:
        return _result(f"The journal is damaged. Color {served} is live, and only the workers of {served} would run.")
    with store.lock("recovery without a journal"):
        try:
            store.load()
        except JournalCorrupt:
            pass
        else:
            raise Fenced(
                f"The journal of app {store.app} was repaired in the meantime: run {command('recover')} again."
            )
        idle = Color(host, settings, _settings.other(served))
        _stop_workers(host, known, idle)
        _start(host, known, Color(host, settings, served))
        return _end(host, store, settings, served, idle)


def _remembered(store: Store) -> _Remembered:
    try:
        facts = settings_file.read(store)
    except (FileNotFoundError, Unreadable) as error:
        raise BluegreenError(
            f"The journal of app {store.app} is damaged, and {store.path(settings_file.NAME)} does not tell which "
            f"services the app has. Check both colors with {command('status')}, start the missing containers of the "
            f"live one, stop the workers of the other one, and then move {store.path('deployment.json')} away."
        ) from error
    return _Remembered(_settings.from_journal(facts), _InMemoryJournal(facts["policies"]), facts["stop_timeout"])


def _stop_workers(host: Host, known: _Remembered, idle: Color) -> None:
    running = [container for container in idle.of("workers") if container.running]
    if running:
        workers_stop.stop_workers(host, known.journal, running, known.stop_timeout, "leave", restore=False)


def _start(host: Host, known: _Remembered, live: Color) -> None:
    for dummy, error in ensure_running(host.engine, live.of("support", "web")).failed:
        raise error
    for container in live.of("workers"):
        if container.cpu_shares == cpu_shares.LOWEST:
            host.engine.set_cpu_shares(container.id, cpu_shares.DEFAULT)
    # Only the workers of the other color were told to stop, and restart_workers would wait for these.
    known.journal.note(signalled=[])
    timeout = known.stop_timeout or workers_start.RESTART_TIMEOUT
    with live.broker() as broker:
        workers_start.restart_workers(host, known.journal, live.of("workers"), timeout, broker)


def _end(host: Host, store: Store, settings: _settings.Settings, served: str, idle: Color) -> dict[str, Any]:
    now = host.clock.wall()
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    log(
        store,
        {
            "id": f"damaged-{stamp}",
            "who": "",
            "release": "",
            "release_from": "",
            "from": "",
            "to": served,
            "result": "failed",
            "reason": "the journal was damaged",
            "started": timestamp(now),
            "ended": timestamp(now),
            "images": {},
        }
    )
    kept = store.set_aside(stamp)
    store.remove_env_files()
    remove(store.path("broker.url"))
    nginx_switch.forget_backup(settings.nginx)
    guard_units.disarm(host, store.app)
    return _result(
        f"The journal was damaged and is kept as {' and '.join(kept)}. Nginx serves {served}, and only the workers of "
        f"{served} run; nothing was removed. Check both colors with {command('status')}{_stop_first(idle)}, then "
        "deploy again."
    )


def _stop_first(idle: Color) -> str:
    """What the user has to stop before the next deployment, as a part of a sentence: the idle web, not its Redis.

    That Redis may hold tasks.
    """
    idle.refresh()
    running = sorted({container.service for container in idle.of("web") if container.running})
    if not running:
        return ""
    return f", stop the web of {idle.name} (docker compose -p {idle.project} stop {' '.join(running)})"


def _result(message: str) -> dict[str, Any]:
    return {
        "changed": True,
        "found": True,
        "already": False,
        "kept": "",
        "id": "",
        "epoch": 0,
        "result": "failed",
        "message": message,
        "logs": {},
    }
