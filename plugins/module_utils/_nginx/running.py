# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The Nginx that stands before the colors, on the host or in a container, as it really runs."""

from __future__ import annotations

import os
from functools import cached_property
from typing import NamedTuple

from .._docker.engine import EngineError
from .._errors import BluegreenError
from .._linux import sockets
from .._linux.own_addresses import own_names
from .._validation import (
    COLORS,
    LOOPBACK,
    check_both_colors,
    check_container,
    check_host,
    check_path,
    check_port,
    check_server,
    check_upstream,
    check_url,
)
from . import (
    config as nginx_config,
    location as nginx_location,
    master as nginx_master,
    other_routes,
    proof as nginx_proof,
    public_answer,
    public_requests,
    search as nginx_search,
    upstream as nginx_upstream,
)


class Nginx(NamedTuple):
    """What the user says about Nginx.

    ``servers`` maps a color to ``address:port`` as Nginx sees it; ``container`` is empty for an Nginx on the host.
    """

    upstream: str
    file: str
    container: str
    servers: dict
    public_url: str
    public_host: str
    validate_certs: bool = True
    backup: bool = False


def nginx_settings(params):
    """The :class:`Nginx` in the parameters of a module, checked and completed from ``app`` and ``ports``."""
    ports = check_both_colors("ports", params["ports"])
    servers = params["servers"] or {color: f"127.0.0.1:{check_port(f'ports.{color}', ports[color])}" for color in COLORS}
    check_both_colors("servers", servers)
    for color in COLORS:
        check_server(f"servers.{color}", servers[color])
    check_url("public_url", params["public_url"])
    return Nginx(
        upstream=check_upstream("upstream", params["upstream"] or params["app"]),
        file=check_path("file", params["file"] or f"/etc/nginx/conf.d/bluegreen-{params['app']}.conf"),
        container=check_container("container", params["container"]),
        servers=servers,
        public_url=params["public_url"],
        public_host=check_host("public_host", params["public_host"]),
        validate_certs=params["validate_certs"],
        backup=params["backup"],
    )


class Checked(NamedTuple):
    """What ``nginx -T`` says: whether the configuration is valid, the error if not, the configuration if so."""

    ok: bool
    message: str
    dump: str


