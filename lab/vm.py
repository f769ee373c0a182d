#!/usr/bin/env python3
# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An emulated computer: a kernel, a disk and a clock of its own, with systemd, Docker and Nginx on it.

Where lab/host.py's containers share the machine's kernel, this one can lose its power for real, and its clock can be
set. It is slow: an emulated processor does a twentieth of what a core of a PC does (a Pi 4 does a quarter).

As a library (standard library only; `lab/setup vm-arm64` or `vm-amd64` first):

    import vm                                     # with lab/ on sys.path
    machine = vm.create("arm64")                  # a fresh disk with the demo's images; boots it
    machine.exec("docker ps")                     # Result(rc, out); check=False: no VmError when rc != 0
    machine.copy("demo/app/compose.yml", "/srv/shop/compose.yml")
    machine.port                                  # 127.0.0.1:<port> -> 80 inside
    machine.cut()                                 # pulls the plug: SIGKILL to the emulator
    machine.boot()                                # seconds until ssh answers
    machine.variables()                           # what Ansible's inventory needs to reach it
    machine.destroy()

Everything lies in lab/.state/vm/<arch>/, and one machine an architecture runs at a time. The guest reaches nothing
but its own card: the emulator forwards two ports of 127.0.0.1 to it and nothing from it.
The same on the command line: lab/vm.py --help.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from ports import free_port

STATE = Path(__file__).resolve().parent / ".state" / "vm"
MEMORY_MIB = 1536
CPUS = 2
RELEASES = (1, 2, 3)
# Far more than either needs: what is too slow shows in the figures, not here.
BOOT_TIMEOUT = 600


class Architecture(NamedTuple):
    program: str
    machine: tuple
    console: str


ARCHITECTURES = {
    "arm64": Architecture("qemu-system-aarch64", ("-M", "virt", "-cpu", "cortex-a72"), "ttyAMA0"),
    "amd64": Architecture("qemu-system-x86_64", ("-M", "q35", "-cpu", "max"), "ttyS0"),
}


class VmError(Exception):
    """One clear sentence for the person at the terminal."""


class Result(NamedTuple):
    rc: int
    out: str


def command_line(arch, folder, ssh_port, http_port):
    """The emulator's arguments. Pure.

    The disk is written through: what the guest was told is on the disk stays there when the emulator is killed.
    """
    made = ARCHITECTURES[arch]
    image = folder.parent
    forwarded = f"hostfwd=tcp:127.0.0.1:{ssh_port}-:22,hostfwd=tcp:127.0.0.1:{http_port}-:80"
    return [
        "nice", "-n", "10", made.program, *made.machine, "-accel", "tcg,thread=multi",
        "-smp", str(CPUS), "-m", str(MEMORY_MIB),
        "-kernel", str(image / "vmlinuz"), "-initrd", str(image / "initrd"),
        "-append", f"root=/dev/vda rw quiet console={made.console}",
        "-drive", f"file={folder / 'disk.img'},format=raw,if=virtio,cache=writethrough",
        "-netdev", f"user,id=net,restrict=on,{forwarded}",
        "-device", "virtio-net-pci,netdev=net,romfile=",
        "-device", "virtio-rng-pci",
        "-display", "none", "-monitor", "none", "-serial", f"file:{folder / 'console.log'}",
        "-pidfile", str(folder / "pid"),
    ]  # fmt: skip


def ssh_options():
    """For ssh, scp and Ansible alike: this key, this machine's word, and no question."""
    options = {
        "IdentityFile": STATE / "key",
        "IdentitiesOnly": "yes",
        # Each disk has keys of its own, and nobody stands between two ends of 127.0.0.1.
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
        "LogLevel": "ERROR",
        "BatchMode": "yes",
        "ServerAliveInterval": "15",
    }
    return [word for name, value in options.items() for word in ("-o", f"{name}={value}")]


