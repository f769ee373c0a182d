# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The Docker Engine through its socket, with nothing but the standard library.

The Docker SDK would double the cost of every remote run on a Raspberry Pi and be one more thing to install
on each target. Paths carry no API version, so that the engine answers in its own: 20.10 to the newest.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import socket
import struct
import time
from typing import Optional
from urllib.parse import quote, urlencode

from .._errors import BluegreenError
from .._validation import check_docker_host

DEFAULT_DOCKER_HOST = "unix:///var/run/docker.sock"


class EngineError(BluegreenError):
    """The engine refused a request.

    :param status: HTTP status of the answer, 0 when there was none.
    """

    def __init__(self, message, status=0):
        super().__init__(message)
        self.status = status


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Engine:
    """A Docker Engine behind a unix socket.

    :param docker_host: ``unix://`` and the path of the socket.
    :param commands: a list to which every changing request is appended as the command line that would do the same.
    """

    def __init__(self, docker_host=DEFAULT_DOCKER_HOST, commands=None):
        self.docker_host = check_docker_host("docker_host", docker_host)
        self.commands = commands if commands is not None else []
        self._path = docker_host[len("unix://"):]
        self._answers = None

    @contextlib.contextmanager
    def each_once(self):
        """Within this no question is asked twice: for a look at everything, which changes nothing."""
        self._answers = {}
        try:
            yield
        finally:
            self._answers = None

    # Reading

    def ping(self):
        """Raise unless the engine answers; for anything about itself it would start other programs first."""
        self.request("GET", "/_ping")

    def info(self):
        return self.get("/info")

    def containers(self, labels=()):
        """Summaries of all containers, running or not, that carry every one of ``labels`` (``key=value``)."""
        filters = {"label": list(labels)} if labels else {}
        return self.get("/containers/json", {"all": "1", "filters": json.dumps(filters)})

    def inspect(self, container):
        return self.get(f"/containers/{quote(container)}/json")

    def exists(self, container):
        return self._absent_as_none(f"/containers/{quote(container)}/json") is not None

    def image(self, reference):
        """Inspect data of an image, or ``None`` when it is not on this host."""
        return self._absent_as_none(f"/images/{quote(reference, safe='/:@')}/json")

    def image_ids(self):
        """Ids of all images on this host."""
        return {summary["Id"] for summary in self.get("/images/json")}

    def networks(self, label):
        """Networks that carry a label (``key=value``)."""
        return self.get("/networks", {"filters": json.dumps({"label": [label]})})

    def network(self, name):
        """Inspect data of a network, or ``None``."""
        return self._absent_as_none(f"/networks/{quote(name)}")

    def volume(self, name):
        """Inspect data of a volume, or ``None``."""
        return self._absent_as_none(f"/volumes/{quote(name)}")

    def volumes(self, label):
        """Named volumes that carry a label (``key=value``)."""
        return self.get("/volumes", {"filters": json.dumps({"label": [label]})})["Volumes"] or []

    def top(self, container, ps_args="-eo pid,ppid,comm,args"):
        """Processes of a running container as dicts keyed by the titles that ps prints."""
        data = self.get(f"/containers/{quote(container)}/top", {"ps_args": ps_args})
        return [dict(zip(data["Titles"], row)) for row in data["Processes"] or ()]

    def stats(self, container):
        """One reading of a running container's resources."""
        return self.get(f"/containers/{quote(container)}/stats", {"stream": "false", "one-shot": "true"})

    def changes(self, container):
        """Paths that a container changed in its own layer (``docker diff``)."""
        return [change["Path"] for change in self.get(f"/containers/{quote(container)}/changes") or ()]

    def archive(self, container, path):
        """A tar of one path of a container, running or not, as bytes; ``None`` when it is not there."""
        try:
            return self.request("GET", f"/containers/{quote(container)}/archive", {"path": path})
        except EngineError as error:
            if error.status == 404:
                return None
            raise

    def changed_at(self, container: str, path: str) -> Optional[str]:
        """When one path of a container, running or not, was last written, as RFC 3339; ``None`` when nobody tells."""
        try:
            headers = self._exchange("HEAD", f"/containers/{quote(container)}/archive", {"path": path})[0]
        except EngineError as error:
            if error.status == 404:
                return None
            raise
        stat = headers.get("X-Docker-Container-Path-Stat")
        return json.loads(base64.b64decode(stat))["mtime"] if stat else None

    def logs(self, container, tail=20, since=0):
        """The last ``tail`` lines that a container wrote, both streams in order.

        :param since: seconds since the epoch; what it wrote before, also before its last start, is left out.
        """
        query = {"stdout": "1", "stderr": "1", "tail": str(tail), "since": f"{since:.6f}"}
        raw = self.request("GET", f"/containers/{quote(container)}/logs", query)
        # The container's configuration tells whether the stream is framed; asking costs less than guessing wrong.
        if not self.inspect(container)["Config"]["Tty"]:
            raw = b"".join(part for stream, part in _frames(raw))
        return raw.decode("utf-8", "replace").splitlines()

    # Changing

    def create(self, name, body):
        """Create a container and return its id.

        :param body: the engine's own form of it. It may hold secrets, so the command line shows the image alone.
        """
        command = f"docker create --name {name} {body['Image']}"
        return json.loads(self._change(command, "POST", "/containers/create", {"name": name}, body))["Id"]

    def create_network(self, body):
        """Create a network in the engine's own form of it, and return its id."""
        created = self._change(f"docker network create {body['Name']}", "POST", "/networks/create", body=body)
        return json.loads(created)["Id"]

    def connect(self, network, container, endpoint):
        """Connect a container, running or not, to a network.

        :param endpoint: its settings there in the engine's form; the command line shows the aliases.
        """
        aliases = "".join(f"--alias {alias} " for alias in endpoint.get("Aliases") or ())
        self._change(
            f"docker network connect {aliases}{network} {container}",
            "POST",
            f"/networks/{quote(network)}/connect",
            body={"Container": container, "EndpointConfig": endpoint},
        )

    def disconnect(self, network, container):
        """Disconnect a container from a network, also from one of that name that is not the one it was connected to."""
        self._change(
            f"docker network disconnect -f {network} {container}",
            "POST",
            f"/networks/{quote(network)}/disconnect",
            body={"Container": container, "Force": True},
        )

    def start(self, container):
        self._change(f"docker start {container}", "POST", f"/containers/{quote(container)}/start")

    def stop(self, container, timeout=None):
        """Stop a container; ``timeout`` in seconds, the container's own when ``None``."""
        query = {} if timeout is None else {"t": str(int(timeout))}
        self._change(
            f"docker stop {container}" if timeout is None else f"docker stop -t {int(timeout)} {container}",
            "POST",
            f"/containers/{quote(container)}/stop",
            query,
            timeout=(timeout or 600) + 60,
        )

    def kill(self, container, signal):
        self._change(
            f"docker kill -s {signal} {container}", "POST", f"/containers/{quote(container)}/kill", {"signal": signal}
        )

    def unpause(self, container):
        self._change(f"docker unpause {container}", "POST", f"/containers/{quote(container)}/unpause")

    def set_restart_policy(self, container, policy):
        """Give a container a restart policy in the Engine's form, ``{"Name": ..., "MaximumRetryCount": ...}``."""
        name = policy.get("Name") or "no"
        self._change(
            f"docker update --restart={name} {container}",
            "POST",
            f"/containers/{quote(container)}/update",
            body={"RestartPolicy": {"Name": name, "MaximumRetryCount": policy.get("MaximumRetryCount", 0)}},
        )

    def set_cpu_shares(self, container, shares):
        """Give a container a CPU weight. 0 would be no change for the engine; its default is 1024."""
        self._change(
            f"docker update --cpu-shares={shares} {container}",
            "POST",
            f"/containers/{quote(container)}/update",
            body={"CpuShares": shares},
        )

    def unpack(self, container, folder, archive):
        """Put what a tar holds into a folder of a container, running or not; owners and modes are the tar's."""
        self._change(
            f"docker cp - {container}:{folder}",
            "PUT",
            f"/containers/{quote(container)}/archive",
            {"path": folder},
            archive,
        )

    def remove(self, container, volumes=True):
        """Remove a stopped container, with its anonymous volumes when ``volumes``."""
        self._change(
            f"docker rm {'-v ' if volumes else ''}{container}",
            "DELETE",
            f"/containers/{quote(container)}",
            {"v": "1" if volumes else "0"},
        )

    def remove_network(self, name):
        self._change(f"docker network rm {name}", "DELETE", f"/networks/{quote(name)}")

    def remove_volume(self, name):
        self._change(f"docker volume rm {name}", "DELETE", f"/volumes/{quote(name)}")

    def remove_image(self, reference):
        self._change(f"docker image rm {reference}", "DELETE", f"/images/{quote(reference, safe='/:@')}")

    def execute(self, container, argv, stdin=b"", timeout=60):
        """Run a command in a running container.

        :param argv: the command as a list, no shell.
        :param stdin: bytes for its standard input.
        :param timeout: seconds without any output after which it counts as hung.
        :returns: ``(exit code, stdout bytes, stderr bytes)``
        """
        created = self.request(
            "POST",
            f"/containers/{quote(container)}/exec",
            body={"AttachStdin": bool(stdin), "AttachStdout": True, "AttachStderr": True, "Cmd": list(argv)},
        )
        exec_id = json.loads(created)["Id"]
        raw = self._hijack(f"/exec/{exec_id}/start", stdin, timeout)
        streams = {1: [], 2: []}
        for stream, part in _frames(raw):
            streams.setdefault(stream, []).append(part)
        code = self.get(f"/exec/{exec_id}/json")["ExitCode"]
        return code, b"".join(streams[1]), b"".join(streams[2])

    def run_aside(self, name, body, stdin, timeout):
        """Run a container of its own to its end, feed it, and leave nothing of it behind.

        :param body: the engine's own form of a container to create; its standard input must not be a terminal.
        :param stdin: bytes for its standard input.
        :param timeout: seconds after which it is killed.
        :returns: ``(stdout bytes, stderr bytes)``
        :raises EngineError: it cannot be made, or ran out of time.
        """
        streams = dict.fromkeys(("AttachStdin", "AttachStdout", "AttachStderr", "OpenStdin", "StdinOnce"), True)
        self.commands.append(f"docker run --rm --interactive --name {name} {body['Image']}")
        created = self.request("POST", "/containers/create", {"name": name}, body={**body, **streams, "Tty": False})
        container = json.loads(created)["Id"]
        try:
            raw = self._attach_and_start(container, stdin, timeout)
        finally:
            self.remove_by_force(container)
        parts = {1: [], 2: []}
        for stream, part in _frames(raw):
            parts.setdefault(stream, []).append(part)
        return b"".join(parts[1]), b"".join(parts[2])

    def remove_by_force(self, container):
        """Remove a container, running or not, that may be going by itself; it is gone when this returns."""
        for method, path, query in (
            ("DELETE", "", {"v": "1", "force": "1"}),
            # Somebody removes it already.
            ("POST", "/wait", {"condition": "removed"}),
        ):
            try:
                self.request(method, f"/containers/{quote(container)}{path}", query)
                return
            except EngineError as error:
                if error.status == 404:
                    return
                if error.status != 409:
                    raise

    # The wire

    def get(self, path, query=None):
        question = path, urlencode(query or {})
        payload = self._answers.get(question) if self._answers else None
        if payload is None:
            payload = self.request("GET", path, query)
        if self._answers is not None:
            self._answers[question] = payload
        try:
            return json.loads(payload)
        except ValueError as error:
            raise EngineError(f"The Docker Engine at {self.docker_host} answers {path} with something else than JSON.") from error

    def request(self, method, path, query=None, body=None, timeout=60):
        """One request.

        :param body: sent as JSON; bytes are sent as they are, as a tar.
        :returns: the body of the answer, bytes.
        :raises EngineError: the engine is out of reach or answered with a status of 400 and more.
        """
        return self._exchange(method, path, query, body, timeout)[1]

    def _exchange(self, method, path, query=None, body=None, timeout=60):
        """``(headers, body)`` of the answer to a request."""
        connection = _SocketConnection(self._path, timeout)
        headers = {}
        if isinstance(body, bytes):
            headers["Content-Type"] = "application/x-tar"
        elif body is not None:
            body = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, f"{path}?{urlencode(query)}" if query else path, body, headers)
            response = connection.getresponse()
            payload = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._out_of_reach(error) from error
        finally:
            connection.close()
        if response.status >= 400:
            raise EngineError(_message_of(payload), response.status)
        return response.headers, payload

    def _hijack(self, path, stdin, timeout):
        connection = _SocketConnection(self._path, timeout)
        body = json.dumps({"Detach": False, "Tty": False}).encode()
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            # The connection object lets go of its socket with the answer; the stream goes on in both directions.
            wire = connection.sock
            response = connection.getresponse()
            if response.status >= 400:
                raise EngineError(_message_of(response.read()), response.status)
            if stdin:
                wire.sendall(stdin)
                wire.shutdown(socket.SHUT_WR)
            return response.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._out_of_reach(error) from error
        finally:
            connection.close()

    def _attach_and_start(self, container, stdin, timeout):
        """What a container writes from its start to its end, as frames."""
        ends, raw = time.monotonic() + timeout, []
        connection = _SocketConnection(self._path, timeout)
        query = urlencode({"stream": "1", "stdin": "1", "stdout": "1", "stderr": "1"})
        try:
            connection.request("POST", f"/containers/{quote(container)}/attach?{query}", b"")
            wire = connection.sock
            response = connection.getresponse()
            if response.status >= 400:
                raise EngineError(_message_of(response.read()), response.status)
            self.request("POST", f"/containers/{quote(container)}/start")
            wire.sendall(stdin)
            wire.shutdown(socket.SHUT_WR)
            while True:
                wire.settimeout(max(ends - time.monotonic(), 0.01))
                part = response.read1(65536)
                if not part:
                    return b"".join(raw)
                raw.append(part)
        except socket.timeout as error:
            raise EngineError(f"it had not ended after {timeout:g} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise self._out_of_reach(error) from error
        finally:
            connection.close()

    def _change(self, command, method, path, query=None, body=None, timeout=60):
        self.commands.append(command)
        return self.request(method, path, query, body, timeout)

    def _absent_as_none(self, path):
        try:
            return self.get(path)
        except EngineError as error:
            if error.status == 404:
                return None
            raise

    def _out_of_reach(self, error):
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return EngineError(
            f"The Docker Engine does not answer at {self.docker_host} ({reason}): start it "
            "(systemctl start docker), or name its socket in docker_host."
        )


def _message_of(payload):
    try:
        return json.loads(payload)["message"]
    except (ValueError, KeyError, TypeError):
        return payload.decode("utf-8", "replace").strip() or "the Docker Engine gave no reason"


def _frames(raw):
    """``(stream, bytes)`` of each frame of a multiplexed stream; stream 1 is stdout and 2 is stderr."""
    offset = 0
    while offset + 8 <= len(raw):
        stream, length = struct.unpack_from(">BxxxL", raw, offset)
        yield stream, raw[offset + 8:offset + 8 + length]
        offset += 8 + length
