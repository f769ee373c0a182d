# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Creates containers of a color that somebody removed again as they were.

``docker system prune`` in a cron job removes all containers that do not run at that moment: the old workers in the
middle of a deployment, and a whole color that is kept stopped, with its network. Their volumes stay.
"""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Iterable, Mapping, NamedTuple, Optional, Protocol

from .._commands import command
from .._docker.containers import Container, inspect_container, role_of
from .._docker.engine import EngineError
from .._errors import BluegreenError
from .._host import Host
from .._journal.journal import Journal
from .._journal.store import Store
from .._words import agree, joined
from . import describe as snapshot_describe, file as snapshot_file
from .describe import Described
from .file import Snapshot


class Color(Protocol):
    """A color as the host shows it; :class:`_deployment.color.Color` is one."""

    name: str
    project: str
    containers: list[Container]


class Compared(NamedTuple):
    """A snapshot of a color beside the containers that exist.

    ``here`` are existing containers by their id in the snapshot; ``missing`` are those of the snapshot that no longer
    exist; ``replaced`` are names that other containers have taken.
    """

    here: dict[str, Container]
    missing: list[Described]
    replaced: list[str]


def compare(snapshot: Snapshot, containers: Iterable[Container]) -> Compared:
    """Compare a snapshot with the containers that exist.

    :param containers: all containers of the color's project.
    """
    containers = list(containers)
    by_id = {container.id: container for container in containers}
    by_name = {container.name: container for container in containers}
    here: dict[str, Container] = {}
    missing: list[Described] = []
    replaced: list[str] = []
    for described in snapshot["containers"]:
        # A container that was created again has the name of the previous one, and the same configuration.
        found = by_id.get(described["id"]) or by_name.get(described["name"])
        if found is None:
            missing.append(described)
        elif found.id == described["id"] or (found.image, found.config_hash) == (
            described["image"],
            described["config_hash"],
        ):
            here[described["id"]] = found
        else:
            replaced.append(found.name)
    return Compared(here, missing, replaced)


def policies_of(snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    """The restart policies of the containers in a snapshot, by id."""
    return {each["id"]: each["body"]["HostConfig"]["RestartPolicy"] for each in snapshot["containers"]}


def image_findings(host: Host, missing: Iterable[Described]) -> list[str]:
    """A sentence for each container that cannot be created again because its image is gone."""
    return [
        f"Container {described['name']} was removed by somebody, and its image {described['body']['Image']} "
        f"({described['image']}) is no longer on this host (docker system prune -a removes images too): bring exactly "
        f"that image back with docker pull or docker load, then run {command('rollback')} again."
        for described in missing
        if _image_of(host, described) is None
    ]


def remember(
    host: Host,
    store: Store,
    color: str,
    release: str,
    containers: Iterable[Container],
    policy_of: Callable[[Container], Mapping[str, Any]],
) -> None:
    """Write the snapshot of a color.

    :param color: its name.
    :param containers: the containers to include.
    :param policy_of: returns the restart policy that a container gets when it is created again.
    """
    described = [
        snapshot_describe.describe(host.engine.inspect(container.id), policy_of(container)) for container in containers
    ]
    found = [_network(host, name) for name in sorted({name for each in described for name in each["endpoints"]})]
    # Networks of a swarm are made and removed by the swarm, so only those of this host are included.
    local = [each for each in found if each is not None and each["Scope"] == "local"]
    networks = [snapshot_describe.describe_network(each) for each in local]
    snapshot_file.put(store, color, {"release": release, "containers": described, "networks": networks})


def _network(host: Host, name: str) -> Optional[dict[str, Any]]:
    # A network that the engine cannot inspect could not be created again either; the containers still can.
    try:
        network: Optional[dict[str, Any]] = host.engine.network(name)
        return network
    except EngineError:
        return None


def restore_missing(host: Host, store: Store, journal: Journal, color: Color) -> bool:
    """Create removed containers of a color again, and connect containers that lost their network.

    Nothing is started. Idempotent, and may be interrupted anywhere, because a container is recognized by its name. The
    facts that the journal had about a removed container are moved to the new one.

    :param color: the color, just refreshed.
    :returns: whether anything was changed; then the color has to be refreshed again.
    :raises BluegreenError: some of them cannot be created again; the others have been.
    """
    snapshot = snapshot_file.of_color(store, color.name) or {"containers": [], "networks": []}
    return _Restoration(host, store, journal, color, snapshot).run()


class _Restoration:
    def __init__(self, host: Host, store: Store, journal: Journal, color: Color, snapshot: Snapshot) -> None:
        self.host = host
        self.store = store
        self.journal = journal
        self.color = color
        self.snapshot = snapshot
        self.problems: list[str] = []
        self.done: list[str] = []

    def run(self) -> bool:
        compared = compare(self.snapshot, self.color.containers)
        self._find_forgotten()
        stopped = [each for each in self._existing(compared) if not compared.here[each["id"]].running]
        self._create_networks({name for each in stopped + compared.missing for name in each["endpoints"]})
        for described in stopped:
            self._connect(described, compared.here[described["id"]].id)
        ids = {old: container.id for old, container in compared.here.items()}
        # A container that shares namespaces of another one has to name the new id of that one, so it comes later.
        for described in sorted(compared.missing, key=lambda each: bool(snapshot_describe.depends_on(each))):
            self._create(described, ids)
        self._carry_over(ids)
        if self.done:
            self.host.warn(
                f"{joined(self.done)} of color {self.color.name} had been removed (perhaps by docker system prune "
                f"in a cron job), and {agree(self.done, 'was', 'were')} created again as before."
            )
        if self.problems:
            raise BluegreenError("\n".join(self.problems))
        return bool(self.done)

    def _existing(self, compared: Compared) -> list[Described]:
        return [each for each in self.snapshot["containers"] if each["id"] in compared.here]

    def _find_forgotten(self) -> None:
        """Report containers that existed when the deployment was opened, but are gone and not in the snapshot."""
        known = {each["name"] for each in self.snapshot["containers"]}
        known |= {container.name for container in self.color.containers}
        workers = self.journal.get("old_workers") or ()
        for old in self.journal.get("old_containers") or ():
            is_worker = old["service"] in workers
            wanted = is_worker or role_of(old["service"], self.journal["settings"]["services"]) not in ("", "init")
            if self.color.name == self.journal["from"] and wanted and old["name"] not in known:
                self.problems.append(
                    f"Container {old['name']} was removed by somebody, and {self.store.path('containers.json')} does "
                    f"not say how it was made: create it (docker compose -p {self.color.project} up --no-start "
                    f"{old['service']}; if the Compose file uses BG_COLOR, BG_PORT or BG_RELEASE, set these variables "
                    f"to what the old color ran with), then run {command('rollback')} again."
                )

    def _create_networks(self, wanted: set[str]) -> None:
        for body in self.snapshot["networks"]:
            if body["Name"] not in wanted or self.host.engine.network(body["Name"]) is not None:
                continue
            create = self.host.engine.create_network
            try:
                created = create(body)
            except EngineError:
                # Another network may have its addresses by now; then the engine chooses others.
                created = self._try(f"Network {body['Name']}", create, {**body, "IPAM": {**body["IPAM"], "Config": []}})
            if created:
                self.done.append(f"network {body['Name']}")

    def _connect(self, described: Described, container_id: str) -> None:
        """Connect a stopped container to the networks that it lost, also to one that was made again by its name."""
        connected = self.host.engine.inspect(container_id)["NetworkSettings"].get("Networks") or {}
        for name, endpoint in described["endpoints"].items():
            network = self.host.engine.network(name)
            # A container that never started has no ids of its networks yet: its start finds them by name.
            lost = name not in connected or connected[name].get("NetworkID") not in ("", network and network["Id"])
            if network is None or not lost:
                continue
            if name in connected:
                self._try(f"Container {described['name']}", self.host.engine.disconnect, name, container_id)
            self._try(f"Container {described['name']}", self.host.engine.connect, name, container_id, endpoint)

    def _create(self, described: Described, ids: dict[str, str]) -> None:
        image, engine = _image_of(self.host, described), self.host.engine
        if image is None:
            self.problems += image_findings(self.host, [described])
            return
        volumes = {each["Source"] for each in described["volumes"] if engine.volume(each["Source"]) is not None}
        body = snapshot_describe.create_body(described, image, ids, volumes)
        created = self._try(f"Container {described['name']}", engine.create, described["name"], body)
        if created:
            ids[described["id"]] = created
            self.done.append(described["name"])
            self._connect(described, created)

    def _try(self, what: str, change: Callable[..., Any], *arguments: Any) -> Any:
        """The result of a change by the engine, ``None`` after a failure, which is added to the problems."""
        try:
            return change(*arguments)
        except EngineError as error:
            self.problems.append(
                f"{what} of color {self.color.name} was removed by somebody, or lost its network, and cannot be "
                f"brought back ({error.message}): remove the cause, then run {command('rollback')} again."
            )
        return None

    def _carry_over(self, ids: Mapping[str, str]) -> None:
        """Write the new ids into the journal, and then into the snapshot."""
        journal, renewed = self.journal, {old: new for old, new in ids.items() if old != new}
        original = policies_of(self.snapshot)
        policies = {new: journal["policies"].get(old, original[old]) for old, new in renewed.items()}
        ran = {ids[each["id"]] for each in self.snapshot["containers"] if each["ran"] and each["id"] in ids}
        again = {each["name"] for each in self.snapshot["containers"] if each["id"] in renewed}
        facts = {
            "policies": {**journal["policies"], **policies},
            "signalled": [each for each in journal["signalled"] if each not in renewed],
            "old_containers": _renew(journal.get("old_containers") or (), renewed),
            "ran": sorted({*(journal.get("ran") or ()), *filter(self._never_started, ran)}),
            "recreated": sorted({*(journal.get("recreated") or ()), *self.done, *again}),
        }
        changed = {key: value for key, value in facts.items() if value != (journal.get(key) or type(value)())}
        if changed:
            journal.note(**changed)
        if renewed:
            containers = _renew(self.snapshot["containers"], renewed)
            # On a full disk the snapshot keeps the old ids, and the containers are recognized by their names.
            with contextlib.suppress(OSError):
                snapshot_file.put(self.store, self.color.name, {**self.snapshot, "containers": containers})

    def _never_started(self, container_id: str) -> bool:
        return not inspect_container(self.host.engine, container_id).ever_started


def _renew(entries: Iterable[Mapping[str, Any]], renewed: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{**each, "id": renewed.get(each["id"], each["id"])} for each in entries]


def _image_of(host: Host, described: Described) -> Optional[str]:
    """The name of a container's image, or its id where another image has the name now; ``None`` when it is gone."""
    name: str = described["body"]["Image"]
    image: str = described["image"]
    by_name = host.engine.image(name)
    if by_name is not None and by_name["Id"] == image:
        return name
    return image if host.engine.image(image) is not None else None