class Machine:
    def __init__(self, arch):
        if arch not in ARCHITECTURES:
            raise VmError(f"There is no machine of architecture {arch!r}; there are {' and '.join(ARCHITECTURES)}.")
        self.arch = arch
        self.images = STATE / arch
        self.folder = self.images / "run"

    # Its parts

    def _ports(self):
        try:
            return json.loads((self.folder / "ports.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise VmError(f"There is no machine for {self.arch}; lab/vm.py create {self.arch} makes one.") from None

    @property
    def port(self):
        """Port of 127.0.0.1 that leads to its port 80."""
        return self._ports()["http"]

    @property
    def pid(self):
        """The emulator's process, or None. One that got the number of an emulator long gone is not taken for it."""
        try:
            pid = int((self.folder / "pid").read_text(encoding="ascii"))
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
        return pid if str(self.folder / "disk.img").encode() in arguments else None

    # Power

    def boot(self):
        """Turn it on; return after how many seconds somebody can log in."""
        ports = self._ports()
        begun = time.monotonic()
        with open(self.folder / "emulator.log", "ab") as log:
            emulator = subprocess.Popen(
                command_line(self.arch, self.folder, ports["ssh"], ports["http"]),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        while time.monotonic() - begun < BOOT_TIMEOUT:
            if emulator.poll() is not None:
                said = (self.folder / "emulator.log").read_text(encoding="utf-8", errors="replace").splitlines()
                raise VmError(f"The emulator ended at once: {said[-1] if said else 'it said nothing'}")
            if self.exec("true", check=False, timeout=20).rc == 0:
                return time.monotonic() - begun
            time.sleep(0.3)
        raise VmError(f"Nobody can log in {BOOT_TIMEOUT} s after the start; see {self.folder / 'console.log'}.")

    def cut(self):
        """Pull the plug. What the guest had not brought to the disk is gone, as on a Pi."""
        pid = self.pid
        if pid is None:
            return
        os.kill(pid, signal.SIGKILL)
        while not is_gone(pid):
            time.sleep(0.02)

    def shut_down(self, timeout=300):
        """Turn it off as its owner would."""
        pid = self.pid
        if pid is None:
            return
        self.exec("systemctl poweroff", check=False)
        deadline = time.monotonic() + timeout
        while not is_gone(pid) and time.monotonic() < deadline:
            time.sleep(0.2)
        if not is_gone(pid):
            self.cut()
            raise VmError(f"The machine did not turn itself off within {timeout} s; see {self.folder / 'console.log'}.")

    def destroy(self):
        self.cut()
        shutil.rmtree(self.folder, ignore_errors=True)

    # Access

    def ssh(self, command):
        """The arguments that run a command of the shell inside, as root."""
        where = ["-o", "ConnectTimeout=10", "-p", str(self._ports()["ssh"]), "root@127.0.0.1"]
        return ["ssh", *ssh_options(), *where, command]

    def exec(self, command, check=True, timeout=None, stdin=None):
        try:
            ended = subprocess.run(
                self.ssh(command), stdin=stdin or subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=timeout,
            )  # fmt: skip
            result = Result(ended.returncode, ended.stdout.decode(errors="replace"))
        except subprocess.TimeoutExpired:
            result = Result(255, f"no end within {timeout} s")
        if check and result.rc != 0:
            raise VmError(f"In the machine {command!r} ended {result.rc}: {result.out.strip()[-2000:]}")
        return result

    def copy(self, source, target):
        """A file to the path target, whose folder is made."""
        with open(source, "rb") as file:
            self.exec(f"mkdir -p {os.path.dirname(target)} && cat >{target}", stdin=file)

    def variables(self):
        """The machine's variables in an inventory."""
        return {
            "ansible_host": "127.0.0.1",
            "ansible_port": self._ports()["ssh"],
            "ansible_user": "root",
            "ansible_ssh_common_args": " ".join(ssh_options()),
            "ansible_python_interpreter": "/usr/bin/python3",
        }


def create(arch):
    """A machine with a fresh disk and the demo's images in its engine, turned on."""
    machine = Machine(arch)
    machine.destroy()
    disk = _with_app(machine)
    _new(machine, disk)
    machine.boot()
    return machine


def _with_app(machine):
    """The disk with the demo's images in its engine: loading them takes minutes there, so it is done once."""
    parts = [machine.images / name for name in ("disk.img", "app.tar")]
    for part in parts:
        if not part.exists():
            raise VmError(f"There is no {part}; run lab/setup vm-{machine.arch}.")
    wanted = "".join(part.with_name(f"{part.name}.made-from").read_text(encoding="ascii") for part in parts)
    disk, stamp = machine.images / "ready.img", machine.images / "ready.img.made-from"
    if disk.exists() and stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return disk
    _new(machine, parts[0])
    machine.boot()
    with open(parts[1], "rb") as tar:
        machine.exec("docker load --quiet", stdin=tar)
    for release in RELEASES:
        made = f"bluegreen-vm-{machine.arch}:{release}"
        machine.exec(f"docker tag {made} bluegreen-demo:{release} && docker rmi {made}")
    machine.shut_down()
    os.replace(machine.folder / "disk.img", disk)
    stamp.write_text(wanted, encoding="ascii")
    machine.destroy()
    return disk


def is_gone(pid):
    """Whether nothing of a process is left that could hold a file or a port.

    Its command line is empty before that: its first thread is dead then, and others may still be at it.
    """
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        threads = os.listdir(f"/proc/{pid}/task")
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return True
    # Dead, and nobody has asked for its end.
    return status.rpartition(")")[2].split()[0] == "Z" and len(threads) == 1


def _new(machine, disk):
    machine.folder.mkdir(parents=True)
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", disk, machine.folder / "disk.img"], check=True)
    ports = {"ssh": free_port(), "http": free_port()}
    (machine.folder / "ports.json").write_text(json.dumps(ports), encoding="utf-8")


def _arguments():
    parser = argparse.ArgumentParser(prog="lab/vm.py", description="An emulated computer that can lose its power.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("create", "make one with a fresh disk and turn it on; prints its ports"),
        ("boot", "turn it on again"),
        ("cut", "pull the plug"),
        ("destroy", "pull the plug and remove its disk; an absent one is no error"),
        ("variables", "what an inventory needs to reach it"),
        ("exec", "run a command of the shell inside, as root"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("arch", choices=sorted(ARCHITECTURES))
        if name == "exec":
            command.add_argument("line")
    return parser.parse_args()


def main():
    options = _arguments()
    machine = Machine(options.arch)
    if options.command == "create":
        create(options.arch)
        print(json.dumps(json.loads((machine.folder / "ports.json").read_text(encoding="utf-8"))))
    elif options.command == "boot":
        print(f"{machine.boot():.1f} s")
    elif options.command == "cut":
        machine.cut()
    elif options.command == "destroy":
        machine.destroy()
    elif options.command == "variables":
        print(json.dumps(machine.variables()))
    elif options.command == "exec":
        result = machine.exec(options.line, check=False)
        sys.stdout.write(result.out)
        return result.rc
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except VmError as error:
        sys.exit(f"lab/vm.py: {error}")
