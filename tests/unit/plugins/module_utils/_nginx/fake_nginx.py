# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for Nginx, and for the engine in which it runs."""

from __future__ import annotations

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import upstream
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.master import NginxWorker
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.proof import Verdict
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.running import Checked
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._settings import Nginx

SERVERS = {"blue": "127.0.0.1:18001", "green": "127.0.0.1:18002"}
SITE = "server { listen 80; location / { proxy_pass http://shop; } }\n"
HARD_CODED = "server { listen 80; location / { proxy_pass http://127.0.0.1:18001; } }\n"


class FakeNginx:
    """An Nginx that reads a real file, starts processes that are numbers, and lies when told so."""

    def __init__(self, path):
        self.nginx = Nginx("shop", str(path), "", SERVERS, "http://127.0.0.1/", "")
        self.path = path
        self.file = str(path)
        self.site = SITE
        self.included = True
        self.invalid = ""
        self.reload_refused = ""
        self.reload_ignored = False
        self.serves_always = None
        self.unresolvable = None
        self.refused = None
        self.error_log = ""
        self.generation = 1
        self.old = []
        self.loaded = path.read_text()
        self.events = []

    def nginx_workers(self):
        return [*self.old, NginxWorker(self.generation, self.generation * 100)]

    def check(self):
        self.events.append("check")
        if self.invalid:
            return Checked(False, self.invalid, "")
        files = {
            "/n.conf": f"http {{ include {self.file if self.included else '/none'}; include /site; }}",
            "/site": self.site,
        }
        if self.included:
            files[self.file] = self.path.read_text()
        return Checked(True, "", "".join(f"# configuration file {name}:\n{text}\n" for name, text in files.items()))

    def reload(self):
        self.events.append("reload")
        if self.reload_refused:
            return self.reload_refused
        if not self.reload_ignored:
            self.loaded = self.path.read_text()
            self.old = [NginxWorker(self.generation, self.generation * 100, draining=True)]
            self.generation += 1
        return ""

    def require_resolvable(self, color):
        if color == self.unresolvable:
            raise BluegreenError(f"{color} does not resolve")

    def is_refused(self, color):
        return color == self.refused

    @property
    def served(self):
        if self.serves_always:
            return self.serves_always
        return upstream.live_color(upstream.parse(self.loaded, self.file, "shop"), SERVERS, self.file)


class FakeRequests:
    def __init__(self, running):
        self.running = running

    def ask(self, color):
        self.running.events.append("ask")

    def verdict(self, color):
        served = self.running.served
        return Verdict(served == color, "" if served == color else f"requests reached {served} and not {color}")


class FakeLog:
    def __init__(self, running, dump):
        self.running = running

    def reason(self):
        return self.running.error_log


class FakeEngine:
    def __init__(self, containers, error=None):
        self.everything = containers
        self.error = error
        self.answers = {}
        self.executed = []

    def inspect(self, name):
        if self.error:
            raise self.error
        return self.everything[name]

    def containers(self):
        return [
            {"Id": name, "NetworkSettings": {"Networks": data["NetworkSettings"]["Networks"]}}
            for name, data in self.everything.items()
        ]

    def execute(self, container, argv):
        self.executed.append((container, argv))
        return self.answers[tuple(argv)]


def container(name, network, address, aliases=(), running=True, pid=7, mounts=()):
    return {
        "Id": f"id-{name}",
        "Name": f"/{name}",
        "State": {"Running": running, "Status": "running" if running else "exited", "Pid": pid},
        "Mounts": list(mounts),
        "NetworkSettings": {"Networks": {network: {"IPAddress": address, "Aliases": list(aliases)}}},
    }


def color_in(path):
    return upstream.live_color(upstream.parse(path.read_text(), str(path), "shop"), SERVERS, str(path))
