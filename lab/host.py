#!/usr/bin/env python3
# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pi-sized hosts in containers: systemd, an inner Docker Engine, Nginx, one CPU, 1 GiB of memory.

As a library (run it with the project's .venv, which has the Docker SDK; `lab/setup all` first):

    import host                                   # with lab/ on sys.path
    pi = host.create("bluegreen-demo", port=8080) # boots; returns when systemd and the engine answer
    pi.port                                       # 127.0.0.1:<port> -> 80 inside; port=None: a free one
    pi.load(["shop:1", "shop:2"])                 # from this machine's engine into the inner one
    pi.copy("demo/app", "/srv/shop")              # the contents of a folder (or a file) into the host
    pi.exec(["nginx", "-t"])                      # Result(rc, out); check=False: no HostError when rc != 0
    pi.group("memory")                            # the folder of its control group, for demo/sampler.py
    pi.reboot()                                   # a power cut (kill), then a boot
    pi.variables()                                # what Ansible's inventory needs to reach it
    pi.destroy()
    host.find(name), host.all_hosts(), host.destroy(name)   # destroy of an absent host does nothing

create() takes further: cpus=1.0, memory="1g", image="bluegreen-host:trixie",
ports={inside: outside} for more published ports (outside None: a free one; pi.ports has them all),
bare=True for a fresh Debian with neither Docker nor Nginx (suite="trixie" or "bookworm"),
replace=True to destroy a host of that name first,
cores="0" for those cores alone (else as much time of any as cpus says).

Names begin with "bluegreen-". Only containers that carry this file's label are ever touched.
The same on the command line: lab/host.py --help.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
import time
from typing import NamedTuple

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from ports import free_port

LABEL = "bluegreen.lab-host"
PREFIX = "bluegreen-"
IMAGE = "bluegreen-host:trixie"
BOOT_TIMEOUT = 90

# Everything that --privileged would add except SYS_RESOURCE, which is not in the bounding set of every
# machine that the tests run on (a container itself, as a CI worker often is), and --privileged fails there.
CAPABILITIES = """
    AUDIT_CONTROL AUDIT_READ DAC_READ_SEARCH IPC_LOCK IPC_OWNER LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE
    NET_ADMIN NET_BROADCAST SYS_ADMIN SYS_BOOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_TIME
    SYS_TTY_CONFIG SYSLOG WAKE_ALARM
""".split()


class HostError(Exception):
    """One clear sentence for the person at the terminal."""


class Result(NamedTuple):
    rc: int
    out: str


class Host:
    def __init__(self, container):
        self.container = container
        self.name = container.name

    @property
    def ports(self):
        """{port inside: port on 127.0.0.1}"""
        return {int(k): v for k, v in json.loads(self.container.labels[LABEL])["ports"].items()}

    @property
    def port(self):
        return self.ports[80]

    @property
    def bare(self):
        return json.loads(self.container.labels[LABEL])["bare"]

    def exec(self, command, check=True, env=None):
        """Runs a command (a list, or a string for the shell) inside, as root."""
        argv = ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)
        options = [f"--env={name}={value}" for name, value in (env or {}).items()]
        # Not the SDK's exec_run: of output that comes together with the head of the engine's answer it loses the begin.
        ended = subprocess.run(
            ["docker", "exec", *options, self.name, *argv],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )
        result = Result(ended.returncode, ended.stdout.decode(errors="replace"))
        if check and result.rc != 0:
            raise HostError(f"{self.name}: {command!r} ended {result.rc}: {result.out.strip()[-2000:]}")
        return result

    def load(self, images):
        """Copies images, whole, from this machine's engine into the inner one; streams, no file between."""
        images = list(images)
        for image in images:
            try:
                client().images.get(image)
            except ImageNotFound:
                raise HostError(f"There is no image {image} on this machine to load into {self.name}.") from None
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as save:
            load = subprocess.run(
                ["docker", "exec", "-i", self.name, "docker", "load", "-q"],
                stdin=save.stdout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
            )
            save.stdout.close()
        if save.returncode or load.returncode:
            raise HostError(f"Loading {', '.join(images)} into {self.name} failed: {load.stdout.strip()[-2000:]}")

    def copy(self, source, target):
        """A file to the path target, or the contents of a folder into the folder target (made when missing)."""
        folder = target if os.path.isdir(source) else os.path.dirname(target)
        self.exec(["mkdir", "-p", folder])
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            tar.add(source, arcname="." if os.path.isdir(source) else os.path.basename(target), filter=_as_root)
        self.container.put_archive(folder, packed.getvalue())

    def group(self, controller):
        """The folder of the host's group, in which those of the inner containers are nested.

        controller: one of cgroup v1, such as memory; v2 has one group for all of them.
        Read directly: the engine's own figures take a second each, too long to see a peak.
        """
        controller = "" if _CGROUP_V2 else controller
        self.container.reload()
        with open(f"/proc/{self.container.attrs['State']['Pid']}/cgroup", encoding="ascii") as lines:
            for line in lines:
                _id, controllers, path = line.rstrip("\n").split(":", 2)
                # systemd inside moves itself further down; the group of the container is named by its id.
                if controller in controllers.split(",") and self.container.id in path:
                    above, _own, below = path.partition(self.container.id)
                    own = above + self.container.id + below.partition("/")[0]
                    return os.path.join("/sys/fs/cgroup", controller, own.lstrip("/"))
        raise HostError(f"The control group of {self.name} is not to be found; is it running?")

    def reboot(self):
        """A power cut: everything within is killed at once, then the host boots again."""
        self.container.kill()
        self.container.wait()
        self.container.start()
        self.wait()

    def wait(self, timeout=BOOT_TIMEOUT):
        """Returns when systemd has finished booting and, on a prepared host, Docker and Nginx answer."""
        deadline = time.monotonic() + timeout
        probe = "systemctl is-system-running | grep -qE 'running|degraded'"
        if not self.bare:
            probe += " && docker info >/dev/null 2>&1 && systemctl is-active -q nginx"
        last = ""
        while time.monotonic() < deadline:
            self.container.reload()
            if self.container.status == "exited":
                logs = self.container.logs(tail=20).decode(errors="replace").strip()
                raise HostError(f"{self.name} stopped while it booted. Its last lines: {logs}")
            result = self.exec(probe, check=False)
            if result.rc == 0:
                return
            last = result.out
            time.sleep(0.2)
        failed = self.exec("systemctl --failed --no-legend; systemctl list-jobs --no-legend", check=False).out
        raise HostError(f"{self.name} did not finish booting within {timeout} s. {last} {failed}".strip())

    def variables(self):
        """The host's variables in an inventory. Root inside; so `become: true` is met without a password."""
        return {
            "ansible_connection": "community.docker.docker",
            "ansible_host": self.name,
            "ansible_python_interpreter": "/usr/bin/python3",
        }

    def destroy(self):
        with contextlib.suppress(NotFound):
            self.container.remove(force=True, v=True)


