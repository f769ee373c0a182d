# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Files that decide what root does on this host: read and written so that nobody else has a say in them.

What lies in ``/var/lib/bluegreen`` tells the guard at boot which containers to start and which file of Nginx to put
back. So nothing of it is trusted that somebody but its owner could have written, or could have put there: no symbolic
link, no hard link to a file elsewhere, no file or folder of another user, none that others may write. The owner is
whoever runs this, which is root.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from .._errors import BluegreenError

FOLDER_MODE = 0o750
FILE_MODE = 0o640
# For what may hold a secret, and for what only the owner has to read.
SECRET_MODE = 0o600

# What the program on the host goes by, in the app's folder.
TRUSTED = ("deployment.json", "deployment.json.previous", "settings.json", "containers.json", "broker.url")

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class Distrusted(BluegreenError):
    """Somebody else could have written a file or folder of the collection's own."""


class StateFailure(BluegreenError, OSError):
    """The operating system does not let a file or folder of the collection's own be opened or written."""

    def __init__(self, message, error):
        BluegreenError.__init__(self, message)
        self.errno, self.strerror = error.errno, error.strerror

    def __str__(self):
        return self.message


# Reading and writing


def opener(path, flags):
    """For ``open(..., opener=opener)``: opens a file of a trusted folder if it can be trusted itself.

    :raises FileNotFoundError: the file or its folder is not there.
    :raises Distrusted: one of them cannot be trusted.
    :raises StateFailure: the file cannot be opened.
    """
    folder, name = os.path.split(path)
    with _opened_folder(folder) as descriptor:
        # Without O_NONBLOCK a pipe of this name would hold whoever opens it.
        flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            opened = os.open(name, flags, FILE_MODE, dir_fd=descriptor)
        except FileNotFoundError:
            raise
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise _distrust(path, "is a symbolic link", f"remove it (rm {path})") from error
            raise _told(path, "opened", error) from error
        try:
            _require_trusted_file(path, descriptor, opened)
        except BaseException:
            os.close(opened)
            raise
        return opened


def write_atomically(path, text, mode=FILE_MODE, lasting=True):
    """Replace a file so that a power cut leaves the old or the new bytes, never a mixture.

    :param lasting: whether it matters after a power cut at all. If not, the disk is not waited for, which takes a card of a
        Raspberry Pi up to a tenth of a second, and then the file may be empty.
    :raises Distrusted: its folder cannot be trusted.
    :raises StateFailure: it cannot be written.
    """
    folder, name = os.path.split(path)
    temporary = f".{name}.tmp"
    with telling(path), _opened_folder(folder) as descriptor:
        # Whatever an earlier crash, or somebody, left under that name: it is not written into.
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
            # What is in it may be secret, and takes room where there is none.
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=descriptor)
            raise
        if lasting:
            os.fsync(descriptor)


