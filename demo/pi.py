"""The demo's host, as somebody would see it who logs in there or asks its Nginx."""

from __future__ import annotations

import contextlib
import json
import socket
import urllib.error
import urllib.request
from typing import NamedTuple

import host as lab
import yaml
from stage import DEMO, INVENTORY, DemoError

NAME = "bluegreen-demo-host"
APP = "shop"
SOURCE = "/srv/shop"
LEDGER = "/srv/ledger/ledger.jsonl"
HISTORY = f"/var/lib/bluegreen/{APP}/history.jsonl"
PORTS = range(8080, 8100)

VARIABLES = {
    "bluegreen_app": APP,
    "bluegreen_project_src": SOURCE,
    # prepare.yml writes the server block that sends port 80 of the host to the app.
    "bluegreen_prepare_server_block": True,
    "bluegreen_prepare_remove_default_site": True,
}


class Answer(NamedTuple):
    status: int
    color: str
    release: str


class Pi:
    """A Pi-sized host, and the app on it."""

    def __init__(self, machine: lab.Host) -> None:
        self.machine = machine
        self.url = f"http://127.0.0.1:{machine.port}"

    @classmethod
    def make(cls, images: list) -> Pi:
        """Return a new host with the images and the Compose file of the app on it, and nothing running."""
        lab.destroy(NAME)
        machine = lab.create(NAME, port=free_port())
        machine.load(images)
        machine.copy(str(DEMO / "app/compose.yml"), f"{SOURCE}/compose.yml")
        inventory = {"all": {"hosts": {"demo": machine.variables()}, "vars": VARIABLES}}
        text = yaml.safe_dump(inventory, sort_keys=False)
        INVENTORY.write_text(f"# Written by demo/run.py.\n{text}", encoding="utf-8")
        return cls(machine)

    def must_answer(self, release: str) -> Answer:
        """Return who answers through the host's Nginx, which has to be that release."""
        answer = self._ask()
        if (answer.status, answer.release) != (200, release):
            raise DemoError(
                f"{self.url} should be answered by release {release} with 200, "
                f"and was by release {answer.release or 'unknown'} with {answer.status}."
            )
        return answer

    def _ask(self) -> Answer:
        try:
            with urllib.request.urlopen(self.url, timeout=10) as response:
                color, release = (response.headers.get(f"X-Shop-{name}", "") for name in ("Color", "Release"))
                return Answer(response.status, color, release)
        except urllib.error.HTTPError as error:
            return Answer(error.code, "", "")
        except OSError as error:
            raise DemoError(f"Nobody answers at {self.url}: {error}.") from error

    def workers(self, color: str) -> dict:
        """Return {id: when it was started} of a color's worker and beat that are running."""
        found = {}
        for service in ("worker", "beat"):
            labels = {"project": f"{APP}-{color}", "service": service}
            filters = [f"--filter=label=com.docker.compose.{name}={value}" for name, value in labels.items()]
            for container in self.machine.exec(
                ["docker", "ps", "--quiet", "--no-trunc", *filters]
            ).out.split():
                started = self.machine.exec(["docker", "inspect", "--format={{.State.StartedAt}}", container])
                found[container] = started.out.strip()
        return found

    def deployment(self, release: str) -> dict:
        """Return the last line of the host's history about a release; empty when there is none."""
        result = self.machine.exec(["cat", HISTORY], check=False)
        lines = [json.loads(line) for line in result.out.splitlines()] if result.rc == 0 else []
        return next((line for line in reversed(lines) if str(line["release"]) == release), {})

    def ledger(self) -> str:
        return self.machine.exec(["cat", LEDGER]).out


def free_port() -> int:
    """Return the first port from 8080 on that nobody listens on."""
    for port in PORTS:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    return lab.free_port()
