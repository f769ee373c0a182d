# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The ways on which Nginx sends requests to an address, and what each has to say to lead to an upstream instead."""

from __future__ import annotations

import re
import socket
from typing import NamedTuple

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _nginx, _nginx_config, _upstream
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._grammar import check_path, check_upstream

_PASSES = ("proxy_pass", "grpc_pass", "uwsgi_pass", "fastcgi_pass", "scgi_pass")
_TARGET = re.compile(r"(?:[a-z]+://)?([^/?]*)", re.IGNORECASE)
_PORT_AT_END = re.compile(r":[0-9]+\Z")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]", "0.0.0.0")


class Line(NamedTuple):
    """A line to write at ``place``: in place of the one that is ``old``, or beside it where that is empty."""

    place: str
    old: str
    new: str


class Way(NamedTuple):
    """A directive that sends requests to ``host`` and ``port``, by itself or through an upstream.

    :ivar place: where it stands, as ``file:line``.
    :ivar words: those of the directive.
    :ivar target: what it names, an address or an upstream.
    :ivar upstream: name of the upstream, as it is written in lower case; empty without one.
    :ivar defined: file of the upstream.
    :ivar beside: list of :class:`Line` that keep the requests as they are once the target has another name.
    """

    place: str
    words: tuple
    target: str
    host: str
    port: int
    upstream: str = ""
    defined: str = ""
    beside: tuple = ()

    def through(self, upstream: str) -> Line:
        """The directive with an upstream in place of its target."""
        *first, last = self.words
        begin = _TARGET.match(last).start(1)
        new = f"{last[:begin]}{upstream}{last[begin + len(self.target):]}"
        return Line(self.place, f"{' '.join(self.words)};", f"{' '.join(first)} {new};")


class Ways(NamedTuple):
    """What an Nginx sends on.

    :ivar found: list of :class:`Way`.
    :ivar complete: whether these are all; a variable may lead anywhere, and a broken configuration shows nothing.
    :ivar targets: every name or address that a directive names, in lower case.
    :ivar upstreams: for each upstream, the files that define it.
    :ivar alone: for each upstream that has a file of its own, and one server, that file.
    """

    found: list
    complete: bool
    targets: frozenset
    upstreams: dict
    alone: dict

    def to(self, ports, names=()) -> list:
        """Those that lead to a port of this host, or to a container by one of its names (``{(name, port)}``)."""
        return [way for way in self.found if way.port in ports and is_own(way.host) or (way.host, way.port) in names]


UNKNOWN = Ways([], False, frozenset(), {}, {})
NONE = UNKNOWN._replace(complete=True)


def is_own(host: str) -> bool:
    """Whether an address, as Nginx has it, is one of this host."""
    if host in _LOOPBACK or host == socket.gethostname().lower():
        return True
    bare = host.strip("[]")
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    try:
        socket.inet_pton(family, bare)
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # Only an address of its own can be bound to.
            probe.bind((bare, 0))
    except OSError:
        return False
    return True


def of_host(host, nginx) -> Ways:
    """The :class:`Ways` of the running Nginx; :data:`UNKNOWN` when it cannot be asked.

    :param host: a :class:`Host`.
    :param nginx: a :class:`_nginx.Nginx`.
    """
    try:
        checked = _nginx.Running(host, nginx).check()
        return of_files(_nginx_config.sections(checked.dump)) if checked.ok else UNKNOWN
    except BluegreenError:
        return UNKNOWN


def of_files(files: dict) -> Ways:
    """The :class:`Ways` of a configuration, ``{path: text}``, the main file first."""
    http = _nginx_config.http_statements(_nginx_config.load(files))
    blocks: dict = {}
    for block in _nginx_config.children(http, "upstream"):
        blocks.setdefault(" ".join(block.words[1:]).lower(), []).append(block)
    found, complete, targets = [], True, set()
    for statement, beside in _sending(http, (), (), ""):
        target = _TARGET.match(statement.words[-1]).group(1)
        before, variable, _name = target.partition("$")
        if variable and not _PORT_AT_END.search(before):
            complete = False
            continue
        target = before
        targets.add(target.lower())
        way = Way(statement.place, tuple(statement.words), target, *_address(target), beside=tuple(beside(target)))
        if target.lower() not in blocks:
            found.append(way)
        for block in blocks.get(target.lower(), ()):
            for server in _nginx_config.children(block.block, "server"):
                if "down" not in server.words:
                    host, port = _address(server.words[1])
                    found.append(way._replace(host=host, port=port, upstream=target.lower(), defined=block.file))
    return Ways(
        found,
        complete,
        frozenset(targets),
        {name: [block.file for block in of_name] for name, of_name in blocks.items()},
        {name: of_name[0].file for name, of_name in blocks.items() if _is_alone(name, of_name, files)},
    )


def _is_alone(name, blocks, files):
    try:
        check_upstream("", name)
        check_path("", blocks[0].file)
        parsed = _upstream.parse(files[blocks[0].file], blocks[0].file, name)
    except BluegreenError:
        return False
    return len(blocks) == 1 and len(parsed.servers) == 1 and blocks[0].file.endswith(".conf")


def _address(written):
    host, _colon, port = written.rpartition(":")
    return (host.lower(), int(port)) if host and port.isdigit() else (written.lower(), 80)


def _sending(statements, headers, redirects, location):
    """Each directive that names where requests go, with a function that gives the lines beside it for a target."""
    # Nginx inherits these from outside only where a block has none of its own.
    headers = _nginx_config.children(statements, "proxy_set_header") or headers
    redirects = _nginx_config.children(statements, "proxy_redirect") or redirects
    for statement in statements:
        if statement.name in _PASSES and len(statement.words) == 2:
            yield statement, _keeping(statement, headers, redirects, location)
        elif statement.name == "set" and len(statement.words) == 3 and re.match(r"https?://", statement.words[2]):
            yield statement, lambda target: ()
        if statement.block is not None and statement.name != "upstream":
            inside = statement.words[-1] if statement.name == "location" else location
            yield from _sending(statement.block, headers, redirects, inside)


def _keeping(statement, headers, redirects, location):
    def beside(target):
        if statement.name != "proxy_pass":
            return
        given = [header.words[2:] for header in headers if header.words[1].lower() == "host"]
        if given and "$proxy_host" not in " ".join(given[0]):
            return
        # Without a line of its own the app is asked by the name of the target, and may refuse another one.
        old = next((header for header in headers if header.words[1].lower() == "host"), None)
        place = (old or (headers[0] if headers else statement)).place
        yield Line(place, f"{' '.join(old.words)};" if old else "", f"proxy_set_header Host {target};")
        url = statement.words[1]
        # With a variable Nginx leaves Location headers as they are.
        if not redirects and "$" not in url:
            path = url.partition("://")[2].partition("/")[1]
            yield Line(
                statement.place, "", f"proxy_redirect {url} {location or '/'};" if path else f"proxy_redirect {url}/ /;"
            )

    return beside
