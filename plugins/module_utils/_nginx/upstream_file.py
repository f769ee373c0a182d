# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The owned file on the disk, replaced so that a power cut or a full disk never leaves half of it."""

from __future__ import annotations

import contextlib
import os

from .._commands import command
from .._errors import BluegreenError, reason_of
from .._linux.files import remove, sync_folder


class OwnedFile:
    """The file that tells Nginx which color is live.

    The names of all files beside it begin with a dot, because an ``include`` with a ``*`` skips these.

    :param path: the path of the setting. A link is followed, so that it stays a link.
    :param deployment_id: the deployment that the backup belongs to; empty for a switch outside of a deployment.
    :ivar backup_path: the path of the backup.
    """

    def __init__(self, path: str, deployment_id: str = "") -> None:
        self.path = os.path.realpath(path)
        self.folder, name = os.path.split(self.path)
        self._hidden = os.path.join(self.folder, f".{name}.")
        self.backup_path = f"{self._hidden}before-{deployment_id or 'bluegreen'}"
        self._next = f"{self._hidden}tmp"
        self._undo = f"{self._hidden}undo"

    def read(self) -> str:
        """The text of the file.

        :raises BluegreenError: it cannot be read.
        """
        try:
            with open(self.path, encoding="utf-8", errors="replace") as source:
                return source.read()
        except FileNotFoundError as error:
            raise BluegreenError(
                f"{self.path}, the file that tells Nginx which color is live, does not exist: write it with "
                f"{command('prepare')}, or correct bluegreen_nginx_file."
            ) from error
        except OSError as error:
            raise _failure(self.path, "read", error) from error

    def read_backup(self) -> str | None:
        """The text of the backup, ``None`` without one."""
        try:
            with open(self.backup_path, encoding="utf-8", errors="replace") as source:
                return source.read()
        except FileNotFoundError:
            return None

    def backup(self) -> None:
        """Copy the file to its backup, so that going back needs no more than a rename; an older backup stays.

        :raises BluegreenError: the disk does not take it.
        """
        if os.path.exists(self.backup_path):
            return
        try:
            with open(self.path, "rb") as source:
                self._write(self._next, source.read())
            os.rename(self._next, self.backup_path)
            sync_folder(self.folder)
        except OSError as error:
            raise _failure(self.backup_path, "written", error) from error

    def replace(self, text: str) -> None:
        """Replace the file by one with ``text``; :meth:`put_back` undoes that.

        :raises BluegreenError: the disk does not take it; the file is as it was.
        """
        try:
            remove(self._undo)
            remove(self._next)
            os.link(self.path, self._undo)
            if text == self.read_backup():
                # A link needs no space, so this works on a full disk as well.
                os.link(self.backup_path, self._next)
            else:
                self._write(self._next, text.encode())
            self._move(self._next)
        except OSError as error:
            raise _failure(self.path, "written", error) from error

    def put_back(self) -> None:
        """Undo the last :meth:`replace`."""
        self._move(self._undo)

    def restore_backup(self) -> bool:
        """Replace the file by its backup; false if there is none or the file equals it.

        The backup stays, and a link needs no space, so this works on a full disk as well.

        :raises BluegreenError: the disk does not take it; the file is as it was.
        """
        try:
            backup = self.read_backup()
            if backup is None or (os.path.exists(self.path) and backup == self.read()):
                return False
            remove(self._next)
            os.link(self.backup_path, self._next)
            self._move(self._next)
        except OSError as error:
            raise _failure(self.path, "written", error) from error
        return True

    def discard_undo(self) -> None:
        """Make the last :meth:`replace` final."""
        remove(self._undo)

    def remove_backups(self) -> None:
        """Remove the backups of all deployments, and the files that an interrupted switch left."""
        if not os.path.isdir(self.folder):
            return
        for name in os.listdir(self.folder):
            path = os.path.join(self.folder, name)
            if path in (self._next, self._undo) or path.startswith(f"{self._hidden}before-"):
                remove(path)

    def _move(self, source: str) -> None:
        os.rename(source, self.path)
        sync_folder(self.folder)

    def _write(self, path: str, content: bytes) -> None:
        remove(path)
        # Nothing in it is secret, and Nginx reads it as root.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        with os.fdopen(descriptor, "wb") as target:
            with contextlib.suppress(FileNotFoundError):
                status = os.stat(self.path)
                os.fchmod(target.fileno(), status.st_mode & 0o7777)
                os.fchown(target.fileno(), status.st_uid, status.st_gid)
            target.write(content)
            target.flush()
            os.fsync(target.fileno())


def _failure(path: str, what: str, error: OSError) -> BluegreenError:
    reason = reason_of(error).lower()
    return BluegreenError(
        f"{path} cannot be {what} ({reason}): Nginx was not changed. Remove the cause, and run this again as root."
    )
