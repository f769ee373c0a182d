# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Where public requests end: whether the public URL reaches this Nginx, and which color Nginx asks for an answer."""

from __future__ import annotations

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _nginx_proof, _probe, _sockets
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._clock import Deadline
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._grammar import COLORS, check_url
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx_answer import Answered
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx_location import NO, YES

# How long Nginx may take to accept a connection that the kernel accepted already, in seconds.
_ACCEPT_WAIT = 2.0
# So many connections at once are told apart from those of the public.
_CROWD = 5
# How many requests are sent at most to see where they go, and how long each may take.
_REQUESTS = 10
_REQUEST_TIMEOUT = 2.0
# How many requests are compared with as many times without one. Visitors may come with a few requests and not without,
# by chance: where they come in between, this many are compared, until so many seconds are over.
_COMPARED, _COMPARED_AMONG_VISITORS, _COMPARING = 5, 20, 5.0
# How often the plan tries to see a connection.
_TRIES = 3


def public_side(running):
    """Connect to the public URL and see where in this Nginx that ends.

    :param running: a :class:`_nginx.Running`.
    :returns: a :class:`_nginx_proof.PublicSide`
    :raises BluegreenError: it does not end in this Nginx.
    """
    nginx = running.nginx
    url = check_url("public_url", nginx.public_url)
    place, problem = _accepted_at(running, url)
    if place is None:
        raise BluegreenError(
            f"bluegreen_public_url {nginx.public_url} does not reach this Nginx: {problem}. Set it to a URL that the server block "
            f"with the upstream {nginx.upstream} answers."
        )
    return _nginx_proof.PublicSide(
        url=nginx.public_url,
        port=place[1],
        address=f"[{place[0]}]" if ":" in place[0] else place[0],
        host=_probe.without_port(nginx.public_host or url.host),
    )


def _accepted_at(running, url):
    """``((IP, port), "")`` at which Nginx accepted our connection, or ``(None, why not)``."""
    before, crowd = running.accepted(), []
    deadline = Deadline(running.host.clock, _ACCEPT_WAIT)
    try:
        crowd.append(_probe.half_sent(url, deadline))
        # An Nginx in a network of its own is reached at an address of its own, unless something changes that on the way.
        if not running.addresses or crowd[0].getpeername()[0] in running.addresses:
            place, problem = _peer(running, crowd[0], Deadline(running.host.clock, _ACCEPT_WAIT / 4))
            if place or problem:
                return place, problem
        # What was changed on the way, by Docker for example, is known by coming and going together.
        while len(crowd) < _CROWD:
            crowd.append(_probe.half_sent(url, deadline))
        arrived = _wait(deadline, lambda: _crowd_in(running.accepted(), before))
    except OSError as error:
        return None, f"connecting to it fails ({(error.strerror or str(error) or type(error).__name__).lower()})"
    finally:
        for wire in crowd:
            wire.close()
    if arrived and _wait(
        Deadline(running.host.clock, _ACCEPT_WAIT), lambda: len(arrived.keys() - running.accepted().keys()) >= _CROWD
    ):
        return next(iter(arrived.values())), ""
    return None, "something else answers there"


def _peer(running, wire, deadline):
    near, far = wire.getsockname()[:2], wire.getpeername()[:2]
    while True:
        for connection in _sockets.connections(running.pid):
            if connection.local == far and connection.remote == near and connection.inode:
                if connection.inode in running.inodes():
                    return far, ""
                holder = _sockets.holder_of(connection.inode)
                # Docker's proxy stands before a published port; what is behind it counts.
                if holder and not holder.startswith("docker-proxy "):
                    return None, f"{holder} answers there"
        if deadline.over:
            return None, ""
        deadline.sleep(0.02)


def _crowd_in(now, before):
    arrived = {inode: place for inode, place in now.items() if inode not in before}
    return arrived if len(arrived) >= _CROWD else None


def _wait(deadline, condition):
    while True:
        met = condition()
        if met or deadline.over:
            return met
        deadline.sleep(0.02)


