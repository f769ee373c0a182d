# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Requests to the public URL: whether they reach this Nginx, and which color Nginx then asks for an answer."""

from __future__ import annotations

import os
import socket
from typing import Callable, TypeVar

from .. import _http
from .._errors import BluegreenError, reason_of
from .._host import Host
from .._linux import sockets
from .._linux.clock import Clock, Deadline
from .._settings import Nginx
from .._validation import COLORS, Url, check_url
from .location import NO, YES, Location
from .proof import Evidence, Verdict, color_reached, connections_verdict
from .public_answer import Answered
from .routes import PublicSide
from .running import Running

# How long Nginx may take to accept a connection that the kernel accepted already, in seconds.
_ACCEPT_WAIT = 2.0
# This many connections that come and end together are ours and not those of visitors.
_CROWD = 5
# How many requests are sent at most to see where they end, and how long each may take, in seconds.
_REQUESTS = 10
_REQUEST_TIMEOUT = 2.0
# How many requests are compared with pauses: always the first number; up to the second while each request opens a
# connection and no pause does; up to the third while visitors seem to open some of them. The comparison ends after so
# many seconds.
_COMPARED, _COMPARED_TO_BE_SURE, _COMPARED_AMONG_VISITORS, _COMPARING = 5, 8, 20, 5.0
# The longest wait before a request and its pause, in seconds. Visitors who come at regular times would otherwise come
# during each request, or during each pause.
_OUT_OF_STEP = 0.05
# How often the plan tries to see a connection.
_TRIES = 3

_T = TypeVar("_T")


def public_side(running: Running) -> PublicSide:
    """Connect to the public URL and see where this Nginx accepts that.

    :raises BluegreenError: it does not.
    """
    nginx = running.nginx
    url = check_url("public_url", nginx.public_url)
    place, problem = _accepted_at(running, url)
    if place is None:
        raise BluegreenError(
            f"bluegreen_public_url {nginx.public_url} does not reach this Nginx: {problem}. Set it to a URL that the "
            f"server block with the upstream {nginx.upstream} answers."
        )
    return PublicSide(
        url=nginx.public_url,
        port=place[1],
        address=f"[{place[0]}]" if ":" in place[0] else place[0],
        host=_http.without_port(nginx.public_host or url.host),
    )


def _accepted_at(running: Running, url: Url) -> tuple[tuple[str, int] | None, str]:
    """``((IP, port), "")`` at which Nginx accepted our connection, or ``(None, the reason why it did not)``."""
    before = running.accepted()
    crowd: list[socket.socket] = []
    deadline = Deadline(running.host.clock, _ACCEPT_WAIT)
    try:
        crowd.append(_http.half_sent(url, deadline))
        # An Nginx in its own network is reached at its own address, unless NAT changes that on the way.
        if not running.addresses or crowd[0].getpeername()[0] in running.addresses:
            place, problem = _peer(running, crowd[0], Deadline(running.host.clock, _ACCEPT_WAIT / 4))
            if place or problem:
                return place, problem
        # If NAT, for example Docker's, hides our address, we know our connections because they come and end together.
        while len(crowd) < _CROWD:
            crowd.append(_http.half_sent(url, deadline))
        arrived = _wait(deadline, lambda: _crowd_in(running.accepted(), before))
    except OSError as error:
        return None, f"connecting to it fails ({reason_of(error).lower()})"
    finally:
        for wire in crowd:
            wire.close()
    if arrived and _wait(
        Deadline(running.host.clock, _ACCEPT_WAIT), lambda: len(arrived.keys() - running.accepted().keys()) >= _CROWD
    ):
        return next(iter(arrived.values())), ""
    return None, "something else answers there"


def _peer(running: Running, wire: socket.socket, deadline: Deadline) -> tuple[tuple[str, int] | None, str]:
    """The same for one connection, ``(None, "")`` when its other end does not show."""
    near, far = wire.getsockname()[:2], wire.getpeername()[:2]
    while True:
        for connection in sockets.connections(running.pid):
            if connection.local == far and connection.remote == near and connection.inode:
                # A reload, for another app or a certificate, may come right after the connection.
                if connection.inode in running.inodes(with_draining=True):
                    return far, ""
                holder = sockets.holder_of(connection.inode)
                # Docker's proxy accepts connections to a published port and passes them on to the container.
                if holder and not holder.startswith("docker-proxy "):
                    return None, f"{holder} answers there"
        if deadline.over:
            return None, ""
        deadline.sleep(0.02)


