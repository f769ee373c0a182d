# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reader who does to the letter what a page says, with a Pi-sized host for the Pi of the page."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
from pathlib import Path
from typing import Any

import yaml
from controllers import ROOT
from pi_host import PiHost
from reader import CONTROLLER, HOST, Block, missing_in, sides_of, way_of
from terminal import told

# Git-ignored: inventories and logs.
RUN = Path(__file__).resolve().parent / ".run"
SOURCE = "/srv/shop"
SITE = "/etc/nginx/site.conf"
# With the line at the number that the page shows.
SERVER = """\
server { listen 80 default_server; location / { proxy_set_header Host $host;
    proxy_pass http://127.0.0.1:8000;
} }
"""
PLAYED_WITHIN = 400
ANSWERS_WITHIN = 60
# The images of the pages, from those of the field bed: what runs in them, and what else they are told.
BASE = "bluegreen-field:newest-1"
WEB = '["gunicorn", "--bind=0.0.0.0:8000", "--worker-class=gthread", "--threads=8", "shop.web:app"]'
IMAGES = {
    # The app that runs has no health page yet, of which the page warns.
    "example/shop:1.4.1": (WEB, "SHOP_RELEASE=1.4.1 DEMO_HEALTH=404 SHOP_LEDGER=/tmp/ledger.jsonl"),
    "example/shop:1.4.2": (WEB, "SHOP_RELEASE=1.4.2 SHOP_LEDGER=/tmp/ledger.jsonl"),
    "redis:8": ('["redis-server", "--save", "", "--protected-mode", "no"]', "X=1"),
    "postgres:17": ('["sleep", "infinity"]', "X=1"),
}
# The pages call the app `shop`, in which Celery looks for a module of this name.
CELERY = "from shop.tasks import app\n"


class Reader(PiHost):
    """One who has read nothing else.

    :ivar output: of the last command.
    """

    runs = RUN

    def __init__(self, name: str, by_hand: bool) -> None:
        """by_hand: whether the page begins with an app that runs."""
        super().__init__(name)
        self.by_hand = by_hand
        self.output = ""
        self._inventory: dict[str, Any] = {}
        self._look = ""

    def image(self, release: str) -> str:
        return f"bluegreen-field:newest-{release}"

    def install_app(self) -> None:
        self.write("/srv/celery.py", CELERY)
        for name, (command, env) in IMAGES.items():
            changes = [f"CMD {command}", *(f"ENV {each}" for each in env.split())]
            options = " ".join(f"--change {shlex.quote(each)}" for each in changes)
            self.exec(
                f"made=$(docker create {BASE}) && docker cp /srv/celery.py $made:/srv/app/shop/celery.py"
                f" && docker commit {options} $made {name} && docker rm $made"
            )

    def _write_inventory(self) -> None:
        if not self._inventory:
            return
        hosts = self._inventory["all"]["hosts"]
        there = {**self._inventory["all"], "hosts": {name: {**(own or {}), **self.variables()} for name, own in hosts.items()}}
        self.inventory.write_text(yaml.safe_dump({"all": there}, sort_keys=False), encoding="utf-8")

    def start_by_hand(self, compose: str) -> None:
        """The app as its owner started it, behind a server block of the owner's."""
        self.write(f"{SOURCE}/compose.yml", compose)
        self.write(SITE, SERVER)
        self.write("/etc/nginx/conf.d/own.conf", f"include {SITE};\n")
        self.exec(f"cd {SOURCE} && docker compose up -d && rm -f /etc/nginx/sites-enabled/default && nginx -t && systemctl reload nginx")
        end = time.monotonic() + ANSWERS_WITHIN
        while self.release_that_answers() != "1.4.1":
            assert time.monotonic() < end, self.exec("docker ps -a; docker logs --tail 20 shop", check=False).out
            time.sleep(0.5)

    def release_that_answers(self) -> str:
        answer = self.exec("curl -sS -D - -o /dev/null http://127.0.0.1/", check=False).out
        found = re.search(r"(?im)^x-shop-release: (\S+)", answer)
        return found.group(1) if found else ""

    # -- blocks -----------------------------------------------------------------------------------

    def follow(self, blocks: list[Block]) -> None:
        for number, block in enumerate(blocks):
            if block.kind == "diff":
                self.write(f"{SOURCE}/compose.yml", sides_of(block.text)[1])
            elif "services" in block.data:
                self.write(f"{SOURCE}/compose.yml", block.text)
            elif "all" in block.data:
                self._inventory = block.data
                self._write_inventory()
            elif self.by_hand and block.is_variables:
                self._inventory["all"]["vars"].update(block.data)
                self._write_inventory()
            elif block.kind == "text":
                self._must_have_said(block.text)
            for command in block.commands:
                shown = next((each.text for each in blocks[number + 1:] if each.kind in ("text", "console")), "")
                self._do(command, is_refused=command.endswith("--check") and not shown.startswith("plan:"))

    def _do(self, command: str, is_refused: bool) -> None:
        place = way_of(command).place
        if place == HOST:
            self.output = self.exec(command).out
        elif place == CONTROLLER:
            self._play(command, is_refused)

    def _play(self, command: str, is_refused: bool = False) -> None:
        done = subprocess.run(
            shlex.split(command), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**told(), "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"}, text=True, timeout=PLAYED_WITHIN, check=False,
        )  # fmt: skip
        self.output = done.stdout
        assert (done.returncode != 0) is is_refused, f"{command} ended with {done.returncode}: {self.output[-4000:]}"
        if command.endswith("--check"):
            self._look = command
        elif ".prepare" in command and self.by_hand:
            # What the output of the look has told: the line in the server block.
            self.exec(f"sed -i 's|proxy_pass http://127.0.0.1:8000;|proxy_pass http://shop;|' {SITE} && nginx -t && systemctl reload nginx")
            assert self.release_that_answers() == "1.4.1"
        elif release := re.search(r"\.deploy .*bluegreen_release=(\S+)", command):
            assert self.release_that_answers() == release.group(1)

    def _must_have_said(self, shown: str) -> None:
        if shown.startswith("plan:"):
            # "The same command again".
            self._play(self._look)
        assert missing_in(self.output, shown) == [], self.output[-6000:]