class Watch:
    """Counts the connections between Nginx and the colors that come up from the moment that this is made.

    :param running: a :class:`_nginx.Running`.
    """

    def __init__(self, running):
        self._running = running
        self._places, self._peers = {}, {}
        for color in COLORS:
            self._places[color], self._peers[color] = running.endpoints(color)
        self._ports = {port for places in self._places.values() for address, port in places}
        self._own = set()
        self._owned = {color: set() for color in COLORS}
        self._seen = {color: set() for color in COLORS}
        self._known = {color: set(found) for color, found in self._look().items()}

    def sample(self, own=None):
        """Look once.

        :param own: the near end of the tool's own connection, which is none of Nginx's.
        """
        if own:
            self._own.add(own)
        inodes = None
        for color, found in self._look().items():
            for near, inode in found.items():
                if near in self._own:
                    continue
                if near not in self._known[color]:
                    self._seen[color].add(near)
                # A connection that Nginx keeps open for the next request is as good as a new one.
                if inode and not self._owned[color]:
                    inodes = self._running.inodes() if inodes is None else inodes
                    if inode in inodes:
                        self._owned[color].add(near)

    def _look(self):
        """For each color ``{Nginx's end: inode}`` of the connections to it; inode 0 where only the other end is left."""
        found = {color: {} for color in COLORS}
        for connection in _sockets.connections(self._running.pid, self._ports):
            for color, places in self._places.items():
                if connection.remote in places:
                    found[color][connection.local] = connection.inode
                elif connection.local in places and connection.state != _sockets.LISTENING:
                    found[color].setdefault(connection.remote, 0)
        # An end that has closed first is remembered by the kernel on its own side only, maybe in another container.
        for color, peers in self._peers.items():
            for pid in peers:
                for connection in _sockets.connections(pid, self._ports):
                    if connection.local in self._places[color] and connection.remote[0] in self._running.addresses:
                        found[color].setdefault(connection.remote, 0)
        return found

    @property
    def evidence(self):
        return {color: _nginx_proof.Evidence(len(self._owned[color]), len(self._seen[color])) for color in COLORS}


class Asked:
    """Requests through the public URL, and what they made Nginx do.

    :param running: a :class:`_nginx.Running`.
    """

    def __init__(self, running):
        self._running = running
        self._watch = Watch(running)
        self.statuses = []
        self.location = ""

    def ask(self, color=None):
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

    def _once(self, clock, url):
        nginx = self._running.nginx
        answer = _probe.ask(
            clock, url, nginx.public_host, _REQUEST_TIMEOUT, nginx.validate_certs, while_waiting=self._watch.sample
        )
        self._watch.sample()
        return answer

    def apart(self, color):
        """Ask a few times more, and tell what that does from what visitors do in between.

        :returns: how many requests there were, how many of them came with a connection to ``color``, and how many times
            of the same length without a request did.
        """
        clock = self._running.host.clock
        url, with_request, without = check_url("public_url", self._running.nginx.public_url), 0, 0
        count, limit, begun = 0, Deadline(clock, _COMPARING), len(self.statuses)
        while count < _COMPARED or (
            count < _COMPARED_AMONG_VISITORS
            and with_request > without > 0
            # Nginx may let in only so many requests a second.
            and len(set(self.statuses[begun:])) == 1
            and not limit.over
        ):
            count += 1
            self._watch = Watch(self._running)
            answer = self._once(clock, url)
            self.statuses.append(answer.failure or answer.status)
            with_request += self._any(color)
            self._watch = Watch(self._running)
            deadline = Deadline(clock, answer.seconds)
            while not deadline.over:
                self._watch.sample()
                deadline.sleep(0.002)
            self._watch.sample()
            without += self._any(color)
        return count, with_request, without

    def _any(self, color):
        evidence = self._watch.evidence[color]
        return bool(evidence.owned or evidence.seen)

    def verdict(self, color):
        """Whether the requests reached ``color``."""
        return _nginx_proof.sockets_verdict(color, self._watch.evidence, len(self.statuses), self.statuses)

    @property
    def color(self):
        """The color that the requests reached, ``None`` when it is not exactly one."""
        return _nginx_proof.served_color(self._watch.evidence, len(self.statuses))


def answered(running, live, where):
    """Ask the public URL, as the proof of a switch does, and see what happens.

    :param live: the color that a request should reach, ``None`` when there is none yet.
    :param where: the :class:`_nginx_location.Location` that the files say will answer.
    :returns: a :class:`_nginx_answer.Answered`
    """
    for _attempt in range(_TRIES):
        asked = Asked(running)
        asked.ask(live)
        reached = bool(live) and asked.verdict(live).proved
        # A short connection may be missed.
        if reached or not live or where.passes == NO:
            break
    last = asked.statuses[-1]
    answer = Answered(last) if isinstance(last, int) else Answered(0, last)
    answer = answer._replace(target=asked.location, reached=reached)
    by_files = where.plain or where.passes == YES and not where.cache and 200 <= answer.status < 300
    if reached and answer.failure.startswith("timed out"):
        # Each further request would take as long, so the files say whether visitors made Nginx open the connection.
        answer = answer._replace(sure=where.passes != NO)
    elif reached and not by_files:
        # Visitors may have made Nginx open the connection, even where it closed this one without an answer.
        before = len(asked.statuses)
        count, with_request, without = asked.apart(live)
        # Where Nginx lets in only so many requests a second, later ones show nothing.
        alike = set(asked.statuses[before:]) == {last}
        answer = answer._replace(reached=with_request > 0 or not alike, sure=with_request - without > count / 2)
    return answer
