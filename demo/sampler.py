"""Memory and CPU of a lab host and of each container in it, read from the control groups of this machine.

The host itself notices nothing of it: asking its engine would cost the very CPU that is measured.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import threading
import time
from typing import NamedTuple, Optional

INTERVAL = 0.2
MIB = 1024 * 1024
# The folder of an inner container: its id, or docker-<id>.scope where systemd makes the groups.
_CONTAINER = re.compile(r"([0-9a-f]{64})(?:\.scope)?$")


class Sample(NamedTuple):
    time: float  # seconds since 1970
    mib: float  # what all processes of the host hold, its page cache left out
    cpu_seconds: float  # since the host's boot
    containers: dict  # {id: MiB} of the containers in it
    held_seconds: float  # its limit kept processes that could have run from it, since the host's boot
    busy_seconds: float  # of all processors of this machine, since its boot


class Sampler:
    """Samples of a host, from start() to stop()."""

    def __init__(self, host, interval: float = INTERVAL) -> None:
        """host: a Host of lab/host.py."""
        self.samples: list = []
        self._memory_group, self._account_group, self._limit_group = map(host.group, ("memory", "cpuacct", "cpu"))
        self._interval = interval
        self._error: Optional[Exception] = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def start(self) -> Sampler:
        self._thread.start()
        return self

    def stop(self) -> list:
        self._stopping.set()
        self._thread.join()
        if self._error:
            raise self._error
        return self.samples

    def _run(self) -> None:
        try:
            while not self._stopping.wait(self._interval):
                self.samples.append(self._sample())
        except Exception as error:  # whatever it was, the figures would lack what was not sampled
            self._error = error

    def _sample(self) -> Sample:
        containers = {}
        for folder in container_folders(self._memory_group):
            # It may be gone since its folder was listed.
            with contextlib.suppress(OSError):
                containers[_CONTAINER.search(folder)[1]] = anonymous_mib(folder)
        return Sample(
            time=time.time(),
            mib=anonymous_mib(self._memory_group),
            cpu_seconds=cpu_seconds(self._account_group),
            containers=containers,
            held_seconds=held_seconds(self._limit_group),
            busy_seconds=busy_seconds(),
        )


def container_folders(group: str) -> list:
    """Return the groups of the containers that the host's engine runs, whichever driver made them."""
    found = glob.glob(os.path.join(group, "docker", "*")) + glob.glob(
        os.path.join(group, "system.slice", "docker-*.scope")
    )
    return [folder for folder in found if _CONTAINER.search(folder)]


def anonymous_mib(group: str) -> float:
    """Return what the processes of a group and of those below it hold: cgroup v1 says total_rss, v2 anon."""
    fields = _fields(os.path.join(group, "memory.stat"))
    return fields.get("total_rss", fields.get("anon", 0)) / MIB


def cpu_seconds(group: str) -> float:
    usage: Optional[int] = None
    with contextlib.suppress(FileNotFoundError):
        with open(os.path.join(group, "cpuacct.usage"), encoding="ascii") as file:
            usage = int(file.read())
    if usage is not None:
        return usage / 1e9
    return _fields(os.path.join(group, "cpu.stat"))["usage_usec"] / 1e6


def held_seconds(group: str) -> float:
    fields = _fields(os.path.join(group, "cpu.stat"))
    return fields["throttled_usec"] / 1e6 if "throttled_usec" in fields else fields["throttled_time"] / 1e9


def busy_seconds(path: str = "/proc/stat") -> float:
    """Return what all processors have worked, or were kept from it by another virtual machine."""
    with open(path, encoding="ascii") as lines:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, lines.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _fields(path: str) -> dict:
    with open(path, encoding="ascii") as lines:
        return {name: int(value) for name, value in (line.split() for line in lines)}
