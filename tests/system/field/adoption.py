# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app that its owner started with `docker compose up`, behind an Nginx of the owner's: adopted by what the plan says alone.

The plan refuses, and what it says is done to the letter, under load: its variables are given, its lines written, its commands
run. From then on it is an app of two colors: to green, back, and to green for good.
"""

from __future__ import annotations

import shlex
import time

from adoption_steps import steps_in, written
from bed import CLEAN, SITE
from journey import WHOLE_WITHIN, Journey
from pi_host import FaultsError
from shapes import REFUSED, SHAPES, WORKS, read

SERVICES = ("redis", "web", "worker", "beat")
# A database as apps have it: part of the project, and of no color.
DATABASE = "\n  db:\n    image: bluegreen-field:newest-1\n    restart: unless-stopped\n    command: [sleep, infinity]\n"
# What owners write.
SITES = {
    "adopt-running": """\
server {
    listen 80 default_server;
    location / {
        proxy_set_header Host $host;
        proxy_pass http://127.0.0.1:8000;
    }
}
""",
    # The app is asked by the name of the upstream, which stands beside the server block.
    "adopt-running-upstream": """\
upstream shop {
    server localhost:8000;
    least_conn;
}
server {
    listen 80 default_server;
    location / {
        proxy_pass http://shop;
    }
    location /work {
        proxy_pass http://127.0.0.1:8000;
    }
}
""",
    # A file that can be the owned one as it is.
    "adopt-running-own-file": """\
server {
    listen 80 default_server;
    location / {
        proxy_pass http://shop_backend;
    }
}
""",
}
OWN_FILE = "/etc/nginx/conf.d/shop-backend.conf"
OWN_UPSTREAM = "# Jo wrote this.\nupstream shop_backend { server 127.0.0.1:8000; keepalive 4; keepalive_timeout 1s; }\n"


class Adoption(Journey):
    """run() returns what was counted, with a sentence for whatever was wrong."""

    def __init__(self, bed, name):
        variables = {"bluegreen_ignored_services": ["db"]}
        self.app = read(SHAPES / "plain")
        super().__init__(bed, self.app._replace(name=name, variables=variables))

    def run(self):
        try:
            return super().run()
        finally:
            self.bed.exec(f"rm -f {OWN_FILE}")

    def _lay(self):
        self.bed.exec(CLEAN)
        self.bed.install(self.app, "1")
        self.bed.write(SITE, SITES[self.shape.name])
        if "shop_backend" in SITES[self.shape.name]:
            self.bed.write(OWN_FILE, OWN_UPSTREAM)
        compose = self.bed.exec(["cat", "/srv/shop/compose.yml"]).out
        self.bed.write("/srv/shop/compose.yml", compose.rstrip("\n") + "\n" + DATABASE)
        self.bed.exec("cd /srv/shop && BG_PORT=8000 docker compose up -d")
        self._until_well("http://127.0.0.1:8000/health/")
        # Not before: to an Nginx whose upstream has two addresses, as localhost has, both would have failed for 10 s.
        self.bed.exec("nginx -t && systemctl reload nginx")
        self._until_well("http://127.0.0.1/health/")

    def _until_well(self, url):
        end = time.monotonic() + 60
        while self.bed.exec(f"curl -fsS -o /dev/null {url}", check=False).rc:
            if time.monotonic() > end:
                raise FaultsError(f"The app that was started by hand does not answer at {url} within a minute.")
            time.sleep(0.5)

    def _go(self):
        before, of_owner = self.bed.state(), self._running("shop")
        # Refused, and nothing touched.
        self.shape = self.shape._replace(verdict=REFUSED)
        rc, output = self._play("deploy", "2")
        if rc == 0 or self.bed.state() != before:
            self.wrong.append("it was not refused, or the host was touched")
            return
        self.wrong += [f"it says {words!r} of a live app" for words in ("stop it", "another port") if words in output]
        self.shape = self.shape._replace(verdict=WORKS)
        self._do(steps_in((self.bed.folder / f"{self.shape.name}.deploy-2.log").read_text(encoding="utf-8")))

        rc, _output = self._play("deploy", "2", bluegreen_approval="manual")
        if rc or not self._stands("green", "2", "shop-green"):
            return
        rc, _output = self._play("rollback")
        if rc or not self._stands("blue", "1", "shop"):
            return
        if self._running("shop") != of_owner:
            self.wrong.append("after rollback.yml the owner's containers are not those that they were")
        rc, _output = self._play("deploy", "3", bluegreen_approval="automatic")
        if rc or not self._stands("green", "3", "shop-green"):
            return
        left = {service for service, _id in self._running("shop")}
        if left != {"db"}:
            self.wrong.append(f"after the end {', '.join(sorted(left)) or 'nothing'} of the owner's project runs, and not db alone")

    def _do(self, steps):
        """What the finding says, to the letter."""
        self.shape = self.shape._replace(variables={**self.shape.variables, **steps.variables})
        if steps.prepare:
            # Twice: it may run at any time, and visitors see nothing of it.
            self._play("prepare")
            self._play("prepare")
        for file in {line.file for line in steps.lines}:
            text = self.bed.exec(["cat", file]).out
            self.bed.write(file, written(text, [line for line in steps.lines if line.file == file]))
        if steps.reload:
            self.bed.exec(steps.reload)

    def _running(self, project):
        command = f"docker ps --no-trunc --filter label=com.docker.compose.project={shlex.quote(project)} --format "
        rows = self.bed.exec(command + "'{{.Label \"com.docker.compose.service\"}} {{.ID}}'").out.splitlines()
        return sorted(tuple(row.split()) for row in rows)

    def _stands(self, color, release, project):
        end = time.monotonic() + WHOLE_WITHIN
        while True:
            answer = self.bed.look()["answer"]
            services = {service for service, _id in self._running(project)}
            if (answer.get("color"), answer.get("release")) == (color, release) and services >= set(SERVICES):
                return True
            if time.monotonic() > end:
                self.wrong.append(f"{color} with release {release} is not whole: {answer}, {', '.join(sorted(services))} run")
                return False
            time.sleep(0.5)