def _crowd_in(
    now: dict[int, tuple[str, int]], before: dict[int, tuple[str, int]]
) -> dict[int, tuple[str, int]] | None:
    arrived = {inode: place for inode, place in now.items() if inode not in before}
    return arrived if len(arrived) >= _CROWD else None


def _wait(deadline: Deadline, condition: Callable[[], _T]) -> _T:
    """The last value of the condition: the first that is true, or the one at the deadline."""
    while True:
        met = condition()
        if met or deadline.over:
            return met
        deadline.sleep(0.02)


class ConnectionTracker:
    """Counts the connections between Nginx and the colors that come up from the moment that this is made."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._places: dict[str, set[tuple[str, int]]] = {}
        self._peers: dict[str, set[int]] = {}
        for color in COLORS:
            self._places[color], self._peers[color] = running.endpoints(color)
        self._ports = {port for places in self._places.values() for address, port in places}
        self._own: set[tuple[str, int]] = set()
        self._owned: dict[str, set[tuple[str, int]]] = {color: set() for color in COLORS}
        self._seen: dict[str, set[tuple[str, int]]] = {color: set() for color in COLORS}
        self._known = {color: set(found) for color, found in self._connections().items()}

    def sample(self, own: tuple[str, int] | None = None) -> None:
        """Count the connections of this moment.

        :param own: the near end of our own connection, which is not one of Nginx's.
        """
        if own:
            self._own.add(own)
        inodes = None
        for color, found in self._connections().items():
            for near, inode in found.items():
                if near in self._own:
                    continue
                if near not in self._known[color]:
                    self._seen[color].add(near)
                # A connection that Nginx keeps open and uses again proves as much as a new one.
                if inode and not self._owned[color]:
                    inodes = self._running.inodes() if inodes is None else inodes
                    if inode in inodes:
                        self._owned[color].add(near)

    def _connections(self) -> dict[str, dict[tuple[str, int], int]]:
        """``{color: {Nginx's end: inode}}`` of the connections of this moment; inode 0 if only the far end is left."""
        found: dict[str, dict[tuple[str, int], int]] = {color: {} for color in COLORS}
        for connection in sockets.connections(self._running.pid, self._ports):
            for color, places in self._places.items():
                if connection.remote in places:
                    found[color][connection.local] = connection.inode
                elif connection.local in places and connection.state != sockets.LISTENING:
                    found[color].setdefault(connection.remote, 0)
        # The kernel remembers a connection only in the network of the end that closed first, maybe that of a color.
        for color, peers in self._peers.items():
            for pid in peers:
                for connection in sockets.connections(pid, self._ports):
                    if connection.local in self._places[color] and connection.remote[0] in self._running.addresses:
                        found[color].setdefault(connection.remote, 0)
        return found

    @property
    def evidence(self) -> dict[str, Evidence]:
        """``{color: Evidence}`` of all samples so far."""
        return {color: Evidence(len(self._owned[color]), len(self._seen[color])) for color in COLORS}


class PublicRequests:
    """Requests through the public URL, and the connections that Nginx opened meanwhile.

    :ivar statuses: the HTTP status of each, or half a sentence where there was no answer.
    :ivar location: the target of the last answer, if it was a redirect.
    """

    def __init__(self, running: Running) -> None:
        self._running = running
        self._tracker = ConnectionTracker(running)
        self.statuses: list[int | str] = []
        self.location = ""

    def ask(self, color: str | None = None) -> None:
        """Send requests, a few at most, until they reached ``color``, or any color when that is ``None``."""
        nginx, clock = self._running.nginx, self._running.host.clock
        url = check_url("public_url", nginx.public_url)
        for _attempt in range(_REQUESTS):
            answer = self._once(clock, url)
            self.statuses.append(answer.failure or answer.status)
            self.location = answer.location
            reached = self.color is not None if color is None else self.verdict(color).proved
            if reached or answer.failure:
                return

    def _once(self, clock: Clock, url: Url) -> _http.Answer:
        nginx = self._running.nginx
        answer = _http.ask(
            clock, url, nginx.public_host, _REQUEST_TIMEOUT, nginx.validate_certs, while_waiting=self._tracker.sample
        )
        self._tracker.sample()
        return answer

    def compare_with_pauses(self, color: str) -> tuple[int, int, int]:
        """Send a few more requests, each before or after a pause of the same length, to tell them from visitors.

        :returns: how many requests, and during how many of them and of the pauses a connection to ``color`` came up.
        """
        clock = self._running.host.clock
        count, with_request, without, seconds = 0, 0, 0, 0.0
        limit, begun = Deadline(clock, _COMPARING), len(self.statuses)
        while count < _COMPARED or (
            _undecided(count, with_request, without)
            # Nginx may let in only so many requests a second.
            and len(set(self.statuses[begun:])) == 1
            and not limit.over
        ):
            count += 1
            clock.sleep(_chance() * _OUT_OF_STEP)
            # The length of a pause is that of a request.
            pause_first = count > 1 and _chance() >= 0.5
            if pause_first:
                without += self._reached_in_pause(color, seconds)
            reached, seconds = self._reached_by_request(color)
            with_request += reached
            if not pause_first:
                without += self._reached_in_pause(color, seconds)
        return count, with_request, without

    def _reached_by_request(self, color: str) -> tuple[bool, float]:
        """Whether a connection to ``color`` came up during a request, and how many seconds that took."""
        self._tracker = ConnectionTracker(self._running)
        answer = self._once(self._running.host.clock, check_url("public_url", self._running.nginx.public_url))
        self.statuses.append(answer.failure or answer.status)
        return self._any(color), answer.seconds

    def _reached_in_pause(self, color: str, seconds: float) -> bool:
        """Whether a connection to ``color`` came up during a pause of so many seconds."""
        self._tracker = ConnectionTracker(self._running)
        deadline = Deadline(self._running.host.clock, seconds)
        while not deadline.over:
            self._tracker.sample()
            deadline.sleep(0.002)
        self._tracker.sample()
        return self._any(color)

    def _any(self, color: str) -> bool:
        evidence = self._tracker.evidence[color]
        return bool(evidence.owned or evidence.seen)

    def verdict(self, color: str) -> Verdict:
        """Whether the requests reached ``color``."""
        return connections_verdict(color, self._tracker.evidence, len(self.statuses), self.statuses)

    @property
    def color(self) -> str | None:
        """The color that the requests reached, ``None`` unless it is exactly one."""
        return color_reached(self._tracker.evidence, len(self.statuses))


def _undecided(count: int, with_request: int, without: int) -> bool:
    """Whether more comparisons are needed, after ``count`` of them."""
    visitors = without > 0 or with_request < count
    return with_request > without and count < (_COMPARED_AMONG_VISITORS if visitors else _COMPARED_TO_BE_SURE)


def _chance() -> float:
    """A number from 0 to below 1. The module random would load OpenSSL for it, 4 MiB of memory."""
    return os.urandom(1)[0] / 256


def served_color(host: Host, nginx: Nginx) -> str | None:
    """The color that the running Nginx really serves, ``None`` when requests do not show exactly one.

    :raises BluegreenError: Nginx does not run, or not as the settings say.
    """
    requests = PublicRequests(Running(host, nginx))
    requests.ask()
    return requests.color


def try_public_url(running: Running, live: str | None, where: Location) -> Answered:
    """Send requests to the public URL, as the proof of a switch does.

    :param live: the color that a request should reach, ``None`` when there is none yet.
    :param where: the location that answers them by the configuration.
    """
    for _attempt in range(_TRIES):
        requests = PublicRequests(running)
        requests.ask(live)
        reached = live is not None and requests.verdict(live).proved
        # A short connection may be missed.
        if reached or live is None or where.passes == NO:
            break
    last = requests.statuses[-1]
    answer = Answered(last) if isinstance(last, int) else Answered(0, last)
    answer = answer._replace(target=requests.location, reached=reached)
    by_files = where.plain or where.passes == YES and not where.cache and 200 <= answer.status < 300
    if reached and answer.failure.startswith("timed out"):
        # Each further request would take as long, so the files say whether visitors made Nginx open the connection.
        answer = answer._replace(sure=where.passes != NO)
    elif live is not None and reached and not by_files:
        # Visitors may have made Nginx open the connection, even if it closed this one without an answer.
        before = len(requests.statuses)
        count, with_request, without = requests.compare_with_pauses(live)
        # If Nginx limits the rate of requests, the later ones show nothing.
        alike = set(requests.statuses[before:]) == {last}
        answer = answer._replace(reached=with_request > 0 or not alike, sure=with_request - without > count / 2)
    return answer
