# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What the configuration of Nginx says that it does with one path: which location answers, and what stands before it."""

from __future__ import annotations

import re
from typing import NamedTuple

from . import config as nginx_config
from .other_routes import PASSES

YES, NO, MAYBE = "yes", "no", "maybe"
_LOGINS = ("auth_basic", "auth_request", "auth_jwt")
_CACHES = ("proxy_cache", "fastcgi_cache", "uwsgi_cache", "scgi_cache")
# What can send a request elsewhere, or answer it, in a way that only a request shows.
_OPEN = ("rewrite", "if", "error_page", "perl", "js_content", "echo", "memcached_pass")
# An answer that is cached no longer than this, in seconds, is gone before a proof gives up.
_BRIEF = 2
_TIME = re.compile(r"(\d+)(ms|s|)")


class Location(NamedTuple):
    """What is known of the block that answers a path.

    ``passes`` is whether it sends requests on: :data:`YES`, :data:`NO` or :data:`MAYBE`. ``login``, ``denied``,
    ``cache`` and ``client_certificate`` are the places of what demands or does that, empty without; ``denied`` is of
    a rule against this host. ``login_passes`` is whether the app itself may be what is asked for the login. ``caches``
    is whether answers are cached whatever the app says, ``brief`` whether that is for a moment only. ``own_errors`` is
    whether a page of its own may take the place of the answer 502, ``error_page`` whether it has a page for that, which
    may be missing. ``plain`` is whether nothing but the app can answer.
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


def answering(configuration: list, server, path: str, address: str) -> Location:
    """The :class:`Location` of a path in a ``server`` block, of which nothing is known when it is ``None``.

    :param address: the one from which it is asked, empty when that is not known.
    """
    if server is None:
        return Location()
    chain = _chain(server, path)
    if chain is None:
        return Location(place=server.place)
    around = [nginx_config.http_statements(configuration), server.block, *(block.block for block in chain)]
    errors = [found for found in _in_effect(around, ("error_page",)) if set(found.words) & {"502", "503", "504"}]
    cache, login, passes = _switched_on(around, _CACHES), _login(around), _passes(server, chain, path)
    denied, certificate = _denied(around, address), _client_certificate(around)
    times = _times_in_cache(around, cache)
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
        login_passes=bool(login) and login.name == "auth_request" and _leads_on(server, login.words[-1]),
        brief=bool(times) and all(seconds <= _BRIEF for seconds in times),
        plain=passes == YES and not (login or denied or cache or certificate or _is_open([server.block, around[-1]], but="error_page")),
    )


def _place(statement) -> str:
    return statement.place if statement else ""


# Which location


def _chain(server, path: str):
    """The locations, each within the one before it, that answer a path; ``None`` where that cannot be told."""
    levels, block = [], server
    while True:
        exact, prefix = _static(block, path)
        if exact:
            return [*levels, exact]
        if prefix is None:
            break
        levels.append(prefix)
        block = prefix
    for depth in range(len(levels), -1, -1):
        for location in _of_kind((levels[depth - 1] if depth else server).block, ("~", "~*")):
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


def _static(block, path: str) -> tuple:
    """``(exact, longest prefix)`` of the locations directly in a block, ``None`` for each that is not there."""
    exact = next((location for location in _of_kind(block.block, ("=",)) if location.words[2] == path), None)
    prefixes = [
        location
        for location in _locations(block.block)
        if (len(location.words) == 2 or location.words[1] == "^~")
        and location.words[-1].startswith("/")
        and path.startswith(location.words[-1])
    ]
    return exact, max(prefixes, key=lambda location: len(location.words[-1]), default=None)


def _locations(statements) -> list:
    return [found for found in nginx_config.children(statements or (), "location") if found.block is not None and len(found.words) > 1]


def _of_kind(statements, modifiers: tuple) -> list:
    return [found for found in _locations(statements) if len(found.words) == 3 and found.words[1] in modifiers]


# What it does


def _passes(server, chain: list, path: str) -> str:
    inside = (chain[-1] if chain else server).block
    for statements in (server.block, inside):
        if nginx_config.children(statements, "return"):
            return MAYBE if _leads_past_return(statements) else NO
    if {statement.name for statement in inside} & set(PASSES):
        return YES
    # A module may answer in ways that its directives do not tell.
    if _is_open([server.block, inside]):
        return MAYBE
    fallbacks = [statement.words[-1] for statement in _in_effect([server.block, inside], ("try_files",))]
    indexes = _in_effect([server.block, inside], ("index",)) if path.endswith("/") else []
    names_of_index = [word for statement in indexes for word in statement.words[1:]] or ["index.html"]
    further = fallbacks + ([path + name for name in names_of_index] if path.endswith("/") else [])
    return MAYBE if any(_leads_on(server, target) for target in further) else NO


def _is_open(blocks: list, but: str = "") -> bool:
    names = {statement.name for block in blocks for statement in block} - {but}
    return any(name in _OPEN or "_by_lua" in name for name in names)


def _leads_past_return(statements: list) -> bool:
    """Whether a line before the first ``return`` may keep Nginx from coming to that."""
    for statement in statements:
        if statement.name == "return":
            return False
        if _ends_rewriting(statement):
            return True
    return False


def _ends_rewriting(statement) -> bool:
    if statement.name == "if":
        return any(_ends_rewriting(inner) for inner in statement.block or ())
    return statement.name == "break" or statement.name == "rewrite" and statement.words[-1] in ("last", "break")


def _leads_on(server, target: str) -> bool:
    if target.startswith("="):
        return False
    chain = _led_to(server, target)
    if not chain:
        return chain is None or "$" in target
    return any(statement.name in PASSES or statement.name in _OPEN for statement in chain[-1].block)


def _led_to(server, target: str):
    """The chain of locations for the target of an ``error_page`` and the like; ``None`` where that cannot be told."""
    if target.startswith("@"):
        return [found for found in _locations(server.block) if found.words[1] == target]
    return _chain(server, target.partition("?")[0])


def _answers(server, target: str) -> bool:
    """Whether what an error leads to may answer with a status of its own."""
    chain = _led_to(server, target)
    if not chain:
        return chain is None
    return any(statement.name in ("return", "try_files") or statement.name in _OPEN for statement in chain[-1].block)


# What stands before it


def _in_effect(around: list, names: tuple) -> list:
    """The directives of the innermost block that has any of these."""
    for statements in reversed(around):
        found = [statement for statement in statements if statement.name in names]
        if found:
            return found
    return []


def _switched_on(around: list, names: tuple):
    for name in names:
        found = _in_effect(around, (name,))
        if found and found[0].words[1:] != ["off"]:
            return found[0]
    return None


def _times_in_cache(around: list, cache) -> list:
    """How long answers are cached that say nothing of it themselves, in seconds; empty where they are not."""
    if cache is None or _in_effect(around, (f"{cache.name}_bypass",)) and _in_effect(around, (cache.name.replace("_", "_no_"),)):
        return []
    found = []
    for statement in _in_effect(around, (f"{cache.name}_valid",)):
        *codes, time = statement.words[1:]
        if not codes or {"any", "200", "301", "302"} & set(codes):
            match = _TIME.fullmatch(time)
            found.append(int(match.group(1)) / (1000 if match.group(2) == "ms" else 1) if match else float("inf"))
    return found


def _login(around: list):
    satisfy = _in_effect(around, ("satisfy",))
    if satisfy and satisfy[0].words[1:] == ["any"]:
        return None
    return _switched_on(around, _LOGINS)


def _replaces_status(words: list) -> bool:
    # Without "=" an error page, unless it is elsewhere, keeps the status of the error.
    other = any(word.startswith("=") for word in words) or words[-1].startswith(("http://", "https://", "$"))
    return other and any(word in ("502", "503", "504") for word in words)


def proxy_protocol_at(configuration: list, port: int) -> str:
    """The place of a ``listen`` that expects the PROXY protocol at a port, empty when there is none."""
    for server in nginx_config.children(nginx_config.http_statements(configuration), "server"):
        for statement in nginx_config.children(server.block, "listen"):
            if "proxy_protocol" in statement.words and statement.words[1].rpartition(":")[2] == str(port):
                return statement.place
    return ""


def _denied(around: list, address: str):
    """The rule that keeps an address out; the first one that fits counts."""
    satisfy = _in_effect(around, ("satisfy",))
    if not address or satisfy and satisfy[0].words[1:] == ["any"]:
        return None
    for rule in _in_effect(around, ("allow", "deny")):
        if len(rule.words) == 2 and _fits(rule.words[1], address):
            return rule if rule.name == "deny" else None
    return None


def _fits(written: str, address: str) -> bool:
    # Only the plan needs it, and every module would pay for its import.
    import ipaddress

    try:
        return written == "all" or ipaddress.ip_address(address.strip("[]")) in ipaddress.ip_network(written, strict=False)
    except ValueError:
        return False


def _client_certificate(around: list):
    found = _in_effect(around, ("ssl_verify_client",))
    return found[0] if found and found[0].words[1:] == ["on"] else None
