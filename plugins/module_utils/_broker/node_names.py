# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Names of Celery's nodes (workers): which of those that answer run in some containers.

Another app may use the same Redis, and its workers answer every request too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Collection, Iterable, NamedTuple, Sequence

from .._celery.roles import Roles, find_command, main_processes, roles_of_processes
from .._docker.containers import Container
from .._docker.engine import EngineError
from .._linux.processes import processes_of
from .._process import Process

if TYPE_CHECKING:
    from .. import _host

# Celery's own, if the command names none.
DEFAULT_NAME = "celery"
_TITLE = re.compile(r"\[celeryd: (\S+):MainProcess\]")


class Nodes:
    """The nodes of some containers.

    :ivar hosts: one :class:`Host` for each container.
    """

    def __init__(self, hosts: Iterable[Host]) -> None:
        self.hosts = list(hosts)

    def __len__(self) -> int:
        return len(self.hosts)

    def owns(self, node: str) -> bool:
        """Whether a node runs in one of the containers."""
        return any(each.has(node) for each in self.hosts)

    def all_in(self, answered: Collection[str]) -> bool:
        """Whether all nodes of each container have answered.

        :param answered: names of the nodes that have.
        """
        return all(each.is_complete(answered) for each in self.hosts)


class Host(NamedTuple):
    """One container: the host names that it may have, and the names of the nodes that its processes show.

    ``nodes`` has a set of possible names for each node, because engines differ in how they add a domain.
    """

    hostnames: tuple[str, ...]
    nodes: tuple[frozenset[str], ...] = ()

    def has(self, node: str) -> bool:
        """Whether a node of this name runs in the container."""
        if self.nodes:
            return any(node in names for names in self.nodes)
        return node.partition("@")[2] in self.hostnames

    def is_complete(self, answered: Collection[str]) -> bool:
        """Whether all nodes of the container have answered."""
        if self.nodes:
            return all(not names.isdisjoint(answered) for names in self.nodes)
        return any(self.has(node) for node in answered)


def nodes_of(host: _host.Host, containers: Iterable[Container]) -> Nodes:
    """The nodes of worker containers that run.

    A beat is left out: it has no remote control, so its answer would be waited for until the timeout.
    """
    running = [(each, processes_of(each.pid)) for each in containers if each.running]
    return Nodes(_host_of(host, *each) for each in running if roles_of_processes(each[1]) != Roles(beat=True))


def _host_of(host: _host.Host, container: Container, processes: list[Process]) -> Host:
    try:
        config = host.engine.inspect(container.id)["Config"]
    except EngineError:
        config = {"Hostname": container.hostname}
    hostnames = [config.get("Hostname") or container.id[:12]]
    if config.get("Domainname"):
        hostnames.append(f"{hostnames[0]}.{config['Domainname']}")
    nodes = {frozenset(name_of(each.argv, one) for one in hostnames) for each in main_processes(processes)}
    return Host(tuple(hostnames), tuple(nodes - {frozenset([""])}))


def name_of(argv: Sequence[str], hostname: str) -> str:
    """The name of the node that a process is, or an empty string when it is not a worker.

    :param argv: its command line, which Celery may have replaced by a title.
    """
    text = " ".join(argv)
    title = _TITLE.search(text)
    if title:
        return title.group(1)
    words = text.split()
    found = find_command(words)
    if found is None or words[found[1]] != "worker":
        return ""
    return expanded(_option(words), hostname)


def _option(words: Sequence[str]) -> str:
    """The value of Celery's option ``-n``."""
    for index, word in enumerate(words):
        if word.startswith("--hostname="):
            return word.partition("=")[2]
        if word in ("-n", "--hostname"):
            return "".join(words[index + 1 : index + 2])
        if word.startswith("-n") and not word.startswith("--") and len(word) > 2:
            return word[2:]
    return ""


def expanded(given: str, hostname: str) -> str:
    """The name of the node that Celery makes of the value of its option ``-n``."""
    name, at, node_host = given.partition("@")
    if not at:
        name, node_host = "", given
    short, dummy, domain = hostname.partition(".")
    values = {"h": hostname, "n": short, "d": domain, "i": "0", "I": "", "%": "%"}
    text = f"{name or DEFAULT_NAME}@{node_host or hostname}"
    return re.sub(r"%(.)", lambda found: values.get(found.group(1), found.group(0)), text)
