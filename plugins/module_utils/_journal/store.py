# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The files of one app on the host: the journal of the open deployment, the lock, the env files.

A power cut during a write leaves either the previous journal or the new one whole, and the previous one stays beside
the new one.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from typing import Any, Iterator, Optional

from .. import _progress, _redact
from .._commands import command
from .._errors import BluegreenError, Fenced
from .._host import Host
from .._linux.clock import Deadline
from .._linux.files import lock_within, make_folder, opener, remove, sync_folder, write_atomically
from .._validation import COLORS, one_line
from .._words import agree, joined
from . import schema as journal_schema
from .journal import Journal
from .strict_json import LIMIT, Unreadable

STATE_ROOT = "/var/lib/bluegreen"
RUN_ROOT = "/run/bluegreen"

# Seconds that a module waits for another one that holds the lock of the same app.
LOCK_WAIT = 10
_ENV_FILE = re.compile(rf"\.?({'|'.join(COLORS)})(-.+)?\.env(\.tmp)?", re.DOTALL)


class JournalCorrupt(BluegreenError):
    """Neither the journal nor its previous version can be read.

    :ivar what: that sentence, without a way out and its full stop.
    """

    def __init__(self, what: str, problems: list[str]) -> None:
        super().__init__(
            f"{what}: run {command('recover')}, which looks at the host instead and keeps the damaged file under "
            "another name.",
            problems=problems,
        )
        self.what = what


