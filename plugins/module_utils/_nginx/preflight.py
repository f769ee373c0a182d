# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether Nginx can be switched, before anything is changed."""

from __future__ import annotations

import os

from .._docker.engine import EngineError
from .._errors import BluegreenError
from .._host import Host
from .._linux.own_addresses import own_names
from .._settings import Nginx
from .._validation import check_url
from . import (
    config as nginx_config,
    dump as nginx_dump,
    location as nginx_location,
    other_routes,
    public_answer,
    public_requests,
    routes,
    upstream as nginx_upstream,
)
from .config import Statement
from .routes import PublicSide
from .running import Checked, Running, Seen


def preflight(
    host: Host,
    nginx: Nginx,
    published: dict[int, str] | None = None,
    seen: Seen | None = None,
    switches: bool = True,
) -> list[str]:
    """The reasons why a switch would fail, as sentences; empty when there is none. Warnings are given to the host.

    :param published: ``{port: service}`` of further ports that the live color publishes on this host, beside its web's.
    :param seen: the running Nginx, where the caller has asked it already.
    :param switches: whether a switch follows. If not, a route that only a switch would break is a warning, and no
        request is sent to see whether a switch could be proved.
    """
    seen = seen or Seen(host, nginx)
    try:
        running, checked = seen.running, seen.checked
        public = _public_side(running, checked) if checked.ok else None
    except EngineError:
        raise
    except BluegreenError as error:
        return [error.message]
    found = routes.findings(nginx, running.file, os.path.exists(nginx.file), checked, public)
    if not checked.ok:
        return found
    try:
        configuration = seen.configuration
    except nginx_config.ConfigError:
        # routes.findings() says so already.
        return found
    live = live_color(nginx)
    found_routes = other_routes.find_routes(nginx, configuration, own_names(), published, running.written_as())
    refusals, warnings = other_routes.findings(nginx, found_routes, live)
    if not switches:
        found = [sentence for sentence in found if sentence not in refusals]
        warnings, refusals = refusals + warnings, []
    refusals = list(dict.fromkeys(found + refusals))
    if switches and not refusals and public:
        refusals, further = _answer_findings(running, configuration, public, live)
        warnings += further
    for sentence in warnings:
        host.warn(sentence)
    return refusals


def _public_side(running: Running, checked: Checked) -> PublicSide:
    try:
        return public_requests.public_side(running)
    except BluegreenError as error:
        url = check_url("public_url", running.nginx.public_url)
        configuration = nginx_dump.load(nginx_dump.sections(checked.dump))
        place = nginx_location.proxy_protocol_at(configuration, url.port)
        if not place:
            raise
        # Nginx closes a connection without that protocol at its first byte, so no request can show where it ends.
        raise BluegreenError(public_answer.expects_proxy_protocol(running.nginx, url, place)) from error


def _answer_findings(
    running: Running, configuration: list[Statement], public: PublicSide, live: str | None
) -> tuple[list[str], list[str]]:
    """``(refusals, warnings)`` after a request to the public URL: whether such requests can prove the switch."""
    nginx = running.nginx
    url = check_url("public_url", nginx.public_url)
    server = routes.public_server(configuration, public)
    # A host that asks itself comes from the very address that it asks.
    where = nginx_location.answering(configuration, server, url.path.partition("?")[0], public.address)
    if url.scheme == "http":
        # Without TLS there are no client certificates.
        where = where._replace(client_certificate="")
    answered = public_requests.try_public_url(running, live, where)
    return public_answer.findings(nginx, url, answered, where, live)


def live_color(nginx: Nginx) -> str | None:
    """The color that the owned file names, ``None`` when it names none or cannot be understood."""
    try:
        with open(nginx.file, encoding="utf-8", errors="replace") as source:
            upstream = nginx_upstream.parse(source.read(), nginx.file, nginx.upstream)
        return nginx_upstream.live_color(upstream, nginx.servers, nginx.file)
    except (OSError, BluegreenError):
        return None


def cannot_switch(host: Host, nginx: Nginx) -> str:
    """The reason why Nginx cannot be switched at this moment, as a sentence; empty when none is known."""
    try:
        checked = Running(host, nginx).check()
    except EngineError:
        raise
    except BluegreenError as error:
        return error.message
    return "" if checked.ok else f"nginx -t says: {checked.message}."
