# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The owned file on the disk: replaced so that a power cut, a full disk or a failure never leaves half of it."""

from __future__ import annotations

import contextlib
import os

from .._errors import BluegreenError
from .._linux.files import remove, sync_folder


class OwnedFile:
    """The file that tells Nginx which color is live.

    Everything that lies beside it begins with a dot: what Nginx includes with a ``*`` has none.

    :param path: as the user names it. A link is followed, so that it stays one.
    :param deployment_id: to which the bytes kept beside it belong; empty for a switch by itself.
    """

    def __init__(self, path, deployment_id=""):
        self.path = os.path.realpath(path)
        self.folder, name = os.path.split(self.path)
        self._hidden = os.path.join(self.folder, f".{name}.")
        self.kept = f"{self._hidden}before-{deployment_id or 'bluegreen'}"
        self._next = f"{self._hidden}tmp"
        self._undo = f"{self._hidden}undo"

    def read(self):
        """The text of the file.

        :raises BluegreenError: it cannot be read.
        """
        try:
            with open(self.path, encoding="utf-8", errors="replace") as source:
                return source.read()
        except FileNotFoundError as error:
            raise BluegreenError(
                f"{self.path}, the file that tells Nginx which color is live, does not exist: run prepare.yml, which writes "
                "it, or correct bluegreen_nginx_file."
            ) from error
        except OSError as error:
            raise _told(self.path, "read", error) from error

    def read_kept(self):
        """The text that was kept, ``None`` when there is none."""
        try:
            with open(self.kept, encoding="utf-8", errors="replace") as source:
                return source.read()
        except FileNotFoundError:
            return None

    def keep(self):
        """Keep the bytes of now, so that going back needs no more than a rename; those kept first count."""
        if os.path.exists(self.kept):
            return
        try:
            with open(self.path, "rb") as source:
                self._write(self._next, source.read())
            os.rename(self._next, self.kept)
            sync_folder(self.folder)
        except OSError as error:
            raise _told(self.kept, "written", error) from error

    def replace(self, text):
        """Put ``text`` in its place; :meth:`put_back` undoes it."""
        try:
            remove(self._undo)
            remove(self._next)
            os.link(self.path, self._undo)
            if text == self.read_kept():
                # A link takes no room, so this works on a full disk too.
                os.link(self.kept, self._next)
            else:
                self._write(self._next, text.encode())
            self._move(self._next)
        except OSError as error:
            raise _told(self.path, "written", error) from error

    def put_back(self):
        """Undo the last :meth:`replace`."""
        self._move(self._undo)

    def put_back_kept(self):
        """Put the bytes back that were kept before the first :meth:`replace`; whether there were any to put back.

        They stay kept, and a link takes no room, so this works on a full disk too.
        """
        try:
            kept = self.read_kept()
            if kept is None or (os.path.exists(self.path) and kept == self.read()):
                return False
            remove(self._next)
            os.link(self.kept, self._next)
            self._move(self._next)
        except OSError as error:
            raise _told(self.path, "written", error) from error
        return True

    def settle(self):
        """The replaced text is no longer needed."""
        remove(self._undo)

    def forget(self):
        """Remove all that lies beside the file, also what an interrupted switch left there."""
        if not os.path.isdir(self.folder):
            return
        for name in os.listdir(self.folder):
            path = os.path.join(self.folder, name)
            if path in (self._next, self._undo) or path.startswith(f"{self._hidden}before-"):
                remove(path)

    def _move(self, source):
        os.rename(source, self.path)
        sync_folder(self.folder)

    def _write(self, path, content):
        remove(path)
        # Nginx reads it as root, and nothing in it is secret.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        with os.fdopen(descriptor, "wb") as target:
            with contextlib.suppress(FileNotFoundError):
                status = os.stat(self.path)
                os.fchmod(target.fileno(), status.st_mode & 0o7777)
                os.fchown(target.fileno(), status.st_uid, status.st_gid)
            target.write(content)
            target.flush()
            os.fsync(target.fileno())


def _told(path, what, error):
    return BluegreenError(
        f"{path} cannot be {what} ({error.strerror.lower()}): Nginx was left as it is. Mend that, and run this again as root."
    )
