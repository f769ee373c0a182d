# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The password of a Redis in a container, found where the Redis itself and the app have it from.

That is a URL in the app's environment, the server's own command, its configuration file, a variable, or a file that
one of these names, such as a secret of Compose's. Such a file is read out of the container.
"""

from __future__ import annotations

import io
import os
import re
import tarfile

from .._errors import BluegreenError
from .redis import PLAIN, SERVERS, Credentials, parse_url

VARIABLES = ("REDIS_PASSWORD", "VALKEY_PASSWORD", "REDIS_PASS")
# More arguments for the server, in images that take them from a variable.
_ARGUMENTS = ("REDIS_ARGS", "REDIS_EXTRA_FLAGS", "VALKEY_EXTRA_FLAGS")
_BROKERS = re.compile(r"(BROKER|CELERY).*PASS(WORD)?(_FILE)?$", re.IGNORECASE)
# A password has a line, a configuration some hundred.
LONGEST = 256 * 1024

_OPTION = re.compile(
    r"""--requirepass(?:\s+|=)("?\$\([^)]*\)"?|"?`[^`]*`"?|"(?:\\.|[^"\\])*"|'[^']*'|[^\s;&|]+)""",
)
_CAT = re.compile(r"""(?:\$\(|`)\s*(?:cat\s+|<\s*)["']?([^"'\s]+)["']?\s*(?:\)|`)$""")
_REFERENCE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?-([^}]*))?\})")
# Whatever else a word may lead to, such as a folder of data, is not read.
_SCRIPT = re.compile(r"/\S*(\.sh|entrypoint|start|run)$")
_REQUIREPASS = re.compile(r"^\s*requirepass\s+(\S.*?)\s*$", re.MULTILINE)


def credentials_of(server, clients, read=lambda container, path: None) -> Credentials:
    """What a Redis in a container asks for, as far as it can be found.

    :param server: the container of the Redis.
    :param clients: other containers of its project.
    :param read: gives the text of a file in a container, or ``None``.
    """
    for client in clients:
        for name, value in client.environment.items():
            found = _of_url(value, (server.service, server.name, *server.aliases))
            if found:
                return found._replace(source=f"{name} of service {client.service}")
    unread = ""
    for source, found in _candidates(server, clients, read):
        if found:
            return Credentials(password=found, source=source)
        unread = unread or source
    return Credentials(unread=unread)


def _of_url(value, names):
    if value.partition("://")[0] not in PLAIN:
        return None
    try:
        url = parse_url(value)
    except BluegreenError:
        return None
    return url.credentials if url.credentials.password and url.host in names else None


def _candidates(server, clients, read):
    """``(where it is, password)`` in the order in which they count; the password is empty where it cannot be read."""
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


def _options(server):
    words = [str(word) for word in server.command]
    for index, word in enumerate(words):
        if word == "--requirepass":
            for value in words[index + 1 : index + 2]:
                yield value, False
        else:
            for text in _OPTION.findall(word):
                yield text, True


def _configurations(server):
    """Paths of the configuration files that a server is started with."""
    words = [word for text in server.command for word in str(text).split()]
    for index, word in enumerate(words):
        if os.path.basename(word) in SERVERS:
            for path in words[index + 1 : index + 2]:
                if path.startswith("/"):
                    yield path


def _scripts(server):
    """Paths of the scripts that a server's container may be started by, where its command shows no server."""
    words = [word for text in server.command for word in str(text).split()]
    if not any(os.path.basename(word) in SERVERS for word in words):
        yield from (word for word in words if _SCRIPT.match(word))


def _value(text, is_shell, server, read):
    """What an argument stands for; empty where that cannot be told."""
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


def _expanded(text, environment):
    """A text with its variables in place; empty where one has no value."""
    missing = []

    def fill(found):
        value = environment.get(found.group(1) or found.group(2)) or found.group(3)
        if not value:
            missing.append(found.group(0))
        return value or ""

    filled = _REFERENCE.sub(fill, text)
    return "" if missing else filled


def _first_line(text):
    return (text or "").partition("\n")[0].rstrip("\r")


def reader_of(engine):
    """A function that gives the text of a file in a container, ``None`` where there is none that can be read."""

    def read(container, path):
        try:
            archive = engine.archive(container.id, path)
            if archive is None or len(archive) > 2 * LONGEST:
                return None
            with tarfile.open(fileobj=io.BytesIO(archive)) as members:
                for member in members:
                    if member.isfile() and member.size <= LONGEST:
                        return members.extractfile(member).read().decode("utf-8", "replace")
        except (BluegreenError, tarfile.TarError, TypeError):
            pass
        return None

    return read
