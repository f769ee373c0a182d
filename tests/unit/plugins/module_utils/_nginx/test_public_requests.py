# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import os
import random
import socket
import threading

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._http import Answer
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux import sockets
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.clock import Clock
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.processes import command_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.sockets import Connection
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import public_requests
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.location import MAYBE, NO, YES, Location
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.proof import Evidence
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.public_answer import Answered
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.routes import PublicSide
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._settings import Nginx

SERVERS = {"blue": "127.0.0.1:18001", "green": "127.0.0.1:18002"}
BLUE, GREEN = ("127.0.0.1", 18001), ("127.0.0.1", 18002)


class FakeRunning:
    """A running Nginx that is this very process, as far as sockets go."""

    addresses = ()

    def __init__(self, url, host):
        self.pid = os.getpid()  # not the class's: ansible-test forks for each test
        self.nginx = Nginx("shop", "/f", "", SERVERS, url, "shop.example.org:80")
        self.host = host
        self.owned = None

    def inodes(self, with_draining=False):
        return sockets.inodes_of(self.pid) if self.owned is None else self.owned

    def accepted(self):
        return {}

    def endpoints(self, color):
        return {BLUE if color == "blue" else GREEN}, set()


@pytest.fixture
def real_host(host):
    host.clock = Clock()
    return host


@contextlib.contextmanager
def listener():
    """A server that accepts connections and keeps them open."""
    accepted = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve():
            with contextlib.suppress(OSError):
                while True:
                    accepted.append(server.accept()[0])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], accepted
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    for connection in accepted:
        connection.close()


def test_a_public_url_that_reaches_this_nginx(real_host):
    with listener() as (port, accepted):
        url = f"http://127.0.0.1:{port}/"
        found = public_requests.public_side(FakeRunning(url, real_host))
    assert found == PublicSide(url, port, "127.0.0.1", "shop.example.org")


def test_a_public_url_that_reaches_another_program(real_host):
    with listener() as (port, accepted):
        running = FakeRunning(f"http://127.0.0.1:{port}/", real_host)
        running.owned = {1}
        with pytest.raises(BluegreenError) as refusal:
            public_requests.public_side(running)
    name = f"{command_of(os.getpid())} (process {os.getpid()}) answers there"
    assert refusal.value.message.startswith(
        f"bluegreen_public_url http://127.0.0.1:{port}/ does not reach this Nginx: {name}. Set "
    )


def test_a_public_url_that_reaches_nothing(real_host):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(BluegreenError, match="connecting to it fails .connection refused."):
        public_requests.public_side(FakeRunning(f"http://127.0.0.1:{port}/", real_host))


@pytest.fixture
def published(host, monkeypatch):
    """A public URL behind Docker's proxy: our end and Nginx's end are of different connections."""
    running = FakeRunning("http://127.0.0.1:8080/", host)
    running.seen, running.open, running.passes = {}, [], True
    running.accepted = lambda: dict(running.seen)

    class Wire:
        def __init__(self):
            self.inode = 100 + len(running.open)
            running.open.append(self)
            if running.passes:
                running.seen[self.inode] = ("172.20.0.2", 80)

        def getsockname(self):
            return "127.0.0.1", 50000

        getpeername = getsockname

        def close(self):
            running.seen.pop(self.inode, None)

    monkeypatch.setattr(public_requests.sockets, "connections", lambda pid, ports=(): [])
    monkeypatch.setattr(public_requests._http, "half_sent", lambda url, deadline: Wire())
    return running


def test_connections_that_come_and_end_together_are_ours(published):
    published.seen[1] = ("172.20.0.2", 80)
    found = public_requests.public_side(published)
    assert (found.port, found.address) == (80, "172.20.0.2")


def test_connections_that_come_and_stay_are_those_of_others(published):
    published.passes = False
    for inode in range(10):
        published.seen[inode] = ("172.20.0.2", 80)
    with pytest.raises(BluegreenError, match="something else answers there"):
        public_requests.public_side(published)


# What requests make Nginx open


