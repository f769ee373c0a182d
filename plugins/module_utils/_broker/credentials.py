# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The password of a Redis in a container, found where the Redis itself and the app find it.

This is a URL in the app's environment, the server's command, its configuration file, a variable, or a file that one of
these names, such as a secret of Compose. Such a file is read from the container.
"""

from __future__ import annotations

import io
import os
import re
import tarfile
from typing import Callable, Collection, Iterable, Iterator, Mapping, Optional

from .._docker.containers import Container
from .._docker.engine import Engine
from .._errors import BluegreenError
from .redis_by_name import SERVERS
from .url import PLAIN, Credentials, parse_url

VARIABLES = ("REDIS_PASSWORD", "VALKEY_PASSWORD", "REDIS_PASS")
# More arguments for the server, in images that take them from a variable.
_ARGUMENTS = ("REDIS_ARGS", "REDIS_EXTRA_FLAGS", "VALKEY_EXTRA_FLAGS")
_BROKERS = re.compile(r"(BROKER|CELERY).*PASS(WORD)?(_FILE)?$", re.IGNORECASE)
# The largest file that is read, in bytes: far more than a password or a configuration has.
LONGEST = 256 * 1024

_OPTION = re.compile(
    r"""--requirepass(?:\s+|=)("?\$\([^)]*\)"?|"?`[^`]*`"?|"(?:\\.|[^"\\])*"|'[^']*'|[^\s;&|]+)""",
)
_CAT = re.compile(r"""(?:\$\(|`)\s*(?:cat\s+|<\s*)["']?([^"'\s]+)["']?\s*(?:\)|`)$""")
_REFERENCE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?-([^}]*))?\})")
# Other paths in a command, such as that of a folder of data, are not read.
_SCRIPT = re.compile(r"/\S*(\.sh|entrypoint|start|run)$")
_REQUIREPASS = re.compile(r"^\s*requirepass\s+(\S.*?)\s*$", re.MULTILINE)

# Returns the text of a file in a container, or None.
Reader = Callable[[Container, str], Optional[str]]


def credentials_of(
    server: Container, clients: Collection[Container], read: Reader = lambda container, path: None
) -> Credentials:
    """User and password of a Redis in a container, as far as they can be found.

    :param server: the container of the Redis.
    :param clients: other containers of its project.
    :param read: returns the text of a file in a container, or ``None``.
    """
    for client in clients:
        for name, value in client.environment.items():
            found = _of_url(value, (server.service, server.name, *server.aliases))
            if found:
                return found._replace(source=f"{name} of service {client.service}")
    unread = ""
    for source, password in _candidates(server, clients, read):
        if password:
            return Credentials(password=password, source=source)
        unread = unread or source
    return Credentials(unread=unread)


def _of_url(value: str, names: Collection[str]) -> Credentials | None:
    if value.partition("://")[0] not in PLAIN:
        return None
    try:
        url = parse_url(value)
    except BluegreenError:
        return None
    return url.credentials if url.credentials.password and url.host in names else None


def _candidates(server: Container, clients: Iterable[Container], read: Reader) -> Iterator[tuple[str, str]]:
    """Each place in words, and the password in it, empty if it cannot be read; the best place first."""
    environment = server.environment
    for text, is_shell in _options(server):
        yield f"--requirepass of service {server.service}", _value(text, is_shell, server, read)
    for name in _ARGUMENTS:
        for text in _OPTION.findall(environment.get(name, "")):
            yield f"{name} of service {server.service}", _value(text, True, server, read)
    for path in _configurations(server):
        for text in _REQUIREPASS.findall(read(server, path) or ""):
            yield f"{path} in service {server.service}", text.strip("\"'")
    for container in (server, *clients):
        for name, value in sorted(container.environment.items()):
            plain = name[: -len("_FILE")] if name.endswith("_FILE") else name
            if value and (plain in VARIABLES or (container is not server and _BROKERS.search(name))):
                text = value if plain == name else _first_line(read(container, value))
                yield f"{name} of service {container.service}", text
    for path in _scripts(server):
        for text in _OPTION.findall(read(server, path) or ""):
            yield f"--requirepass in {path} of service {server.service}", _value(text, True, server, read)


def _options(server: Container) -> Iterator[tuple[str, bool]]:
    """The values of ``--requirepass`` in a command, each with whether a shell reads it."""
    words = [str(word) for word in server.command]
    for index, word in enumerate(words):
        if word == "--requirepass":
            for value in words[index + 1 : index + 2]:
                yield value, False
        else:
            for text in _OPTION.findall(word):
                yield text, True


def _configurations(server: Container) -> Iterator[str]:
    """Paths of the configuration files that a server is started with."""
    words = [word for text in server.command for word in str(text).split()]
    for index, word in enumerate(words):
        if os.path.basename(word) in SERVERS:
            for path in words[index + 1 : index + 2]:
                if path.startswith("/"):
                    yield path


def _scripts(server: Container) -> Iterator[str]:
    """Paths of the scripts that may start a server, if the command of its container does not show the server."""
    words = [word for text in server.command for word in str(text).split()]
    if not any(os.path.basename(word) in SERVERS for word in words):
        yield from (word for word in words if _SCRIPT.match(word))


def _value(text: str, is_shell: bool, server: Container, read: Reader) -> str:
    """The value of an argument, with variables and files in place; empty if it is not known."""
    if is_shell and text.startswith("'"):
        return text.strip("'")
    text = text.strip('"') if is_shell else text.strip("\"'")
    named = _CAT.match(text)
    if named:
        path = _expanded(named.group(1), server.environment)
        return _first_line(read(server, path)) if path else ""
    if "$(" in text or "`" in text:
        return ""
    return _expanded(text, server.environment)


def _expanded(text: str, environment: Mapping[str, str]) -> str:
    """A text with its variables in place; empty if one has no value."""
    missing = []

    def fill(found: re.Match[str]) -> str:
        value = environment.get(found.group(1) or found.group(2)) or found.group(3)
        if not value:
            missing.append(found.group(0))
        return value or ""

    filled = _REFERENCE.sub(fill, text)
    return "" if missing else filled


def _first_line(text: str | None) -> str:
    return (text or "").partition("\n")[0].rstrip("\r")


def reader_of(engine: Engine) -> Reader:
    """A function that returns the text of a file in a container, or ``None`` if it cannot be read."""

    def read(container: Container, path: str) -> str | None:
        try:
            archive = engine.archive(container.id, path)
            if archive is None or len(archive) > 2 * LONGEST:
                return None
            with tarfile.open(fileobj=io.BytesIO(archive)) as members:
                for member in members:
                    file = members.extractfile(member) if member.isfile() and member.size <= LONGEST else None
                    if file is not None:
                        return file.read().decode("utf-8", "replace")
        except (BluegreenError, tarfile.TarError, TypeError):
            pass
        return None

    return read
