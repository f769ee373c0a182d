# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Files that decide what root does on this host: read and written so that no other user can have a say in them.

The files in ``/var/lib/bluegreen`` tell the guard at boot which containers to start and which file of Nginx to restore.
So a file is refused if any other user could have written it or put it there: symbolic links, hard links to files
elsewhere, files and folders of another user, and those that others may write. The owner is the user that runs this
program, which is root.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from typing import Callable, Iterator, Optional, Sequence

from .._errors import BluegreenError, reason_of
from .clock import Deadline

FOLDER_MODE = 0o750
FILE_MODE = 0o640
# For files that may hold secrets, or that only their owner has to read.
SECRET_MODE = 0o600
# Seconds between two tries to lock a file.
_LOCK_PACE = 0.1


WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class Distrusted(BluegreenError):
    """Another user could have written a file or folder of the collection."""


class StateFailure(BluegreenError, OSError):
    """The operating system refuses to open or write a file or folder of the collection."""

    def __init__(self, message: str, error: OSError) -> None:
        BluegreenError.__init__(self, message)
        self.errno, self.strerror = error.errno, error.strerror

    def __str__(self) -> str:
        return self.message


# Reading and writing


def opener(path: str, flags: int) -> int:
    """For ``open(..., opener=opener)``: opens a file if both the file and its folder can be trusted.

    :returns: the descriptor.
    :raises FileNotFoundError: the file or its folder does not exist.
    :raises Distrusted: one of them cannot be trusted.
    :raises StateFailure: the file cannot be opened.
    """
    folder, name = os.path.split(path)
    with _opened_folder(folder) as descriptor:
        # Without O_NONBLOCK, to open a pipe of this name would block.
        flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            opened = os.open(name, flags, FILE_MODE, dir_fd=descriptor)
        except FileNotFoundError:
            raise
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise distrust(path, "is a symbolic link", f"remove it (rm {path})") from error
            raise state_failure(path, "opened", error) from error
        try:
            _require_trusted_file(path, descriptor, opened)
        except BaseException:
            os.close(opened)
            raise
        return opened


def write_atomically(path: str, text: str, mode: int = FILE_MODE, lasting: bool = True) -> None:
    """Replace a file so that a power cut leaves the old or the new bytes, never a mixture.

    :param lasting: whether the file has to survive a power cut. If not, this does not wait for the disk, for which an
        SD card takes up to a tenth of a second, and the file may be empty after a power cut.
    :raises Distrusted: its folder cannot be trusted.
    :raises StateFailure: it cannot be written.
    """
    folder, name = os.path.split(path)
    temporary = f".{name}.tmp"
    with telling(path), _opened_folder(folder) as descriptor:
        # A crash, or another user, may have left a file of that name; its content must not get into the new one.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=descriptor)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(temporary, flags, mode, dir_fd=descriptor), "w", encoding="utf-8") as target:
                # The mode given to open() is cut by the umask.
                os.fchmod(target.fileno(), mode)
                target.write(text)
                target.flush()
                if lasting:
                    os.fsync(target.fileno())
            os.replace(temporary, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
        except OSError:
            # The half-written file may hold secrets, and takes room on a full disk.
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=descriptor)
            raise
        if lasting:
            os.fsync(descriptor)


def make_folder(path: str) -> None:
    """Make a folder that only its owner writes and only its owner and group read, unless it exists.

    The mode of an existing folder is corrected where too many may read it. One that others may write is refused,
    because its files may be theirs.

    :raises Distrusted: the folder, or one above it, cannot be trusted.
    :raises StateFailure: it cannot be made.
    """
    above = os.path.dirname(path)
    require_trusted_folders(above)
    with telling(path, "made"):
        try:
            os.mkdir(path, FOLDER_MODE)
        except FileExistsError:
            pass
        else:
            sync_folder(above)
    with _opened_folder(path) as descriptor, telling(path):
        if stat.S_IMODE(os.fstat(descriptor).st_mode) & ~FOLDER_MODE:
            os.fchmod(descriptor, FOLDER_MODE)


def sync_folder(folder: str) -> None:
    """Make renames and removals in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: str) -> None:
    """Remove a file if it exists."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


# Trust