class Kernel:
    """The list of connections, as the test says, one look after the other."""

    def __init__(self, monkeypatch):
        self.lines = []
        monkeypatch.setattr(public_requests.sockets, "connections", lambda pid, ports=(): list(self.lines))
        monkeypatch.setattr(public_requests, "_chance", lambda: 0.0)

    def open(self, near, place, inode=0, state=sockets.ESTABLISHED):
        self.lines.append(Connection(("127.0.0.1", near), place, state, inode))

    def ended(self, near, place):
        self.lines.append(Connection(place, ("127.0.0.1", near), 6, 0))


@pytest.fixture
def kernel(monkeypatch):
    return Kernel(monkeypatch)


@pytest.fixture
def running(host):
    running = FakeRunning("http://127.0.0.1/", host)
    running.owned = {77}
    return running


def test_a_connection_in_the_hands_of_a_worker_is_seen_and_owned(kernel, running):
    watch = public_requests.ConnectionTracker(running)
    kernel.open(50000, GREEN, inode=77)
    watch.sample()
    assert watch.evidence == {"blue": Evidence(), "green": Evidence(owned=1, seen=1)}


def test_connections_of_others_are_not_owned(kernel, running):
    watch = public_requests.ConnectionTracker(running)
    kernel.open(50000, GREEN, inode=5)
    watch.sample()
    assert watch.evidence["green"] == Evidence(owned=0, seen=1)


def test_what_was_there_before_and_own_requests_do_not_count(kernel, running):
    kernel.open(50000, GREEN, inode=5)
    kernel.ended(50001, GREEN)
    watch = public_requests.ConnectionTracker(running)
    kernel.open(50002, GREEN, inode=6)
    watch.sample(own=("127.0.0.1", 50002))
    assert watch.evidence["green"] == Evidence()


def test_a_connection_that_nginx_keeps_open_is_as_good_as_a_new_one(kernel, running):
    kernel.open(50000, GREEN, inode=77)
    watch = public_requests.ConnectionTracker(running)
    watch.sample()
    assert watch.evidence["green"] == Evidence(owned=1, seen=0)


def test_both_ends_of_a_connection_are_one(kernel, running):
    watch = public_requests.ConnectionTracker(running)
    kernel.open(50000, GREEN, inode=5)
    kernel.ended(50000, GREEN)
    watch.sample()
    kernel.lines.append(Connection(GREEN, ("0.0.0.0", 0), sockets.LISTENING, 9))
    watch.sample()
    assert watch.evidence["green"].seen == 1


def test_an_end_in_the_network_of_the_color_counts_when_the_other_is_nginx(host, monkeypatch):
    running = FakeRunning("http://127.0.0.1/", host)
    running.addresses = {"172.20.0.2"}
    running.endpoints = lambda color: ({("172.20.0.3", 80)}, {31}) if color == "blue" else (set(), set())
    tables = {running.pid: [], 31: []}
    monkeypatch.setattr(public_requests.sockets, "connections", lambda pid, ports=(): list(tables[pid]))
    watch = public_requests.ConnectionTracker(running)
    tables[31].append(Connection(("172.20.0.3", 80), ("172.20.0.2", 50000), 6, 0))
    tables[31].append(Connection(("172.20.0.3", 80), ("172.20.0.9", 50001), 6, 0))
    watch.sample()
    assert watch.evidence == {"blue": Evidence(0, 1), "green": Evidence()}


def test_requests_go_on_until_there_is_enough(kernel, running, monkeypatch):
    asked_for = []

    def ask(clock, url, host, timeout, validate_certs, while_waiting):
        asked_for.append((url.port, host))
        kernel.ended(50000 + len(asked_for), GREEN)
        while_waiting(("127.0.0.1", 40000))
        return Answer(200, "", 0.0)

    monkeypatch.setattr(public_requests._http, "ask", ask)
    asked = public_requests.PublicRequests(running)
    asked.ask("green")
    assert asked_for == [(80, "shop.example.org:80")] * 3
    assert asked.color == "green"
    assert not asked.verdict("blue").proved


def test_requests_stop_when_there_is_no_answer(kernel, running, monkeypatch):
    monkeypatch.setattr(public_requests._http, "ask", lambda *args, **options: Answer(0, "connection refused", 0.0))
    asked = public_requests.PublicRequests(running)
    asked.ask("green")
    assert asked.statuses == ["connection refused"]
    assert asked.color is None