_clients = threading.local()


def client():
    """One connection a thread: the SDK's session is not made for more."""
    if not hasattr(_clients, "client"):
        try:
            _clients.client = docker.from_env(timeout=600)
        except DockerException as error:
            raise HostError(f"No Docker Engine answers here ({error}); run lab/setup engine.") from None
    return _clients.client


def create(name, port=None, cpus=1.0, memory="1g", image=None, bare=False, suite="trixie", ports=None,
           replace=False, cores=None):
    """Makes and boots a host; see the top of this file."""
    if not name.startswith(PREFIX):
        raise HostError(f"The name of a lab host begins with {PREFIX!r}, and {name!r} does not.")
    if replace:
        destroy(name)
    image = image or (f"bluegreen-host:{suite}-bare" if bare else IMAGE)
    published = {80: port, **(ports or {})}
    # Chosen here and not by the engine, which would choose another one after each reboot.
    published = {inside: outside or free_port() for inside, outside in published.items()}
    api = client().api
    settings = api.create_host_config(
        cap_add=CAPABILITIES,
        security_opt=["seccomp=unconfined", "apparmor=unconfined"],
        tmpfs={"/run": "exec", "/run/lock": "", "/tmp": "exec"},
        nano_cpus=int(cpus * 1e9),
        cpuset_cpus=cores,
        mem_limit=memory,
        # Without swap, as a Pi has practically none: what does not fit is killed, and the tests see it.
        memswap_limit=memory,
        port_bindings={inside: ("127.0.0.1", outside) for inside, outside in published.items()},
    )
    # What the command line calls systempaths=unconfined, and a cgroup namespace of its own: not known to the SDK.
    settings.update(MaskedPaths=[], ReadonlyPaths=[], CgroupnsMode="private")
    label = json.dumps({"ports": published, "bare": bare})
    try:
        created = api.create_container(
            image, name=name, hostname=name.removeprefix(PREFIX), ports=list(published), host_config=settings,
            labels={LABEL: label}, volumes=["/var/lib/docker"],
        )
    except ImageNotFound:
        raise HostError(f"There is no image {image} here; run lab/setup host.") from None
    except APIError as error:
        if error.status_code == 409:
            raise HostError(f"A container {name} exists already; lab/host.py destroy {name} removes it.") from None
        raise
    host = Host(client().containers.get(created["Id"]))
    try:
        host.container.start()
        host.wait()
    except (APIError, HostError) as error:
        logs = host.container.logs(tail=20).decode(errors="replace")
        host.destroy()
        raise HostError(f"{name} could not be started: {error} {logs}".strip()) from None
    return host


