# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Routes from Nginx to a color past the owned upstream, which a switch does not move. Pure decisions."""

from __future__ import annotations

import re
from typing import NamedTuple

from .._linux.own_addresses import is_own
from .._validation import COLORS, LOOPBACK
from . import config as nginx_config
from .config import Statement
from .settings import Nginx

PASSES = ("proxy_pass", "grpc_pass", "uwsgi_pass", "fastcgi_pass", "scgi_pass")
TARGET = re.compile(r"(?:[a-z0-9+.-]+://)?([^/?]*)", re.IGNORECASE)
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
# Stands for the value of a variable that Nginx knows only when it answers a request.
_UNKNOWN = "*"
# Variables whose value cannot change the name or port before them.
_PATHS = {"request_uri": ["/"], "uri": ["/"], "document_uri": ["/"], "is_args": [""], "args": [""]}
# Several maps of many lines in one pass multiply. So only this many combinations are tried; a color is among the first.
_MOST_VALUES = 256
_GUARDED_BY = ("auth_basic", "auth_request", "auth_jwt")


class Way(NamedTuple):
    """A directive that sends requests to a port of a color.

    ``written``: its value as it stands in the file; ``address``: that value with its variables replaced.
    ``through``: the upstream between, with the place of its server in ``server_place``; empty without.
    ``color``: the color of the port, empty for a port of ``service``.
    ``certain``: false where only the port is known.
    ``guard``: ``local`` if only this host gets in, ``some`` if not everybody does, else empty.
    ``blocks``: the blocks that it stands in, the innermost last.
    """

    place: str
    directive: str
    written: str
    address: str
    through: str
    server_place: str
    color: str
    service: str
    stream: bool
    certain: bool
    guard: str
    blocks: tuple[Statement, ...]


def ways(
    nginx: Nginx,
    configuration: list[Statement],
    names: frozenset[str] = frozenset(),
    published: dict[int, str] | None = None,
    further: dict[str, str] | None = None,
) -> list[Way]:
    """Every :class:`Way` in the configuration to a color, except those through the owned upstream.

    :param names: names and addresses of this host, beside those that every host has.
    :param published: ``{port: service}`` of further ports that the live color publishes on this host.
    :param further: ``{"host:port": color}`` of other names and addresses of the colors, in lower case.
    """
    places = _Places(nginx.servers, names, published or {}, further or {})
    found = []
    for kind in ("http", "stream"):
        statements = [inner for block in nginx_config.children(configuration, kind) for inner in block.inside]
        values, upstreams = _values(statements), _upstreams(statements)
        for statement, blocks in nginx_config.descend(statements):
            if statement.name not in PASSES or len(statement.words) != 2:
                continue
            for target in sorted(_targets(statement.words[1], values)):
                # A stream block has its own upstreams.
                if kind == "http" and target == nginx.upstream:
                    continue
                for address, server_place in upstreams.get(target, [(target, "")]):
                    color, service, certain = places.of(address)
                    if color or service:
                        way = Way(
                            place=statement.place,
                            directive=statement.name,
                            written=statement.words[1],
                            address=address,
                            through=target if server_place else "",
                            server_place=server_place,
                            color=color,
                            service=service,
                            stream=kind == "stream",
                            certain=certain,
                            guard=_guard(blocks),
                            blocks=blocks,
                        )
                        found.append(way)
    return found


def findings(nginx: Nginx, found: list[Way], live: str | None) -> tuple[list[str], list[str]]:
    """The ways that a deployment would break, as ``(refusals, warnings)``: sentences.

    :param live: the live color, ``None`` when there is none.
    """
    refusals: list[str] = []
    warnings: list[str] = []
    pair = _pair(found)
    for way in found:
        to_idle = bool(live) and way.color not in ("", live)
        # A way with its own login that does not lead to the live web is not for visitors; a monitor of the workers, for
        # example, has one.
        meant = way.guard == "local" or way.guard == "some" and (to_idle or way.service) or way in pair
        if way.certain and not meant:
            sentence, into = refusal(nginx, way), refusals
        else:
            sentence, into = _warning(nginx, way), warnings
        if sentence not in into:
            into.append(sentence)
    return refusals, warnings


