# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The ways on which Nginx sends requests to an address, and what each has to say to lead to an upstream instead."""

from __future__ import annotations

import re
from typing import NamedTuple

from .._errors import BluegreenError
from .._linux.own_addresses import is_own
from .._nginx import config as nginx_config, upstream as nginx_upstream
from .._nginx.other_routes import PASSES, TARGET
from .._validation import check_path, check_upstream

_PORT_AT_END = re.compile(r":[0-9]+\Z")
_BARE = re.compile(r"""[^\s;{}"']+""")


class Line(NamedTuple):
    """What to write at ``place`` in place of the directive ``old``."""

    place: str
    new: str
    old: str


class Way(NamedTuple):
    """A directive that sends requests to ``host`` and ``port``, by itself or through an upstream.

    :ivar place: where it stands, as ``file:line``.
    :ivar words: those of the directive.
    :ivar target: what it names, an address or an upstream.
    :ivar upstream: name of the upstream, as it is written in lower case; empty without one.
    :ivar defined: file of the upstream.
    :ivar kept: directives that, right after it, keep the requests as they are once the target has another name.
    :ivar elsewhere: the same, as :class:`Line`, where they stand there already and say something else.
    """

    place: str
    words: tuple
    target: str
    host: str
    port: int
    upstream: str = ""
    defined: str = ""
    kept: tuple = ()
    elsewhere: tuple = ()

    def through(self, upstream: str) -> list:
        """The :class:`Line` s by which it leads to an upstream instead, and the app notices nothing."""
        *first, last = self.words
        begin = TARGET.match(last).start(1)
        new = f"{' '.join(first)} {last[:begin]}{upstream}{last[begin + len(self.target):]};"
        return [Line(self.place, " ".join((new, *self.kept)), f"{' '.join(self.words)};"), *self.elsewhere]


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


def of_seen(seen) -> Ways:
    """The :class:`Ways` of the running Nginx; :data:`UNKNOWN` while its configuration is broken.

    :param seen: a :class:`running.Seen`.
    :raises BluegreenError: no Nginx is found where the settings have it.
    """
    try:
        return of_files(seen.files) if seen.checked.ok else UNKNOWN
    except nginx_config.ConfigError:
        return UNKNOWN


def of_files(files: dict) -> Ways:
    """The :class:`Ways` of a configuration, ``{path: text}``, the main file first."""
    http = nginx_config.http_statements(nginx_config.load(files))
    blocks: dict = {}
    for block in nginx_config.children(http, "upstream"):
        blocks.setdefault(" ".join(block.words[1:]).lower(), []).append(block)
    found, complete, targets = [], True, set()
    for statement, around in nginx_config.descend(http):
        if not _is_sending(statement):
            continue
        target = TARGET.match(statement.words[-1]).group(1)
        before, variable, _name = target.partition("$")
        if variable and not _PORT_AT_END.search(before) and before.lower() not in blocks:
            complete = False
            continue
        target = before
        targets.add(target.lower())
        way = _keeping(Way(statement.place, tuple(statement.words), target, *_address(target)), http, around)
        if target.lower() not in blocks:
            found.append(way)
        for block in blocks.get(target.lower(), ()):
            for server in nginx_config.servers(block):
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
        parsed = nginx_upstream.parse(files[blocks[0].file], blocks[0].file, name)
    except BluegreenError:
        return False
    return len(blocks) == 1 and len(parsed.servers) == 1 and blocks[0].file.endswith(".conf")


def _address(written):
    host, _colon, port = written.rpartition(":")
    return (host.lower(), int(port)) if host and port.isdigit() else (written.lower(), 80)


def _is_sending(statement):
    """Whether a directive names where requests go."""
    if statement.name == "set":
        return len(statement.words) == 3 and re.match(r"https?://", statement.words[2]) is not None
    return statement.name in PASSES and len(statement.words) == 2


def _keeping(way, http, blocks):
    """The way with what keeps the app from being asked by another name, which it may refuse."""
    # An if may hold none of these.
    if way.words[0] not in ("proxy_pass", "set") or blocks and blocks[-1].name == "if":
        return way
    around = [*(block.block for block in reversed(blocks)), http]
    headers, is_inside = _nearest(around, "proxy_set_header")
    given = [header for header in headers if header.words[1].lower() == "host"]
    if given and "$proxy_host" not in given[0].words[2:]:
        return way
    host, url, kept = f"proxy_set_header Host {way.target};", way.words[-1], []
    # With a variable Nginx leaves Location headers as they are.
    if way.words[0] == "proxy_pass" and not _nearest(around, "proxy_redirect")[0] and "$" not in url:
        path = url.partition("://")[2].partition("/")[1]
        location = next((block.words[-1] for block in reversed(blocks) if block.name == "location"), "/")
        kept = [f"proxy_redirect {url} {location};" if path else f"proxy_redirect {url}/ /;"]
    if given and is_inside:
        return way._replace(kept=tuple(kept), elsewhere=(Line(given[0].place, host, f"{' '.join(given[0].words)};"),))
    # A header of its own hides those from outside, so these are said again.
    outer = () if is_inside else [_text(header) for header in headers if header not in given]
    return way._replace(kept=(host, *outer, *kept))


def _nearest(around, name):
    """The directives of that name that hold, and whether they stand in the innermost block.

    Nginx inherits them from outside only where a block has none of its own.
    """
    for block in around:
        found = nginx_config.children(block, name)
        if found:
            return found, block is around[0]
    return [], False


def _text(statement):
    """A directive as it may be written once more; what the parser took off are the quotes."""
    words = [
        word if _BARE.fullmatch(word) else '"' + re.sub(r'(?<!\\)"', r'\"', word) + '"' for word in statement.words
    ]
    return f"{' '.join(words)};"