class Store:
    """The folder of an app below ``/var/lib/bluegreen``.

    :param app: name of the app, which :func:`check_app` has accepted.
    """

    def __init__(self, app: str, host: Host, root: str = STATE_ROOT, run_root: str = RUN_ROOT) -> None:
        self.app = app
        self.host = host
        self.folder = os.path.join(root, app)
        self.lease_mark = os.path.join(run_root, app)
        self._is_torn = False

    def path(self, name: str) -> str:
        """The path of a file in the folder of the app."""
        return os.path.join(self.folder, name)

    def env_file(self, color: str, deployment_id: str) -> str:
        """The path of the env file that Compose gets for a color.

        Each deployment has a file of its own, and Compose refuses to run without it. So a controller that slept until
        its deployment was over cannot create containers of a color that is live by then.
        """
        return self.path(f"{color}-{deployment_id}.env")

    def env_files(self) -> list[str]:
        """The paths of all env files, also of a half-written one."""
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return []
        return [self.path(name) for name in sorted(names) if _ENV_FILE.fullmatch(name)]

    def remove_env_files(self) -> None:
        """Remove all env files: they hold secrets, and no controller needs them after its deployment."""
        for path in self.env_files():
            remove(path)

    def broker_url(self) -> str:
        """The URL of the broker in the open deployment; it has its own file because it may hold a password."""
        path = self.path("broker.url")
        try:
            with open(path, "rb", opener=opener) as source:
                text = source.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""
        if text.isprintable() and "\ufffd" not in text:
            return text
        # A damaged file must not stop a rollback.
        self.host.warn(f"{path} is damaged, so tasks are looked for in all databases of the broker service.")
        return ""

    def secrets(self) -> set[str]:
        """Passwords and other values in the files that only root reads, to be hidden in texts that others may read."""
        found: set[str] = _redact.texts_in(self.broker_url())
        for path in self.env_files():
            with contextlib.suppress(FileNotFoundError):
                with open(path, encoding="utf-8", errors="replace", opener=opener) as source:
                    found |= _redact.in_env_text(source.read())
        return found

    def create(self) -> None:
        """Make the folder, readable by root alone because env files hold secrets."""
        make_folder(os.path.dirname(self.folder))
        make_folder(self.folder)

    # Lock

    @contextlib.contextmanager
    def lock(self, purpose: str, wait: float = LOCK_WAIT) -> Iterator[None]:
        """Hold the host's lock of this app.

        The kernel holds it (``flock``): it ends with the last process that holds it, so nobody ever has to remove a
        file by hand. The text in the file only tells the next process who holds the lock.

        :param purpose: what the lock is for, as ``step health of deployment 2026-11-23``.
        :param wait: seconds to wait for another holder.
        :raises Fenced: another process still holds it.
        """
        self.create()
        descriptor = opener(self.path("lock"), os.O_RDWR | os.O_CREAT)

        def sign() -> None:
            with contextlib.suppress(OSError):
                # The text is for people only, and a full disk must not stop a rollback.
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{one_line(purpose, 160)} (process {os.getpid()})".encode(), 0)

        try:
            self._acquire(descriptor, wait)
            sign()
            _progress.in_another_process.append(sign)
            self.host.keep_open.add(descriptor)
            yield
        finally:
            with contextlib.suppress(ValueError):
                _progress.in_another_process.remove(sign)
            self.host.keep_open.discard(descriptor)
            os.close(descriptor)

    def _acquire(self, descriptor: int, wait: float) -> None:
        if lock_within(descriptor, Deadline(self.host.clock, wait)):
            return
        holder = one_line(os.pread(descriptor, 200, 0).decode("utf-8", "replace"), 200) or "another process"
        raise Fenced(
            f"The lock of app {self.app} is held by {holder} on this host: wait until it has ended, and run this again."
        )

    # Journal

    def load(self) -> Optional[Journal]:
        """The journal of the open deployment, ``None`` where none is open.

        :raises JournalCorrupt: there is a journal, but neither it nor its previous version can be read.
        """
        broken: list[str] = []
        problems: list[str] = []
        for name in ("deployment.json", "deployment.json.previous"):
            try:
                with open(self.path(name), "rb", opener=opener) as source:
                    found = Journal(self, journal_schema.journal(source.read(LIMIT + 1), self.app))
                self._is_torn = bool(broken)
                return found
            except FileNotFoundError:
                if name == "deployment.json":
                    return None
            except Unreadable as error:
                broken.append(name)
                problems += [f"{name}: {problem}" for problem in error.problems]
        raise JournalCorrupt(
            f"The journal {self.path('deployment.json')} cannot be read ({joined(broken)} {agree(broken, 'is', 'are')} "
            "damaged)",
            problems,
        )

    def set_aside(self, stamp: str) -> list[str]:
        """Rename a journal that cannot be read, so that it is no longer the journal.

        :param stamp: the end of the new names, which tells them from those of other damaged journals.
        :returns: the new names.
        """
        kept = []
        # The previous version first: load() ignores it where the journal itself is missing.
        for name in ("deployment.json.previous", "deployment.json"):
            with contextlib.suppress(FileNotFoundError):
                os.replace(self.path(name), self.path(f"{name}.corrupt-{stamp}"))
                kept.append(f"{name}.corrupt-{stamp}")
        remove(self.lease_mark)
        sync_folder(self.folder)
        return kept

    def save(self, data: dict[str, Any]) -> None:
        """Write the journal, and mark the lease as one of this boot.

        :raises OSError: it cannot be written.
        """
        current, previous = self.path("deployment.json"), self.path("deployment.json.previous")
        # A link and two renames: at every instant one whole version has one of the two names. A damaged one never
        # replaces the previous version.
        if not self._is_torn:
            with contextlib.suppress(FileNotFoundError):
                remove(previous + ".new")
                os.link(current, previous + ".new")
                os.replace(previous + ".new", previous)
                # After a failed write both names may be links to one file; then rename() does nothing, .new stays.
                remove(previous + ".new")
        write_atomically(current, json.dumps(journal_schema.tidied(data), indent=1, sort_keys=True) + "\n")
        self._is_torn = False
        self._mark_lease()

    def _mark_lease(self) -> None:
        # /run is empty after a boot, which ends every lease: also in a container, which keeps the kernel's boot id.
        if not os.path.exists(self.lease_mark):
            make_folder(os.path.dirname(self.lease_mark))
            os.close(opener(self.lease_mark, os.O_WRONLY | os.O_CREAT))

    def remove_journal(self) -> None:
        """Remove the journal: no deployment is open any more."""
        # The previous version first: left behind, it would be taken for that of the next deployment's journal.
        for name in ("deployment.json.previous", "deployment.json"):
            remove(self.path(name))
        remove(self.lease_mark)
        sync_folder(self.folder)

    def discard(self) -> None:
        """Remove a deployment that has changed nothing yet, without a line in the history."""
        self.remove_env_files()
        remove(self.path("broker.url"))
        self.remove_journal()
