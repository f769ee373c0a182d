# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What Nginx will do with a request for one path by its configuration: which location answers, and who gets in."""

from __future__ import annotations

import re
from typing import Iterable, NamedTuple

from . import config as nginx_config
from .config import Statement
from .other_routes import PASSES

YES, NO, MAYBE = "yes", "no", "maybe"
_LOGINS = ("auth_basic", "auth_request", "auth_jwt")
_CACHES = ("proxy_cache", "fastcgi_cache", "uwsgi_cache", "scgi_cache")
# Directives that may send a request elsewhere or answer it; only a request shows whether they do.
_OPEN = ("rewrite", "if", "error_page", "perl", "js_content", "echo", "memcached_pass")
# An answer that is cached no longer than this, in seconds, has left the cache before a proof gives up.
_BRIEF = 2
_TIME = re.compile(r"(\d+)(ms|s|)")


class Location(NamedTuple):
    """The block that answers a path, as far as the configuration tells.

    ``passes``: whether it sends requests on, :data:`YES`, :data:`NO` or :data:`MAYBE`.
    ``login``, ``denied``, ``cache``, ``client_certificate``: the places (``file:line``) of the directives that demand a
    login, deny this host, cache answers, demand a client certificate; empty without.
    ``login_passes``: whether the login may be checked by the app itself.
    ``caches``: whether answers are cached for longer than a moment if the app says nothing of caching.
    ``brief``: whether they are cached for a moment only.
    ``own_errors``: whether an error page may replace the status 502.
    ``error_page``: whether there is an error page for 502, whose file may be missing.
    ``plain``: whether only the app can answer.
    """

    place: str = ""
    passes: str = MAYBE
    login: str = ""
    denied: str = ""
    cache: str = ""
    caches: bool = False
    client_certificate: str = ""
    own_errors: bool = False
    error_page: bool = False
    login_passes: bool = False
    brief: bool = False
    plain: bool = False


def answering(configuration: list[Statement], server: Statement | None, path: str, address: str) -> Location:
    """The :class:`Location` that answers a path.

    :param server: the ``server`` block, ``None`` when it is not known.
    :param address: the IP from which it is asked, empty when that is not known.
    """
    if server is None:
        return Location()
    chain = _chain(server, path)
    if chain is None:
        return Location(place=server.place)
    around = [nginx_config.http_statements(configuration), server.inside, *(block.inside for block in chain)]
    errors = [found for found in _in_effect(around, ("error_page",)) if set(found.words) & {"502", "503", "504"}]
    cache, login, passes = _switched_on(around, _CACHES), _login(around), _passes(server, chain, path)
    denied, certificate = _denied(around, address), _client_certificate(around)
    times = _times_in_cache(around, cache)
    stopped = any((login, denied, cache, certificate))
    return Location(
        place=chain[-1].place if chain else server.place,
        passes=passes,
        login=_place(login),
        denied=_place(denied),
        cache=_place(cache),
        caches=any(seconds > _BRIEF for seconds in times),
        client_certificate=_place(certificate),
        own_errors=any(_replaces_status(found.words[1:]) or _answers(server, found.words[-1]) for found in errors),
        error_page=bool(errors),
        login_passes=login is not None and login.name == "auth_request" and _leads_on(server, login.words[-1]),
        brief=bool(times) and all(seconds <= _BRIEF for seconds in times),
        plain=passes == YES and not stopped and not _is_open([server.inside, around[-1]], but="error_page"),
    )


def _place(statement: Statement | None) -> str:
    return statement.place if statement else ""


# Which location


def _chain(server: Statement, path: str) -> list[Statement] | None:
    """The locations that answer a path, each within the previous one; ``None`` when the configuration does not tell."""
    levels: list[Statement] = []
    block = server
    while True:
        exact, prefix = _static(block, path)
        if exact:
            return [*levels, exact]
        if prefix is None:
            break
        levels.append(prefix)
        block = prefix
    for depth in range(len(levels), -1, -1):
        for location in _of_kind((levels[depth - 1] if depth else server).inside, ("~", "~*")):
            try:
                # Nginx writes named groups as (?<name>...), Python as (?P<name>...).
                pattern = re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", location.words[2])
                matches = re.search(pattern, path, re.IGNORECASE if location.words[1] == "~*" else 0)
            except re.error:
                return None
            if matches:
                within = _chain(location, path)
                return None if within is None else [*levels[:depth], location, *within]
        if depth and levels[depth - 1].words[1] == "^~":
            break
    return levels


def _static(block: Statement, path: str) -> tuple[Statement | None, Statement | None]:
    """``(exact, longest prefix)`` of the locations directly in a block, ``None`` for each that does not exist."""
    exact = next((location for location in _of_kind(block.inside, ("=",)) if location.words[2] == path), None)
    prefixes = [
        location
        for location in _locations(block.inside)
        if (len(location.words) == 2 or location.words[1] == "^~")
        and location.words[-1].startswith("/")
        and path.startswith(location.words[-1])
    ]
    return exact, max(prefixes, key=lambda location: len(location.words[-1]), default=None)


def _locations(statements: Iterable[Statement]) -> list[Statement]:
    found = nginx_config.children(statements, "location")
    return [location for location in found if location.block is not None and len(location.words) > 1]


def _of_kind(statements: Iterable[Statement], modifiers: tuple[str, ...]) -> list[Statement]:
    return [found for found in _locations(statements) if len(found.words) == 3 and found.words[1] in modifiers]


# What it does


