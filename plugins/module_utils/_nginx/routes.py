# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether the configuration of Nginx sends public requests to the owned upstream. Pure decisions.

This is half of the proof of a switch (the other half, what Nginx really does, is in proof.py), and all of what can be
said before one.
"""

from __future__ import annotations

import re
from typing import Iterable, NamedTuple

from .._commands import command
from .._settings import Nginx
from .._words import agree, joined
from . import config as nginx_config, dump as nginx_dump, other_routes
from .config import Statement
from .proof import Verdict
from .running import Checked

_WILDCARDS = ("", "*", "0.0.0.0", "[::]")
_DUPLICATE = re.compile(r'duplicate upstream "([^"]*)" in (\S+:\d+)')
_UNDEFINED = re.compile(r'host not found in upstream "([^":]*)" in (\S+:\d+)')


class Pass(NamedTuple):
    """A directive that sends requests on.

    ``target`` is a name or ``host:port``, or has a variable in it, which ``variable`` tells.
    """

    target: str
    variable: bool
    place: str


class PublicSide(NamedTuple):
    """Where public requests arrive at Nginx.

    ``port`` is the one that Nginx itself listens on; ``address`` the IP at which it accepts the request, empty when
    that is not known; ``host`` the name that is asked for.
    """

    url: str
    port: int
    address: str
    host: str


def passes(statements: Iterable[Statement]) -> list[Pass]:
    """Every :class:`Pass` in and below ``statements``."""
    found = []
    for statement in nginx_config.walk(statements):
        if statement.name in other_routes.PASSES and len(statement.words) == 2:
            target = other_routes.target_of(statement.words[1])
            found.append(Pass(target, "$" in target, statement.place))
    return found


def uses_of(upstream: str, configuration: list[Statement]) -> list[str]:
    """Places (``file:line``) that send requests to the upstream."""
    return [found.place for found in passes(nginx_config.http_statements(configuration)) if found.target == upstream]


def definitions_of(upstream: str, configuration: list[Statement]) -> list[str]:
    """Places (``file:line``) that define the upstream."""
    return [
        statement.place
        for statement in nginx_config.children(nginx_config.http_statements(configuration), "upstream")
        if [word.lower() for word in statement.words[1:]] == [upstream]
    ]


def public_server(configuration: list[Statement], public: PublicSide | None) -> Statement | None:
    """The ``server`` block that answers the public URL, ``None`` when the configuration does not tell which one.

    :param public: ``None`` when it is not known.
    """
    if public is None:
        return None
    listening = []
    for server in nginx_config.children(nginx_config.http_statements(configuration), "server"):
        for address, port, default in _listens(server):
            if port == public.port:
                listening.append((address, default, server))
    exact = [entry for entry in listening if public.address and entry[0] == public.address]
    candidates = exact or [entry for entry in listening if not public.address or entry[0] in _WILDCARDS]
    if not candidates:
        return None
    try:
        named = _by_name([server for address, default, server in candidates], public.host)
    except re.error:
        return None
    if named is not None:
        return named
    return next((server for address, default, server in candidates if default), candidates[0][2])


def _listens(server: Statement) -> list[tuple[str, int, bool]]:
    """``(address, port, whether it is the default there)`` for each place at which a server block listens."""
    found = []
    for statement in nginx_config.children(server.inside, "listen"):
        value = statement.words[1]
        default = "default_server" in statement.words or "default" in statement.words
        if value.startswith("unix:"):
            continue
        if value.isdigit():
            found.append(("", int(value), default))
            continue
        address, colon, port = value.rpartition(":")
        if colon and port.isdigit():
            found.append((address, int(port), default))
        else:
            found.append((value, 80, default))
    return found or [("", 80, False)]


def _by_name(servers: list[Statement], host: str) -> Statement | None:
    """The server that ``server_name`` selects for a host, in the order of precedence that Nginx documents."""
    host = host.lower()
    best: list[tuple[tuple[int, int], int]] = []
    for position, server in enumerate(servers):
        for statement in nginx_config.children(server.inside, "server_name"):
            for name in statement.words[1:]:
                rank = _rank(name.lower() if not name.startswith("~") else name, host)
                if rank is not None:
                    best.append((rank, position))
    return servers[min(best)[1]] if best else None


def _rank(name: str, host: str) -> tuple[int, int] | None:
    if name == host or name == "." + host:
        return 0, 0
    if name.startswith("*.") and host.endswith(name[1:]) or name.startswith(".") and host.endswith(name):
        return 1, -len(name)
    if name.endswith(".*") and host.startswith(name[:-1]):
        return 2, -len(name)
    # Nginx writes named groups as (?<name>...), Python as (?P<name>...).
    if name.startswith("~") and re.search(re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", name[1:].lstrip("*")), host):
        return 3, 0
    return None


def route_findings(nginx: Nginx, configuration: list[Statement], public: PublicSide | None) -> list[str]:
    """Errors on the way from the public URL to the upstream, as sentences; empty when there is none."""
    upstream, uses = nginx.upstream, uses_of(nginx.upstream, configuration)
    http = nginx_config.http_statements(configuration)
    server = public_server(configuration, public)
    inside = passes(server.inside) if server else passes(http)
    by_variable = any(found.variable for found in inside)
    wrong = other_routes.open_to_all(other_routes.find_routes(nginx, configuration))
    wrong = [route for route in wrong if (any(block is server for block in route.blocks) if server else not uses)]
    if wrong:
        return [other_routes.refusal(nginx, route) for route in wrong]
    if not uses and not by_variable:
        return [
            f"No server block uses the upstream {upstream}: write proxy_pass http://{upstream}; in the server block of "
            "this app."
        ]
    if server and public and not by_variable and not any(found.target == upstream for found in inside):
        return [
            f"bluegreen_public_url {public.url} is answered by the server block at {server.place} (asked for "
            f"{public.host}), which does not use the upstream {upstream}, but {joined(uses)} "
            f"{agree(uses, 'does', 'do')}: set bluegreen_public_url and bluegreen_public_host to values that "
            "reach a server block with that upstream."
        ]
    return []


def configuration_verdict(nginx: Nginx, file: str, text: str, dump: str, public: PublicSide | None) -> Verdict:
    """Whether the files on the disk include the owned file and send public requests to its upstream.

    :param file: path of the owned file as Nginx sees it.
    :param text: the text that was written there.
    :param dump: output of ``nginx -T``.
    """
    try:
        files = nginx_dump.sections(dump)
        if file not in files:
            return Verdict(False, f"nginx -T does not show {file}: no include of the Nginx configuration names it")
        if files[file].rstrip("\n") != text.rstrip("\n"):
            return Verdict(False, f"nginx -T shows {file} with a content that this collection did not write")
        wrong = route_findings(nginx, nginx_dump.load(files), public)
    except nginx_config.ConfigError as error:
        return Verdict(False, error.message.rstrip("."))
    return Verdict(False, wrong[0].rstrip(".")) if wrong else Verdict(True)


def findings(nginx: Nginx, file: str, exists: bool, checked: Checked, public: PublicSide | None) -> list[str]:
    """Errors in the configuration that would make a switch fail, as sentences; empty when there is none.

    :param file: path of the owned file as Nginx sees it.
    :param exists: whether the file exists.
    """
    if not checked.ok:
        return [_invalid(nginx, file, exists, checked.message)]
    try:
        files = nginx_dump.sections(checked.dump)
        configuration = nginx_dump.load(files)
    except nginx_config.ConfigError as error:
        return [error.message]
    found = []
    elsewhere = [place for place in definitions_of(nginx.upstream, configuration) if place.rpartition(":")[0] != file]
    if elsewhere:
        other = elsewhere[0].rpartition(":")[0]
        found.append(
            f"The upstream {nginx.upstream} is defined in {elsewhere[0]}, but this collection writes it to "
            f"{nginx.file}: name {other} in bluegreen_nginx_file, or remove the upstream from {other}."
        )
    elif not exists:
        found.append(_missing(nginx))
    elif file not in files:
        found.append(
            f"{nginx.file} is not part of the Nginx configuration (nginx -T does not show {file}), so writing it would "
            f"change nothing: write include {file}; into the http block, or name a file in a folder that is included."
        )
    return found + route_findings(nginx, configuration, public)


def _invalid(nginx: Nginx, file: str, exists: bool, message: str) -> str:
    duplicate = _DUPLICATE.search(message)
    if duplicate and duplicate.group(1).lower() == nginx.upstream:
        place = duplicate.group(2)
        # Nginx names the second definition only.
        both, one = f"both {place} and {file}", f"the definition in {place}"
        if place.rpartition(":")[0] == file:
            both, one = f"{place} and in a file that Nginx includes before it", "the other definition"
        return f"The upstream {nginx.upstream} is defined in {both}: remove {one}; {file} belongs to this collection."
    undefined = _UNDEFINED.search(message)
    if undefined and undefined.group(1).lower() == nginx.upstream:
        if not exists:
            return _missing(nginx)
        return (
            f"{undefined.group(2)} uses the upstream {nginx.upstream}, but no included file defines it: define it in "
            f"{nginx.file}, or include that file."
        )
    return f"The Nginx configuration is invalid already, before anything was changed: {message}. Correct it first."


def _missing(nginx: Nginx) -> str:
    return (
        f"{nginx.file}, the file with the upstream {nginx.upstream}, does not exist: write it with "
        f"{command('prepare')}, or correct bluegreen_nginx_file."
    )