def require_trusted_folders(path: str) -> None:
    """The same for a folder and those above it.

    A folder with the sticky bit, such as ``/tmp``, passes: in it nobody can replace the files of another user.
    """
    real = os.path.realpath(path)
    while True:
        try:
            status = os.stat(real)
        except OSError as error:
            raise state_failure(real, "read", error) from error
        require_owner(real, status, (0, os.geteuid()))
        # Only root is in the group of root.
        others = stat.S_IWOTH if status.st_gid == 0 else WRITABLE_BY_OTHERS
        if status.st_mode & others and not status.st_mode & stat.S_ISVTX:
            raise distrust(real, "can be written by others", f"remove that permission (chmod go-w {real})")
        if real == os.path.dirname(real):
            return
        real = os.path.dirname(real)


@contextlib.contextmanager
def _opened_folder(path: str) -> Iterator[int]:
    """The descriptor of a folder that can be trusted."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        if os.path.islink(path):
            raise distrust(path, "is a symbolic link", f"remove it (rm {path})") from error
        if error.errno == errno.ENOTDIR:
            raise distrust(path, "is not a folder", f"remove it (rm {path})") from error
        raise state_failure(path, "opened", error) from error
    try:
        status = os.fstat(descriptor)
        require_owner(path, status, (os.geteuid(),))
        require_unwritable(path, status)
        yield descriptor
    finally:
        os.close(descriptor)


def _require_trusted_file(path: str, folder: int, opened: int) -> None:
    status = os.fstat(opened)
    if not stat.S_ISREG(status.st_mode):
        raise distrust(path, "is not a regular file", f"remove it (rm -r {path})")
    require_owner(path, status, (os.geteuid(),))
    require_unwritable(path, status)
    # For a moment the journal and its previous version are one file under two names, and the power may be cut then.
    # Another process may be writing it right now, so the count is checked more than once.
    checks = 5
    while status.st_nlink > 1 and status.st_nlink > _names_in(folder, status):
        checks -= 1
        if not checks:
            raise distrust(
                path,
                "has another name elsewhere (a hard link)",
                f"put a copy in its place (cp -p {path} {path}.new && mv {path}.new {path})",
            )
        status = os.fstat(opened)


def _names_in(folder: int, status: os.stat_result) -> int:
    """How many names a file has in a folder."""
    found = 0
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            found += os.path.samestat(os.stat(name, dir_fd=folder, follow_symlinks=False), status)
    return found


def require_owner(path: str, status: os.stat_result, owners: Sequence[int]) -> None:
    if status.st_uid not in owners:
        raise distrust(
            path,
            f"belongs to user {status.st_uid} and not to {_named(os.geteuid())}",
            f"give it to {_named(os.geteuid())} (chown {os.geteuid()} {path})",
        )


def require_unwritable(path: str, status: os.stat_result) -> None:
    if status.st_mode & WRITABLE_BY_OTHERS:
        raise distrust(path, "can be written by others", f"remove that permission (chmod go-w {path})")


def _named(user: int) -> str:
    return "root" if user == 0 else f"user {user}"


def distrust(path: str, wrong: str, way: str) -> Distrusted:
    return Distrusted(f"{path} {wrong}, so another user may have written it: look at it, {way}, and run this again.")


@contextlib.contextmanager
def telling(path: str, what: str = "written") -> Iterator[None]:
    """Turn any :class:`OSError` into a :class:`StateFailure`, which names the path.

    :param what: how ``path`` is used, for the sentence that it ``cannot be`` so.
    """
    try:
        yield
    except StateFailure:
        raise
    except OSError as error:
        raise state_failure(path, what, error) from error


def state_failure(path: str, what: str, error: OSError) -> StateFailure:
    way = {
        errno.ENOSPC: "make room on that disk",
        errno.EDQUOT: "make room on that disk",
        errno.EROFS: "find out why that disk is read-only (dmesg), and mount it for writing",
        errno.EACCES: "run it as root (become: true)",
        errno.EPERM: "run it as root (become: true)",
    }.get(error.errno or 0, "remove the cause")
    return StateFailure(f"{path} cannot be {what} ({reason_of(error).lower()}): {way}, then run this again.", error)


# Locks


def lock_within(descriptor: int, deadline: Deadline, meanwhile: Optional[Callable[[], object]] = None) -> bool:
    """Lock a file for this process and for those that inherit the descriptor (``flock``).

    :param meanwhile: called again and again while another process holds the lock.
    :returns: whether the lock was had before the deadline.
    """
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
        if deadline.over:
            return False
        if meanwhile:
            meanwhile()
        deadline.sleep(_LOCK_PACE)
