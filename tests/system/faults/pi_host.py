# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Pi-sized host that the faults strike."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import queue
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Optional

import host as lab
import shapes
import yaml
from controllers import ROOT, Controller
from link import Link
from shop_compose import WEB, for_faults

FAULTS = Path(__file__).resolve().parent
# Git-ignored: keys, inventories, logs, what was measured.
RUN = FAULTS / ".run"
APP = "shop"
LEDGER = "/srv/ledger/ledger.jsonl"
RELEASES = ("1", "2", "3")
# Short waits: what is tried here is what happens then, and not how long it takes.
VARIABLES = {
    "bluegreen_app": APP,
    "bluegreen_project_src": f"/srv/{APP}",
    "bluegreen_ports": {"blue": 18001, "green": 18002},
    "bluegreen_approval": "automatic",
    "bluegreen_health_deadline": 10,
    "bluegreen_drain_timeout": 5,
    "bluegreen_worker_stop_timeout": 15,
    "bluegreen_pull": "never",
    "bluegreen_prepare_server_block": True,
    "bluegreen_prepare_remove_default_site": True,
}


class FaultsError(Exception):
    """One clear sentence for the person at the terminal."""


class PiHost:
    """A prepared host with a release of the app live on it, reached over SSH through a link that can be cut."""

    Error = lab.HostError
    runs = RUN
    machine_image = lab.IMAGE

    def __init__(self, name: str, small_disk: bool = False, shape: str = "") -> None:
        """shape: of tests/system/field, for the demo's app in another one than its own."""
        self.name = name
        self.shape = shape and shapes.read(shapes.SHAPES / shape)
        self.folder = self.runs / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.small_disk = small_disk
        # A lab.Host and a Link, while it is there.
        self.machine: Any = None
        self.link: Any = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.machine.port}"

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory.yml"

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_unused: object) -> None:
        self.destroy()

    def make(self) -> None:
        """Boot it, prepare it as a user does, and deploy a first release."""
        self.boot()
        self.must_play("prepare", {})
        self.must_play("deploy", {"bluegreen_release": RELEASES[0]})

    def boot(self) -> None:
        """A host with the app's images and its Compose file. What had its name before is gone."""
        self.destroy()
        make_key()
        # The disk of the engine is memory where it has to get full, which counts as such.
        self.machine = lab.create(
            self.name, image=self.machine_image, ports={22: None}, memory="2g" if self.small_disk else "1g"
        )
        if self.small_disk:
            self.machine.exec(
                "systemctl stop docker.socket docker && mount -t tmpfs -o size=640m engine /var/lib/docker"
                " && systemctl start docker"
            )
        self.machine.load([self.image(release) for release in RELEASES])
        self.link = Link(self.machine.ports[22])
        self._install()
        self._write_inventory()

    def destroy(self) -> None:
        if self.link:
            self.link.close()
            self.link = None
        lab.destroy(self.name)

    @property
    def kind(self) -> tuple[bool, str]:
        return self.small_disk, self.shape.name if self.shape else ""

    def image(self, release: str) -> str:
        return f"bluegreen-field:newest-{release}" if self.shape else f"bluegreen-demo:{release}"

    def app_variables(self) -> dict[str, Any]:
        of_shape = {"bluegreen_files": ["compose.yml", "shape.yml"], **self.shape.variables} if self.shape else {}
        return {**VARIABLES, **of_shape}

    def install_app(self) -> None:
        demo = yaml.safe_load((ROOT / "demo/app/compose.yml").read_text(encoding="utf-8"))
        made = for_faults(demo, self.image("${BG_RELEASE:-1}"))
        self.write(f"/srv/{APP}/compose.yml", yaml.safe_dump(made, sort_keys=False))
        self.write("/srv/faults/shop_faults.py", WEB)
        for path in self.shape.folder.iterdir() if self.shape else ():
            if path.name != "shape.yml":
                self.machine.copy(str(path), f"/srv/{APP}/{path.name.replace('compose.yml', 'shape.yml')}")

    def _install(self) -> None:
        self.install_app()
        self.write("/srv/faults/agent.py", (FAULTS / "agent.py").read_text(encoding="utf-8"))
        self.write("/srv/faults/key.pub", _public_key())
        self.machine.exec(
            "install -d -m 700 ~root/.ssh && install -m 600 /srv/faults/key.pub ~root/.ssh/authorized_keys && systemctl start ssh"
        )

    def write(self, path: str, text: str) -> None:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            self.machine.copy(file.name, path)

    def variables(self) -> dict[str, Any]:
        """What Ansible needs to reach it."""
        return {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.link.port,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(RUN / "key"),
            "ansible_ssh_common_args": "-F /dev/null -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
            "ansible_python_interpreter": "/usr/bin/python3",
        }

    def _write_inventory(self) -> None:
        text = yaml.safe_dump({"all": {"hosts": {self.name: self.variables()}, "vars": self.app_variables()}}, sort_keys=False)
        self.inventory.write_text(f"# Written by tests/system/faults/pi_host.py.\n{text}", encoding="utf-8")

    def play(self, playbook: str, label: str, variables: dict[str, Any], under_runner: bool = False) -> Controller:
        """Start a playbook; its log is the label's."""
        return Controller(playbook, self.inventory, self.folder / f"{label}.log", variables, under_runner)

    def must_play(self, playbook: str, variables: dict[str, Any]) -> None:
        controller = self.play(playbook, playbook, variables)
        try:
            rc = controller.wait(300)
        finally:
            controller.stop()
        if rc != 0:
            raise FaultsError(f"{playbook} of {self.name} ended with {rc}; its log is {controller.log}.")

    def reboot(self) -> None:
        """A power cut, and the boot after it; what was made in /run is gone."""
        self.machine.reboot()

    def exec(self, command: Any, check: bool = True) -> Any:
        return self.machine.exec(command, check=check)

    def look(self, **options: Any) -> Any:
        """How it stands now; the options are those of agent.py."""
        agent = self.start_agent(**options)
        try:
            return agent.next("look", 30)
        finally:
            agent.stop()

    def start_agent(self, **options: Any) -> Agent:
        return Agent(self.name, options)

    def ledger(self) -> str:
        return self.machine.exec(["cat", LEDGER]).out

    def forget_ledger(self) -> None:
        """Begin the ledger anew; it is opened for each line, so nothing holds the old one."""
        self.machine.exec(f"rm -f {LEDGER} && touch {LEDGER}")


