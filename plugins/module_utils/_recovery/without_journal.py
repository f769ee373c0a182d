# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Recovery where the journal itself was damaged: the host alone shows what is so.

Which color is live, Nginx tells. What an app is made of stands in a file that every deployment leaves behind, apart from the
journal. Nothing is switched then, nothing removed and no Redis stopped: only that one color's workers run, and not both or
none.
"""

from __future__ import annotations

import time

from .. import _settings
from .._commands import command
from .._deployment.color import Color
from .._docker import cpu_shares
from .._errors import BluegreenError
from .._install import guard_units
from .._journal import settings_file
from .._journal.fencing import Fenced
from .._journal.journal import NullJournal
from .._journal.store import JournalCorrupt
from .._journal.strict_json import Unreadable
from .._linux.clock import timestamp
from .._linux.files import remove
from .._nginx import public_requests, switch as nginx_switch
from .._nginx.settings import Nginx
from .._workers import start as workers_start, stop as workers_stop


class _InMemoryJournal(NullJournal):
    """A journal in memory, for what is done without one; ``policies`` are restart policies by service."""

    def __init__(self, policies):
        self.data = {}
        self._policies = policies

    def get(self, key, default=None):
        return self.data.get(key, default)

    def note(self, **facts):
        self.data.update(facts)

    def policy_of(self, container):
        return self._policies.get(container.service, container.restart_policy)


def recover_without_journal(host, store, corrupt, check_mode):
    """Leave one color's workers running, that of the color which Nginx serves, and keep the damaged journal aside.

    :param corrupt: the :class:`JournalCorrupt` that told of it.
    :returns: as :func:`recover.recover`.
    :raises BluegreenError: nothing tells what the app is made of, or which color is served.
    """
    settings, in_memory, stop_timeout = _remembered(store)
    try:
        served, why = public_requests.served_color(host, Nginx(**settings.nginx)), ""
    except BluegreenError as error:
        served, why = None, f" ({error.message.rstrip('.')})"
    if not served:
        raise BluegreenError(
            f"{corrupt.message} But Nginx is not proved to serve either color{why}, so nothing was done: repair Nginx, then run "
            f"{command('recover')}."
        )
    if check_mode:
        return _result(f"The journal is damaged; {served} is live, and only its workers would run.")
    with store.lock("recovery without a journal"):
        try:
            store.load()
        except JournalCorrupt:
            pass
        else:
            raise Fenced(f"The journal of app {store.app} was mended meanwhile: run recover.yml again.")
        idle = Color(host, settings, _settings.other(served))
        _stop_workers(host, in_memory, idle, stop_timeout)
        _start(host, in_memory, Color(host, settings, served), stop_timeout)
        return _end(host, store, settings, served, idle)


def _remembered(store):
    try:
        facts = settings_file.read(store)
    except (FileNotFoundError, Unreadable) as error:
        raise BluegreenError(
            f"The journal of app {store.app} is damaged, and {store.path(settings_file.NAME)} does not tell what the app is made "
            "of: look at both colors (status.yml), start what the live one lacks, stop the other one's workers, and then move "
            f"{store.path('deployment.json')} away."
        ) from error
    return _settings.from_journal(facts), _InMemoryJournal(facts["policies"]), facts["stop_timeout"]


def _stop_workers(host, in_memory, idle, timeout):
    running = [container for container in idle.of("workers") if container.running]
    if running:
        workers_stop.stop_workers(host, in_memory, running, timeout, "leave", restore=False)


def _start(host, in_memory, live, timeout):
    for container in live.of("support", "web"):
        if not container.running:
            host.engine.start(container.id)
    for container in live.of("workers"):
        if container.cpu_shares == cpu_shares.LOWEST:
            host.engine.set_cpu_shares(container.id, cpu_shares.DEFAULT)
    # Not those of the other color: they were told to finish.
    in_memory.note(signalled=[])
    with live.broker() as broker:
        timeout = timeout or workers_start.RESTART_TIMEOUT
        workers_start.restart_workers(host, in_memory, live.of("workers"), timeout, broker)


def _end(host, store, settings, served, idle):
    now = host.clock.wall()
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    store.log(
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
    nginx_switch.forget_backup(Nginx(**settings.nginx))
    guard_units.disarm(host, store.app)
    return _result(
        f"The journal was damaged and is kept as {' and '.join(kept)}. Nginx serves {served}, and only its workers run; nothing "
        f"was removed. Look at both colors (status.yml){_stop_first(idle)}, then deploy again."
    )


def _stop_first(idle):
    """What stands against the next deployment, as a part of a sentence: its Redis may hold tasks, but its web may go."""
    idle.refresh()
    running = sorted({container.service for container in idle.of("web") if container.running})
    return f", stop the web of {idle.name} (docker compose -p {idle.project} stop {' '.join(running)})" if running else ""


def _result(message):
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
