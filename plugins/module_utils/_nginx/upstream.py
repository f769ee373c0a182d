# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The text of the file that tells Nginx which color is live.

That file is the one source of truth about the live color. It is owned whole: one upstream, and nothing that could keep
Nginx from starting. A file that a human wrote is adopted when it says no more than that.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .._errors import BluegreenError
from .._validation import COLORS, check_release
from . import config as nginx_config

_HEADER = re.compile(r"\A# Written by smallfleet\.bluegreen(?: for release (\S+?))?(?: \(deployment \S+\))?\.\n")
# The names by which a human writes that an upstream is on the same machine.
_LOOPBACK = ("127.0.0.1", "[::1]", "localhost", "0.0.0.0")
# Parameters of a lone server that change nothing, because Nginx never takes the only server out of service.
_MEANINGLESS = re.compile(r"(weight|max_fails|fail_timeout)=[0-9a-z]+")
# Tuning of an upstream that is carried over when the file is written anew: none of it keeps Nginx from starting.
_TUNING = ("keepalive", "keepalive_requests", "keepalive_time", "keepalive_timeout")
_TUNING_VALUE = re.compile(r"[0-9]+[a-z]{0,2}")
# Of what chooses among servers, that which does no harm with one.
_CHOICE = re.compile(r"least_conn|zone [A-Za-z0-9_.-]+( [0-9]+[kKmM]?)?")


class Server(NamedTuple):
    """A server of an upstream: ``address`` with its port, and whether it is marked ``down`` or ``backup``."""

    address: str
    down: bool = False
    backup: bool = False


class Upstream(NamedTuple):
    """What the file says.

    ``owned`` is whether the collection wrote it; ``release`` is that of its header; ``tuning`` are other directives
    of the upstream as text, such as ``keepalive 16``.
    """

    name: str
    servers: list
    release: str = ""
    owned: bool = False
    tuning: tuple = ()


def render(upstream, color, servers, release="", deployment_id="", backup=False, tuning=()):
    """The text of the file.

    :param color: the live color, or ``None`` when there is none.
    :param servers: ``{color: "address:port"}`` as Nginx sees them.
    :param backup: whether the other color takes over while the live one does not answer.
    """
    header = "# Written by smallfleet.bluegreen"
    if release:
        header += f" for release {release}"
    if deployment_id:
        header += f" (deployment {deployment_id})"
    lines = [
        header + ".",
        "# Nginx reads here which color is live. bg_switch alone changes this file: an edit by hand is lost at the next",
        "# deployment. To go back to the other color run rollback.yml.",
        f"upstream {upstream} {{",
    ]
    if color is None:
        # An upstream needs a server, and the name of a container that is not there would keep Nginx from starting.
        lines.append(f"    server 127.0.0.1:{servers['blue'].rpartition(':')[2]} down;")
    else:
        lines.append(f"    server {servers[color]};")
        if backup:
            lines.append(f"    server {servers[other(color)]} backup;")
        lines.extend(f"    {directive};" for directive in tuning)
    lines.append("}")
    return "\n".join(lines) + "\n"


def other(color):
    """The other color."""
    return COLORS[1 - COLORS.index(color)]


def parse(text, file, upstream):
    """The :class:`Upstream` in the text of the file.

    :param file: path of the file, for messages.
    :param upstream: name that it has to define.
    :raises BluegreenError: the file says something that would be lost or broken by writing it anew.
    """
    header = _HEADER.match(text)
    statements = nginx_config.parse(text, file)
    blocks = [statement for statement in statements if statement.name == "upstream" and statement.block is not None]
    for statement in statements:
        if statement not in blocks:
            raise BluegreenError(
                f"{statement.place} has the directive {statement.name}, but this file is written anew at every switch and "
                f"may hold nothing but the upstream {upstream}: move the directive to another file of Nginx."
            )
    names = [" ".join(block.words[1:]) for block in blocks]
    # Nginx takes App and app for the same upstream.
    if [name.lower() for name in names] != [upstream]:
        raise BluegreenError(
            f"{file} defines {_listed(names)}, but it has to define the upstream {upstream} and no other: "
            "correct the name of the upstream, or name another file."
        )
    servers, tuning = [], []
    for statement in blocks[0].block:
        if statement.name == "server":
            servers.append(_server(statement))
        elif _is_kept(statement):
            tuning.append(" ".join(statement.words))
        else:
            raise BluegreenError(
                f"{statement.place} has the directive {' '.join(statement.words)}, which bg_switch would lose: an upstream "
                f"of two colors has one server, and beside it only {', '.join(_TUNING)}, zone, least_conn. Remove the directive."
            )
    return Upstream(upstream, servers, _release(header) if header else "", header is not None, tuple(tuning))


def _is_kept(statement):
    if statement.block is not None:
        return False
    tuning = statement.name in _TUNING and all(_TUNING_VALUE.fullmatch(word) for word in statement.words[1:])
    return tuning or _CHOICE.fullmatch(" ".join(statement.words)) is not None


def _release(header):
    """The release that a header names; none where somebody wrote there what no release is called."""
    try:
        return check_release(header.group(1) or "")
    except BluegreenError:
        return ""


def _server(statement):
    parameters = [word for word in statement.words[2:] if not _MEANINGLESS.fullmatch(word)]
    for word in parameters:
        if word not in ("down", "backup"):
            raise BluegreenError(
                f"{statement.place} gives its server the parameter {word}, which bg_switch would lose: remove it."
            )
    return Server(statement.words[1], "down" in parameters, "backup" in parameters)


def _listed(names):
    return f"the upstreams {', '.join(names)}" if len(names) > 1 else f"the upstream {names[0]}" if names else "no upstream"


def live_color(upstream, servers, file):
    """The live color by what the file says, ``None`` when it says that there is none.

    :param upstream: an :class:`Upstream`.
    :param servers: ``{color: "address:port"}`` as Nginx sees them.
    :param file: path of the file, for messages.
    :raises BluegreenError: it sends requests to something that is neither color.
    """
    active = [server for server in upstream.servers if not server.backup]
    if len(active) != 1:
        raise BluegreenError(
            f"{file} gives the upstream {upstream.name} {len(active)} servers, but it must have one, that of the live "
            f"color ({_choices(servers)}): leave the one that is live."
        )
    if active[0].down:
        return None
    for color in COLORS:
        if _same_place(active[0].address, servers[color]):
            return color
    raise BluegreenError(
        f"{file} sends requests to {active[0].address}, which is neither color ({_choices(servers)}): give the live color "
        "that port in bluegreen_ports (or that address in bluegreen_nginx_servers), or correct the file."
    )


def _choices(servers):
    return ", ".join(f"{color} is {servers[color]}" for color in COLORS)


def _same_place(written, address):
    if written == address:
        return True
    host, port = written.rpartition(":")[::2]
    known_host, known_port = address.rpartition(":")[::2]
    return host in _LOOPBACK and known_host in _LOOPBACK and port == known_port
