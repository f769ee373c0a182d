# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Nginx of its own on free ports, and two colors behind it. The Nginx of the machine is left alone."""

from __future__ import annotations

import http.server
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from notes import Notes
from ports import free_port

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Host
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    master as nginx_master,
    turn as nginx_turn,
    upstream_text,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._settings import Nginx

# Where lab/setup puts the program alone, on a machine without it.
os.environ["PATH"] += os.pathsep + str(Path(__file__).parents[3] / ".cache/nginx/usr/sbin")

MAIN = """
user root;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 2;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include conf.d/*.conf;
}}
"""


@pytest.fixture(scope="session", autouse=True)
def program(lab_setup):
    lab_setup("nginx", or_skip=True)


@pytest.fixture(autouse=True)
def own_lock_of_nginx(tmp_path_factory, monkeypatch):
    """The lock of Nginx that this machine may have is left alone."""
    monkeypatch.setattr(nginx_turn, "RUN_ROOT", str(tmp_path_factory.getbasetemp() / "run"))


class Color(http.server.ThreadingHTTPServer):
    """A web that answers with its color; /slow takes a while."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, name):
        self.name = name
        self.release = threading.Event()
        super().__init__(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            self.server.release.wait(30)
        body = self.server.name.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Lab:
    """The Nginx, with ways to break it."""

    def __init__(self, folder, colors, entering=()):
        self.folder = folder
        self.colors = colors
        self.port = free_port()
        servers = {name: f"127.0.0.1:{color.server_port}" for name, color in colors.items()}
        main = folder / "nginx.conf"
        self.owned = folder / "conf.d" / "bluegreen-shop.conf"
        self.settings = Nginx(
            upstream="shop",
            file=str(self.owned),
            container="",
            servers=servers,
            public_url=f"http://127.0.0.1:{self.port}/",
            public_host="",
        )
        (folder / "conf.d").mkdir()
        main.write_text(MAIN.format(folder=folder))
        self.site("location / { proxy_pass http://shop; }")
        self.owned.write_text(upstream_text.render("shop", "blue", servers, "1"))
        subprocess.run([*entering, nginx_master.program("nginx"), "-p", str(folder), "-c", str(main)], check=True)
        # It writes its pid file before it lets go of the terminal, but starts its workers after that.
        deadline = time.monotonic() + 10
        while not self.serves("blue"):
            if time.monotonic() > deadline:
                raise RuntimeError("Nginx did not start")
            time.sleep(0.02)

    def site(self, text):
        self.write("site", f"server {{ listen 127.0.0.1:{self.port}; {text} }}\n")

    def write(self, name, text):
        (self.folder / "conf.d" / f"{name}.conf").write_text(text)

    def reload(self):
        """As certbot or an admin does it; returns when the new workers answer alone."""
        before = {worker.identity for worker in nginx_master.workers_of(self.pid)}
        os.kill(self.pid, signal.SIGHUP)
        deadline = time.monotonic() + 10
        while before & {worker.identity for worker in nginx_master.workers_of(self.pid)}:
            if time.monotonic() > deadline:
                raise RuntimeError("Nginx did not reload")
            time.sleep(0.02)

    @property
    def pid(self):
        return int((self.folder / "nginx.pid").read_text())

    def serves(self, color):
        try:
            with urllib.request.urlopen(self.settings.public_url, timeout=5) as answer:
                return answer.read().decode() == color
        except OSError:
            return False

    def begin_slow_request(self):
        client = socket.create_connection(("127.0.0.1", self.port))
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: shop\r\n\r\n")
        time.sleep(0.2)
        return client

    def stop(self, pid):
        os.kill(pid, signal.SIGTERM)
        while Path(f"/proc/{pid}").exists() and nginx_master.title(pid):
            time.sleep(0.02)


@pytest.fixture
def lab(tmp_path, request):
    """The Lab. The parameter of a test is the command that starts Nginx; {folder} in it is the Lab's."""
    colors = {name: Color(name) for name in ("blue", "green")}
    # Nginx's unprivileged workers write below it.
    os.chmod(tmp_path, 0o755)
    entering = [word.replace("{folder}", str(tmp_path)) for word in getattr(request, "param", ())]
    lab = Lab(tmp_path, colors, entering)
    pid = lab.pid
    yield lab
    lab.stop(pid)
    for color in colors.values():
        color.release.set()
        color.shutdown()
        color.server_close()
    shutil.rmtree(tmp_path)


@pytest.fixture
def host():
    return Host()


@pytest.fixture
def journal():
    return Notes()


@pytest.fixture
def journal_of():
    """Makes further journals, for a test with several deployments."""
    return Notes


@pytest.fixture
def free_port_of():
    return free_port
