# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether the web that runs answers the health check: a release that does the same would not become healthy."""

from __future__ import annotations

from .. import _http
from .._settings import HealthCheck, health_url
from .._validation import check_url
from . import adoption_preflight
from .situation import Situation


def warning(situation: Situation) -> str:
    """A sentence when the running web answers the health check with another status; empty if it does not answer.

    It does not stand against a deployment, because the new release may be the first one with that path.
    """
    health, port = situation.settings.health, _port(situation)
    if not port:
        return ""
    url = health_url(situation.settings, situation.live) if situation.live else f"http://127.0.0.1:{port}{health.path}"
    answer = _http.ask(situation.host.clock, check_url("bluegreen_health_path", url), health.host, health.timeout)
    if answer.failure or answer.status in health.status:
        return ""
    wanted = " or ".join(map(str, health.status))
    return (
        f"The web that runs answers {url} with status {answer.status}, not {wanted}, and a release that does so too "
        f"does not become healthy: {_way(health, answer)}."
    )


def _port(situation: Situation) -> int:
    """The port of the live web, or of the app that its owner started by hand; 0 where none runs."""
    if situation.live:
        runs = any(each.running for each in situation.live_containers if each.service == situation.web)
        return situation.settings.ports[situation.live] if runs else 0
    apps = [app for app in adoption_preflight.running_apps(situation) if app.own and app.ports]
    return apps[0].ports[0] if len(apps) == 1 else 0


def _way(health: HealthCheck, answer: _http.Answer) -> str:
    if answer.status == 400:
        named = f"is {health.host}" if health.host else "is empty, so the app is asked for 127.0.0.1"
        return f"set bluegreen_health_host, which {named}, to a name that the app accepts (ALLOWED_HOSTS of Django)"
    if answer.location:
        return (
            f"it redirects to {answer.location}, so set bluegreen_health_path to a path that it answers itself, or "
            "bluegreen_health_host to its name"
        )
    if answer.status in (401, 403):
        return f"set bluegreen_health_path, which is {health.path}, to a path that needs no login"
    if answer.status >= 500:
        return "look at the log of the web, or correct bluegreen_health_path"
    return (
        f"set bluegreen_health_path, which is {health.path}, to a path that it answers, or add the status to "
        "bluegreen_health_status"
    )
