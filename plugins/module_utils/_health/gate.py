# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The health gate: no visitor is sent to a color that has not answered several times in a row."""

from __future__ import annotations

from typing import NamedTuple, Optional, Sequence, Tuple

from .. import _http, _progress
from .._docker.containers import Container, inspect_container
from .._docker.engine import EngineError
from .._docker.logs import last_lines
from .._errors import BluegreenError
from .._host import Host
from .._journal.journal import AnyJournal
from .._linux.clock import Deadline
from .._resources import killed
from .._settings import Settings, health_url
from .._validation import check_host, check_url
from . import verdict as health_verdict


class HealthSettings(NamedTuple):
    """What counts as healthy: ``successes`` answers in a row with a good ``status``, each within ``timeout`` seconds.

    ``interval`` is the pause between two attempts and ``deadline`` the time for all of them, in seconds;
    ``deadline_option`` is the name under which the user knows it, empty if it cannot be set; ``host`` is the Host
    header, empty for that of the URL.
    """

    url: str
    host: str = ""
    status: Tuple[int, ...] = (200,)
    timeout: float = 2.0
    interval: float = 0.3
    successes: int = 2
    deadline: float = 60.0
    validate_certs: bool = True
    deadline_option: str = "bluegreen_health_deadline"


def of_color(settings: Settings, color: str) -> HealthSettings:
    """The settings to ask a color itself, past Nginx."""
    wanted = settings.health
    return HealthSettings(
        url=health_url(settings, color),
        host=wanted.host,
        status=wanted.status,
        timeout=wanted.timeout,
        interval=wanted.interval,
        successes=wanted.successes,
        deadline=wanted.deadline,
    )


def require_still_healthy(
    host: Host, journal: AnyJournal, settings: Settings, color: str, containers: Sequence[Container]
) -> None:
    """Require one more good answer of a color that was healthy before.

    :param color: its name.
    :param containers: those of its support and web.
    :raises BluegreenError: it gave none in the time of three attempts.
    """
    wanted = of_color(settings, color)
    deadline = min(wanted.deadline, 3 * (wanted.timeout + wanted.interval))
    briefly = wanted._replace(successes=1, deadline=deadline, deadline_option="")
    wait_healthy(host, journal, briefly, containers)


class Health(NamedTuple):
    """How a color became healthy; ``latency_ms`` is that of the last answer."""

    attempts: int
    seconds: float
    status: int
    latency_ms: int


def wait_healthy(
    host: Host, journal: AnyJournal, settings: HealthSettings, containers: Sequence[Container]
) -> Health:
    """Wait until a URL gives several good answers in a row, while all containers keep running.

    :param containers: those behind the URL, which have to run without a break.
    :raises BluegreenError: at once if a container exits, restarts or turns unhealthy, else at the deadline. Its details
        are ``failure``, the figures of :class:`Health`, and ``logs``, the containers' last lines.
    """
    url = check_url("url", settings.url)
    check_host("host", settings.host)
    deadline, tally = Deadline(host.clock, settings.deadline), health_verdict.Tally()
    before = {container.id: _now(host, container) or container for container in containers}
    while True:
        _require_up(host, journal, before, settings, deadline, tally)
        timeout = min(settings.timeout, max(deadline.left, 0.1))
        answer = _http.ask(host.clock, url, settings.host, timeout, settings.validate_certs)
        tally = health_verdict.count(tally, answer, settings.status, cut_short=timeout < settings.timeout)
        if tally.in_a_row >= settings.successes:
            # The container that gave the last answer may have died right after it.
            _require_up(host, journal, before, settings, deadline, tally)
            return Health(tally.attempts, round(deadline.elapsed, 2), tally.status, tally.latency_ms)
        if deadline.over:
            option = settings.deadline_option
            sentence = health_verdict.too_late(settings.url, settings.deadline, option, settings.successes, tally)
            way = f" {health_verdict.way_out(option)}"
            raise _error(host, journal, sentence, list(before.values()), deadline, tally, way)
        journal.renew_lease()
        _progress.report(health_verdict.so_far(settings.url, settings.successes, tally))
        deadline.sleep(settings.interval)


def _require_up(
    host: Host,
    journal: AnyJournal,
    before: dict[str, Container],
    settings: HealthSettings,
    deadline: Deadline,
    tally: health_verdict.Tally,
) -> None:
    for container in before.values():
        now = _now(host, container)
        now = now and killed.judged(now, journal)
        what = health_verdict.trouble(container, now)
        if what:
            sentence = f"Container {container.name} {what} before {settings.url} was healthy."
            raise _error(host, journal, sentence, [container], deadline, tally)


def _now(host: Host, container: Container) -> Optional[Container]:
    try:
        return inspect_container(host.engine, container.id)
    except EngineError as error:
        if error.status == 404:
            return None
        raise


def _error(
    host: Host,
    journal: AnyJournal,
    sentence: str,
    containers: Sequence[Container],
    deadline: Deadline,
    tally: health_verdict.Tally,
    way: str = "",
) -> BluegreenError:
    follow = f" {'Its' if len(containers) == 1 else 'The'} last log lines follow." if containers else ""
    return BluegreenError(
        f"{sentence}{way}{follow}{killed.memory_sentence(journal)}",
        failure=sentence,
        logs=last_lines(host, containers),
        attempts=tally.attempts,
        seconds=round(deadline.elapsed, 2),
        status=tally.status,
        latency_ms=tally.latency_ms,
    )
