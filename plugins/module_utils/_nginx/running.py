# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The Nginx in front of the colors, on the host or in a container, as it really runs."""

from __future__ import annotations

import os
import re
import socket
from functools import cached_property
from typing import Any, Iterable, Iterator, NamedTuple

from .._docker.engine import EngineError
from .._errors import BluegreenError
from .._host import Host
from .._linux import sockets
from .._settings import Nginx
from .._validation import COLORS, LOOPBACK, check_server
from . import dump as nginx_dump, master as nginx_master, search as nginx_search
from .config import Statement
from .master import NginxWorker

_LOG_LINE = re.compile(
    r"^(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d |nginx: )\[(?:emerg|alert)\] (?:\d+#\d+: )?(?:\*\d+ )?(.*)$"
)


class Checked(NamedTuple):
    """The answer of ``nginx -T``: whether the configuration is valid, the error if not, the configuration if so."""

    ok: bool
    message: str
    dump: str


class Running:
    """The running Nginx.

    :ivar pid: that of the master.
    :ivar command: the program with the arguments that it was started with.
    :ivar build: the output of ``nginx -V``; empty for one in a container.
    :ivar prefix: the folder that relative paths of the configuration begin at.
    :ivar container: the id of its container, empty on the host.
    :ivar networks: ``{name: facts}`` of the networks of that container.
    :ivar file: path of the owned file as Nginx sees it.
    :raises BluegreenError: it does not run, or not as the settings say.
    """

    pid: int
    command: list[str]
    prefix: str

    def __init__(self, host: Host, nginx: Nginx) -> None:
        self.host = host
        self.nginx = nginx
        self.container = ""
        self.networks: dict[str, dict[str, Any]] = {}
        self.file = nginx.file
        self.build = ""
        if nginx.container:
            self._find_in_container()
        else:
            self._find_on_host()

    def _find_on_host(self) -> None:
        found = nginx_search.find(self.host, self.nginx)
        self.pid, self.command, self.build, self.prefix = found.pid, found.command, found.build, found.prefix

    def _find_in_container(self) -> None:
        name = self.nginx.container
        try:
            data = self.host.engine.inspect(name)
        except EngineError as error:
            if error.status != 404:
                raise
            raise BluegreenError(
                f"bluegreen_nginx_container is {name!r}, but there is no container of that name: correct the "
                "name, or leave the option empty for an Nginx on the host itself."
            ) from error
        if not data["State"]["Running"]:
            raise BluegreenError(
                f"Nginx does not run: its container {name} is {data['State']['Status']}. Start it (docker start "
                f"{name})."
            )
        pid = nginx_master.below(data["State"]["Pid"])
        if pid is None:
            raise BluegreenError(
                f"bluegreen_nginx_container is {name!r}, but no Nginx runs in it: name the container of Nginx."
            )
        self.pid = pid
        self.container = data["Id"]
        self.file = path_inside(data.get("Mounts") or (), self.nginx.file, name)
        self.networks = data["NetworkSettings"].get("Networks") or {}
        self.command = ["nginx", *nginx_master.start_arguments(nginx_master.title(self.pid))]
        self.prefix = "/"

    @property
    def addresses(self) -> set[str]:
        """Its own IPs, where it runs in a network of its own."""
        return {address for network in self.networks.values() for address in _addresses_on(network)}

    def check(self) -> Checked:
        """``nginx -T``: whether the files on the disk are a valid configuration."""
        code, out, err = self._run(["-T"])
        if code == 0:
            return Checked(True, "", out)
        # Nginx does not print an invalid configuration.
        return Checked(False, _error_of(["-T"], code, "", err), "")

    def reload(self) -> str:
        """Signal Nginx to read its files again; only a proof shows whether it did.

        :returns: the error of Nginx, empty when it sent the signal.
        """
        arguments = ["-s", "reload"]
        code, out, err = self._run(arguments, changes=True)
        return "" if code == 0 else _error_of(arguments, code, out, err)

    def _run(self, arguments: list[str], changes: bool = False) -> tuple[int, str, str]:
        if not self.container:
            return self.host.run([*self.command, *arguments], cwd=f"/proc/{self.pid}/cwd", changes=changes)
        if changes:
            self.host.commands.append(f"docker exec {self.nginx.container} {' '.join(self.command + arguments)}")
        code, out, err = self.host.engine.execute(self.container, self.command + arguments)
        return code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")

    def nginx_workers(self) -> list[NginxWorker]:
        """The children of its master, as of now."""
        return nginx_master.workers_of(self.pid)

    def inodes(self, with_draining: bool = False) -> set[int]:
        """Inodes of the sockets of its worker processes that accept requests.

        :param with_draining: of those too that only finish their requests.
        """
        workers = [worker for worker in self.nginx_workers() if with_draining or not worker.draining]
        return {inode for worker in workers for inode in sockets.inodes_of(worker.pid)}

    def accepted(self) -> dict[int, tuple[str, int]]:
        """``{inode: (IP, port)}`` of the connections that clients opened to this Nginx, with the near end of each."""
        everything, owned = sockets.connections(self.pid), self.inodes(with_draining=True)
        ports = {connection.local[1] for connection in everything if connection.state == sockets.LISTENING}
        return {
            connection.inode: connection.local
            for connection in everything
            if connection.inode in owned and connection.state != sockets.LISTENING and connection.local[1] in ports
        }

    def endpoints(self, color: str) -> tuple[set[tuple[str, int]], set[int]]:
        """``({(IP, port)}, {pid})`` of a color: its endpoints, and a process in each of its own network namespaces.

        The name of a container has an address only while that container runs.
        """
        address, port = check_server(f"servers.{color}", self.nginx.servers[color])
        if address in LOOPBACK:
            return {(address.strip("[]"), port)}, set()
        places: set[tuple[str, int]] = set()
        pids: set[int] = set()
        for data, facts in self._behind(address):
            places.update((ip, port) for ip in _addresses_on(facts))
            pids.add(data["State"]["Pid"])
        return places, pids

    def is_refused(self, color: str) -> bool:
        """Whether nothing accepts connections at a color's server; one that does not answer in time may be busy."""
        places, dummy = self.endpoints(color)
        return all(_refuses(place) for place in places)

    def _behind(self, address: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """``(inspect data, facts of the network)`` of the running containers that Nginx reaches by a name."""
        for summary in self.host.engine.containers():
            attached = (summary.get("NetworkSettings") or {}).get("Networks") or {}
            if not any(network in self.networks and _addresses_on(attached[network]) for network in attached):
                continue
            try:
                data = self.host.engine.inspect(summary["Id"])
            except EngineError as error:
                # It was removed after it was listed.
                if error.status != 404:
                    raise
                continue
            for network, facts in data["NetworkSettings"]["Networks"].items():
                if network in self.networks and _addresses_on(facts) and address in _names(data, facts):
                    yield data, facts

    def written_as(self) -> dict[str, str]:
        """``{"host:port": color}`` for each name and address by which a configuration can call a color's container."""
        found: dict[str, str] = {}
        for color in COLORS:
            address, port = check_server(f"servers.{color}", self.nginx.servers[color])
            if address in LOOPBACK:
                continue
            for data, facts in self._behind(address):
                hosts = _names(data, facts) | {f"[{ip}]" if ":" in ip else ip for ip in _addresses_on(facts)}
                found.update({f"{host.lower()}:{port}": color for host in hosts})
        return found

    def require_resolvable(self, color: str) -> None:
        """Refuse a server that has no address now: Nginx resolves names when it loads, and would not start.

        :raises BluegreenError: the server of ``color`` has none.
        """
        if self.endpoints(color)[0]:
            return
        begin = f"bluegreen_nginx_servers.{color} is {self.nginx.servers[color]!r}, but"
        if not self.container:
            raise BluegreenError(
                f"{begin} Nginx runs on the host, where it reaches only the ports of the colors: remove "
                "bluegreen_nginx_servers, or, if Nginx runs in a container, name that in bluegreen_nginx_container."
            )
        if not self.addresses:
            raise BluegreenError(
                f"{begin} the container of Nginx ({self.nginx.container}) has no network of its own: remove "
                "bluegreen_nginx_servers if that container uses the host's network, or attach it to the network of "
                f"the web service of {color}."
            )
        raise BluegreenError(
            f"{begin} no running container on a network of Nginx ({', '.join(sorted(self.networks))}) has that name: "
            f"put the web service of {color} on such a network under that name or alias."
        )


class Seen:
    """The running Nginx, found and asked for its configuration once, when that is first needed."""

    def __init__(self, host: Host, nginx: Nginx) -> None:
        self._host = host
        self._nginx = nginx

    @cached_property
    def running(self) -> Running:
        """Its master, and how to call it.

        :raises BluegreenError: it does not run, or not as the settings say.
        """
        return Running(self._host, self._nginx)

    @cached_property
    def checked(self) -> Checked:
        """The answer of ``nginx -T``."""
        return self.running.check()

    @cached_property
    def files(self) -> dict[str, str]:
        """Its configuration, ``{path: text}``, the main file first; empty when it is invalid."""
        return nginx_dump.sections(self.checked.dump)

    @cached_property
    def configuration(self) -> list[Statement]:
        """Its configuration as statements.

        :raises ConfigError: the files cannot be understood.
        """
        return nginx_dump.load(self.files)


def reason_of(log: str) -> str:
    """The first error in lines of Nginx's error log, or of its output; empty when there is none."""
    for line in log.splitlines():
        match = _LOG_LINE.match(line.strip())
        if match:
            # Only the first says why; the last one says that Nginx gives up.
            return match.group(1)
    return ""


def _error_of(arguments: list[str], code: int, out: str, err: str) -> str:
    text = reason_of(err) or " ".join((err or out).split())
    return text.rstrip(".") or f"nginx {' '.join(arguments)} ended with {code}"


def _refuses(place: tuple[str, int]) -> bool:
    try:
        socket.create_connection(place, timeout=1.0).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def _addresses_on(network: dict[str, Any]) -> list[str]:
    return [network[key] for key in ("IPAddress", "GlobalIPv6Address") if network.get(key)]


def _names(data: dict[str, Any], facts: dict[str, Any]) -> set[str]:
    return {data["Name"].lstrip("/"), *(facts.get("Aliases") or ()), *(facts.get("DNSNames") or ())}


def path_inside(mounts: Iterable[dict[str, Any]], file: str, container: str) -> str:
    """The path in a container of a file of the host.

    :param mounts: those of the container's inspect data.
    :raises BluegreenError: the container does not see the file, or would not see it replaced.
    """
    real = os.path.join(os.path.realpath(os.path.dirname(file)), os.path.basename(file))
    for mount in sorted(mounts, key=lambda mount: len(mount.get("Source") or ""), reverse=True):
        source = os.path.realpath(mount.get("Source") or "/")
        if source == real:
            raise BluegreenError(
                f"{file} is mounted as a single file into the container {container}, and such a mount keeps showing "
                f"the previous file: mount its folder {os.path.dirname(file)} instead."
            )
        if mount.get("Source") and real.startswith(source.rstrip("/") + "/"):
            folder: str = mount["Destination"]
            return folder.rstrip("/") + real[len(source.rstrip("/")):]
    raise BluegreenError(
        f"bluegreen_nginx_file is {file!r}, but no folder with that file is mounted into the container {container}: "
        f"mount {os.path.dirname(file)} at the folder from which that Nginx includes files, such as /etc/nginx/conf.d."
    )
