# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Features of a service that need Docker Compose to start or stop its container. Pure decisions.

Compose creates a color's containers, and the engine starts them by id, so that nothing else starts with them. Without a
refusal these features would silently be missing.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple, Sequence, TypeVar

from .._docker.containers import started_services
from .._validation import COLORS
from .rules import Findings

# The first version that copies the content of configs and secrets into a container when it starts it. Earlier versions
# do so when they create it.
COPIES_AT_START = (2, 37, 3)
# For each hook, what to write instead.
_HOOKS = {
    "pre_start": "run the same in a service of its own, and name that service in bluegreen_init_services",
    "post_start": (
        "do the same in the container's own command, or in a service of its own, which bluegreen_init_services names"
    ),
    "pre_stop": "let the program itself do the same at its stop signal (which stop_signal: sets)",
}


_Found = TypeVar("_Found")


class _Copied(NamedTuple):
    """Content that Compose copies into a container: ``kind`` is configs or secrets, ``form`` the key that gives it."""

    kind: str
    source: str
    form: str


def examine(
    rendered: Mapping[str, dict[str, Any]], services: Mapping[str, Sequence[str]], version: tuple[int, ...]
) -> Findings:
    """Look for features that a service would lack when the engine starts it.

    :param rendered: for each color, the configuration that Compose rendered.
    :param services: for each role, the services. Those of ``ignored`` do not matter, because no color starts them.
    :param version: of Compose.
    """
    findings = Findings([], [])
    for name in started_services(services):
        for sentence in _unique(_of_service(rendered[color], name) for color in COLORS):
            findings.errors.append(sentence)
        for copied in _unique(_copied(rendered[color], name) for color in COLORS):
            if version >= COPIES_AT_START:
                findings.errors.append(_not_copied(copied, name, version))
            else:
                findings.warnings.append(_copied_once(copied, name))
    return findings


def _unique(found: Iterable[Iterable[_Found]]) -> list[_Found]:
    return list(dict.fromkeys(each for some in found for each in some))


def _of_service(model: dict[str, Any], name: str) -> list[str]:
    service = (model.get("services") or {}).get(name) or {}
    sentences = [
        f"Service {name} has the key {hook}, which only Docker Compose runs when it starts or stops a container, but a "
        f"color is started and stopped without Compose: remove the key, and {way}."
        for hook, way in _HOOKS.items()
        if service.get(hook)
    ]
    if service.get("provider"):
        sentences.append(
            f"Service {name} has the key provider, so it has no container for a color to start: name it in "
            "bluegreen_ignored_services."
        )
    if service.get("use_api_socket"):
        sentences.append(
            f"Service {name} has the key use_api_socket, for which Docker Compose copies credentials into a container "
            "at the container's start, but a color is started without Compose: remove the key and write volumes: "
            "[\"/var/run/docker.sock:/var/run/docker.sock\"]."
        )
    return sentences


def _copied(model: dict[str, Any], name: str) -> list[_Copied]:
    """The configs and secrets of a service that are not files of the host."""
    service = (model.get("services") or {}).get(name) or {}
    found: list[_Copied] = []
    for kind in ("configs", "secrets"):
        for used in service.get(kind) or ():
            definition = (model.get(kind) or {}).get(used["source"]) or {}
            forms = [form for form in ("content", "environment") if definition.get(form)]
            found += [_Copied(kind, used["source"], form) for form in forms[:1]]
    return found


def _not_copied(copied: _Copied, name: str, version: tuple[int, ...]) -> str:
    return (
        f"{_subject(copied, name)}. Docker Compose {'.'.join(map(str, version))} copies it into a container only when "
        f"it starts the container, but a color is started without Compose: {_way(copied)}."
    )


def _copied_once(copied: _Copied, name: str) -> str:
    return (
        f"{_subject(copied, name)}. Docker Compose copies it into a container only once, so a container that a "
        "rollback creates again (after docker system prune) would lack it, and with Docker Compose "
        f"{'.'.join(map(str, COPIES_AT_START))} or later the deployment is refused: {_way(copied)}."
    )


def _subject(copied: _Copied, name: str) -> str:
    return f"{copied.kind[:-1].capitalize()} {copied.source} of service {name} is given by {copied.form}"


def _way(copied: _Copied) -> str:
    return f"put it into a file and write {copied.kind}: {{{copied.source}: {{file: ./{copied.source}}}}}"