def make_folder(path):
    """A folder that its owner alone writes and that strangers do not read; made if it is missing.

    One that may be read by too many is corrected. One that others may write is refused: what is in it may be theirs.

    :raises Distrusted: it, or one above it, cannot be trusted.
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


def sync_folder(folder):
    """Make renames and removals in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path):
    """Remove a file that may be gone already."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


# Trust


def require_trusted(path):
    """Raise :class:`Distrusted` unless a program, and every folder above it, is root's or the owner's and nobody else's
    to write. Links are followed: what counts is the file that is run.
    """
    real = os.path.realpath(path)
    require_trusted_folders(os.path.dirname(real))
    try:
        status = os.stat(real)
    except OSError as error:
        raise _told(path, "read", error) from error
    if not stat.S_ISREG(status.st_mode):
        raise _distrust(real, "is no file", "put the program there")
    _require_owner(real, status, (0, os.geteuid()))
    _require_unwritable(real, status)


def require_trusted_folders(path):
    """The same for a folder and those above it. In one with the sticky bit, such as ``/tmp``, nobody can replace what is
    another user's.
    """
    real = os.path.realpath(path)
    while True:
        try:
            status = os.stat(real)
        except OSError as error:
            raise _told(real, "read", error) from error
        _require_owner(real, status, (0, os.geteuid()))
        # The group of root is root.
        others = stat.S_IWOTH if status.st_gid == 0 else _WRITABLE_BY_OTHERS
        if status.st_mode & others and not status.st_mode & stat.S_ISVTX:
            raise _distrust(real, "can be written by others", f"take that right away (chmod go-w {real})")
        if real == os.path.dirname(real):
            return
        real = os.path.dirname(real)


def check_program(program, interpreter, names=()):
    """What a program that runs by itself at boot asks before it acts: that nobody else could have written it, the Python
    that runs it, its folder, or the files that it goes by.

    :param program: path of the program; the files lie beside it.
    :param interpreter: path of the Python that runs it.
    :param names: of those files; one that is not there is passed over.
    :raises Distrusted: naming the first that cannot be trusted.
    """
    folder = os.path.dirname(program)
    require_trusted(interpreter)
    require_trusted_folders(os.path.dirname(folder))
    for name in (os.path.basename(program), *names):
        with contextlib.suppress(FileNotFoundError):
            os.close(opener(os.path.join(folder, name), os.O_RDONLY))


@contextlib.contextmanager
def _opened_folder(path):
    """A descriptor of a folder that can be trusted."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        if os.path.islink(path):
            raise _distrust(path, "is a symbolic link", f"remove it (rm {path})") from error
        if error.errno == errno.ENOTDIR:
            raise _distrust(path, "is no folder", f"remove it (rm {path})") from error
        raise _told(path, "opened", error) from error
    try:
        status = os.fstat(descriptor)
        _require_owner(path, status, (os.geteuid(),))
        _require_unwritable(path, status)
        yield descriptor
    finally:
        os.close(descriptor)


def _require_trusted_file(path, folder, opened):
    status = os.fstat(opened)
    if not stat.S_ISREG(status.st_mode):
        raise _distrust(path, "is no file", f"remove it (rm -r {path})")
    _require_owner(path, status, (os.geteuid(),))
    _require_unwritable(path, status)
    # The journal and its copy are one file under two names for a moment, in which the power may be cut. Whoever writes
    # it may be at that just now, so one look is not enough to refuse it.
    looks = 5
    while status.st_nlink > 1 and status.st_nlink > _names_in(folder, status):
        looks -= 1
        if not looks:
            raise _distrust(
                path,
                "has another name elsewhere (a hard link)",
                f"put a copy in its place (cp -p {path} {path}.new && mv {path}.new {path})",
            )
        status = os.fstat(opened)


def _names_in(folder, status):
    found = 0
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            found += os.path.samestat(os.stat(name, dir_fd=folder, follow_symlinks=False), status)
    return found


def _require_owner(path, status, owners):
    if status.st_uid not in owners:
        raise _distrust(
            path,
            f"belongs to user {status.st_uid} and not to {_named(os.geteuid())}",
            f"give it to {_named(os.geteuid())} (chown {os.geteuid()} {path})",
        )


def _require_unwritable(path, status):
    if status.st_mode & _WRITABLE_BY_OTHERS:
        raise _distrust(path, "can be written by others", f"take that right away (chmod go-w {path})")


def _named(user):
    return "root" if user == 0 else f"user {user}"


def _distrust(path, wrong, way):
    return Distrusted(
        f"{path} {wrong}, and what somebody else may have written is not trusted: look at it, {way}, and run this again."
    )


@contextlib.contextmanager
def telling(path, what="written"):
    """Turn what the operating system says against a file into a :class:`StateFailure`."""
    try:
        yield
    except StateFailure:
        raise
    except OSError as error:
        raise _told(path, what, error) from error


def _told(path, what, error):
    way = {
        errno.ENOSPC: "make room on that disk",
        errno.EDQUOT: "make room on that disk",
        errno.EROFS: "find out why that disk is read-only (dmesg), and mount it for writing",
        errno.EACCES: "run it as root (become: true)",
        errno.EPERM: "run it as root (become: true)",
    }.get(error.errno, "mend that")
    reason = (error.strerror or str(error)).lower()
    return StateFailure(f"{path} cannot be {what} ({reason}): {way}, then run this again.", error)
