# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Ways from Nginx to a color that do not lead through the owned upstream, and so stay where they are at a switch."""

from __future__ import annotations

import re
from typing import NamedTuple

from .._linux.own_addresses import is_own
from .._validation import COLORS, LOOPBACK
from . import config as nginx_config

PASSES = ("proxy_pass", "grpc_pass", "uwsgi_pass", "fastcgi_pass", "scgi_pass")
TARGET = re.compile(r"(?:[a-z0-9+.-]+://)?([^/?]*)", re.IGNORECASE)
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
# What Nginx gives a value only when it answers a request.
_UNKNOWN = "*"
# What these come to has no part in the name or port before them.
_PATHS = {"request_uri": ["/"], "uri": ["/"], "document_uri": ["/"], "is_args": [""], "args": [""]}
# A map of many lines in a pass of many variables has no end; what is looked for is among the first.
_MOST_VALUES = 256
_GUARDED_BY = ("auth_basic", "auth_request", "auth_jwt")


class Way(NamedTuple):
    """A directive that sends requests to a port of a color.

    ``written`` is its value as it stands; ``address`` is what that comes to; ``through`` the upstream between, with
    the place of its server in ``server_place``; ``color`` is that of the port, empty for a port of ``service``.
    ``certain`` is false where only the port is known. ``guard`` is ``local`` where only this host gets in, ``some``
    where not everybody does, else empty.
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
    blocks: tuple


def ways(
    nginx,
    configuration: list,
    names: frozenset[str] = frozenset(),
    published: dict[int, str] | None = None,
    further: dict[str, str] | None = None,
) -> list[Way]:
    """Every :class:`Way` of the configuration but those through the owned upstream.

    :param nginx: settings with ``upstream`` and ``servers``.
    :param names: names and addresses of this host, beside those that every host has.
    :param published: ``{port: service}`` of further ports that the live color publishes on this host.
    :param further: ``{"host:port": color}`` of other names and addresses of the colors, in lower case.
    """
    places = _Places(nginx.servers, names, published or {}, further or {})
    found = []
    for kind in ("http", "stream"):
        statements = [inner for block in nginx_config.children(configuration, kind) for inner in block.block or ()]
        values, upstreams = _values(statements), _upstreams(statements)
        for statement, blocks in nginx_config.descend(statements):
            if statement.name not in PASSES or len(statement.words) != 2:
                continue
            for target in sorted(_targets(statement.words[1], values)):
                # A stream block has upstreams of its own.
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


def findings(nginx, found: list[Way], live: str | None) -> tuple[list[str], list[str]]:
    """Which of the ways a deployment would break: ``(refusals, warnings)``, as sentences.

    :param live: the live color, ``None`` when there is none.
    """
    refusals, warnings = [], []
    pair = _pair(found)
    for way in found:
        to_idle = bool(live) and way.color not in ("", live)
        # What has a login of its own and is not the web, such as a monitor of the workers, is not for visitors.
        meant = way.guard == "local" or way.guard == "some" and (to_idle or way.service) or way in pair
        if way.certain and not meant:
            sentence, into = refusal(nginx, way), refusals
        else:
            sentence, into = _warning(nginx, way), warnings
        if sentence not in into:
            into.append(sentence)
    return refusals, warnings


def open_to_all(found: list[Way]) -> list[Way]:
    """Those ways that every visitor can take for certain, and that nobody can have meant so."""
    pair = _pair(found)
    return [way for way in found if way.color and way.certain and not way.guard and not way.stream and way not in pair]


def _pair(found: list[Way]) -> list[Way]:
    """The ways of a configuration in which each color has one of its own, as for a look at both of them."""
    single = [way for way in found if way.color and not way.stream and len(_colors_behind(way, found)) == 1]
    return single if {way.color for way in single} >= set(COLORS) else []


def _colors_behind(way: Way, found: list[Way]) -> set[str]:
    """The colors that are in the same upstream; that of the way alone where there is none."""
    return {way.color} | {other.color for other in found if way.through and (other.place, other.through) == (way.place, way.through)}


def describe(nginx, way: Way) -> str:
    """The way as the first half of a sentence."""
    what = f"{way.place} sends {'connections' if way.stream else 'requests'} to "
    if way.through:
        what += f"the upstream {way.through}, whose server at {way.server_place} is {way.address},"
    else:
        by = f" (by {way.written})" if "$" in way.written else ""
        what += f"{way.address}{by}"
    return what


def refusal(nginx, way: Way) -> str:
    """The sentence that says what a switch does not move, and what to write."""
    what, upstream = describe(nginx, way), nginx.upstream
    if way.stream:
        return (
            f"{what} and a stream block does not know the upstream {upstream}, so switching the upstream does not move them: let it "
            f"pass to the port of a server block in http that has proxy_pass http://{upstream};."
        )
    if way.service:
        return (
            f"{what}{'' if way.through else ','} a port of the service {way.service} of the live color, but Nginx is switched for "
            f"the upstream {upstream} only, so these requests end with the old color: let the web service answer them too, and "
            f"write {_line(nginx, way)} there."
        )
    return (
        f"{what} and not to the upstream {upstream}, so switching the upstream does not move them: write {_line(nginx, way)} there."
    )


def _warning(nginx, way: Way) -> str:
    if way.service:
        return (
            f"{describe(nginx, way)}{'' if way.through else ','} a port of the service {way.service} of the live color, and "
            f"switching the upstream {nginx.upstream} does not move them: that answers nothing once the old color is stopped."
        )
    if not way.certain:
        return (
            f"{way.place} may send requests to port {way.address.rpartition(':')[2]} of {way.color} (by {way.written}), and "
            f"switching the upstream {nginx.upstream} does not move them: write {_line(nginx, way)} there if it does."
        )
    return (
        f"{describe(nginx, way)} and so always to {way.color}, whichever color is live: that answers nothing while {way.color} is "
        f"stopped or removed. Write {_line(nginx, way)} there if visitors use it."
    )


def _line(nginx, way: Way) -> str:
    """The directive as it has to be."""
    if way.through or "$" in way.written:
        scheme = {"proxy_pass": "http://", "grpc_pass": "grpc://"}.get(way.directive, "")
        return f"{way.directive} {scheme}{nginx.upstream};"
    start, end = TARGET.match(way.written).span(1)
    return f"{way.directive} {way.written[:start]}{nginx.upstream}{way.written[end:]};"


class _Places:
    """Which address is that of a color."""

    def __init__(self, servers: dict[str, str], names: frozenset[str], published: dict[int, str], further: dict[str, str]):
        self._names = names
        self._exact = {**further, **{servers[color].lower(): color for color in COLORS}}
        self._services = {str(port): service for port, service in published.items()}
        # Whatever name or address of this host is written, the port says where it leads.
        self._ports = {
            servers[color].rpartition(":")[2]: color for color in COLORS if servers[color].rpartition(":")[0] in LOOPBACK
        }

    def of(self, address: str) -> tuple[str, str, bool]:
        """``(color, service, certain)`` of an address; color and service empty for one that is neither."""
        host, _colon, port = address.rpartition(":")
        here = is_own(host, self._names)
        # Nginx goes to port 80 where none is written.
        named = self._exact.get(address) or self._exact.get(f"{address}:80")
        if named or here and port in self._ports:
            return named or self._ports[port], "", True
        if here and port in self._services:
            return "", self._services[port], True
        if host == _UNKNOWN and port in self._ports:
            return self._ports[port], "", False
        return "", "", True


def _upstreams(statements: list) -> dict[str, list[tuple[str, str]]]:
    """``{name: [(address, place)]}``."""
    return {
        block.words[1].lower(): [(server.words[1].lower(), server.place) for server in nginx_config.servers(block)]
        for block in nginx_config.children(statements, "upstream")
        if block.block is not None and len(block.words) == 2
    }


def _values(statements: list) -> dict[str, list[str]]:
    """What variables may come to, by their names: of those that the configuration itself gives values."""
    found = {name: list(values) for name, values in _PATHS.items()}
    for statement in nginx_config.walk(statements):
        if statement.name == "set" and len(statement.words) == 3:
            found.setdefault(statement.words[1].lstrip("$"), []).append(statement.words[2])
        elif statement.name in ("map", "geo", "split_clients") and statement.block is not None and len(statement.words) > 1:
            values = [inner.words[1] for inner in statement.block if len(inner.words) == 2 and inner.name != "include"]
            found.setdefault(statement.words[-1].lstrip("$"), []).extend(values)
    return found


def _targets(written: str, values: dict[str, list[str]]) -> set[str]:
    """Every ``name`` or ``host:port`` that the value of a pass may come to, in lower case."""
    return {target_of(text) for text in _expand(written, values)}


def target_of(written: str) -> str:
    """The ``name`` or ``host:port`` in the value of a pass, in lower case."""
    return TARGET.match(written).group(1).lower()


def _expand(written: str, values: dict[str, list[str]]) -> list[str]:
    texts, done, seen = [(written, ())], [], 0
    while texts and seen < _MOST_VALUES:
        seen += 1
        text, used = texts.pop()
        match = _VARIABLE.search(text)
        if match is None:
            done.append(text)
            continue
        name = match.group(1) or match.group(2)
        # One that is made of itself has no value that could be known.
        known = [] if used.count(name) > 1 else list(dict.fromkeys(values.get(name, ())))
        for value in known or [_UNKNOWN]:
            texts.append((text[:match.start()] + value + text[match.end():], used + (name,)))
    return done


def _guard(blocks: tuple) -> str:
    """Who gets into the innermost of the blocks."""
    for block in reversed(blocks):
        inside = block.block or ()
        rules = [statement for statement in inside if statement.name in ("allow", "deny") and len(statement.words) == 2]
        if rules:
            # The nearest block with any such line is the one that counts.
            if rules[-1].words != ["deny", "all"]:
                break
            allowed = [rule.words[1] for rule in rules if rule.name == "allow"]
            return "local" if all(map(_is_loopback_rule, allowed)) else "some"
    for block in reversed(blocks):
        for statement in block.block or ():
            if statement.name in _GUARDED_BY:
                return "" if statement.words[1:] == ["off"] else "some"
    return ""


def _is_loopback_rule(address: str) -> bool:
    # Only the plan needs it, and every module would pay for its import.
    import ipaddress

    try:
        return ipaddress.ip_network(address, strict=False).is_loopback
    except ValueError:
        return address == "unix:"
