# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A long step answers the controller with a ticket, and continues in the background. The ticket fetches its result.

Ansible shows no output of a program on a host before that program ends. So a long step detaches from the connection
once, in a wait. From then on the controller asks for its progress, and at last for its result. A short step never
detaches.

The ticket is the name of a file in memory, readable by root alone, because a result may hold secrets. The step holds a
lock on the file until it ends or is killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import re
import subprocess
import threading
import time
from typing import Any, BinaryIO, Callable

from .. import _progress
from .._errors import BluegreenError
from .._journal.store import RUN_ROOT
from .._linux.clock import Clock, Deadline
from .._linux.files import SECRET_MODE, make_folder, opener, remove
from .._validation import one_line

# Keys of an answer: the result, or a ticket and a sentence of progress. With none of them, the step was killed.
RESULT, TICKET, SO_FAR = "result", "ticket", "so_far"

# Seconds between two notes of progress, and between two looks whether the step has ended.
PACE = 1.0
POLL = 0.1
# The longest sentence of progress, in characters.
LONGEST = 300
# Seconds after which a result is removed: its controller is gone.
LEFT_SECONDS = 600

# The other files in this folder are named after apps, and no app's name begins with a dot.
_PREFIX = ".step-"
_NAME = re.compile(rf"{re.escape(_PREFIX)}[0-9a-f]{{32}}")
_LOGIND = "org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager KillUserProcesses"


class LongStep:
    """The step that this process runs.

    :param answer: writes the line that the controller gets.
    :param seconds: after which the step detaches from the connection, in the next wait that reports progress.
    :param shown: takes secrets out of a sentence.
    """

    def __init__(
        self, answer: Callable[[str], None], seconds: float, shown: Callable[[str], str], root: str = RUN_ROOT
    ) -> None:
        self._answer = answer
        self._shown = shown
        self._root = root
        self._due = time.monotonic() + seconds
        self._file = -1

    def tell(self, sentence: str) -> None:
        """Note the progress; called by :func:`_progress.report`."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + PACE
        if self._file >= 0:
            self._note({SO_FAR: self._line(sentence)})
        # Other threads would not survive the fork.
        elif threading.active_count() == 1:
            # If that fails, the controller waits as for a short step.
            with contextlib.suppress(BluegreenError, OSError):
                self._detach(self._line(sentence))
            if self._file < 0:
                self._due = math.inf

    def end(self, result: dict[str, Any]) -> None:
        """Answer with the result, or leave it in the file of the ticket."""
        if self._file >= 0:
            self._note({RESULT: result})
        else:
            self._answer(json.dumps({RESULT: result}))

    def _line(self, sentence: str) -> str:
        # The name of a container or a task may hold control characters, which a terminal would obey.
        return one_line(self._shown(sentence), LONGEST)

    def _detach(self, sentence: str) -> None:
        if not outlives_connection():
            return
        make_folder(self._root)
        _remove_left(self._root)
        ticket = os.urandom(16).hex()
        path = _path(self._root, ticket)
        # The child inherits all that is open, locks and connections too.
        file = opener(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            os.fchmod(file, SECRET_MODE)
            fcntl.flock(file, fcntl.LOCK_EX)
            null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
            ready, detached = os.pipe()
            child = os.fork()
        except OSError:
            remove(path)
            os.close(file)
            raise
        if child:
            # The parent must end, because sudo and sshd wait for it, and it must never continue the step.
            try:
                # Nobody hears of the child before its locks carry its own name. If it is killed, this ends too.
                os.close(detached)
                os.read(ready, 1)
                self._answer(json.dumps({TICKET: ticket, SO_FAR: sentence}))
            finally:
                os._exit(0)
        os.setsid()
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        os.close(null)
        os.close(ready)
        self._file = file
        for note in _progress.in_another_process:
            note()
        os.close(detached)

    def _note(self, record: dict[str, Any]) -> None:
        # A reader may see a torn line while this is written, and ignores it.
        with contextlib.suppress(OSError):
            os.pwrite(self._file, json.dumps(record).encode() + b"\n", 0)


def wait_for(ticket: str, seconds: float, root: str = RUN_ROOT) -> dict[str, Any]:
    """Wait for the end of a detached step, for a limited time.

    :returns: the result, or the ticket and the progress, under the keys above; empty if the step was killed.
    """
    path = _path(root, ticket)
    try:
        with open(path, "rb", opener=opener) as file:
            ended = _has_ended_within(file, seconds)
            is_new = time.time() - os.fstat(file.fileno()).st_mtime < seconds
            try:
                record = json.loads(file.readline())
            except ValueError:
                record = {}
    except FileNotFoundError:
        return {}
    if not ended:
        # An old sentence may be wrong: the step may do something now that reports no progress.
        return {TICKET: ticket, SO_FAR: record.get(SO_FAR, "") if is_new else ""}
    remove(path)
    return record if RESULT in record else {}


def _has_ended_within(file: BinaryIO, seconds: float) -> bool:
    deadline = Deadline(Clock(), seconds)
    while not _has_ended(file):
        if deadline.over:
            return False
        deadline.sleep(POLL)
    return True


def _has_ended(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _path(root: str, ticket: str) -> str:
    name = f"{_PREFIX}{ticket}"
    if not _NAME.fullmatch(name):
        raise BluegreenError(
            f"Internal error: {ticket!r} is not the ticket of a running step. Run the playbook again, and report this."
        )
    return os.path.join(root, name)


def _remove_left(root: str) -> None:
    """Remove results that no controller asked for."""
    for name in filter(_NAME.fullmatch, os.listdir(root)):
        path = os.path.join(root, name)
        with contextlib.suppress(OSError, BluegreenError), open(path, "rb", opener=opener) as file:
            if time.time() - os.fstat(file.fileno()).st_mtime > LEFT_SECONDS and _has_ended(file):
                remove(path)


def outlives_connection(group: str = "/proc/self/cgroup") -> bool:
    """Whether this process survives the end of the user's session. On some hosts systemd kills it then.

    :param group: path of the file that names its control group.
    """
    try:
        with open(group, encoding="utf-8") as source:
            if "/session-" not in source.read():
                return True
        done = subprocess.run(["busctl", "get-property", *_LOGIND.split()], capture_output=True, timeout=5, check=False)
        return done.stdout.split() == [b"b", b"false"]
    except (OSError, subprocess.SubprocessError):
        return False