def _passes(server: Statement, chain: list[Statement], path: str) -> str:
    inside = (chain[-1] if chain else server).inside
    for statements in (server.inside, inside):
        if nginx_config.children(statements, "return"):
            return MAYBE if _leads_past_return(statements) else NO
    if {statement.name for statement in inside} & set(PASSES):
        return YES
    if _is_open([server.inside, inside]):
        return MAYBE
    fallbacks = [statement.words[-1] for statement in _in_effect([server.inside, inside], ("try_files",))]
    indexes = _in_effect([server.inside, inside], ("index",)) if path.endswith("/") else []
    names_of_index = [word for statement in indexes for word in statement.words[1:]] or ["index.html"]
    further = fallbacks + ([path + name for name in names_of_index] if path.endswith("/") else [])
    return MAYBE if any(_leads_on(server, target) for target in further) else NO


def _is_open(blocks: Iterable[list[Statement]], but: str = "") -> bool:
    """Whether a directive (other than ``but``), or a module in Lua, may answer in a way that only a request shows."""
    names = {statement.name for block in blocks for statement in block} - {but}
    return any(name in _OPEN or "_by_lua" in name for name in names)


def _leads_past_return(statements: list[Statement]) -> bool:
    """Whether a line before the first ``return`` may keep Nginx from reaching it."""
    for statement in statements:
        if statement.name == "return":
            return False
        if _ends_rewriting(statement):
            return True
    return False


def _ends_rewriting(statement: Statement) -> bool:
    if statement.name == "if":
        return any(_ends_rewriting(inner) for inner in statement.inside)
    return statement.name == "break" or statement.name == "rewrite" and statement.words[-1] in ("last", "break")


def _leads_on(server: Statement, target: str) -> bool:
    """Whether a request for the target of a ``try_files`` or the like may be sent on."""
    if target.startswith("="):
        return False
    chain = _led_to(server, target)
    if not chain:
        return chain is None or "$" in target
    return any(statement.name in PASSES or statement.name in _OPEN for statement in chain[-1].inside)


def _led_to(server: Statement, target: str) -> list[Statement] | None:
    """The chain of locations for the target of an ``error_page`` or the like; ``None`` where it is not known."""
    if target.startswith("@"):
        return [found for found in _locations(server.inside) if found.words[1] == target]
    return _chain(server, target.partition("?")[0])


def _answers(server: Statement, target: str) -> bool:
    """Whether the target of an ``error_page`` may answer with its own status."""
    chain = _led_to(server, target)
    if not chain:
        return chain is None
    return any(
        statement.name in ("return", "try_files") or statement.name in _OPEN for statement in chain[-1].inside
    )


# Logins, caches and rules before it


def _in_effect(around: list[list[Statement]], names: tuple[str, ...]) -> list[Statement]:
    """The directives of these names in the innermost block that has any.

    :param around: the statements of each block, the innermost last.
    """
    for statements in reversed(around):
        found = [statement for statement in statements if statement.name in names]
        if found:
            return found
    return []


def _switched_on(around: list[list[Statement]], names: tuple[str, ...]) -> Statement | None:
    for name in names:
        found = _in_effect(around, (name,))
        if found and found[0].words[1:] != ["off"]:
            return found[0]
    return None


def _times_in_cache(around: list[list[Statement]], cache: Statement | None) -> list[float]:
    """The seconds for which answers without a header of caching are cached; empty where they are not."""
    if cache is None:
        return []
    if _in_effect(around, (f"{cache.name}_bypass",)) and _in_effect(around, (cache.name.replace("_", "_no_"),)):
        return []
    found: list[float] = []
    for statement in _in_effect(around, (f"{cache.name}_valid",)):
        *codes, time = statement.words[1:]
        if not codes or {"any", "200", "301", "302"} & set(codes):
            match = _TIME.fullmatch(time)
            found.append(int(match.group(1)) / (1000 if match.group(2) == "ms" else 1) if match else float("inf"))
    return found


def _login(around: list[list[Statement]]) -> Statement | None:
    satisfy = _in_effect(around, ("satisfy",))
    if satisfy and satisfy[0].words[1:] == ["any"]:
        return None
    return _switched_on(around, _LOGINS)


def _replaces_status(words: list[str]) -> bool:
    # Without "=" an error page keeps the status of the error, unless it is at another URL.
    other = any(word.startswith("=") for word in words) or words[-1].startswith(("http://", "https://", "$"))
    return other and any(word in ("502", "503", "504") for word in words)


def proxy_protocol_at(configuration: list[Statement], port: int) -> str:
    """The place (``file:line``) of the ``listen`` that expects the PROXY protocol on a port, empty without one."""
    for server in nginx_config.children(nginx_config.http_statements(configuration), "server"):
        for statement in nginx_config.children(server.inside, "listen"):
            if "proxy_protocol" in statement.words and statement.words[1].rpartition(":")[2] == str(port):
                return statement.place
    return ""


def _denied(around: list[list[Statement]], address: str) -> Statement | None:
    """The rule that denies an address; the first one that matches it counts."""
    satisfy = _in_effect(around, ("satisfy",))
    if not address or satisfy and satisfy[0].words[1:] == ["any"]:
        return None
    for rule in _in_effect(around, ("allow", "deny")):
        if len(rule.words) == 2 and _fits(rule.words[1], address):
            return rule if rule.name == "deny" else None
    return None


def _fits(written: str, address: str) -> bool:
    # Imported here because only the plan needs it, and every module would pay for it.
    import ipaddress

    if written == "all":
        return True
    try:
        return ipaddress.ip_address(address.strip("[]")) in ipaddress.ip_network(written, strict=False)
    except ValueError:
        return False


def _client_certificate(around: list[list[Statement]]) -> Statement | None:
    found = _in_effect(around, ("ssl_verify_client",))
    return found[0] if found and found[0].words[1:] == ["on"] else None