def test_requests_are_not_endless(kernel, running, monkeypatch):
    monkeypatch.setattr(public_requests._http, "ask", lambda *args, **options: Answer(200, "", 0.0))
    asked = public_requests.PublicRequests(running)
    asked.ask()
    assert len(asked.statuses) == 10
    assert asked.verdict("green").reason == (
        "of 10 requests through the public URL none opened a connection to green; the last answer was 200"
    )


# What the plan sees


@pytest.mark.parametrize(
    "seen, expected",
    [
        # Without visitors a few requests tell enough.
        ([(True, False)] * 8, (8, 8, 0)),
        ([(False, False)] * 5, (5, 0, 0)),
        # A connection to the app may be missed.
        ([(True, False), (False, False)] * 10, (20, 10, 0)),
        ([(False, True)] * 5, (5, 0, 5)),
        # Visitors came with the first requests by chance.
        ([(True, False)] * 3 + [(True, True)] * 17, (20, 20, 17)),
        ([(True, False)] * 4 + [(False, True)] * 4, (8, 4, 4)),
    ],
)
def test_visitors_are_told_apart_by_more_requests(kernel, running, monkeypatch, seen, expected):
    monkeypatch.setattr(public_requests._http, "ask", lambda *args, **options: Answer(302, "", 0.0, "/login/"))
    asked = public_requests.PublicRequests(running)
    answers = iter(each for pair in seen for each in pair)
    monkeypatch.setattr(asked, "_any", lambda color: next(answers))
    assert asked.compare_with_pauses("blue") == expected


@pytest.mark.parametrize(
    "statuses, seconds",
    [
        # Nginx lets in only so many requests a second.
        ([302, 302, 503, 503, 503], 0.0),
        ([302] * 5, 1.5),
    ],
    ids=["answered otherwise", "slow"],
)
def test_visitors_are_not_compared_for_long(kernel, running, monkeypatch, statuses, seconds):
    """As many as without visitors are always compared."""
    given = iter(statuses)

    def ask(clock, *args, **options):
        clock.now += seconds
        return Answer(next(given), "", 0.0)

    monkeypatch.setattr(public_requests._http, "ask", ask)
    asked = public_requests.PublicRequests(running)
    seen = iter([True, False] * 3 + [True, True] * 2)
    monkeypatch.setattr(asked, "_any", lambda color: next(seen))
    assert asked.compare_with_pauses("blue") == (5, 5, 2)


@pytest.mark.parametrize("own", [False, True], ids=["answered by Nginx", "answered by the app"])
@pytest.mark.parametrize("every", [0.004, 0.006, 0.009, 0.012, 0.03, 0.1, 1.0])
@pytest.mark.parametrize("phase", range(5))
def test_visitors_who_come_at_regular_times(kernel, running, monkeypatch, every, phase, own):
    """They must not keep step with the requests, or with the pauses: a request and its pause take 0.006 s here."""
    clock, near, chance = running.host.clock, iter(range(20000, 65000)), random.Random(phase)
    next_visit = clock.now + every * phase / 5

    def sleep(seconds):
        nonlocal next_visit
        clock.now += max(seconds, 0.0005)
        while next_visit <= clock.now:
            kernel.open(next(near), BLUE)
            next_visit += every

    def ask(clock, url, host, timeout, validate_certs, while_waiting):
        for _moment in range(3):
            sleep(0.001)
            while_waiting(("127.0.0.1", 40000))
        if own:
            kernel.open(next(near), BLUE)
            while_waiting(("127.0.0.1", 40000))
        kernel.lines.clear()
        return Answer(302, "", 0.003, "/login/")

    monkeypatch.setattr(public_requests._http, "ask", ask)
    monkeypatch.setattr(public_requests, "_chance", chance.random)
    monkeypatch.setattr(clock, "sleep", sleep)
    count, with_request, without = public_requests.PublicRequests(running).compare_with_pauses("blue")
    if own:
        # Where visitors come during most pauses, nothing tells them apart.
        assert with_request - without > count / 2 or every < 0.009
    else:
        assert with_request - without <= count / 2