def open_to_all(found: list[Way]) -> list[Way]:
    """The ways that surely let every visitor past the upstream, and cannot be on purpose."""
    pair = _pair(found)
    return [way for way in found if way.color and way.certain and not way.guard and not way.stream and way not in pair]


def _pair(found: list[Way]) -> list[Way]:
    """The ways that lead to one color alone, if there are such to each of the two, as for a preview; else none."""
    single = [way for way in found if way.color and not way.stream and len(_colors_behind(way, found)) == 1]
    return single if {way.color for way in single} >= set(COLORS) else []


def _colors_behind(way: Way, found: list[Way]) -> set[str]:
    """The colors of the servers in the same upstream; without an upstream that of the way alone."""
    beside = [other for other in found if way.through and (other.place, other.through) == (way.place, way.through)]
    return {way.color} | {other.color for other in beside}


def describe(way: Way) -> str:
    """The way as the first half of a sentence."""
    what = f"{way.place} sends {'connections' if way.stream else 'requests'} to "
    if way.through:
        what += f"the upstream {way.through}, whose server at {way.server_place} is {way.address},"
    else:
        by = f" (by {way.written})" if "$" in way.written else ""
        what += f"{way.address}{by}"
    return what


def refusal(nginx: Nginx, way: Way) -> str:
    """The sentence that says which way a switch does not move, and what to write."""
    what, upstream = describe(way), nginx.upstream
    if way.stream:
        return (
            f"{what} and a stream block does not know the upstream {upstream}, so switching the upstream does not move "
            f"them: let it pass to the port of a server block in http that has proxy_pass http://{upstream};."
        )
    if way.service:
        return (
            f"{what}{'' if way.through else ','} a port of the service {way.service} of the live color, but Nginx is "
            f"switched for the upstream {upstream} only, so these requests end with the old color: let the web service "
            f"answer them too, and write {_line(nginx, way)} there."
        )
    return (
        f"{what} and not to the upstream {upstream}, so switching the upstream does not move them: write "
        f"{_line(nginx, way)} there."
    )


def _warning(nginx: Nginx, way: Way) -> str:
    if way.service:
        return (
            f"{describe(way)}{'' if way.through else ','} a port of the service {way.service} of the live "
            f"color, and switching the upstream {nginx.upstream} does not move them: that answers nothing once the old "
            "color is stopped."
        )
    if not way.certain:
        return (
            f"{way.place} may send requests to port {way.address.rpartition(':')[2]} of {way.color} (by "
            f"{way.written}), and switching the upstream {nginx.upstream} does not move them: write "
            f"{_line(nginx, way)} there if it does."
        )
    return (
        f"{describe(way)} and so always to {way.color}, whichever color is live: that answers nothing while "
        f"{way.color} is stopped or removed. Write {_line(nginx, way)} there if visitors use it."
    )


def _line(nginx: Nginx, way: Way) -> str:
    """The directive as it has to be."""
    if way.through or "$" in way.written:
        scheme = {"proxy_pass": "http://", "grpc_pass": "grpc://"}.get(way.directive, "")
        return f"{way.directive} {scheme}{nginx.upstream};"
    target = TARGET.match(way.written)
    start, end = target.span(1) if target else (0, len(way.written))
    return f"{way.directive} {way.written[:start]}{nginx.upstream}{way.written[end:]};"


