# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Whether Nginx does what its files say.

``nginx -s reload`` returns 0 when a signal was sent, and ``nginx -t`` when the text makes sense; neither means that
requests go where the file says. What does is decided here from three observations together: the worker processes
before and after, what ``nginx -T`` shows, and the connections that requests through the public URL made Nginx open.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .._validation import COLORS
from . import config as nginx_config, other_routes

_WILDCARDS = ("", "*", "0.0.0.0", "[::]")
_DUPLICATE = re.compile(r'duplicate upstream "([^"]*)" in (\S+:\d+)')
_UNDEFINED = re.compile(r'host not found in upstream "([^":]*)" in (\S+:\d+)')
_LOG_LINE = re.compile(r"^(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d |nginx: )\[(?:emerg|alert)\] (?:\d+#\d+: )?(?:\*\d+ )?(.*)$")

# So many connections without a known owner count as the tool's own at least.
_FEWEST_SEEN = 3


class Child(NamedTuple):
    """A child of the Nginx master. ``draining`` is whether it only finishes what it had begun before a reload."""

    pid: int
    started: int
    draining: bool = False

    @property
    def identity(self):
        return self.pid, self.started


class Verdict(NamedTuple):
    """Whether something is proved, and the sentence that says why not."""

    proved: bool
    reason: str = ""


class Evidence(NamedTuple):
    """Connections towards one color that came up while requests were sent through the public URL.

    ``owned`` were seen in the hands of a worker process of this Nginx; ``seen`` are all.
    """

    owned: int = 0
    seen: int = 0


class Pass(NamedTuple):
    """A directive that sends requests on: to the name or address ``target``, or to what a variable says."""

    target: str
    variable: bool
    place: str


class PublicSide(NamedTuple):
    """What is known of the way that public requests take to Nginx.

    ``port`` is the one that Nginx itself listens on; ``address`` the IP that the request is sent to, empty when it
    is changed on its way; ``host`` the name that is asked for.
    """

    url: str
    port: int
    address: str
    host: str


# Worker processes


def children_verdict(noted, now):
    """Whether a reload was taken over by the worker processes.

    :param noted: :class:`Child` list from before the reload.
    :param now: the same, now.
    """
    known = {child.identity for child in noted}
    if not any(child.identity not in known and not child.draining for child in now):
        return Verdict(False, "Nginx started no new worker process")
    stale = [str(child.pid) for child in now if child.identity in known and not child.draining]
    if stale:
        return Verdict(False, f"worker process {', '.join(stale)} still accepts requests with the configuration of before")
    return Verdict(True)


def children_changed(noted, now):
    """Whether Nginx has started processes since, and so has read its files."""
    return not {child.identity for child in now} <= {child.identity for child in noted}


# Configuration


def passes(statements):
    """Every :class:`Pass` in and below ``statements``."""
    found = []
    for statement in nginx_config.walk(statements):
        if statement.name in other_routes.PASSES and len(statement.words) == 2:
            target = other_routes.target_of(statement.words[1])
            found.append(Pass(target, "$" in target, statement.place))
    return found


def uses_of(upstream, configuration):
    """Places (``file:line``) that send requests to the upstream."""
    return [found.place for found in passes(nginx_config.http_statements(configuration)) if found.target == upstream]


def definitions_of(upstream, configuration):
    """Places (``file:line``) that define the upstream."""
    return [
        statement.place
        for statement in nginx_config.children(nginx_config.http_statements(configuration), "upstream")
        if [word.lower() for word in statement.words[1:]] == [upstream]
    ]


