# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Pi-sized host that one shape after the other is put on, as its owner had it before this collection."""

from __future__ import annotations

import time

from pi_host import RELEASES, FaultsError, PiHost
from shapes import APP, HERE, VARIABLES

# Of a shape's folder and of the app's, what has a place of its own, and what images are made of.
NOT_BESIDE = {"shape.yml", "compose.yml", "release-1.yml", "nginx.conf", "Dockerfile", "celery_program.py", "field.py", "worker.py",
              "celery-5.3.txt", "celery-newest.txt", "__pycache__"}
SITE = "/etc/nginx/conf.d/site.conf"
UPSTREAM = "/etc/nginx/conf.d/bluegreen-shop.conf"
# Found before the one of Debian's package.
COMPOSE = "/usr/local/lib/docker/cli-plugins/docker-compose"
COMPOSES = HERE.parents[2] / ".cache" / "compose"
# Whatever the shape before left, and be it in the middle of a deployment.
CLEAN = f"""
systemctl stop 'bluegreen-*' 2>/dev/null
rm -f /etc/systemd/system/bluegreen-* /etc/systemd/system/*.wants/bluegreen-* /etc/nginx/sites-enabled/default
systemctl daemon-reload; systemctl reset-failed
docker ps -aq | xargs -r docker rm -fv >/dev/null
docker network prune -f >/dev/null; docker volume prune -af >/dev/null
rm -rf /var/lib/bluegreen /run/bluegreen /srv/shop /srv/ledger {SITE} {UPSTREAM}
if [ -e /etc/systemd/system/nginx.service.d/field.conf ]; then
  systemctl stop nginx; rm -rf /etc/systemd/system/nginx.service.d /srv/nginx; systemctl daemon-reload; systemctl start nginx
fi
mkdir -p /srv/shop; mkdir -m 777 /srv/ledger; install -m 666 /dev/null /srv/ledger/ledger.jsonl
"""
# All that a refusal must leave as it is; of containers, what they are and since when they run.
# Errors are left out: where they fall among the lines is chance.
STATE = """
docker ps -aq --no-trunc | sort | xargs -r docker inspect --format '{{.Id}} {{.State.Pid}} {{.State.StartedAt}} \
{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.CpuShares}}'
docker network ls -q --no-trunc | sort; docker volume ls -q | sort
sha256sum /etc/nginx/conf.d/* ; find /var/lib/bluegreen /etc/systemd/system -name '*bluegreen*' 2>/dev/null | sort
find /var/lib/bluegreen -type f -exec sha256sum {} + 2>/dev/null | sort
ps -o lstart= -C nginx | head -1
"""


class Bed(PiHost):
    runs = HERE / ".run"
    # The version of Docker Compose for all shapes that name none; empty for the host's own.
    compose = ""
    _compose_there = ""

    def image(self, release):
        return f"bluegreen-field:newest-{release}"

    def app_variables(self):
        return VARIABLES

    def install_app(self):
        """Each shape brings its own; the images of the usual Celery are there already."""
        self.machine.load([f"bluegreen-field:5.3-{release}" for release in RELEASES])

    def lay(self, shape):
        """Clean the host, and start release 1 of the shape as blue, as one does with Compose."""
        self.exec(CLEAN)
        self._use_compose(shape.compose or self.compose)
        self.install(shape, "1")
        if shape.before:
            self.exec(shape.before)
        self.write(UPSTREAM, "upstream shop {\n    server 127.0.0.1:18001;\n}\n")
        files = " ".join(f"-f {name}" for name in shape.everything()["bluegreen_files"])
        self.exec(f"cd /srv/shop && BG_RELEASE=1 BG_COLOR=blue BG_PORT=18001 BG_PROJECT=shop-blue docker compose -p shop-blue {files} up -d"
                  " && nginx -t && systemctl reload nginx")
        end = time.monotonic() + 60
        while self.exec("curl -fsS -o /dev/null http://127.0.0.1/health/", check=False).rc:
            if time.monotonic() > end:
                logs = self.exec("docker ps -a; docker logs --tail 20 shop-blue-web-1", check=False).out
                raise FaultsError(f"Blue of {shape.name} does not answer within a minute: {logs}")
            time.sleep(0.5)

    def _use_compose(self, version):
        if version == self._compose_there:
            return
        self.exec(f"rm -f {COMPOSE}")
        if version:
            program = COMPOSES / version / "docker-compose"
            if not program.exists():
                raise FaultsError(f"There is no Docker Compose {version} in {COMPOSES}: lab/setup compose.")
            self.machine.copy(str(program), COMPOSE)
        self._compose_there = version

    def install(self, shape, release):
        """The files of a release, where releases differ."""
        for folder in (APP, shape.folder):
            for path in folder.iterdir():
                if path.name not in NOT_BESIDE:
                    self.machine.copy(str(path), f"/srv/shop/{path.name}")
        self.machine.copy(str(APP / "compose.yml"), "/srv/shop/compose.yml")
        self.write("/srv/shop/shape.yml", shape.laid_over(release))
        site = shape.folder / "nginx.conf"
        self.machine.copy(str(site if site.exists() else APP / "nginx.conf"), SITE)

    def state(self):
        return self.exec(STATE, check=False).out
