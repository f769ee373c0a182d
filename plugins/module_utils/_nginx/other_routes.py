# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Routes of Nginx to a color that do not use the upstream of the collection, so a switch does not move them. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from .._linux.own_addresses import is_own
from .._settings import Nginx, other
from .._validation import COLORS, LOOPBACK
from . import config as nginx_config
from .config import Statement

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


class Route(NamedTuple):
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


def find_routes(
    nginx: Nginx,
    configuration: list[Statement],
    names: frozenset[str] = frozenset(),
    published: dict[int, str] | None = None,
    further: dict[str, str] | None = None,
) -> list[Route]:
    """Every :class:`Route` in the configuration to a color, except those through the owned upstream.

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
                        route = Route(
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
                        found.append(route)
    return found


def findings(nginx: Nginx, found: list[Route], live: str | None) -> tuple[list[str], list[str]]:
    """The routes that a deployment would break, as ``(refusals, warnings)``: sentences.

    :param live: the live color, ``None`` when there is none.
    """
    refusals: list[str] = []
    warnings: list[str] = []
    pair = _pair(found)
    for route in found:
        to_idle = bool(live) and route.color not in ("", live)
        # A route with its own login that does not lead to the live web, for example to a monitor of the workers, is not
        # for visitors.
        meant = route.guard == "local" or route.guard == "some" and (to_idle or route.service) or route in pair
        if route.certain and not meant:
            sentence, into = refusal(nginx, route), refusals
        else:
            sentence, into = _warning(nginx, route), warnings
        if sentence not in into:
            into.append(sentence)
    return refusals, warnings


def open_to_all(found: list[Route]) -> list[Route]:
    """The routes that surely let every visitor past the upstream, and cannot be on purpose."""
    pair = _pair(found)
    certain = [route for route in found if route.color and route.certain and not route.guard and not route.stream]
    return [route for route in certain if route not in pair]


def _pair(found: list[Route]) -> list[Route]:
    """The routes that lead to one color alone, if there are such to each of the two, as for a preview; else none."""
    single = [route for route in found if route.color and not route.stream and len(_colors_behind(route, found)) == 1]
    return single if {route.color for route in single} >= set(COLORS) else []


def _colors_behind(route: Route, found: list[Route]) -> set[str]:
    """The colors of the servers in the same upstream; without an upstream that of the route alone."""
    if not route.through:
        return {route.color}
    return {other.color for other in found if (other.place, other.through) == (route.place, route.through)}


def _describe(route: Route) -> str:
    """The route as the first half of a sentence."""
    what = f"{route.place} sends {'connections' if route.stream else 'requests'} to "
    if route.through:
        what += f"the upstream {route.through}, whose server at {route.server_place} is {route.address},"
    else:
        by = f" (by {route.written})" if "$" in route.written else ""
        what += f"{route.address}{by}"
    return what


def refusal(nginx: Nginx, route: Route) -> str:
    """The sentence that says which route a switch does not move, and what to write."""
    what, upstream = _describe(route), nginx.upstream
    if route.stream:
        return (
            f"{what.rstrip(',')}, but a stream block does not know the upstream {upstream}, so a switch does not move "
            "these connections: let the stream block pass them to the port of a server block in http that has "
            f"proxy_pass http://{upstream};."
        )
    if route.service:
        return (
            f"{what.rstrip(',')}, a port of the service {route.service} of the live color, but a switch changes only "
            f"the upstream {upstream}, so these requests fail once this color is replaced: "
            f"{_without_service(nginx, route)}"
        )
    return (
        f"{what} and not to the upstream {upstream}, so a switch does not move these requests: write "
        f"{_line(nginx, route)} there."
    )


def _warning(nginx: Nginx, route: Route) -> str:
    if route.service:
        return (
            f"{_describe(route).rstrip(',')}, a port of the service {route.service} of the live color, and a switch "
            f"changes only the upstream {nginx.upstream}, so these requests fail once this color is replaced: "
            f"{_without_service(nginx, route)}"
        )
    if not route.certain:
        return (
            f"{route.place} ({route.written}) may send requests to port {route.address.rpartition(':')[2]} "
            f"of {route.color}. A switch changes only the upstream {nginx.upstream}, so it would not move these "
            f"requests. If they go to that port, write {_line(nginx, route)} there."
        )
    return (
        f"{_describe(route).rstrip(',')}, which is always {route.color}, even while {other(route.color)} is live. "
        f"These requests fail while {route.color} is stopped or removed. If visitors use this way, write "
        f"{_line(nginx, route)} there."
    )


def _without_service(nginx: Nginx, route: Route) -> str:
    """The way out for a route to another service of the live color than its web."""
    return (
        f"let the web service answer them, and write {_line(nginx, route)} there, or run {route.service} in a Compose "
        "project of its own."
    )


def _line(nginx: Nginx, route: Route) -> str:
    """The directive as it has to be."""
    if route.through or "$" in route.written:
        scheme = {"proxy_pass": "http://", "grpc_pass": "grpc://"}.get(route.directive, "")
        return f"{route.directive} {scheme}{nginx.upstream};"
    target = TARGET.match(route.written)
    start, end = target.span(1) if target else (0, len(route.written))
    return f"{route.directive} {route.written[:start]}{nginx.upstream}{route.written[end:]};"


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
    """The ``guard`` of a :class:`Route` in these blocks."""
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