def find(name):
    """The host of that name, or None. A container that this file did not make is nobody's host."""
    try:
        container = client().containers.get(name)
    except NotFound:
        return None
    return Host(container) if LABEL in container.labels else None


def destroy(name):
    found = find(name)
    if found:
        found.destroy()


def all_hosts():
    return [Host(c) for c in client().containers.list(all=True, filters={"label": LABEL})]


_CGROUP_V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")


def _as_root(entry):
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return None if os.path.basename(entry.name) == "__pycache__" else entry


def _arguments():
    parser = argparse.ArgumentParser(description="Pi-sized hosts in containers.")
    commands = parser.add_subparsers(dest="command", required=True)
    made = commands.add_parser("create", help="make and boot a host; prints its name and ports")
    made.add_argument("name")
    made.add_argument("--cpus", type=float, default=1.0)
    made.add_argument("--memory", default="1g")
    made.add_argument("--image")
    made.add_argument("--bare", action="store_true", help="a fresh Debian: no Docker, no Nginx")
    made.add_argument("--suite", default="trixie", choices=["trixie", "bookworm"])
    made.add_argument("--replace", action="store_true", help="destroy a host of that name first")
    for name, text in (
        ("destroy", "remove a host and its volumes; an absent one is no error"),
        ("reboot", "cut its power, and boot it again"),
    ):
        commands.add_parser(name, help=text).add_argument("name")
    load = commands.add_parser("load", help="copy images into its engine")
    load.add_argument("name")
    load.add_argument("images", nargs="+")
    copy = commands.add_parser("copy", help="copy a file or a folder's contents into it")
    copy.add_argument("name")
    copy.add_argument("source")
    copy.add_argument("target")
    commands.add_parser("list", help="all hosts of this lab")
    clean = commands.add_parser("clean", help="destroy the hosts whose names begin so (default: all of this lab)")
    clean.add_argument("prefix", nargs="?", default=PREFIX)
    return parser.parse_args()


def _known(name):
    found = find(name)
    if not found:
        raise HostError(f"There is no lab host {name}; lab/host.py list shows those that are.")
    return found


def main():
    options = _arguments()
    command = options.command
    if command == "create":
        made = create(
            options.name, cpus=options.cpus, memory=options.memory, image=options.image, bare=options.bare, suite=options.suite,
            replace=options.replace,
        )
        print(json.dumps({"name": made.name, "port": made.port, "ports": made.ports}))
    elif command == "destroy":
        destroy(options.name)
    elif command == "reboot":
        _known(options.name).reboot()
    elif command == "load":
        _known(options.name).load(options.images)
    elif command == "copy":
        _known(options.name).copy(options.source, options.target)
    elif command == "list":
        for known in all_hosts():
            print(known.name, known.container.status, ",".join(f"127.0.0.1:{o}->{i}" for i, o in known.ports.items()))
    elif command == "clean":
        for known in all_hosts():
            if known.name.startswith(options.prefix):
                known.destroy()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HostError as error:
        sys.exit(f"lab/host.py: {error}")