class Running:
    """The running Nginx.

    :param host: a :class:`Host`.
    :param nginx: an :class:`Nginx`.
    :ivar pid: of the master.
    :ivar file: path of the owned file as Nginx sees it.
    :ivar addresses: its own IPs, when it is in a network of its own.
    :raises BluegreenError: it does not run, or not as the settings say.
    """

    def __init__(self, host, nginx):
        self.host = host
        self.nginx = nginx
        self.container = ""
        self.networks = {}
        self.file = nginx.file
        self.build = ""
        if nginx.container:
            self._find_in_container()
        else:
            self._find_on_host()

    def _find_on_host(self):
        found = nginx_search.find(self.host, self.nginx)
        self.pid, self.command, self.build, self.prefix = found.pid, found.command, found.build, found.prefix

    def _find_in_container(self):
        name = self.nginx.container
        try:
            data = self.host.engine.inspect(name)
        except EngineError as error:
            if error.status != 404:
                raise
            raise BluegreenError(
                f"bluegreen_nginx_container is {name!r}, but there is no container of that name: correct it, or leave it "
                "empty for an Nginx on the host itself."
            ) from error
        if not data["State"]["Running"]:
            raise BluegreenError(
                f"Nginx does not run: its container {name} is {data['State']['Status']}. Start it (docker start {name})."
            )
        self.pid = nginx_master.below(data["State"]["Pid"])
        if self.pid is None:
            raise BluegreenError(
                f"bluegreen_nginx_container is {name!r}, but no Nginx runs in it: name the container of Nginx."
            )
        self.container = data["Id"]
        self.file = path_inside(data.get("Mounts") or (), self.nginx.file, name)
        self.networks = data["NetworkSettings"].get("Networks") or {}
        self.command = ["nginx", *nginx_master.start_arguments(nginx_master.title(self.pid))]
        self.prefix = "/"

    @property
    def addresses(self):
        return {address for network in self.networks.values() for address in _addresses_on(network)}

    # What it says

    def check(self):
        """``nginx -T``: whether the files on the disk make sense, as :class:`Checked`."""
        code, out, err = self._run(["-T"])
        if code == 0:
            return Checked(True, "", out)
        # A broken configuration is not printed at all.
        return Checked(False, _said(["-T"], code, "", err), "")

    def reload(self):
        """Ask Nginx to read its files again. Whether it did is for a proof to show.

        :returns: what Nginx says against it, empty when the signal was sent.
        """
        arguments = ["-s", "reload"]
        code, out, err = self._run(arguments, changes=True)
        return "" if code == 0 else _said(arguments, code, out, err)

    def _run(self, arguments, changes=False):
        if not self.container:
            return self.host.run([*self.command, *arguments], cwd=f"/proc/{self.pid}/cwd", changes=changes)
        if changes:
            self.host.commands.append(f"docker exec {self.nginx.container} {' '.join(self.command + arguments)}")
        code, out, err = self.host.engine.execute(self.container, self.command + arguments)
        return code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")

    # What it does

    def children(self):
        return nginx_master.workers_of(self.pid)

    def inodes(self):
        """Sockets of those children that accept requests."""
        return set().union(*(sockets.inodes_of(child.pid) for child in self.children() if not child.draining))

    def accepted(self):
        """``{inode: (IP, port)}`` of the connections that clients opened to this Nginx, with the near end of each."""
        everything, owned = sockets.connections(self.pid), self.inodes()
        ports = {connection.local[1] for connection in everything if connection.state == sockets.LISTENING}
        return {
            connection.inode: connection.local
            for connection in everything
            if connection.inode in owned and connection.state != sockets.LISTENING and connection.local[1] in ports
        }

    def endpoints(self, color):
        """The set of ``(IP, port)`` of a color, and pids in its network namespaces where these are not Nginx's own.

        The name of a container has an address only while that container runs.
        """
        address, port = check_server(f"servers.{color}", self.nginx.servers[color])
        if address in LOOPBACK:
            return {(address.strip("[]"), port)}, set()
        places, pids = set(), set()
        for data, facts in self._behind(address):
            places.update((ip, port) for ip in _addresses_on(facts))
            pids.add(data["State"]["Pid"])
        return places, pids

    def _behind(self, address):
        """``(inspect data, facts of the network)`` of the running containers that Nginx reaches by a name."""
        for summary in self.host.engine.containers():
            attached = (summary.get("NetworkSettings") or {}).get("Networks") or {}
            if not any(network in self.networks and _addresses_on(attached[network]) for network in attached):
                continue
            try:
                data = self.host.engine.inspect(summary["Id"])
            except EngineError as error:
                # Somebody removed it in between.
                if error.status != 404:
                    raise
                continue
            for network, facts in data["NetworkSettings"]["Networks"].items():
                if network in self.networks and _addresses_on(facts) and address in _names(data, facts):
                    yield data, facts

    def written_as(self):
        """``{"host:port": color}`` for whatever a configuration can call a color by, where that is a container."""
        found = {}
        for color in COLORS:
            address, port = check_server(f"servers.{color}", self.nginx.servers[color])
            if address in LOOPBACK:
                continue
            for data, facts in self._behind(address):
                hosts = _names(data, facts) | {f"[{ip}]" if ":" in ip else ip for ip in _addresses_on(facts)}
                found.update({f"{host.lower()}:{port}": color for host in hosts})
        return found

    def require_resolvable(self, color):
        """Nginx resolves names when it loads, and one that does not resolve keeps it from starting.

        :raises BluegreenError: that of ``color`` does not.
        """
        if not self.endpoints(color)[0]:
            raise BluegreenError(
                f"bluegreen_nginx_servers.{color} is {self.nginx.servers[color]!r}, but no running container on a network of "
                f"Nginx ({', '.join(sorted(self.networks)) or 'which runs on the host'}) has that name: put the web service of "
                f"{color} on such a network under that name or alias."
            )


class Seen:
    """The running Nginx during one look: found, and asked for its configuration, once, when that is first needed.

    :param host: a :class:`Host`.
    :param nginx: an :class:`Nginx`.
    :ivar running: a :class:`Running`.
    :ivar checked: what it says, as :class:`Checked`.
    :ivar files: its configuration, ``{path: text}``, the main file first.
    :ivar configuration: the same as statements.
    """

    def __init__(self, host, nginx):
        self._host = host
        self._nginx = nginx

    @cached_property
    def running(self):
        return Running(self._host, self._nginx)

    @cached_property
    def checked(self):
        return self.running.check()

    @cached_property
    def files(self):
        return nginx_config.sections(self.checked.dump)

    @cached_property
    def configuration(self):
        return nginx_config.load(self.files)


def _said(arguments, code, out, err):
    text = nginx_proof.reason_of(err) or " ".join((err or out).split())
    return text.rstrip(".") or f"nginx {' '.join(arguments)} ended with {code}"


def _addresses_on(network):
    return [network[key] for key in ("IPAddress", "GlobalIPv6Address") if network.get(key)]


def _names(data, facts):
    return {data["Name"].lstrip("/"), *(facts.get("Aliases") or ()), *(facts.get("DNSNames") or ())}


def path_inside(mounts, file, container):
    """Where a file of the host is in a container.

    :param mounts: those of the container's inspect data.
    :raises BluegreenError: it is not there, or mounted in a way in which a replaced file is not seen.
    """
    real = os.path.join(os.path.realpath(os.path.dirname(file)), os.path.basename(file))
    for mount in sorted(mounts, key=lambda mount: len(mount.get("Source") or ""), reverse=True):
        source = os.path.realpath(mount.get("Source") or "/")
        if source == real:
            raise BluegreenError(
                f"{file} is mounted into the container {container} by itself, which goes on showing the file of before when "
                f"it is replaced: mount its folder {os.path.dirname(file)} instead."
            )
        if mount.get("Source") and real.startswith(source.rstrip("/") + "/"):
            return mount["Destination"].rstrip("/") + real[len(source.rstrip("/")):]
    raise BluegreenError(
        f"bluegreen_nginx_file is {file!r}, but no folder with that file is mounted into the container {container}: mount "
        f"{os.path.dirname(file)} where that Nginx includes its files from, such as /etc/nginx/conf.d."
    )