class Agent:
    """What the program on the host tells, as it comes."""

    def __init__(self, host: str, options: dict[str, Any]) -> None:
        self.events: list[dict[str, Any]] = []
        self._new: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._process = subprocess.Popen(  # pylint: disable=consider-using-with
            ["docker", "exec", "-i", host, "python3", "-u", "/srv/faults/agent.py", json.dumps(options)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        self._inside = host
        threading.Thread(target=self._read, daemon=True, name="agent").start()

    def _read(self) -> None:
        for line in self._process.stdout:
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                self.events.append(event)
                self._new.put(event)
        # Whoever waits learns that there is no more.
        self._new.put({"event": "ended", "t": time.time()})

    def next(self, name: str, seconds: float) -> Optional[dict[str, Any]]:
        """The next event of that name; None when it does not come in time, or the host went down."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                event = self._new.get(timeout=left)
            except queue.Empty:
                break
            if event["event"] == name:
                return event
            if event["event"] == "ended":
                break
        return None

    def stop(self) -> None:
        # Ending `docker exec` does not end what it started, and the host is asked to do that itself.
        subprocess.run(
            ["docker", "exec", self._inside, "pkill", "-f", "^python3 -u /srv/faults/agent.py"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
        )
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


def own_name(part: str) -> str:
    """A name that a host of no other checkout, and of no other worker of pytest-xdist, has."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return f"bluegreen-{part}-{worker}-{hashlib.sha1(str(ROOT).encode()).hexdigest()[:6]}"


def make_key() -> None:
    """Once for each checkout; several hosts may be made at the same time."""
    RUN.mkdir(exist_ok=True)
    with open(RUN / "key.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (RUN / "key").exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "faults", "-f", str(RUN / "key")], check=True)


def _public_key() -> str:
    return (RUN / "key.pub").read_text(encoding="utf-8")
