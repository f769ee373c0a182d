# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which containers run a Redis, by their image and command. Pure."""

from __future__ import annotations

import os
import re
from typing import Protocol, Sequence

from .._celery.roles import INITS, RUNNERS
from .._celery.script import simple_commands

SERVERS = ("redis-server", "valkey-server", "keydb-server")
_NAME = r"(redis|valkey|keydb)([_-][^/:@]*)?([:@]|$)"
_SERVER_IMAGE = re.compile(rf"(^|[/_-]){_NAME}")
_OWN_IMAGE = re.compile(rf"(^|/){_NAME}")
SERVICE_NAME = re.compile(r"(^|[_-])(redis|valkey|keydb)$")
# Words of a shell before the program that it starts, and scripts that start what is given to them.
_PASSIVE = ("exec", "then", "else", "do", "{", "!", "command", "time")
_SCRIPT = re.compile(r"entrypoint|^(init|start|run)([_.-]|$)")
_RUNNERS = (*RUNNERS, "s6-setuidgid", "timeout", "numactl", "taskset", "chrt", "envdir")
_CLIENTS = ("redis-cli", "redis-benchmark", "redis-sentinel", "--sentinel")
# Images with Redis in their name that serve no data: tools that read a Redis, and proxies in front of one.
TOOLS = (
    "commander|exporter|insight|admin|browser|ui|gui|webui|cli|backup|sentinel|proxy|stat|stats|monitor|metrics|dump|"
    "operator|worker|queue|om"
)
_TOOL_IMAGE = re.compile(rf"(^|[/_-])(redis|valkey|keydb)[_-]?([a-z0-9]*[_-])*({TOOLS})([_-][^/]*)?([:@]|$)")


class Program(Protocol):
    """A container, or a service of a Compose file."""

    @property
    def command(self) -> Sequence[str]:
        """Entry point and command."""

    @property
    def image_name(self) -> str:
        """The image as Compose names it."""


def is_redis(container: Program) -> bool:
    """Whether a support container runs Redis, or another server that speaks its protocol, as far as names tell."""
    words = [os.path.basename(word) for text in container.command for word in str(text).split()]
    if any(word in SERVERS for word in words):
        return True
    return bool(_SERVER_IMAGE.search(container.image_name)) and not _TOOL_IMAGE.search(container.image_name)


def is_surely_redis(container: Program, service: str = "") -> bool:
    """The same of any container: an image of the app, or one of its arguments, may have redis in its name.

    :param service: the name of its service, if known. For one that is named like a Redis, the image may have redis
        anywhere in its name.
    """
    commands = [words for words in simple_commands(container.command) if words]
    if any(_starts_redis(words) for words in commands):
        return True
    if commands and all(any(word in _CLIENTS for word in words) for words in commands):
        return False
    image = _SERVER_IMAGE if SERVICE_NAME.search(service) else _OWN_IMAGE
    return bool(image.search(container.image_name)) and not _TOOL_IMAGE.search(container.image_name)


def _starts_redis(words: Sequence[str]) -> bool:
    """Whether the program of a simple command is a server; in ``wait-for redis-server`` it is only an argument."""
    runner = False
    for word in words:
        name = os.path.basename(word)
        if name in SERVERS:
            return True
        # After a runner, plain words are its own arguments, such as the user in "gosu redis redis-server".
        runner = runner or name in _RUNNERS
        is_passive = word.startswith("-") or "=" in word or name in (*_PASSIVE, *INITS) or _SCRIPT.search(name)
        if not (runner or is_passive):
            return False
    return False
