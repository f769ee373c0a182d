# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two apps that are switched at the same instant on one Nginx, with requests to both.

The reload of one app starts worker processes while the other app replaces its file, so a worker process can be newer than
that file's switch began and still send requests to that app's previous color.
"""

from __future__ import annotations

import http.server
import os
import random
import signal
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Host
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    drain as nginx_drain,
    preflight as nginx_preflight,
    public_requests,
    switch as nginx_switch,
    upstream_text,
)

ROUNDS = 12
PLANS = 20
CLIENTS = 16
# Longer than Nginx lets the previous worker processes accept requests after a reload.
REQUEST_SECONDS = 0.4
APART_SECONDS = 0.05


class SlowColor(http.server.ThreadingHTTPServer):
    """A web that knows how many requests it is answering, and since when it must get none."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, name):
        self.name = name
        self.lock = threading.Lock()
        self.answering = 0
        self.is_left = False
        self.late = 0
        super().__init__(("127.0.0.1", 0), SlowAnswer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def begin(self):
        with self.lock:
            self.answering += 1
            self.late += self.is_left

    def end(self):
        with self.lock:
            self.answering -= 1

    def leave(self):
        """From now on each request that this color has, or gets, would fail in a deployment, which stops the color."""
        with self.lock:
            self.is_left = True
            self.late += self.answering

    def serve_again(self):
        with self.lock:
            self.is_left = False


class SlowAnswer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.begin()
        try:
            # The requests of the proof itself are answered at once.
            if self.path == "/load":
                time.sleep(random.random() * REQUEST_SECONDS)
            body = self.server.name.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        finally:
            self.server.end()

    def log_message(self, *args):
        pass


class App:
    """One of the apps: two colors, an upstream file and a server block of its own, and clients."""

    def __init__(self, lab, name, port):
        self.colors = {color: SlowColor(color) for color in ("blue", "green")}
        self.live = "blue"
        self.failed = []
        self.requests = 0
        servers = {color: f"127.0.0.1:{web.server_port}" for color, web in self.colors.items()}
        owned = lab.folder / "conf.d" / f"bluegreen-{name}.conf"
        owned.write_text(upstream_text.render(name, "blue", servers, "1"))
        lab.write(f"{name}-site", f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://{name}; }} }}\n")
        self.url = f"http://127.0.0.1:{port}/"
        self.settings = lab.settings._replace(upstream=name, file=str(owned), servers=servers, public_url=self.url)

    def switch(self, journal):
        """Switch to the other color, wait for the drain, and leave the previous color, as a deployment does."""
        color = "green" if self.live == "blue" else "blue"
        self.colors[color].serve_again()
        nginx_switch.switch(Host(), journal, self.settings, color, "2")
        drained = nginx_drain.wait_drained(Host(), journal, timeout=20)
        self.colors[self.live].leave()
        self.live = color
        return drained.held_by

    def ask(self, until):
        while not until.is_set():
            try:
                with urllib.request.urlopen(f"{self.url}load", timeout=10) as answer:
                    answer.read()
            except OSError as error:
                self.failed.append(str(error))
            self.requests += 1

    def stop(self):
        for web in self.colors.values():
            web.shutdown()
            web.server_close()


@pytest.fixture
def reloads(lab):
    """Nginx is reloaded again and again, as the deployments of other apps do it."""
    until = threading.Event()

    def reload(rng=random.Random(21)):
        while not until.wait(rng.uniform(0.02, 0.3)):
            os.kill(lab.pid, signal.SIGHUP)

    thread = threading.Thread(target=reload)
    thread.start()
    yield
    until.set()
    thread.join()


def test_the_plan_finds_nothing_wrong_while_nginx_is_reloaded(lab, reloads):
    for _round in range(PLANS):
        assert nginx_preflight.preflight(Host(), lab.settings) == []


def test_a_switch_is_proved_while_nginx_is_reloaded(lab, reloads, journal_of):
    for number in range(8):
        color = ("green", "blue")[number % 2]
        host = Host()
        nginx_switch.switch(host, journal_of(), lab.settings, color, "2")
        assert lab.serves(color)
        assert host.warnings == []


@pytest.fixture
def apps(lab, free_port_of):
    made = [App(lab, name, free_port_of()) for name in ("press", "post")]
    lab.reload()
    yield made
    for app in made:
        app.stop()


def test_the_plan_of_one_app_finds_nothing_wrong_while_the_other_one_is_switched(apps, journal_of):
    press, post = apps
    until = threading.Event()

    def switch():
        while not until.is_set():
            assert post.switch(journal_of()) == []

    with ThreadPoolExecutor(1) as pool:
        switching = pool.submit(switch)
        try:
            for _round in range(PLANS):
                assert nginx_preflight.preflight(Host(), press.settings) == []
                assert public_requests.served_color(Host(), press.settings) == "blue"
        finally:
            until.set()
        switching.result()


def test_no_request_reaches_a_color_that_was_left(apps, journal_of):
    rng = random.Random(20)
    until = threading.Event()
    with ThreadPoolExecutor(len(apps) * (CLIENTS + 1)) as pool:
        clients = [pool.submit(app.ask, until) for app in apps for _each in range(CLIENTS)]
        try:
            for _round in range(ROUNDS):
                barrier = threading.Barrier(len(apps))

                def turn(app, wait, barrier=barrier):
                    barrier.wait()
                    time.sleep(wait)
                    return app.switch(journal_of())

                waits = [0.0, rng.random() * APART_SECONDS]
                rng.shuffle(waits)
                held = [each.result() for each in [pool.submit(turn, app, wait) for app, wait in zip(apps, waits)]]
                assert held == [[], []]
        finally:
            until.set()
        for each in clients:
            each.result()
    assert [app.failed for app in apps] == [[], []]
    assert all(app.requests > ROUNDS for app in apps)
    assert {(app.settings.upstream, name): web.late for app in apps for name, web in app.colors.items() if web.late} == {}
