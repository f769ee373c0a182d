"""Whose a process of the measured host is, and what each kind of them spent. All pure: /proc is handed in."""

from __future__ import annotations

import os
import re
from typing import Iterable, NamedTuple, Optional

from kernel import Ended, Executed, Forked, Gone

# A way's own program is one of these: a script of bench/ways/, or what the collection has put on the host.
SCRIPT, PROGRAM, GUARD = "script", "program", "guard"
ANSIBLE, MODULE = "ansible", "module"
COMPOSE, ENGINE = "compose", "engine"
NGINX, SYSTEM = "nginx", "system"
# Who watches, where that runs on what it watches.
WATCH = "watch"
# "app:" and the id of the container.
APP = "app:"
TITLES = {
    ANSIBLE: "Ansible's connection: sshd, sudo, shells",
    MODULE: "modules that Ansible sends: its wrapper and their own work, which are one process",
    PROGRAM: "the collection's program on the host",
    GUARD: "the collection's guard",
    COMPOSE: "`docker` and `docker compose`",
    ENGINE: "the engine: dockerd, containerd, shims, runc",
    APP: "the app",
    NGINX: "Nginx",
    SYSTEM: "systemd and the rest of the host",
    WATCH: "the one that counted this",
}
# Those of which the memory is looked at.
WEIGHED = (COMPOSE, MODULE, PROGRAM, GUARD)

_ENGINE = ("dockerd", "containerd", "runc", "docker-proxy", "docker-init", "buildkitd")
_CONTAINER = re.compile(r"[0-9a-f]{64}")
_OWN_PROGRAM = re.compile(r"/var/lib/bluegreen/\S+\.pyz")


class Charge(NamedTuple):
    """Processor seconds of a kind, spent at some time between since and until."""

    since: float
    until: float
    kind: str
    seconds: float


class Weight(NamedTuple):
    """Memory at a moment."""

    time: float
    kind: str
    mib: float


def kind_of(words: list, container: Optional[str], parent: str) -> str:
    """Return whose a program is: by itself if it says so, else of who started it.

    :param words: its command line; only the program's name when the rest is not known any more.
    :param container: id of the container of the host that it runs in.
    """
    if container:
        return APP + container
    name = _name(words)
    if name in ("docker", "docker-compose"):
        return COMPOSE
    if name.startswith(_ENGINE):
        return ENGINE
    if name.startswith("sshd") or name == "sftp-server":
        return ANSIBLE
    if name.startswith("python"):
        if any(word.endswith("/accountant.py") for word in words):
            return WATCH
        if any(_OWN_PROGRAM.search(word) for word in words):
            # systemd starts the guard, and Ansible the steps.
            return GUARD if parent in (SYSTEM, GUARD) else PROGRAM
        return MODULE if parent == ANSIBLE else parent
    return NGINX if name == "nginx" and parent == SYSTEM else parent


def container_in(groups: str, host: str) -> Optional[str]:
    """Return the id of the container of the host that a process is in, from its /proc/PID/cgroup."""
    below = (line.partition(host)[2] for line in groups.splitlines())
    return next((found[0] for path in below if (found := _CONTAINER.search(path))), None)


def _name(words: list) -> str:
    # Some put words of their own there: "sshd: pi [priv]", "nginx: master process".
    return os.path.basename(words[0].split(" ")[0]).rstrip(":") if words else ""


