# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills the module that works on the app, each time that a moment has come: kill.py MOMENT…

proof     Nginx has begun to read the new upstream file, and it is not proved yet that it goes by it
to-green  some of the parked messages are on their way to green, and some still are in blue's Redis
to-blue   the other way round
workers   the new workers are being started
settle    the requests that the old web still has are waited for

One line for each: the moment, and what there was to see of it.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

STATE = "/var/lib/bluegreen/shop"
UPSTREAM = "/etc/nginx/conf.d/bluegreen-shop.conf"
QUEUE = "parked"
POLL = 0.002
LIMIT = 180


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def journal():
    return json.loads(read(os.path.join(STATE, "deployment.json")) or '{"step": "", "done": false}')


def at(step):
    now = journal()
    return f"{step} is not done" if now["step"] == step and not now["done"] else ""


class Proof:
    """A look at Nginx, whose master has other workers after it has read its files."""

    def __init__(self):
        self._before = []

    def __call__(self):
        master = read("/run/nginx.pid").strip()
        workers = read(f"/proc/{master}/task/{master}/children").split()
        if "server 127.0.0.1:18002;" not in read(UPSTREAM):
            self._before = workers
        return at("cutover") if set(workers) - set(self._before) else ""


class Redis:
    """As little of it as is needed to look into a color's one."""

    def __init__(self, color):
        self._container = f"shop-{color}-redis-1"
        self._file = None

    def call(self, *words):
        text = "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        self._file.write(f"*{len(words)}\r\n{text}".encode())
        self._file.flush()
        return self._answer()

    def _answer(self):
        kind, rest = (line := self._file.readline())[:1], line[1:].strip()
        if kind == b"*":
            return [self._answer() for _unused in range(int(rest))]
        if kind == b"$":
            return self._file.read(int(rest) + 2)[:-2].decode()
        if kind == b":":
            return int(rest)
        raise OSError(f"Redis says {line!r}")

    def connect(self):
        """Whether there is a connection; a container that does not run has no address."""
        if self._file is None:
            shown = subprocess.run(
                ["docker", "inspect", "--format={{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", self._container],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                check=False,
            ).stdout.decode().strip()
            if not shown:
                time.sleep(0.2)
                return False
            self._file = socket.create_connection((shown, 6379), timeout=5).makefile("rwb")
        return True

    def forget(self):
        self._file = None


class Move:
    """A look at what a move from one color to the other has staged."""

    def __init__(self, source):
        self._redis = Redis(source)
        self._most = 0

    def __call__(self):
        try:
            if not self._redis.connect():
                return ""
            staged = self._redis.call("KEYS", f"_bg.handover.stage:there:*:list:{QUEUE}")
            left = sum(self._redis.call("LLEN", key) for key in staged)
        except OSError:
            self._redis.forget()
            return ""
        self._most = max(self._most, left)
        # Whatever a chunk is: some of them are over, and not all.
        return f"{left} of {self._most} are left" if self._most * 0.1 < left < self._most * 0.9 else ""


MOMENTS = {
    "proof": Proof(),
    "to-green": Move("blue"),
    "to-blue": Move("green"),
    "workers": lambda: at("start_workers"),
    "settle": lambda: at("settle"),
}


def holder():
    """The process that has the app's lock writes its number into it."""
    found = re.search(r"\(process (\d+)\)", read(os.path.join(STATE, "lock")))
    return int(found.group(1)) if found else 0


def kill(moment):
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        seen = MOMENTS[moment]()
        victim = holder() if seen else 0
        if victim and os.path.exists(f"/proc/{victim}"):
            os.kill(victim, signal.SIGKILL)
            print(f"{moment}: {seen}", flush=True)
            return
        time.sleep(POLL)
    sys.exit(f"{moment}: it did not come within {LIMIT} s")


for name in sys.argv[1:]:
    kill(name)