def public_server(configuration, public):
    """The ``server`` block that answers the public URL, or ``None`` when that cannot be told.

    :param public: a :class:`PublicSide`, ``None`` when it is not known.
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


def _listens(server):
    found = []
    for statement in nginx_config.children(server.block, "listen"):
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


def _by_name(servers, host):
    """The server that ``server_name`` selects for a host, in the order of precedence that Nginx documents."""
    host, best = host.lower(), []
    for position, server in enumerate(servers):
        for statement in nginx_config.children(server.block, "server_name"):
            for name in statement.words[1:]:
                rank = _rank(name.lower() if not name.startswith("~") else name, host)
                if rank is not None:
                    best.append((rank, position))
    return servers[min(best)[1]] if best else None


def _rank(name, host):
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


def route_findings(nginx, configuration, public):
    """What is wrong with the way from the public URL to the upstream, as sentences; empty when all is well.

    :param nginx: settings with ``upstream`` and ``servers``.
    """
    upstream, uses = nginx.upstream, uses_of(nginx.upstream, configuration)
    http = nginx_config.http_statements(configuration)
    server = public_server(configuration, public)
    inside = passes(server.block) if server else passes(http)
    by_variable = any(found.variable for found in inside)
    wrong = other_routes.open_to_all(other_routes.ways(nginx, configuration))
    wrong = [way for way in wrong if (any(block is server for block in way.blocks) if server else not uses)]
    if wrong:
        return [other_routes.refusal(nginx, way) for way in wrong]
    if not uses and not by_variable:
        return [f"No server block uses the upstream {upstream}: write proxy_pass http://{upstream}; in the one of this app."]
    if server and not by_variable and not any(found.target == upstream for found in inside):
        return [
            f"bluegreen_public_url {public.url} is answered by the server block at {server.place} (asked for {public.host}), "
            f"which does not use the upstream {upstream}; {', '.join(uses)} does: set bluegreen_public_url and "
            "bluegreen_public_host to what reaches that one."
        ]
    return []


def configuration_verdict(nginx, file, text, dump, public):
    """Whether the files on the disk send public requests to the upstream as our file says.

    :param file: path of our file as Nginx sees it.
    :param text: what we wrote there.
    :param dump: output of ``nginx -T``.
    """
    try:
        files = nginx_config.sections(dump)
        if file not in files:
            return Verdict(False, f"nginx -T does not show {file}: no include of the Nginx configuration names it")
        if files[file].rstrip("\n") != text.rstrip("\n"):
            return Verdict(False, f"nginx -T shows {file} with a content that bg_switch did not write")
        wrong = route_findings(nginx, nginx_config.load(files), public)
    except nginx_config.ConfigError as error:
        return Verdict(False, error.message.rstrip("."))
    return Verdict(False, wrong[0].rstrip(".")) if wrong else Verdict(True)


def findings(nginx, file, exists, checked, public):
    """What stands against a switch before anything is changed, as sentences; empty when nothing does.

    :param file: path of our file as Nginx sees it.
    :param exists: whether the file is there.
    :param checked: what ``nginx -T`` says: ``ok``, ``message`` and ``dump``.
    """
    if not checked.ok:
        return [_invalid(nginx, file, exists, checked.message)]
    try:
        files = nginx_config.sections(checked.dump)
        configuration = nginx_config.load(files)
    except nginx_config.ConfigError as error:
        return [error.message]
    found = []
    elsewhere = [place for place in definitions_of(nginx.upstream, configuration) if place.rpartition(":")[0] != file]
    if elsewhere:
        found.append(
            f"The upstream {nginx.upstream} is defined in {', '.join(elsewhere)}, but bg_switch writes it to {nginx.file}: "
            "name that file in bluegreen_nginx_file, or remove it there."
        )
    elif not exists:
        found.append(_missing(nginx))
    elif file not in files:
        found.append(
            f"{nginx.file} is not part of the Nginx configuration (nginx -T does not show {file}), so writing it would "
            f"change nothing: write include {file}; into the http block, or name a file in a folder that is included."
        )
    return found + route_findings(nginx, configuration, public)


def _invalid(nginx, file, exists, message):
    duplicate = _DUPLICATE.search(message)
    if duplicate and duplicate.group(1).lower() == nginx.upstream:
        return (
            f"The upstream {nginx.upstream} is defined twice, in {duplicate.group(2)} and before it"
            + ("" if duplicate.group(2).rpartition(":")[0] == file else f" in {file}")
            + f": remove the one outside {file}, which bg_switch owns."
        )
    undefined = _UNDEFINED.search(message)
    if undefined and undefined.group(1).lower() == nginx.upstream:
        if not exists:
            return _missing(nginx)
        return (
            f"{undefined.group(2)} uses the upstream {nginx.upstream}, which no file that Nginx includes defines: "
            f"correct {nginx.file}, or include it."
        )
    return f"The Nginx configuration is invalid already, before anything was changed: {message}. Mend that first."


def _missing(nginx):
    return (
        f"{nginx.file}, the file with the upstream {nginx.upstream}, does not exist: run prepare.yml, which writes it, "
        "or correct bluegreen_nginx_file."
    )


# Connections


def sockets_verdict(color, evidence, requests, statuses):
    """Whether requests through the public URL reached a color.

    :param evidence: ``{color: Evidence}``.
    :param requests: how many requests were sent.
    :param statuses: what they were answered with: HTTP statuses, or sentences where there was no answer.
    """
    if _reached(evidence[color], requests):
        return Verdict(True)
    last = f"; the last answer was {statuses[-1]}" if statuses else ""
    for wrong in COLORS:
        if wrong != color and _reached(evidence[wrong], requests):
            return Verdict(False, f"requests through the public URL reached {wrong} and not {color}{last}")
    return Verdict(False, f"of {requests} requests through the public URL none opened a connection to {color}{last}")


def _reached(evidence, requests):
    # Others may ask a color's port too, a monitor for example, and a connection that has ended has no owner any
    # more. So ended ones count only when there are about as many of them as there were requests.
    return evidence.owned > 0 or evidence.seen >= max(_FEWEST_SEEN, requests / 2)


def served_color(evidence, requests):
    """The color that requests through the public URL reached, ``None`` when it is not exactly one."""
    reached = [color for color in COLORS if sockets_verdict(color, evidence, requests, ()).proved]
    return reached[0] if len(reached) == 1 else None


# Messages


def reason_of(log):
    """What Nginx itself says went wrong, from lines of its error log or from what it printed; empty if nothing."""
    reasons = []
    for line in log.splitlines():
        match = _LOG_LINE.match(line.strip())
        if match and match.group(1) not in reasons:
            reasons.append(match.group(1))
    # The last line is only that it gives up; the first says why.
    return reasons[0] if reasons else ""
