# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host without a Docker Engine, on which no time passes. Everything that changes it is in ``calls``, in order."""

from __future__ import annotations

import contextlib
import copy
import inspect
import posixpath

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker import containers as docker_containers
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Completed

NEVER = "0001-01-01T00:00:00Z"
# The services of the app, as a user lists them.
LISTS = {"web": ["web"], "support": ["redis"], "init": [], "workers": ["worker", "beat"]}
ALWAYS = {"Name": "unless-stopped", "MaximumRetryCount": 0}
NO_RESTART = {"Name": "no", "MaximumRetryCount": 0}


class FakeClock:
    """A clock that only :meth:`sleep` moves."""

    def __init__(self, now=1000.0, boot_id="boot-1"):
        self.now = now
        self.boot = boot_id
        self.slept = []

    def monotonic(self):
        return self.now

    def boottime(self):
        return self.now

    def wall(self):
        # 2026-11-23T12:00:00Z at first.
        return 1795434200.0 + self.now

    def boot_id(self):
        return self.boot

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += max(seconds, 0.0)


class FakeEngine:
    """The part of an Engine that the collection uses, on containers held as the engine's own inspect data.

    :param calls: where every changing request is noted, as ``(verb, container)``.
    """

    def __init__(self, clock, calls):
        self.clock = clock
        self.calls = calls
        self.inspected = {}
        self.images = {}
        self.project_networks = {}
        self.known_networks = {}
        self.known_volumes = {}
        self.project_volumes = {}
        self.memory = {}
        self.log_lines = {}
        # For each container, the content of each path that it changed.
        self.files = {}
        # When a path was last written, where that matters, and the containers whose changes were listed.
        self.changed, self.listed = {}, []
        self.root = "/"

    def add(self, service, color="blue", app="shop", status="running", published=0, **changes):
        """A container with the id ``<color>-<service>``; ``changes`` are ``section__key=value`` of its inspect data."""
        container_id = f"{color}-{service}"
        network = f"{app}-{color}_default"
        self.known_networks.setdefault(
            network, {"Name": network, "Id": f"id of {network}", "Scope": "local", "IPAM": {}}
        )
        data = {
            "Id": container_id,
            "Name": f"/{app}-{color}-{service}-1",
            "Image": f"sha256:{service}-1",
            "Path": "run",
            "Args": [service],
            "RestartCount": 0,
            "State": {
                "Status": status,
                "Pid": 0,
                "ExitCode": 0,
                "OOMKilled": False,
                "StartedAt": NEVER if status == "created" else "2026-11-23T10:00:00Z",
            },
            "Config": {
                "Image": f"registry/{service}:1",
                "Env": [],
                "Labels": {
                    docker_containers.PROJECT_LABEL: f"{app}-{color}",
                    docker_containers.SERVICE_LABEL: service,
                    docker_containers.NUMBER_LABEL: "1",
                    docker_containers.ONEOFF_LABEL: "False",
                    docker_containers.CONFIG_HASH_LABEL: f"hash-{service}",
                },
            },
            "HostConfig": {
                "RestartPolicy": dict(ALWAYS),
                "NetworkMode": network,
                "PortBindings": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(published)}]}
                if published
                else {},
            },
            "NetworkSettings": {"Networks": {network: {"IPAddress": "10.0.0.2", "NetworkID": f"id of {network}"}}},
        }
        for path, value in changes.items():
            section, dummy, key = path.partition("__")
            if key:
                data[section][key] = value
            else:
                data[section] = value
        self.inspected[container_id] = data
        return container_id

    def state(self, container_id):
        return self.inspected[container_id]["State"]["Status"]

    def policy(self, container_id):
        return self.inspected[container_id]["HostConfig"]["RestartPolicy"]["Name"]

    # Reading

    def ping(self):
        pass

    def info(self):
        return {"DockerRootDir": self.root}

    def containers(self, labels=()):
        wanted = [label.partition("=")[::2] for label in labels]
        return [
            {
                "Id": data["Id"],
                "Names": [data["Name"]],
                "Labels": data["Config"]["Labels"],
                "State": data["State"]["Status"],
                "Ports": [
                    {"PublicPort": int(binding["HostPort"])}
                    for bindings in data["HostConfig"]["PortBindings"].values()
                    for binding in bindings
                    if data["State"]["Status"] == "running"
                ],
            }
            for data in self.inspected.values()
            if all(data["Config"]["Labels"].get(key) == value for key, value in wanted)
        ]

    def inspect(self, container):
        if container not in self.inspected:
            raise EngineError(f"No such container: {container}", 404)
        return self.inspected[container]

    def image(self, reference):
        return self.images.get(reference)

    def image_ids(self):
        return {image["Id"] for image in self.images.values()}

    def networks(self, label):
        return [{"Name": name} for name in self.project_networks.get(label.partition("=")[2], ())]

    def network(self, name):
        return self.known_networks.get(name)

    def volume(self, name):
        return self.known_volumes.get(name)

    def volumes(self, label):
        return [{"Name": name} for name in self.project_volumes.get(label.partition("=")[2], ())]

    def each_once(self):
        return contextlib.nullcontext()

    def stats(self, container):
        return {"memory_stats": {"usage": self.memory.get(container, 0), "stats": {}}}

    def exists(self, container):
        return container in self.inspected

    def changes(self, container):
        self.listed.append(container)
        return sorted(self.files.get(container, ()))

    def changed_at(self, container, path):
        is_there = path in self.files.get(container, {})
        return self.changed.get(path, "2026-11-23T11:00:00.123456789Z") if is_there else None

    def archive(self, container, path):
        content = self.files.get(container, {}).get(path)
        return None if content is None else (posixpath.basename(path), content)

    def logs(self, container, tail=20, since=0):
        """Lines may be pairs of a time and a text."""
        lines = self.log_lines.get(container, [f"last line of {container}"])
        timed = [line if isinstance(line, tuple) else (since, line) for line in lines]
        return [text for when, text in timed if when >= since][-tail:]

    # Changing

    def prune(self):
        """What somebody's ``docker system prune -f`` takes."""
        self.inspected = {
            container: data for container, data in self.inspected.items() if data["State"]["Status"] == "running"
        }
        used = {name for data in self.inspected.values() for name in data["NetworkSettings"]["Networks"]}
        self.known_networks = {name: network for name, network in self.known_networks.items() if name in used}

    def create(self, name, body):
        if any(data["Name"] == f"/{name}" for data in self.inspected.values()):
            raise EngineError(f'Conflict. The container name "/{name}" is already in use', 409)
        if self.image(body["Image"]) is None:
            raise EngineError(f"No such image: {body['Image']}", 404)
        self.calls.append(("create", name))
        body = copy.deepcopy(body)
        host_config = body.pop("HostConfig")
        endpoints = body.pop("NetworkingConfig", {}).get("EndpointsConfig", {})
        project, service = (
            body["Labels"][label] for label in (docker_containers.PROJECT_LABEL, docker_containers.SERVICE_LABEL)
        )
        container_id = f"{project.rpartition('-')[2]}-{service}-{len(self.calls)}"
        self.inspected[container_id] = {
            "Id": container_id,
            "Name": f"/{name}",
            "Image": self.image(body["Image"])["Id"],
            "Path": "run",
            "Args": [service],
            "RestartCount": 0,
            "State": {"Status": "created", "Pid": 0, "ExitCode": 0, "OOMKilled": False, "StartedAt": NEVER},
            "Config": body,
            "HostConfig": host_config,
            "NetworkSettings": {"Networks": {each: {"NetworkID": "", **endpoints[each]} for each in endpoints}},
        }
        return container_id

    def create_network(self, body):
        self.calls.append(("create network", body["Name"]))
        self.known_networks[body["Name"]] = {**body, "Id": f"id {len(self.calls)}", "Scope": "local"}
        return self.known_networks[body["Name"]]["Id"]

    def connect(self, network, container, endpoint):
        self.calls.append((f"connect {network}", container))
        networks = self.inspect(container)["NetworkSettings"]["Networks"]
        networks[network] = {**endpoint, "NetworkID": self.known_networks[network]["Id"]}

    def disconnect(self, network, container):
        self.calls.append((f"disconnect {network}", container))
        del self.inspect(container)["NetworkSettings"]["Networks"][network]

    def start(self, container):
        data = self.inspect(container)
        self.calls.append(("start", container))
        self.clock.now += 0.001
        data["State"].update(Status="running", StartedAt=f"2026-11-23T12:00:00.{len(self.calls):09d}Z")

    def stop(self, container, timeout=None):
        data = self.inspect(container)
        self.calls.append(("stop", container))
        data["State"].update(Status="exited", Pid=0)

    def set_restart_policy(self, container, policy):
        data = self.inspect(container)
        self.calls.append((f"policy {policy['Name'] or 'no'}", container))
        data["HostConfig"]["RestartPolicy"] = dict(policy)

    def set_cpu_shares(self, container, shares):
        data = self.inspect(container)
        self.calls.append((f"weight {shares}", container))
        data["HostConfig"]["CpuShares"] = shares

    def unpack(self, container, folder, archive):
        name, content = archive
        self.calls.append((f"unpack {posixpath.join(folder, name)}", container))
        self.files.setdefault(container, {})[posixpath.join(folder, name)] = content

    def remove(self, container, volumes=True):
        if self.inspect(container)["State"]["Status"] == "running":
            raise EngineError(f"cannot remove container {container}: container is running", 409)
        self.calls.append(("remove", container))
        del self.inspected[container]

    def remove_network(self, name):
        self.calls.append(("remove network", name))

    def remove_volume(self, name):
        self.calls.append(("remove volume", name))

    def remove_image(self, reference):
        self.calls.append(("remove image", reference))
        if reference not in self.images:
            raise EngineError(f"No such image: {reference}", 404)
        del self.images[reference]


