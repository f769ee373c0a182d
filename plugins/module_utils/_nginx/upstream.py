# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The text of the file that tells Nginx which color is live.

That file is the one source of truth about the live color. It contains one upstream, and nothing that could keep Nginx
from starting. A file that a human wrote is adopted if it contains no more than that.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .._errors import BluegreenError
from .._validation import COLORS, check_release
from . import config as nginx_config
from .config import Statement

_HEADER = re.compile(r"\A# Written by smallfleet\.bluegreen(?: for release (\S+?))?(?: \(deployment \S+\))?\.\n")
# The hosts that a human may write for this machine.
_LOOPBACK = ("127.0.0.1", "[::1]", "localhost", "0.0.0.0")
# Parameters without effect, because Nginx never takes the only server of an upstream out of service.
_MEANINGLESS = re.compile(r"(weight|max_fails|fail_timeout)=[0-9a-z]+")
# Directives of an upstream that are carried over to the new file: none of them keeps Nginx from starting.
_TUNING = ("keepalive", "keepalive_requests", "keepalive_time", "keepalive_timeout")
_TUNING_VALUE = re.compile(r"[0-9]+[a-z]{0,2}")
# The directives for choosing among servers that do no harm with one server.
_CHOICE = re.compile(r"least_conn|zone [A-Za-z0-9_.-]+( [0-9]+[kKmM]?)?")


class Server(NamedTuple):
    """A server of an upstream: ``address`` with its port, and whether it is marked ``down`` or ``backup``."""

    address: str
    down: bool = False
    backup: bool = False


class Upstream(NamedTuple):
    """The upstream that the file defines.

    ``owned`` is whether the collection wrote the file; ``release`` is that of its header; ``tuning`` are other
    directives of the upstream as text, such as ``keepalive 16``.
    """

    name: str
    servers: list[Server]
    release: str = ""
    owned: bool = False
    tuning: tuple[str, ...] = ()


def parse(text: str, file: str, upstream: str) -> Upstream:
    """The :class:`Upstream` in the text of the file.

    :param file: path of the file, for messages.
    :param upstream: name that it has to define.
    :raises BluegreenError: the file contains something that would be lost when it is written again.
    """
    header = _HEADER.match(text)
    statements = nginx_config.parse(text, file)
    blocks = [statement for statement in statements if statement.name == "upstream" and statement.block is not None]
    for statement in statements:
        if statement not in blocks:
            raise BluegreenError(
                f"{statement.place} has the directive {statement.name}, but every switch overwrites this file, which "
                f"may contain nothing but the upstream {upstream}: move the directive to another file of Nginx."
            )
    names = [" ".join(block.words[1:]) for block in blocks]
    # Nginx takes App and app for the same upstream.
    if [name.lower() for name in names] != [upstream]:
        raise BluegreenError(
            f"{file} defines {_listed(names)}, but it has to define the upstream {upstream} and no other: "
            "correct bluegreen_nginx_upstream, or name another file in bluegreen_nginx_file."
        )
    servers: list[Server] = []
    tuning: list[str] = []
    for statement in blocks[0].inside:
        if statement.name == "server":
            servers.append(_server(statement))
        elif _is_kept(statement):
            tuning.append(" ".join(statement.words))
        else:
            raise BluegreenError(
                f"{statement.place} has the directive {' '.join(statement.words)}, which would be lost when this "
                "collection writes the file: remove it. Besides its server the upstream may only have "
                f"{', '.join(_TUNING)}, zone and least_conn."
            )
    return Upstream(upstream, servers, _release(header) if header else "", header is not None, tuple(tuning))


def _is_kept(statement: Statement) -> bool:
    if statement.block is not None:
        return False
    tuning = statement.name in _TUNING and all(_TUNING_VALUE.fullmatch(word) for word in statement.words[1:])
    return tuning or _CHOICE.fullmatch(" ".join(statement.words)) is not None


def _release(header: re.Match[str]) -> str:
    """The release that a header names; empty where somebody wrote something there that cannot be a release."""
    try:
        return check_release(header.group(1) or "")
    except BluegreenError:
        return ""


def _server(statement: Statement) -> Server:
    parameters = [word for word in statement.words[2:] if not _MEANINGLESS.fullmatch(word)]
    for word in parameters:
        if word not in ("down", "backup"):
            raise BluegreenError(
                f"{statement.place} gives its server the parameter {word}, which would be lost when this collection "
                "writes the file: remove it."
            )
    return Server(statement.words[1], "down" in parameters, "backup" in parameters)


def _listed(names: list[str]) -> str:
    if not names:
        return "no upstream"
    return f"the upstream{'s' if len(names) > 1 else ''} {', '.join(names)}"


def live_color(upstream: Upstream, servers: dict[str, str], file: str) -> str | None:
    """The live color by the file, ``None`` when the file says that there is none.

    :param servers: ``{color: "address:port"}`` as Nginx sees them.
    :param file: path of the file, for messages.
    :raises BluegreenError: it sends requests to a server that is neither color.
    """
    active = [server for server in upstream.servers if not server.backup]
    if len(active) != 1:
        raise BluegreenError(
            f"{file} gives the upstream {upstream.name} {len(active)} servers, but it must have one, that of the live "
            f"color ({_choices(servers)}): keep only that one."
        )
    if active[0].down:
        return None
    for color in COLORS:
        if _same_place(active[0].address, servers[color]):
            return color
    raise BluegreenError(
        f"{file} sends requests to {active[0].address}, which is neither color ({_choices(servers)}): give the live "
        "color that port in bluegreen_ports (or that address in bluegreen_nginx_servers), or correct the file."
    )


def _choices(servers: dict[str, str]) -> str:
    return ", ".join(f"{color} is {servers[color]}" for color in COLORS)


def _same_place(written: str, address: str) -> bool:
    if written == address:
        return True
    host, port = written.rpartition(":")[::2]
    known_host, known_port = address.rpartition(":")[::2]
    return host in _LOOPBACK and known_host in _LOOPBACK and port == known_port
