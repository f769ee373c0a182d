# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Containers of a color that somebody removed, created again as they were.

``docker system prune`` in a cron job takes whatever does not run just then: the old workers in the middle of a
deployment, and all of a color that is kept stopped, with its network. Their volumes stay.
"""

from __future__ import annotations

import contextlib
from typing import NamedTuple

from .._docker.containers import inspect_container, role_of
from .._docker.engine import EngineError
from .._errors import BluegreenError
from . import describe as snapshot_describe, file as snapshot_file


class Compared(NamedTuple):
    """What is remembered of a color beside what is there.

    ``here`` are containers by the id that is remembered of them; ``missing`` is remembered of those that are gone;
    ``replaced`` are names that other containers have taken.
    """

    here: dict
    missing: list
    replaced: list


def compare(remembered, containers):
    """:class:`Compared`

    :param remembered: what is remembered of a color.
    :param containers: all that there are of its project.
    """
    by_id = {container.id: container for container in containers}
    by_name = {container.name: container for container in containers}
    here, missing, replaced = {}, [], []
    for described in remembered["containers"]:
        # One that was created again has the name of the one before it, and is the same in all else.
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


def policies_of(remembered):
    """The restart policies that remembered containers are to have, by id."""
    return {each["id"]: each["body"]["HostConfig"]["RestartPolicy"] for each in remembered["containers"]}


def image_findings(host, missing):
    """A sentence for each container that cannot be created again because its image is gone."""
    return [
        f"Container {described['name']} was removed by somebody, and its image {described['body']['Image']} "
        f"({described['image']}) is no longer on this host (docker system prune -a removes it too): bring that very "
        "image back with docker pull or docker load, then run rollback.yml again."
        for described in missing
        if _image_of(host, described) is None
    ]


def remember(host, store, color, release, containers, policy_of):
    """Write down what brings a color back.

    :param color: its name.
    :param containers: those that matter.
    :param policy_of: gives the restart policy that a container is to have.
    """
    described = [
        snapshot_describe.describe(host.engine.inspect(container.id), policy_of(container)) for container in containers
    ]
    found = [_network(host, name) for name in sorted({name for each in described for name in each["endpoints"]})]
    # Other networks than those of this host come and go with their swarm.
    networks = [snapshot_describe.describe_network(each) for each in found if each is not None and each["Scope"] == "local"]
    snapshot_file.put(store, color, {"release": release, "containers": described, "networks": networks})


def _network(host, name):
    # What cannot be looked at could not be created again either; the containers still can.
    try:
        return host.engine.network(name)
    except EngineError:
        return None


def restore_missing(host, store, journal, color):
    """Create the containers of a color again that somebody removed, and connect those that lost their network.

    Nothing is started. Idempotent, and may be interrupted anywhere: a container is known by its name. Whatever the
    journal says of a container that is gone it says of the new one afterwards.

    :param color: a :class:`Color`, looked at just before.
    :returns: whether anything was done, after which the color has to be looked at again.
    :raises BluegreenError: not all of them can be created again; the others have been.
    """
    remembered = snapshot_file.of_color(store, color.name) or {"containers": [], "networks": []}
    return _Restoration(host, store, journal, color, remembered).run()


class _Restoration:
    def __init__(self, host, store, journal, color, remembered):
        self.host = host
        self.store = store
        self.journal = journal
        self.color = color
        self.remembered = remembered
        self.problems = []
        self.done = []

    def run(self):
        compared = compare(self.remembered, self.color.containers)
        self._find_forgotten(compared)
        stopped = [each for each in self._remembered_here(compared) if not compared.here[each["id"]].running]
        self._create_networks({name for each in stopped + compared.missing for name in each["endpoints"]})
        for described in stopped:
            self._connect(described, compared.here[described["id"]].id)
        ids = {old: container.id for old, container in compared.here.items()}
        # One that shares namespaces of another one has to name its new id.
        for described in sorted(compared.missing, key=lambda each: bool(snapshot_describe.depends_on(each))):
            self._create(described, ids)
        self._carry_over(ids)
        if self.done:
            self.host.warn(
                f"Of color {self.color.name}, somebody had removed {', '.join(self.done)} (docker system prune in a cron job?): "
                "created again as before."
            )
        if self.problems:
            raise BluegreenError("\n".join(self.problems))
        return bool(self.done)

    def _remembered_here(self, compared):
        return [each for each in self.remembered["containers"] if each["id"] in compared.here]

    def _find_forgotten(self, compared):
        """What was there when the deployment was opened, and is neither there now nor remembered."""
        known = {each["name"] for each in self.remembered["containers"]}
        known |= {container.name for container in self.color.containers}
        workers = self.journal.get("old_workers") or ()
        for old in self.journal.get("old_containers") or ():
            role = "workers" if old["service"] in workers else role_of(old["service"], self.journal["settings"]["services"])
            wanted = role not in ("", "init")
            if self.color.name == self.journal["from"] and wanted and old["name"] not in known:
                self.problems.append(
                    f"Container {old['name']} was removed by somebody, and {self.store.path('containers.json')} does not say "
                    "how it was made: create it with docker compose up --no-start, then run rollback.yml again."
                )

    def _create_networks(self, wanted):
        for body in self.remembered["networks"]:
            if body["Name"] not in wanted or self.host.engine.network(body["Name"]) is not None:
                continue
            create = self.host.engine.create_network
            try:
                created = create(body)
            except EngineError:
                # Its addresses may have gone to another network since; then the engine chooses others.
                created = self._try(f"Network {body['Name']}", create, {**body, "IPAM": {**body["IPAM"], "Config": []}})
            if created:
                self.done.append(f"network {body['Name']}")

    def _connect(self, described, container_id):
        """Connect a stopped container to the networks that it has lost: a new one of the same name is another one."""
        connected = self.host.engine.inspect(container_id)["NetworkSettings"].get("Networks") or {}
        for name, endpoint in described["endpoints"].items():
            network = self.host.engine.network(name)
            # A container that never started has no id of its networks yet: they are found by name with the start.
            lost = name not in connected or connected[name].get("NetworkID") not in ("", network and network["Id"])
            if network is None or not lost:
                continue
            if name in connected:
                self._try(f"Container {described['name']}", self.host.engine.disconnect, name, container_id)
            self._try(f"Container {described['name']}", self.host.engine.connect, name, container_id, endpoint)

    def _create(self, described, ids):
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

    def _try(self, what, change, *arguments):
        try:
            return change(*arguments)
        except EngineError as error:
            self.problems.append(
                f"{what} of color {self.color.name} was removed by somebody, or lost its network, and cannot be brought back "
                f"({error.message}): mend that, then run rollback.yml again."
            )
        return None

    def _carry_over(self, ids):
        """Let the journal, and then what is remembered, speak of the new containers."""
        journal, renewed = self.journal, {old: new for old, new in ids.items() if old != new}
        remembered = policies_of(self.remembered)
        policies = {new: journal["policies"].get(old, remembered[old]) for old, new in renewed.items()}
        ran = {ids[each["id"]] for each in self.remembered["containers"] if each["ran"] and each["id"] in ids}
        again = {each["name"] for each in self.remembered["containers"] if each["id"] in renewed}
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
            containers = _renew(self.remembered["containers"], renewed)
            # On a full disk it stays as it was: they are known by their names, too.
            with contextlib.suppress(OSError):
                snapshot_file.put(self.store, self.color.name, {**self.remembered, "containers": containers})

    def _never_started(self, container_id):
        return not inspect_container(self.host.engine, container_id).ever_started


def _renew(entries, renewed):
    return [{**each, "id": renewed.get(each["id"], each["id"])} for each in entries]


def _image_of(host, described):
    """The name of a container's image, or its id where the name has moved on; ``None`` when it is gone."""
    name, image = described["body"]["Image"], described["image"]
    by_name = host.engine.image(name)
    if by_name is not None and by_name["Id"] == image:
        return name
    return image if host.engine.image(image) is not None else None
