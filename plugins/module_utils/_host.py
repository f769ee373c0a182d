# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One host as the collection uses it: its Docker Engine, its programs and its clock."""

from __future__ import annotations

import os
import select
import subprocess
from typing import IO, Callable, Mapping, NamedTuple, Optional, Sequence, Union, cast

from ._commands import command
from ._docker.engine import DEFAULT_DOCKER_HOST, Engine
from ._errors import BluegreenError
from ._linux.clock import Clock

# Bytes kept of the output of a long program: the end says why it failed.
KEPT = 1 << 16
# Seconds that a program may take to end after SIGTERM.
END_TIMEOUT = 10


class Completed(NamedTuple):
    """A program that has ended: its exit code, -1 after the timeout, and its output."""

    code: int
    out: str
    err: str


class Host:
    """All effects on the host go through this object. Tests pass an object with the same attributes.

    :ivar engine: the :class:`Engine`.
    :ivar clock: the :class:`Clock`.
    :ivar commands: the command lines of all changes so far, for the module's result.
    :ivar warnings: sentences for the user, in order, each once.
    :ivar keep_open: descriptors that each program run from here inherits. One is that of the host's lock: a child that
        outlives a killed module keeps the lock until it ends.
    """

    def __init__(self, docker_host: str = DEFAULT_DOCKER_HOST, clock: Optional[Clock] = None) -> None:
        self.commands: list[str] = []
        self.warnings: list[str] = []
        self.keep_open: set[int] = set()
        self.engine = Engine(docker_host, self.commands)
        self.clock = clock or Clock()

    def run(
        self,
        argv: Sequence[str],
        timeout: float = 60,
        stdin: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        cwd: Optional[str] = None,
        changes: bool = False,
    ) -> Completed:
        """Run a program without a shell.

        :param timeout: seconds after which it is killed.
        :param stdin: text for its standard input.
        :param env: variables beside the module's own.
        :param changes: whether the program changes the host, so that its command line is added to ``commands``.
        :raises BluegreenError: the program is not installed or cannot be executed.
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

    def follow(
        self,
        argv: Sequence[str],
        turn: Callable[[], object],
        pace: float,
        env: Optional[Mapping[str, str]] = None,
        cwd: Optional[str] = None,
    ) -> Completed:
        """Run a program that may take an hour. It does not inherit the lock.

        :param turn: called every ``pace`` seconds while the program runs; an exception of it ends the program.
        :returns: ``out`` is the end of its output, both streams in order; ``err`` is empty.
        :raises BluegreenError: the program is not installed or cannot be executed.
        """
        self.commands.append(" ".join(argv))
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=_environment(env),
                cwd=cwd,
            )
        except OSError as error:
            raise _does_not_run(argv[0], error) from error
        # With PIPE it is never None.
        output = cast(IO[bytes], process.stdout)
        written, due = b"", self.clock.monotonic() + pace
        try:
            while True:
                if select.select([output], [], [], max(due - self.clock.monotonic(), 0))[0]:
                    part = os.read(output.fileno(), KEPT)
                    if not part:
                        break
                    written = (written + part)[-KEPT:]
                if self.clock.monotonic() >= due:
                    turn()
                    due = self.clock.monotonic() + pace
            return Completed(process.wait(), _text(written), "")
        finally:
            _end(process)
            output.close()

    def warn(self, sentence: str) -> None:
        """Add a sentence for the user that does not stop the module."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)


def _environment(added: Optional[Mapping[str, str]]) -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C", **(added or {})}


def _does_not_run(program: str, error: OSError) -> BluegreenError:
    if isinstance(error, FileNotFoundError):
        return BluegreenError(f"The program {program} is not on this host: run {command('prepare')}, or install it.")
    return BluegreenError(f"The program {program} does not run on this host ({error.strerror}): install it again.")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program if it still runs."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(END_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _text(captured: Union[str, bytes, None]) -> str:
    if isinstance(captured, bytes):
        return captured.decode("utf-8", "replace")
    return captured or ""
