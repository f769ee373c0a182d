# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether a program that root runs by itself could have been written by another user."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Sequence

from .files import distrust, opener, require_owner, require_trusted_folders, require_unwritable, state_failure

# Files in the app's folder that the program on the host follows.
TRUSTED = ("deployment.json", "deployment.json.previous", "settings.json", "containers.json", "broker.url")


def require_trusted(path: str) -> None:
    """Raise :class:`Distrusted` if others than root and the owner can write a program or any folder above it.

    Links are followed, because the file that is run is the one that counts.
    """
    real = os.path.realpath(path)
    require_trusted_folders(os.path.dirname(real))
    try:
        status = os.stat(real)
    except OSError as error:
        raise state_failure(path, "read", error) from error
    if not stat.S_ISREG(status.st_mode):
        raise distrust(real, "is not a regular file", "install Python there again")
    require_owner(real, status, (0, os.geteuid()))
    require_unwritable(real, status)


def check_program(program: str, interpreter: str, names: Sequence[str] = ()) -> None:
    """Check for a program that runs by itself at boot that no other user could have written its files.

    :param program: path of the program.
    :param interpreter: path of the Python that runs it.
    :param names: files beside the program that it follows; missing ones are allowed.
    :raises Distrusted: names the first file or folder that cannot be trusted.
    """
    folder = os.path.dirname(program)
    require_trusted(interpreter)
    require_trusted_folders(os.path.dirname(folder))
    for name in (os.path.basename(program), *names):
        with contextlib.suppress(FileNotFoundError):
            os.close(opener(os.path.join(folder, name), os.O_RDONLY))
