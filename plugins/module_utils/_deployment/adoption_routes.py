# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The directives by which Nginx sends requests to an address, and the text that sends them to an upstream instead."""

from __future__ import annotations

import re
from typing import Collection, Mapping, NamedTuple, Sequence

from .._errors import BluegreenError
from .._linux.own_addresses import is_own
from .._nginx import config as nginx_config, dump as nginx_dump, upstream as nginx_upstream
from .._nginx.config import Statement
from .._nginx.other_routes import PASSES, TARGET
from .._nginx.running import Seen
from .._validation import check_path, check_upstream

_PORT_AT_END = re.compile(r":[0-9]+\Z")
_BARE = re.compile(r"""[^\s;{}"']+""")


class Line(NamedTuple):
    """The text ``new`` replaces the directive ``old`` at ``place`` (``file:line``)."""

    place: str
    new: str
    old: str


class Way(NamedTuple):
    """A directive that sends requests to ``host`` and ``port``, by itself or through an upstream.

    :ivar place: where it stands, as ``file:line``.
    :ivar words: the words of the directive.
    :ivar target: the address or the upstream that it names.
    :ivar upstream: name of the upstream, as it is written in lower case; empty without one.
    :ivar defined: file of the upstream.
    :ivar kept: directives that, right after it, keep the requests as they are once the target has another name.
    :ivar elsewhere: the same, where such a directive is there already and has another value.
    """

    place: str
    words: tuple[str, ...]
    target: str
    host: str
    port: int
    upstream: str = ""
    defined: str = ""
    kept: tuple[str, ...] = ()
    elsewhere: tuple[Line, ...] = ()

    def through(self, upstream: str) -> list[Line]:
        """The lines that send its requests to an upstream instead, so that the app gets the same requests."""
        *first, last = self.words
        begin, _end = _span_of_target(last)
        end = begin + len(self.target)
        new = f"{' '.join(first)} {last[:begin]}{upstream}{last[end:]};"
        return [Line(self.place, " ".join((new, *self.kept)), f"{' '.join(self.words)};"), *self.elsewhere]


class Ways(NamedTuple):
    """Where an Nginx sends requests.

    :ivar complete: whether ``found`` has all of them; a variable may lead anywhere, and a broken configuration shows
        none.
    :ivar targets: every name or address that a directive names, in lower case.
    :ivar upstreams: for each upstream, the files that define it.
    :ivar alone: for each upstream that has a file of its own, and one server, that file.
    """

    found: Sequence[Way]
    complete: bool
    targets: frozenset[str]
    upstreams: Mapping[str, list[str]]
    alone: Mapping[str, str]

    def to(self, ports: Collection[int], names: Collection[tuple[str, int]] = ()) -> list[Way]:
        """The ways to a port of this host, or to a container by one of its names (``{(name, port)}``)."""
        return [way for way in self.found if way.port in ports and is_own(way.host) or (way.host, way.port) in names]


UNKNOWN = Ways([], False, frozenset(), {}, {})
NONE = UNKNOWN._replace(complete=True)


def of_seen(seen: Seen) -> Ways:
    """Where the running Nginx sends requests; :data:`UNKNOWN` while its configuration is broken.

    :raises BluegreenError: no Nginx is found where the settings have it.
    """
    try:
        return of_files(seen.files) if seen.checked.ok else UNKNOWN
    except nginx_config.ConfigError:
        return UNKNOWN


def of_files(files: Mapping[str, str]) -> Ways:
    """Where an Nginx with this configuration, ``{path: text}``, the main file first, sends requests."""
    http = nginx_config.http_statements(nginx_dump.load(files))
    blocks: dict[str, list[Statement]] = {}
    for block in nginx_config.children(http, "upstream"):
        blocks.setdefault(" ".join(block.words[1:]).lower(), []).append(block)
    found: list[Way] = []
    complete, targets = True, set()
    for statement, around in nginx_config.descend(http):
        if not _is_sending(statement):
            continue
        start, end = _span_of_target(statement.words[-1])
        target = statement.words[-1][start:end]
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


def _span_of_target(written: str) -> tuple[int, int]:
    """Where the address or the upstream begins and ends in the value of a directive, such as ``http://shop/``."""
    found = TARGET.match(written)
    return found.span(1) if found else (0, 0)


def _is_alone(name: str, blocks: Sequence[Statement], files: Mapping[str, str]) -> bool:
    try:
        check_upstream("", name)
        check_path("", blocks[0].file)
        parsed = nginx_upstream.parse(files[blocks[0].file], blocks[0].file, name)
    except BluegreenError:
        return False
    return len(blocks) == 1 and len(parsed.servers) == 1 and blocks[0].file.endswith(".conf")


def _address(written: str) -> tuple[str, int]:
    host, _colon, port = written.rpartition(":")
    return (host.lower(), int(port)) if host and port.isdigit() else (written.lower(), 80)


def _is_sending(statement: Statement) -> bool:
    """Whether a directive names the target of requests."""
    if statement.name == "set":
        return len(statement.words) == 3 and re.match(r"https?://", statement.words[2]) is not None
    return statement.name in PASSES and len(statement.words) == 2


def _keeping(way: Way, http: list[Statement], blocks: Sequence[Statement]) -> Way:
    """The way, with the directives that keep the Host header as it is: an app may refuse another name."""
    # Nginx allows none of these directives in an if.
    if way.words[0] not in ("proxy_pass", "set") or blocks and blocks[-1].name == "if":
        return way
    around = [*(block.inside for block in reversed(blocks)), http]
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
    # Headers of a block replace those of the blocks around it, so these are written again.
    outer = () if is_inside else [_text(header) for header in headers if header not in given]
    return way._replace(kept=(host, *outer, *kept))


def _nearest(around: Sequence[Sequence[Statement]], name: str) -> tuple[list[Statement], bool]:
    """The directives of that name that apply, and whether they stand in the innermost block.

    Nginx inherits them from outside only where a block has none of its own.
    """
    for block in around:
        found = nginx_config.children(block, name)
        if found:
            return found, block is around[0]
    return [], False


def _text(statement: Statement) -> str:
    """A directive as it may be written once more; the parser has removed the quotes."""
    words = [
        word if _BARE.fullmatch(word) else '"' + re.sub(r'(?<!\\)"', r"\"", word) + '"' for word in statement.words
    ]
    return f"{' '.join(words)};"