class ErrorLog:
    """What Nginx writes to its error log from the moment that this is made.

    :param running: a :class:`Running`.
    :param dump: its configuration, as ``nginx -T`` prints it.
    """

    def __init__(self, running, dump):
        self._running = running
        self._path = "" if running.container else self._file(dump)
        self._known = set(self._lines())

    def _file(self, dump):
        try:
            written = nginx_config.children(nginx_config.load(nginx_config.sections(dump)), "error_log")
        except nginx_config.ConfigError:
            written = []
        path = written[0].words[1] if written else nginx_master.build_argument(self._running.build, "error-log-path")
        if not path or path.startswith(("stderr", "syslog:", "memory:")):
            return ""
        return os.path.join(self._running.prefix, path)

    def _lines(self):
        if self._running.container:
            try:
                return self._running.host.engine.logs(self._running.container, tail=100)
            except EngineError:
                # The logs of a container may go where they cannot be read back from.
                return []
        try:
            with open(self._path, "rb") as source:
                source.seek(max(0, os.fstat(source.fileno()).st_size - 32768))
                return source.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return []

    def reason(self):
        """The first error that Nginx has written since; empty when there is none."""
        return nginx_proof.reason_of("\n".join(line for line in self._lines() if line not in self._known))


def preflight(host, nginx, published=None, seen=None, switches=True):
    """What stands against a switch before anything is changed, as sentences; empty when nothing does.

    :param published: ``{port: service}`` of what else the live color publishes on this host, beside its web's port.
    :param seen: a :class:`Seen`, where this is one part of a look.
    :param switches: whether a switch follows. Where there is nothing to do, what only a switch would break is a warning,
        and nothing is asked to see whether it could be proved.
    """
    seen = seen or Seen(host, nginx)
    try:
        running, checked = seen.running, seen.checked
        public = _public_side(running, checked) if checked.ok else None
    except EngineError:
        raise
    except BluegreenError as error:
        return [error.message]
    found = nginx_proof.findings(nginx, running.file, os.path.exists(nginx.file), checked, public)
    if not checked.ok:
        return found
    try:
        configuration = seen.configuration
    except nginx_config.ConfigError:
        # Among the findings already.
        return found
    live = live_color(nginx)
    ways = other_routes.ways(nginx, configuration, own_names(), published, running.written_as())
    refusals, warnings = other_routes.findings(nginx, ways, live)
    if not switches:
        found = [sentence for sentence in found if sentence not in refusals]
        warnings, refusals = refusals + warnings, []
    refusals = list(dict.fromkeys(found + refusals))
    if switches and not refusals:
        refusals, further = _answer_findings(running, configuration, public, live)
        warnings += further
    for sentence in warnings:
        host.warn(sentence)
    return refusals


def _public_side(running, checked):
    try:
        return public_requests.public_side(running)
    except BluegreenError as error:
        url = check_url("public_url", running.nginx.public_url)
        configuration = nginx_config.load(nginx_config.sections(checked.dump))
        place = nginx_location.proxy_protocol_at(configuration, url.port)
        if not place:
            raise
        # Nginx hangs up at the first byte, so it cannot be seen that it answers.
        raise BluegreenError(public_answer.expects_proxy_protocol(running.nginx, url, place)) from error


def _answer_findings(running, configuration, public, live):
    """Whether a request to the public URL shows what it will have to show at the switch."""
    nginx = running.nginx
    url = check_url("public_url", nginx.public_url)
    server = nginx_proof.public_server(configuration, public)
    # A host that asks itself does so from the address that it asks.
    where = nginx_location.answering(configuration, server, url.path.partition("?")[0], public.address)
    if url.scheme == "http":
        # Only TLS has any.
        where = where._replace(client_certificate="")
    answered = public_requests.answered(running, live, where)
    return public_answer.findings(nginx, url, answered, where, live)


def live_color(nginx):
    """The color that the owned file names, ``None`` when it names none or is not as it should be."""
    try:
        with open(nginx.file, encoding="utf-8", errors="replace") as source:
            upstream = nginx_upstream.parse(source.read(), nginx.file, nginx.upstream)
        return nginx_upstream.live_color(upstream, nginx.servers, nginx.file)
    except (OSError, BluegreenError):
        return None


def cannot_switch(host, nginx):
    """What keeps Nginx from being switched at this moment, as a sentence; empty when nothing is known to. Changes nothing."""
    try:
        checked = Running(host, nginx).check()
    except EngineError:
        raise
    except BluegreenError as error:
        return error.message
    return "" if checked.ok else f"nginx -t says: {checked.message}."


def served_color(host, nginx):
    """The color that the running Nginx really serves, ``None`` when that is neither or cannot be told."""
    asked = public_requests.PublicRequests(Running(host, nginx))
    asked.ask()
    return asked.color