@pytest.mark.parametrize(
    "where, status, own, visitors, reached, sure",
    [
        # The files say that the app is asked, and one connection is enough.
        (YES, 200, True, True, True, True),
        (YES, 200, False, False, False, True),
        # The files do not say so, or something else may have answered.
        (NO, 200, True, False, True, True),
        (NO, 200, True, True, True, False),
        (NO, 200, False, False, False, True),
        (MAYBE, 200, True, False, True, True),
        (YES, 302, True, False, True, True),
    ],
)
def test_whether_a_request_reaches_the_app(kernel, running, monkeypatch, where, status, own, visitors, reached, sure):
    near = iter(range(50000, 60000))

    def ask(clock, url, host, timeout, validate_certs, while_waiting):
        if own:
            kernel.open(next(near), BLUE, inode=77)
        while_waiting(("127.0.0.1", 40000))
        # Nginx closes the connection.
        kernel.lines.clear()
        return Answer(status, "", 0.01, "/login/" if status == 302 else "")

    def sleep(seconds):
        running.host.clock.now += max(seconds, 0.001)
        if visitors:
            kernel.open(next(near), BLUE, inode=5)

    monkeypatch.setattr(public_requests._http, "ask", ask)
    monkeypatch.setattr(running.host.clock, "sleep", sleep)
    found = public_requests.try_public_url(running, "blue", Location(passes=where))
    assert found == Answered(status, target="/login/" if status == 302 else "", reached=reached, sure=sure)


@pytest.mark.parametrize(
    "failure, where, requests, sure",
    [
        ("the connection was closed without an answer", NO, 6, False),
        ("the connection was closed without an answer", MAYBE, 6, False),
        # Each request would take as long.
        ("timed out after 2 s", NO, 1, False),
        ("timed out after 2 s", YES, 1, True),
    ],
)
def test_visitors_make_no_answer_of_none(kernel, running, monkeypatch, failure, where, requests, sure):
    near, asked = iter(range(50000, 60000)), []

    def ask(clock, url, host, timeout, validate_certs, while_waiting):
        asked.append(url)
        kernel.open(next(near), BLUE, inode=77)
        while_waiting(("127.0.0.1", 40000))
        return Answer(0, failure, 0.01)

    def sleep(seconds):
        running.host.clock.now += max(seconds, 0.001)
        kernel.open(next(near), BLUE, inode=77)

    monkeypatch.setattr(public_requests._http, "ask", ask)
    monkeypatch.setattr(running.host.clock, "sleep", sleep)
    found = public_requests.try_public_url(running, "blue", Location(passes=where))
    assert (found, len(asked)) == (Answered(0, failure, reached=True, sure=sure), requests)


@pytest.mark.parametrize(
    "where, statuses, requests, reached, sure",
    [
        # Only the app can have answered, also with a redirect.
        (Location(passes=YES, plain=True), [302], 1, True, True),
        # A URL that does not answer in time is asked once.
        (Location(passes=YES), [0], 1, True, True),
        # A limit of requests stops the later ones, which says nothing about the first.
        (Location(passes=YES), [302, 503, 503, 503, 503, 503], 6, True, False),
        # Nginx itself gives an answer that does not need the app.
        (Location(passes=YES), [302, 302, 302, 302, 302, 302], 6, False, False),
    ],
)
def test_a_first_request_that_reaches_the_app(kernel, running, monkeypatch, where, statuses, requests, reached, sure):
    asked = []

    def ask(clock, url, host, timeout, validate_certs, while_waiting):
        if not asked:
            kernel.open(50000, BLUE, inode=77)
        while_waiting(("127.0.0.1", 40000))
        kernel.lines.clear()
        asked.append(statuses[len(asked)])
        return Answer(asked[-1], "" if asked[-1] else "timed out after 2 s", 0.01)

    def sleep(seconds):
        running.host.clock.now += max(seconds, 0.001)

    monkeypatch.setattr(public_requests._http, "ask", ask)
    monkeypatch.setattr(running.host.clock, "sleep", sleep)
    found = public_requests.try_public_url(running, "blue", where)
    assert (found.status, found.reached, found.sure) == (statuses[0], reached, sure)
    assert len(asked) == requests


def test_a_request_without_an_answer(kernel, running, monkeypatch):
    monkeypatch.setattr(public_requests._http, "ask", lambda *args, **options: Answer(0, "connection refused", 0.0))
    assert public_requests.try_public_url(running, "blue", Location()) == Answered(0, "connection refused")
    assert public_requests.try_public_url(running, None, Location()) == Answered(0, "connection refused")