class _Places:
    """The addresses of the colors, and of the services of the live one."""

    def __init__(
        self, servers: dict[str, str], names: frozenset[str], published: dict[int, str], further: dict[str, str]
    ) -> None:
        self._names = names
        self._exact = {**further, **{servers[color].lower(): color for color in COLORS}}
        self._services = {str(port): service for port, service in published.items()}
        # Any name or address of this host leads to a color by its port.
        on_this_host = [color for color in COLORS if servers[color].rpartition(":")[0] in LOOPBACK]
        self._ports = {servers[color].rpartition(":")[2]: color for color in on_this_host}

    def of(self, address: str) -> tuple[str, str, bool]:
        """``(color, service, certain)`` of an address; color and service are empty for any other one."""
        host, _colon, port = address.rpartition(":")
        here = is_own(host, self._names)
        # Without a port Nginx uses port 80.
        named = self._exact.get(address) or self._exact.get(f"{address}:80")
        if named or here and port in self._ports:
            return named or self._ports[port], "", True
        if here and port in self._services:
            return "", self._services[port], True
        if host == _UNKNOWN and port in self._ports:
            return self._ports[port], "", False
        return "", "", True


def _upstreams(statements: list[Statement]) -> dict[str, list[tuple[str, str]]]:
    """``{name: [(address, place of the server)]}``."""
    return {
        block.words[1].lower(): [(server.words[1].lower(), server.place) for server in nginx_config.servers(block)]
        for block in nginx_config.children(statements, "upstream")
        if block.block is not None and len(block.words) == 2
    }


def _values(statements: list[Statement]) -> dict[str, list[str]]:
    """``{name: possible values}`` of the variables to which the configuration itself gives values."""
    found = {name: list(values) for name, values in _PATHS.items()}
    for statement in nginx_config.walk(statements):
        if statement.name == "set" and len(statement.words) == 3:
            found.setdefault(statement.words[1].lstrip("$"), []).append(statement.words[2])
        elif statement.name in ("map", "geo", "split_clients") and len(statement.words) > 1:
            values = [inner.words[1] for inner in statement.inside if len(inner.words) == 2 and inner.name != "include"]
            found.setdefault(statement.words[-1].lstrip("$"), []).extend(values)
    return found


def _targets(written: str, values: dict[str, list[str]]) -> set[str]:
    """Every ``name`` or ``host:port`` that a pass may send requests to, in lower case."""
    return {target_of(text) for text in _expand(written, values)}


def target_of(written: str) -> str:
    """The ``name`` or ``host:port`` in the value of a pass, in lower case."""
    target = TARGET.match(written)
    return target.group(1).lower() if target else ""


def _expand(written: str, values: dict[str, list[str]]) -> list[str]:
    """The values of a pass with each of its variables replaced."""
    texts: list[tuple[str, tuple[str, ...]]] = [(written, ())]
    done: list[str] = []
    seen = 0
    while texts and seen < _MOST_VALUES:
        seen += 1
        text, used = texts.pop()
        match = _VARIABLE.search(text)
        if match is None:
            done.append(text)
            continue
        name = match.group(1) or match.group(2)
        # A variable that is made of itself has no known value.
        known = [] if used.count(name) > 1 else list(dict.fromkeys(values.get(name, ())))
        for value in known or [_UNKNOWN]:
            texts.append((text[:match.start()] + value + text[match.end():], used + (name,)))
    return done


def _guard(blocks: tuple[Statement, ...]) -> str:
    """The ``guard`` of a :class:`Way` in these blocks."""
    for block in reversed(blocks):
        found = [statement for statement in block.inside if statement.name in ("allow", "deny")]
        rules = [rule for rule in found if len(rule.words) == 2]
        if rules:
            # Nginx applies the rules of the innermost block that has any.
            if rules[-1].words != ["deny", "all"]:
                break
            allowed = [rule.words[1] for rule in rules if rule.name == "allow"]
            return "local" if all(map(_is_loopback_rule, allowed)) else "some"
    for block in reversed(blocks):
        for statement in block.inside:
            if statement.name in _GUARDED_BY:
                return "" if statement.words[1:] == ["off"] else "some"
    return ""


def _is_loopback_rule(address: str) -> bool:
    # Imported here because only the plan needs it, and every module would pay for it.
    import ipaddress

    try:
        return ipaddress.ip_network(address, strict=False).is_loopback
    except ValueError:
        return address == "unix:"