class Book:
    """Accounts of the processes of one host: whose they are, and what they spend."""

    def __init__(self, proc, host: str) -> None:
        """proc: accountant.Proc; host: id of the container that the host is."""
        self.charges: list = []  # Charge
        self.peaks: list = []  # Weight: the most that a process had in memory, at its end
        self.held: list = []  # Weight: what all processes of a kind hold for themselves
        self.compose_calls: list = []  # when each began
        self._proc = proc
        self._host = host
        self._kinds: dict = {}  # {process: kind}
        self._unread: set = set()  # processes that were gone before their command line was read
        self._process: dict = {}  # {thread: process} of those that live
        self._counted: dict = {}  # {thread: (its seconds that were charged or are nobody's, when)}

    def begin(self, now: float) -> None:
        """Enter what is there already; what it has spent so far is nobody's."""
        found = {process: (threads, parent) for process, threads, parent in self._proc.all()}
        # Parents first: children take after them.
        for process in sorted(found, key=lambda each: len(_ancestors(each, found))):
            threads, parent = found[process]
            if process not in self._kinds and self._host in self._proc.groups(process):
                self._kinds[process] = self._look_at(process, self._kinds.get(parent, SYSTEM))
            if process in self._kinds:
                for thread in threads:
                    self._enter(thread, process, now)

    def forked(self, event: Forked, now: float) -> None:
        if event.parent in self._kinds and event.thread not in self._process:
            if event.thread == event.process:
                self._kinds[event.process] = self._kinds[event.parent]
            self._process[event.thread] = event.process
            self._counted[event.thread] = (0.0, now)

    def executed(self, event: Executed, now: float) -> None:
        process = event.process
        if process in self._kinds:
            # Up to here it was what started it.
            self._charge(process, self._proc.seconds(process), now)
        elif self._host in self._proc.groups(process):
            self._enter(process, process, now)
        else:
            return
        # What comes into the host from outside is the benchmark's, which runs a script there.
        self._kinds[process] = self._look_at(process, self._kinds.get(process, SCRIPT))
        words = self._proc.words(process)
        # Before each call the docker program asks its plugin what it is.
        if _name(words) == "docker-compose" and "docker-cli-plugin-metadata" not in words:
            self.compose_calls.append(now)

    def exited(self, event: Ended, now: float) -> None:
        process = self._process.get(event.thread)
        if process is None:
            return
        if process in self._unread:
            self._kinds[process] = kind_of([event.name], None, self._kinds[process])
            self._unread.discard(process)
        kind = self._kinds[process]
        self._charge(event.thread, event.seconds, now)
        if kind in WEIGHED:
            self.peaks.append(Weight(now, kind, event.peak_mib))

    def gone(self, event: Gone, now: float) -> None:
        # What it took to give its memory back, if that can still be read.
        self._charge(event.thread, self._proc.seconds(event.thread), now)

    def forget(self, event: Gone) -> None:
        """Take a thread out of the books; its number may be given to another one."""
        self._process.pop(event.thread, None)
        self._counted.pop(event.thread, None)

    def look(self, now: float) -> None:
        """Charge what those that live have spent since the last look, and weigh them."""
        for thread in list(self._process):
            self._charge(thread, self._proc.seconds(thread), now)
        held: dict = {}
        for process in set(self._process.values()):
            kind = self._kinds[process]
            if kind in WEIGHED:
                own, most = self._proc.mib(process)
                held[kind] = held.get(kind, 0.0) + own
                self.peaks.append(Weight(now, kind, most))
        self.held += [Weight(now, kind, mib) for kind, mib in held.items()]

    def _look_at(self, process: int, parent: str) -> str:
        words = self._proc.words(process)
        if not words:
            self._unread.add(process)
        return kind_of(words, container_in(self._proc.groups(process), self._host), parent)

    def _enter(self, thread: int, process: int, now: float) -> None:
        self._process[thread] = process
        self._counted.setdefault(thread, (self._proc.seconds(thread) or 0.0, now))

    def _charge(self, thread: int, seconds: Optional[float], now: float) -> None:
        if seconds is None or thread not in self._counted:
            return
        before, since = self._counted[thread]
        if seconds > before:
            kind = self._kinds[self._process[thread]]
            self.charges.append(Charge(since, now, kind, seconds - before))
        self._counted[thread] = (max(seconds, before), now)


def _ancestors(process: int, found: dict) -> list:
    line: list = []
    while process in found and process not in line:
        line.append(process)
        process = found[process][1]
    return line


def of_all(charges: Iterable[Charge]) -> dict:
    """Return {kind: processor seconds} of all charges, those of all containers as one."""
    sums: dict = {}
    for charge in charges:
        kind = APP if charge.kind.startswith(APP) else charge.kind
        sums[kind] = sums.get(kind, 0.0) + charge.seconds
    return {kind: round(seconds, 2) for kind, seconds in sums.items()}


def spent(charges: Iterable[Charge], begin: float, end: float) -> dict:
    """Return {kind: processor seconds} between two moments; what spans one of them counts in part."""
    sums: dict = {}
    for since, until, kind, seconds in charges:
        if until <= since:
            share = 1.0 if begin <= since < end else 0.0
        else:
            share = max(0.0, min(until, end) - max(since, begin)) / (until - since)
        if share:
            sums[kind] = sums.get(kind, 0.0) + seconds * share
    return sums
