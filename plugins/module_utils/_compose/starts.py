# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What Docker Compose does when it starts or stops a container, and the engine alone does not. Pure decisions.

A color's containers are created by Compose and started by id, so that nothing else starts with them. Whatever Compose
does between the two would be left out without a word.
"""

from __future__ import annotations

from .._docker.containers import ROLES
from .._validation import COLORS
from .rules import Findings

# The first version that copies the content of configs and secrets into a container when it starts it; those before do so
# when they create it.
COPIES_AT_START = (2, 37, 3)
# What to write instead.
_HOOKS = {
    "pre_start": "make it a service of its own and name that in bluegreen_init_services",
    "post_start": "do it in the container's own command, or make it a service of its own and name that in bluegreen_init_services",
    "pre_stop": "let the program itself do it when it is told to stop (stop_signal: chooses the signal)",
}


def examine(rendered: dict, services: dict, version: tuple) -> Findings:
    """Look for what a service would lack that Compose does not start.

    :param rendered: for each color, the configuration that Compose rendered.
    :param services: for each role, the services. Those of ``ignored`` are not looked at, because no color starts them.
    :param version: of Compose.
    """
    findings = Findings([], [])
    for name in (name for role in ROLES for name in services[role]):
        for sentence in _unique(_of_service(rendered[color], name) for color in COLORS):
            findings.errors.append(sentence)
        for kind, source, form in _unique(_copied(rendered[color], name) for color in COLORS):
            if version >= COPIES_AT_START:
                findings.errors.append(_not_copied(kind, source, form, name, version))
            else:
                findings.warnings.append(_copied_once(kind, source, form, name))
    return findings


def _unique(found) -> list:
    return list(dict.fromkeys(each for some in found for each in some))


def _of_service(model: dict, name: str) -> list:
    service = (model.get("services") or {}).get(name) or {}
    sentences = [
        f"Service {name} has {hook}, which Docker Compose runs only when it starts or stops a container itself, and a "
        f"color is started and stopped without it: take it out, and {way}."
        for hook, way in _HOOKS.items()
        if service.get(hook)
    ]
    if service.get("provider"):
        sentences.append(
            f"Service {name} has provider, so it has no container that a color could start: name it in "
            "bluegreen_ignored_services."
        )
    if service.get("use_api_socket"):
        sentences.append(
            f"Service {name} has use_api_socket, for which Docker Compose copies credentials into a container when it "
            "starts it itself, and a color is started without it: write volumes: "
            "[\"/var/run/docker.sock:/var/run/docker.sock\"] instead."
        )
    return sentences


def _copied(model: dict, name: str) -> list:
    """``(kind, name, form)`` of each config and secret of a service that is not a file of the host."""
    service, found = (model.get("services") or {}).get(name) or {}, []
    for kind in ("configs", "secrets"):
        for used in service.get(kind) or ():
            definition = (model.get(kind) or {}).get(used["source"]) or {}
            found += [(kind, used["source"], form) for form in ("content", "environment") if definition.get(form)][:1]
    return found


def _not_copied(kind: str, source: str, form: str, name: str, version: tuple) -> str:
    return (
        f"{kind[:-1].capitalize()} {source} of service {name} is given by {form}, which Docker Compose "
        f"{'.'.join(map(str, version))} copies into a container only when it starts it itself, and a color is started "
        f"without it: {_way(kind, source)}."
    )


def _copied_once(kind: str, source: str, form: str, name: str) -> str:
    return (
        f"{kind[:-1].capitalize()} {source} of service {name} is given by {form}, which Docker Compose copies into a "
        "container once, so one that has to be created again on the way back (docker system prune) would come without "
        f"it, and from Docker Compose {'.'.join(map(str, COPIES_AT_START))} on it is refused: {_way(kind, source)}."
    )


def _way(kind: str, source: str) -> str:
    return f"put it into a file and write {kind}: {{{source}: {{file: ./{source}}}}}"
