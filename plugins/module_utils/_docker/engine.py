# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The API of the Docker Engine, with the standard library alone.

The Docker SDK would double the cost of every remote run on a Raspberry Pi, and each target would need it installed.
Paths carry no API version, so the engine answers in its own: 20.10 to the newest.

Containers, networks and volumes are named by id or name. "Inspect data" is what ``docker inspect`` prints, as a dict.
"""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any, Callable, Iterator, Optional, Sequence, TypeVar
from urllib.parse import quote

from .._validation import check_docker_host
from .transport import TIMEOUT, Body, EngineError, Query, Transport, frames_of, streams_of, target_of

__all__ = ["DEFAULT_DOCKER_HOST", "Engine", "EngineError"]

DEFAULT_DOCKER_HOST = "unix:///var/run/docker.sock"
# Seconds: how long a container without a timeout of its own may take to stop, and how much longer the engine may take.
_LONGEST_STOP = 600
_STOP_RESERVE = 60

_Answer = TypeVar("_Answer")


class Engine:
    """A Docker Engine behind a unix socket. Every method raises :class:`EngineError` if the engine refuses.

    :param docker_host: ``unix://`` and the path of the socket.
    :param commands: a list to which every changing request is appended as the equivalent command line.
    """

    def __init__(self, docker_host: str = DEFAULT_DOCKER_HOST, commands: Optional[list[str]] = None) -> None:
        self.docker_host: str = check_docker_host("docker_host", docker_host)
        self.commands: list[str] = commands if commands is not None else []
        self._transport = Transport(docker_host)
        self._answers: Optional[dict[str, bytes]] = None

    @contextlib.contextmanager
    def each_once(self) -> Iterator[None]:
        """Ask nothing twice within this block. It is for a survey of the whole host, which changes nothing."""
        self._answers = {}
        try:
            yield
        finally:
            self._answers = None

    # Reading

    def ping(self) -> None:
        """Raise unless the engine answers. ``info`` would make it start other programs first."""
        self.request("GET", "/_ping")

    def info(self) -> dict[str, Any]:
        """What ``docker info`` prints."""
        return self._object("/info")

    def containers(self, labels: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Summaries of all containers, running or not, that carry every one of ``labels`` (``key=value``)."""
        filters = {"label": list(labels)} if labels else {}
        return self._list("/containers/json", {"all": "1", "filters": json.dumps(filters)})

    def inspect(self, container: str) -> dict[str, Any]:
        """Inspect data of a container."""
        return self._object(f"/containers/{quote(container)}/json")

    def exists(self, container: str) -> bool:
        return _none_if_absent(lambda: self.inspect(container)) is not None

    def image(self, reference: str) -> Optional[dict[str, Any]]:
        """Inspect data of an image, or ``None`` when it is not on this host."""
        return _none_if_absent(lambda: self._object(f"/images/{quote(reference, safe='/:@')}/json"))

    def image_ids(self) -> set[str]:
        """Ids of all images on this host."""
        return {summary["Id"] for summary in self._list("/images/json")}

    def networks(self, label: str) -> list[dict[str, Any]]:
        """Networks that carry a label (``key=value``)."""
        return self._list("/networks", {"filters": json.dumps({"label": [label]})})

    def network(self, name: str) -> Optional[dict[str, Any]]:
        """Inspect data of a network, or ``None``."""
        return _none_if_absent(lambda: self._object(f"/networks/{quote(name)}"))

    def volume(self, name: str) -> Optional[dict[str, Any]]:
        """Inspect data of a volume, or ``None``."""
        return _none_if_absent(lambda: self._object(f"/volumes/{quote(name)}"))

    def volumes(self, label: str) -> list[dict[str, Any]]:
        """Named volumes that carry a label (``key=value``)."""
        return self._object("/volumes", {"filters": json.dumps({"label": [label]})})["Volumes"] or []

    def top(self, container: str, ps_args: str = "-eo pid,ppid,comm,args") -> list[dict[str, str]]:
        """Processes of a running container as dicts keyed by the titles that ps prints."""
        table = self._object(f"/containers/{quote(container)}/top", {"ps_args": ps_args})
        return [dict(zip(table["Titles"], row)) for row in table["Processes"] or ()]

    def stats(self, container: str) -> dict[str, Any]:
        """One reading of a running container's resources."""
        return self._object(f"/containers/{quote(container)}/stats", {"stream": "false", "one-shot": "true"})

    def changes(self, container: str) -> list[str]:
        """Paths that a container changed in its own layer (``docker diff``)."""
        return [change["Path"] for change in self._list(f"/containers/{quote(container)}/changes")]

    def archive(self, container: str, path: str) -> Optional[bytes]:
        """A tar of one path of a container, running or not; ``None`` when the path is not there."""
        return _none_if_absent(lambda: self.request("GET", f"/containers/{quote(container)}/archive", {"path": path}))

    def changed_at(self, container: str, path: str) -> Optional[str]:
        """When one path of a container, running or not, was last written, as RFC 3339.

        ``None`` when the path is not there, or the engine does not say.
        """
        target = target_of(f"/containers/{quote(container)}/archive", {"path": path})
        answer = _none_if_absent(lambda: self._transport.exchange("HEAD", target))
        stat = answer[0].get("X-Docker-Container-Path-Stat") if answer else None
        return str(json.loads(base64.b64decode(stat))["mtime"]) if stat else None

    def logs(self, container: str, tail: int = 20, since: float = 0) -> list[str]:
        """The last ``tail`` lines that a container wrote, both streams in order.

        :param since: seconds since the epoch; earlier lines, also those before its last start, are left out.
        """
        query = {"stdout": "1", "stderr": "1", "tail": str(tail), "since": f"{since:.6f}"}
        raw = self.request("GET", f"/containers/{quote(container)}/logs", query)
        # Only the container's configuration says whether the stream is framed; a guess could garble the lines.
        if not self.inspect(container)["Config"]["Tty"]:
            raw = b"".join(part for dummy, part in frames_of(raw))
        return raw.decode("utf-8", "replace").splitlines()

    # Changing

    def create(self, name: str, body: dict[str, Any]) -> str:
        """Create a container and return its id.

        :param body: the request in the engine's form. It may hold secrets, so the command line shows only the image.
        """
        command = f"docker create --name {name} {body['Image']}"
        return _id_in(self._change(command, "POST", "/containers/create", {"name": name}, body))

    def create_network(self, body: dict[str, Any]) -> str:
        """Create a network from a request in the engine's form, and return its id."""
        return _id_in(self._change(f"docker network create {body['Name']}", "POST", "/networks/create", body=body))

    def connect(self, network: str, container: str, endpoint: dict[str, Any]) -> None:
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

    def disconnect(self, network: str, container: str) -> None:
        """Disconnect a container from a network, also from a removed network whose name another one has now."""
        self._change(
            f"docker network disconnect -f {network} {container}",
            "POST",
            f"/networks/{quote(network)}/disconnect",
            body={"Container": container, "Force": True},
        )

    def start(self, container: str) -> None:
        self._change(f"docker start {container}", "POST", f"/containers/{quote(container)}/start")

    def stop(self, container: str, timeout: Optional[float] = None) -> None:
        """Stop a container; ``timeout`` in seconds, the container's own when ``None``."""
        self._change(
            f"docker stop {container}" if timeout is None else f"docker stop -t {int(timeout)} {container}",
            "POST",
            f"/containers/{quote(container)}/stop",
            {} if timeout is None else {"t": str(int(timeout))},
            timeout=(timeout or _LONGEST_STOP) + _STOP_RESERVE,
        )

    def kill(self, container: str, signal: str) -> None:
        self._change(
            f"docker kill -s {signal} {container}", "POST", f"/containers/{quote(container)}/kill", {"signal": signal}
        )

    def unpause(self, container: str) -> None:
        self._change(f"docker unpause {container}", "POST", f"/containers/{quote(container)}/unpause")

    def set_restart_policy(self, container: str, policy: dict[str, Any]) -> None:
        """Give a container a restart policy in the engine's form, ``{"Name": ..., "MaximumRetryCount": ...}``."""
        name = policy.get("Name") or "no"
        self._change(
            f"docker update --restart={name} {container}",
            "POST",
            f"/containers/{quote(container)}/update",
            body={"RestartPolicy": {"Name": name, "MaximumRetryCount": policy.get("MaximumRetryCount", 0)}},
        )

    def set_cpu_shares(self, container: str, shares: int) -> None:
        """Give a container CPU shares. The engine ignores 0; its default is 1024."""
        self._change(
            f"docker update --cpu-shares={shares} {container}",
            "POST",
            f"/containers/{quote(container)}/update",
            body={"CpuShares": shares},
        )

    def unpack(self, container: str, folder: str, archive: bytes) -> None:
        """Unpack a tar in a folder of a container, running or not; owners and modes are those in the tar."""
        self._change(
            f"docker cp - {container}:{folder}",
            "PUT",
            f"/containers/{quote(container)}/archive",
            {"path": folder},
            archive,
        )

    def remove(self, container: str, volumes: bool = True) -> None:
        """Remove a stopped container, with its anonymous volumes when ``volumes``."""
        self._change(
            f"docker rm {'-v ' if volumes else ''}{container}",
            "DELETE",
            f"/containers/{quote(container)}",
            {"v": "1" if volumes else "0"},
        )

    def remove_network(self, name: str) -> None:
        self._change(f"docker network rm {name}", "DELETE", f"/networks/{quote(name)}")

    def remove_volume(self, name: str) -> None:
        self._change(f"docker volume rm {name}", "DELETE", f"/volumes/{quote(name)}")

    def remove_image(self, reference: str) -> None:
        self._change(f"docker image rm {reference}", "DELETE", f"/images/{quote(reference, safe='/:@')}")

    def execute(
        self, container: str, argv: Sequence[str], stdin: bytes = b"", timeout: float = TIMEOUT
    ) -> tuple[int, bytes, bytes]:
        """Run a command in a running container.

        :param argv: the command as a list, no shell.
        :param stdin: bytes for its standard input.
        :param timeout: seconds without any output after which the command counts as hung.
        :returns: ``(exit code, stdout, stderr)``
        """
        created = self.request(
            "POST",
            f"/containers/{quote(container)}/exec",
            body={"AttachStdin": bool(stdin), "AttachStdout": True, "AttachStderr": True, "Cmd": list(argv)},
        )
        exec_id = _id_in(created)
        # With a terminal there would be no frames, and detached no output.
        raw = self._transport.hijack(f"/exec/{exec_id}/start", {"Detach": False, "Tty": False}, stdin, timeout)
        out, errors = streams_of(raw)
        return int(self._object(f"/exec/{exec_id}/json")["ExitCode"]), out, errors

    def run_aside(self, name: str, body: dict[str, Any], stdin: bytes, timeout: float) -> tuple[bytes, bytes]:
        """Run a new container to its end, write to its standard input, and remove the container.

        :param body: the request to create it in the engine's form.
        :param stdin: bytes for its standard input.
        :param timeout: seconds after which it is killed.
        :returns: ``(stdout, stderr)``
        :raises EngineError: the engine cannot create it, or its time is over.
        """
        attached = dict.fromkeys(("AttachStdin", "AttachStdout", "AttachStderr", "OpenStdin", "StdinOnce"), True)
        self.commands.append(f"docker run --rm --interactive --name {name} {body['Image']}")
        created = self.request("POST", "/containers/create", {"name": name}, {**body, **attached, "Tty": False})
        path = f"/containers/{quote(_id_in(created))}"
        streams = {"stream": "1", "stdin": "1", "stdout": "1", "stderr": "1"}
        try:
            raw = self._transport.hijack_until(
                target_of(f"{path}/attach", streams), stdin, timeout, lambda: self.request("POST", f"{path}/start")
            )
        finally:
            self.remove_by_force(_id_in(created))
        return streams_of(raw)

    def remove_by_force(self, container: str) -> None:
        """Remove a container, running or not, even if another removal of it has begun; return once it is gone."""
        path = f"/containers/{quote(container)}"
        try:
            self.request("DELETE", path, {"v": "1", "force": "1"})
        except EngineError as error:
            if error.status == 409:  # Another removal has begun: wait for it.
                _none_if_absent(lambda: self.request("POST", f"{path}/wait", {"condition": "removed"}))
            elif error.status != 404:
                raise

    def request(
        self,
        method: str,
        path: str,
        query: Optional[Query] = None,
        body: Optional[Body] = None,
        timeout: float = TIMEOUT,
    ) -> bytes:
        """The body of the answer to one request.

        :param timeout: seconds without a byte after which the engine counts as out of reach.
        """
        return self._transport.exchange(method, target_of(path, query), body, timeout)[1]

    def _object(self, path: str, query: Optional[Query] = None) -> dict[str, Any]:
        found: dict[str, Any] = self._json(path, query)
        return found

    def _list(self, path: str, query: Optional[Query] = None) -> list[dict[str, Any]]:
        # The engine writes an empty list as null.
        return self._json(path, query) or []

    def _json(self, path: str, query: Optional[Query]) -> Any:
        target = target_of(path, query)
        payload = self._answers.get(target) if self._answers else None
        if payload is None:
            payload = self._transport.exchange("GET", target)[1]
        if self._answers is not None:
            self._answers[target] = payload
        try:
            return json.loads(payload)
        except ValueError as error:
            raise EngineError(
                f"The Docker Engine at {self.docker_host} did not answer {path} with JSON: check that the socket is "
                "Docker's (docker_host)."
            ) from error

    def _change(
        self,
        command: str,
        method: str,
        path: str,
        query: Optional[Query] = None,
        body: Optional[Body] = None,
        timeout: float = TIMEOUT,
    ) -> bytes:
        self.commands.append(command)
        return self.request(method, path, query, body, timeout)


def _none_if_absent(ask: Callable[[], _Answer]) -> Optional[_Answer]:
    """The answer to a request, ``None`` when the engine does not know the object."""
    try:
        return ask()
    except EngineError as error:
        if error.status == 404:
            return None
        raise


def _id_in(created: bytes) -> str:
    return str(json.loads(created)["Id"])
