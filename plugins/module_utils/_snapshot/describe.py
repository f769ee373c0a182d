# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Requests that create a container, or a network, again, from the engine's inspect data. Pure.

Compose takes the new container for the old one, because it compares names and labels. The engine again chooses what it
had chosen itself: the id, addresses, and a hostname made of the id.
"""

from __future__ import annotations

from typing import Any, Collection, Iterable, Mapping

from .._docker.containers import from_inspect

# A container as :func:`describe` returns it.
Described = dict[str, Any]

# Networks that come with the engine.
PREDEFINED = ("bridge", "host", "none", "default", "nat")
# Settings of a container in a network that a user chose; the engine chooses all others.
_ENDPOINT = ("IPAMConfig", "Links", "Aliases", "DriverOpts", "GwPriority")
_NETWORK = ("Name", "Driver", "Internal", "Attachable", "EnableIPv4", "EnableIPv6", "Options", "Labels", "IPAM")
_SHARED_NAMESPACES = ("NetworkMode", "PidMode", "IpcMode")


def describe(inspected: Mapping[str, Any], policy: Mapping[str, Any]) -> Described:
    """What is needed to create a container again, ready for JSON.

    :param inspected: the engine's inspect data of the container.
    :param policy: the restart policy for the new container, in the engine's form.
    :returns: ``id``, ``name``, ``service``, ``image`` (its id) and ``config_hash`` identify the container; ``ran`` says
        whether it has ended with success; ``body`` and ``endpoints`` (by network) have the engine's own forms;
        ``volumes`` are mounts of its anonymous volumes.
    """
    container = from_inspect(inspected)
    body = {**inspected["Config"], "HostConfig": {**inspected["HostConfig"], "RestartPolicy": policy}}
    short_id = container.id[:12]
    if body.get("Hostname") == short_id:
        del body["Hostname"]
    if str(body["HostConfig"].get("NetworkMode")).startswith("container:"):
        # The container shares these with the other one, and the engine refuses them here.
        body.pop("Hostname", None)
        body.pop("ExposedPorts", None)
    return {
        "id": container.id,
        "name": container.name,
        "service": container.service,
        "image": container.image,
        "config_hash": container.config_hash,
        "ran": container.status == "exited" and container.exit_code == 0,
        "body": body,
        "endpoints": {
            name: _endpoint(network, short_id)
            for name, network in (inspected["NetworkSettings"].get("Networks") or {}).items()
            if name not in PREDEFINED
        },
        "volumes": _anonymous_volumes(inspected),
    }


def describe_network(inspected: Mapping[str, Any]) -> dict[str, Any]:
    """The engine's request for a network, from its inspect data."""
    ipam = inspected["IPAM"]
    # The newest engines show an option that was not set as an empty string, which no engine accepts as an address.
    pools = [{key: value for key, value in pool.items() if value} for pool in ipam.get("Config") or ()]
    # Before API 1.44 the engine makes a second network of the same name unless CheckDuplicate is set.
    return {
        "CheckDuplicate": True,
        **{key: inspected[key] for key in _NETWORK if inspected.get(key) is not None},
        "IPAM": {**ipam, "Config": pools},
    }


def create_body(
    described: Described, image: str, ids: Mapping[str, str], volumes: Collection[str]
) -> dict[str, Any]:
    """The engine's request for a container.

    :param image: name or id of its image.
    :param ids: new ids of containers that were created again, by their old ids.
    :param volumes: names of the volumes that still exist.
    """
    host_config = dict(described["body"]["HostConfig"])
    for key in _SHARED_NAMESPACES:
        kind, dummy, target = (host_config.get(key) or "").partition(":")
        if kind == "container":
            host_config[key] = f"container:{ids.get(target, target)}"
    host_config["VolumesFrom"] = [_replace_id(each, ids) for each in host_config.get("VolumesFrom") or ()] or None
    anonymous = [mount for mount in described["volumes"] if mount["Source"] in volumes]
    if anonymous:
        host_config["Mounts"] = _with_sources(host_config.get("Mounts") or [], anonymous)
    body = {**described["body"], "Image": image, "HostConfig": host_config}
    network = host_config.get("NetworkMode")
    if network in described["endpoints"]:
        # Before API 1.44 a request may name only one network; the container is connected to the others later.
        body["NetworkingConfig"] = {"EndpointsConfig": {network: described["endpoints"][network]}}
    return body


def depends_on(described: Described) -> set[str]:
    """Ids, or names, of the containers whose namespaces or volumes a container uses."""
    host_config = described["body"]["HostConfig"]
    shared = [(host_config.get(key) or "").partition(":") for key in _SHARED_NAMESPACES]
    return {target for kind, dummy, target in shared if kind == "container"} | {
        each.partition(":")[0] for each in host_config.get("VolumesFrom") or ()
    }


def _endpoint(network: Mapping[str, Any], short_id: str) -> dict[str, Any]:
    endpoint = {key: network[key] for key in _ENDPOINT if network.get(key)}
    # Engines before 25 list the id among the aliases that were set.
    aliases = [alias for alias in endpoint.pop("Aliases", ()) if alias != short_id]
    return {**endpoint, "Aliases": aliases} if aliases else endpoint


def _anonymous_volumes(inspected: Mapping[str, Any]) -> list[dict[str, str]]:
    """Mounts for the same volumes that the container had without a name of their own."""
    host_config = inspected["HostConfig"]
    mounts = host_config.get("Mounts") or ()
    unnamed = {each["Target"] for each in mounts if each["Type"] == "volume" and not each.get("Source")}
    named = {each["Target"] for each in mounts} - unnamed
    named |= {bind.split(":")[1] for bind in host_config.get("Binds") or () if ":" in bind}
    unnamed |= set(inspected["Config"].get("Volumes") or ()) - named
    return [
        {"Type": "volume", "Source": mount["Name"], "Target": mount["Destination"]}
        for mount in inspected.get("Mounts") or ()
        if mount["Type"] == "volume" and mount["Destination"] in unnamed
    ]


def _with_sources(mounts: Iterable[Mapping[str, Any]], anonymous: Iterable[dict[str, str]]) -> list[dict[str, Any]]:
    missing = {mount["Target"]: mount for mount in anonymous}
    with_source = [{**mount, **missing.pop(mount["Target"], {})} for mount in mounts]
    return [*with_source, *missing.values()]


def _replace_id(reference: str, ids: Mapping[str, str]) -> str:
    target, colon, mode = reference.partition(":")
    return ids.get(target, target) + colon + mode