class FakeHost:
    """Stands in for :class:`_host.Host`.

    :ivar slow: how long, in seconds, each program takes here.
    :ivar programs: for the first words of a command line, the :class:`_host.Completed` that it ends with, or a function
        that is called with the command line and gives one.
    """

    def __init__(self, clock=None):
        self.clock = clock or FakeClock()
        self.calls = []
        self.engine = FakeEngine(self.clock, self.calls)
        self.commands = []
        self.warnings = []
        self.keep_open = set()
        self.programs = {}
        self.slow = 0

    def run(self, argv, timeout=60, stdin=None, env=None, cwd=None, changes=False):
        if self.slow > timeout:
            return Completed(-1, "", f"killed after {timeout} s")
        for words, done in self.programs.items():
            if all(word in argv for word in words.split()):
                return done(argv) if callable(done) else done
        raise BluegreenError(
            f"The program {argv[0]} is not on this host: run ansible-playbook smallfleet.bluegreen.prepare, or install "
            "it."
        )

    def warn(self, sentence):
        self.warnings.append(sentence)


class FakeBroker:
    """A broker as the deciding code sees it.

    ``tasks`` counts its messages per queue, and ``staged`` those that an interrupted move took out of them.
    """

    def __init__(self, name, tasks=None, container=None):
        self.name = name
        self.tasks = dict(tasks or {})
        self.staged = {}
        self.container = container

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        pass

    def answers(self):
        return True

    def run_id(self):
        return self.name

    def message_databases(self):
        return []


def record(monkeypatch, calls, module, name, label=None, does=None):
    """Replace a function of a module by one that notes its call and refuses arguments that the real one would refuse.

    :param label: what is noted, called with the arguments when it is a function; the function's name when ``None``.
    :param does: gives the result, called with the arguments; raises it when it is an exception.
    """
    signature = inspect.signature(getattr(module, name))

    def fake(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        calls.append(label(bound.arguments) if callable(label) else label or name)
        if isinstance(does, Exception):
            raise does
        return does(bound.arguments) if does else None

    # What was replaced may be replaced again.
    fake.__signature__ = signature
    monkeypatch.setattr(module, name, fake)
