# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What the collection acts on and with on one host: the engine, other programs, time."""

from __future__ import annotations

import os
import select
import subprocess
from typing import NamedTuple

from ._docker.engine import DEFAULT_DOCKER_HOST, Engine
from ._errors import BluegreenError
from ._linux.clock import Clock

# How much of what a long program writes is kept, in bytes: the end tells why it failed.
KEPT = 1 << 16
# How long a program that was told to end may take for it, in seconds.
END_TIMEOUT = 10


class Completed(NamedTuple):
    """A program that has ended: its exit code (-1 when it was cut off by the timeout) and what it wrote."""

    code: int
    out: str
    err: str


class Host:
    """The edges through which effects happen. Tests pass an object with the same attributes.

    :ivar engine: the :class:`Engine`.
    :ivar clock: the :class:`Clock`.
    :ivar commands: command lines of everything done so far that changes something, for the module's result.
    :ivar warnings: sentences for the user that stop nothing.
    :ivar keep_open: descriptors that every program run from here inherits. The host's lock is one of them: a child
        that outlives a killed module keeps the lock until it ends.
    """

    def __init__(self, docker_host=DEFAULT_DOCKER_HOST, clock=None):
        self.commands = []
        self.warnings = []
        self.keep_open = set()
        self.engine = Engine(docker_host, self.commands)
        self.clock = clock or Clock()

    def run(self, argv, timeout=60, stdin=None, env=None, cwd=None, changes=False):
        """Run a program without a shell.

        :param timeout: seconds after which it is killed.
        :param stdin: text for its standard input.
        :param env: variables set beside the module's own.
        :param changes: whether it changes the host, and so belongs into ``commands``.
        :returns: :class:`Completed`
        :raises BluegreenError: the program is not there.
        """
        if changes:
            self.commands.append(" ".join(argv))
        try:
            done = subprocess.run(
                argv,
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                env=_environment(env),
                cwd=cwd,
                timeout=timeout,
                pass_fds=tuple(self.keep_open),
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            return Completed(-1, _text(error.stdout), f"{_text(error.stderr)}\nkilled after {timeout} s".strip())
        except OSError as error:
            raise _does_not_run(argv[0], error) from error
        return Completed(done.returncode, done.stdout, done.stderr)

    def follow(self, argv: list, turn, pace: float, env=None, cwd=None) -> Completed:
        """Run a program that may take an hour, without the lock.

        :param turn: called every ``pace`` seconds while it runs; the program is ended when that raises.
        :returns: :class:`Completed`, with the end of what it wrote, to both streams, in ``out``.
        :raises BluegreenError: the program is not there.
        """
        self.commands.append(" ".join(argv))
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        try:
            process = subprocess.Popen(argv, env=_environment(env), cwd=cwd, **streams)
        except OSError as error:
            raise _does_not_run(argv[0], error) from error
        written, due = b"", self.clock.monotonic() + pace
        try:
            while True:
                if select.select([process.stdout], [], [], max(due - self.clock.monotonic(), 0))[0]:
                    part = os.read(process.stdout.fileno(), KEPT)
                    if not part:
                        break
                    written = (written + part)[-KEPT:]
                if self.clock.monotonic() >= due:
                    turn()
                    due = self.clock.monotonic() + pace
            return Completed(process.wait(), _text(written), "")
        finally:
            _end(process)

    def warn(self, sentence):
        if sentence not in self.warnings:
            self.warnings.append(sentence)


def _environment(added) -> dict:
    return {**os.environ, "LC_ALL": "C", **(added or {})}


def _does_not_run(program: str, error: OSError) -> BluegreenError:
    if isinstance(error, FileNotFoundError):
        return BluegreenError(f"The program {program} is not on this host: run prepare.yml, or install it.")
    return BluegreenError(f"The program {program} does not run on this host ({error.strerror}): install it again.")


def _end(process: subprocess.Popen) -> None:
    """End a program that still runs, and close the pipe."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(END_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    process.stdout.close()


def _text(captured):
    if isinstance(captured, bytes):
        return captured.decode("utf-8", "replace")
    return captured or ""
