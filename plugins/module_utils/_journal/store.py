# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The files of one app on the host: the journal of the open deployment, the lock, the history, the env files.

The journal is written in a way that a power cut leaves either the version before or the one after, and the version
before is kept beside it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re

from .. import _progress, _redact
from .._commands import command
from .._errors import BluegreenError
from .._linux.clock import Deadline
from .._linux.files import make_folder, opener, remove, sync_folder, telling, write_atomically
from .._validation import COLORS, one_line
from . import schema as journal_schema
from .fencing import Fenced
from .journal import Journal

STATE_ROOT = "/var/lib/bluegreen"
RUN_ROOT = "/run/bluegreen"

# How long a module waits for another one that holds the lock of the same app, in seconds.
LOCK_WAIT = 10
# Of how many deployments the history tells, and at how many it is cut down to that.
HISTORY_KEPT = 500
HISTORY_LIMIT = 600

_ENV_FILE = re.compile(rf"\.?({'|'.join(COLORS)})(-.+)?\.env(\.tmp)?", re.DOTALL)


class JournalCorrupt(BluegreenError):
    """No readable version of the journal is left."""


class Store:
    """The folder of an app below ``/var/lib/bluegreen``.

    :param app: name of the app, already checked against the grammar.
    :param host: a :class:`Host`.
    """

    def __init__(self, app, host, root=STATE_ROOT, run_root=RUN_ROOT):
        self.app = app
        self.host = host
        self.folder = os.path.join(root, app)
        self.lease_mark = os.path.join(run_root, app)
        self._is_torn = False

    def path(self, name):
        return os.path.join(self.folder, name)

    def env_file(self, color, deployment_id):
        """What Compose is given for a color. Without this file it does nothing, and a later deployment has another one: so a
        controller that slept until its deployment was over cannot create containers of a color that is live by then.
        """
        return self.path(f"{color}-{deployment_id}.env")

    def env_files(self):
        """All that there are, and what a crash left of one; those of earlier versions do not name a deployment."""
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return []
        return [self.path(name) for name in sorted(names) if _ENV_FILE.fullmatch(name)]

    def remove_env_files(self):
        """Remove them all: they hold secrets, and without them Compose does nothing more."""
        for path in self.env_files():
            remove(path)

    def broker_url(self):
        """The broker's URL of the open deployment; it may hold a password, so the journal does not have it."""
        path = self.path("broker.url")
        try:
            with open(path, "rb", opener=opener) as source:
                text = source.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""
        if text.isprintable() and "\ufffd" not in text:
            return text
        # Damage must keep nobody from going back.
        self.host.warn(f"{path} is damaged, so tasks are looked for in all of the broker service's databases.")
        return ""

    def secrets(self):
        """What the files hold that root alone reads, to be taken out of what others may read."""
        found = _redact.texts_in(self.broker_url())
        for path in self.env_files():
            with contextlib.suppress(FileNotFoundError):
                with open(path, encoding="utf-8", errors="replace", opener=opener) as source:
                    found |= _redact.in_env_text(source.read())
        return found

    def create(self):
        """Make the folder, readable by root alone because env files hold secrets."""
        make_folder(os.path.dirname(self.folder))
        make_folder(self.folder)

    # Lock

    @contextlib.contextmanager
    def lock(self, purpose, wait=LOCK_WAIT):
        """Hold the host's lock of this app.

        It is the kernel's (``flock``): it ends with the last process that holds it, and no file has to be removed
        by hand, ever. What the file says is only for the message to the next one.

        :param purpose: what the lock is for, named to whoever finds it held.
        :param wait: seconds to wait for another holder.
        """
        self.create()
        descriptor = opener(self.path("lock"), os.O_RDWR | os.O_CREAT)

        def sign():
            with contextlib.suppress(OSError):
                # Only for people, and a full disk must not keep anybody from going back.
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

    def _acquire(self, descriptor, wait):
        deadline = Deadline(self.host.clock, wait)
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
            if deadline.over:
                holder = one_line(os.pread(descriptor, 200, 0).decode("utf-8", "replace"), 200) or "another process"
                raise Fenced(
                    f"The lock of app {self.app} is held by {holder} on this host: wait until it has ended, and "
                    "run this again."
                )
            deadline.sleep(0.1)

    # Journal

    def load(self):
        """The open deployment as a :class:`Journal`, or ``None``.

        :raises JournalCorrupt: there is a journal and neither it nor the copy before it can be read.
        """
        broken, problems = [], []
        for name in ("deployment.json", "deployment.json.previous"):
            try:
                with open(self.path(name), "rb", opener=opener) as source:
                    found = Journal(self, journal_schema.journal(source.read(journal_schema.LIMIT + 1), self.app))
                self._is_torn = bool(broken)
                return found
            except FileNotFoundError:
                if name == "deployment.json":
                    return None
            except journal_schema.Unreadable as error:
                broken.append(name)
                problems += [f"{name}: {problem}" for problem in error.problems]
        raise JournalCorrupt(
            f"The journal {self.path('deployment.json')} cannot be read ({' and '.join(broken)} damaged): run "
            f"{command('recover')}, which goes by what the host shows and keeps the file aside.",
            problems=problems,
        )

    def set_aside(self, stamp):
        """Keep a journal that nobody can read under another name, so that it is no longer the journal.

        :param stamp: what distinguishes it from others of its kind.
        :returns: the names that are there now.
        """
        kept = []
        # The copy first: left behind alone, it is nobody's.
        for name in ("deployment.json.previous", "deployment.json"):
            with contextlib.suppress(FileNotFoundError):
                os.replace(self.path(name), self.path(f"{name}.corrupt-{stamp}"))
                kept.append(f"{name}.corrupt-{stamp}")
        remove(self.lease_mark)
        sync_folder(self.folder)
        return kept

    def save(self, data):
        """Write the journal and with it the lease, each before the effect that it announces."""
        current, previous = self.path("deployment.json"), self.path("deployment.json.previous")
        # A link and two renames: at every instant there is one whole version under one of the two names. A torn one takes
        # no other's place.
        if not self._is_torn:
            with contextlib.suppress(FileNotFoundError):
                remove(previous + ".new")
                os.link(current, previous + ".new")
                os.replace(previous + ".new", previous)
                # Where the write after it failed the last time, both are names of one file, and then a rename does nothing.
                remove(previous + ".new")
        write_atomically(current, json.dumps(journal_schema.tidied(data), indent=1, sort_keys=True) + "\n")
        self._is_torn = False
        self._mark_lease()

    def _mark_lease(self):
        # /run is empty after a boot, which ends every lease: also in a container, which keeps the kernel's boot id.
        if not os.path.exists(self.lease_mark):
            make_folder(os.path.dirname(self.lease_mark))
            os.close(opener(self.lease_mark, os.O_WRONLY | os.O_CREAT))

    def close(self, entry):
        """End the deployment: its line goes to the history, then the journal goes."""
        self.log(entry)
        # The copy first: left behind, it would pass for the copy of the next deployment's journal.
        remove(self.path("deployment.json.previous"))
        remove(self.path("deployment.json"))
        remove(self.lease_mark)
        sync_folder(self.folder)

    def log(self, entry):
        """Write a line of the history, once for each deployment. The oldest ones go in time: each look reads all of them."""
        entries = self.history()
        if not entries or entries[-1].get("id") != entry["id"]:
            path = self.path("history.jsonl")
            with telling(path), open(path, "ab+", opener=opener) as target:
                # A line that a power cut tore must not swallow this one.
                target.seek(max(target.tell() - 1, 0))
                gap = "" if target.read() in (b"", b"\n") else "\n"
                target.write(f"{gap}{json.dumps(journal_schema.tidied(entry), sort_keys=True)}\n".encode())
                target.flush()
                os.fsync(target.fileno())
        if len(entries) >= HISTORY_LIMIT:
            # What stays is whole already, so a disk that is full fails no deployment for this.
            with contextlib.suppress(OSError, BluegreenError):
                self._cut_history()

    def _cut_history(self):
        with open(self.path("history.jsonl"), "rb", opener=opener) as source:
            lines = source.readlines()
        text = b"".join(lines[-HISTORY_KEPT:]).decode("utf-8", "replace")
        write_atomically(self.path("history.jsonl"), text)

    def discard(self):
        """Remove a deployment that has changed nothing yet, without a line in the history."""
        self.remove_env_files()
        for name in ("broker.url", "deployment.json.previous", "deployment.json"):
            remove(self.path(name))
        remove(self.lease_mark)
        sync_folder(self.folder)

    def history(self, last=None):
        """Lines of the history, oldest first; a line torn by a power cut is passed over."""
        entries = []
        with contextlib.suppress(FileNotFoundError):
            with open(self.path("history.jsonl"), "rb", opener=opener) as source:
                for line in source:
                    with contextlib.suppress(journal_schema.Unreadable):
                        entries.append(journal_schema.entry(line))
        return entries if last is None else entries[-last:]
