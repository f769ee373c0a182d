# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which service has which role, as it shows for itself: in a Compose file, or in containers. Pure."""

from __future__ import annotations

from typing import Iterable, Mapping, Optional, Sequence

from .._broker.redis_by_name import is_surely_redis
from .._celery.roles import Roles
from .._docker.containers import ROLES
from .._settings import variable_of
from .._words import agree, joined
from .traits import Traits

# Services by role, as the user gave them; ``None`` for a role that is left to the file.
Given = Mapping[str, Optional[Sequence[str]]]


def of_containers(traits: Mapping[str, Traits], given: Given, known: Mapping[str, str]) -> dict[str, list[str]]:
    """The services of containers by role, without those whose role nothing shows; nothing is refused.

    :param traits: of the container of each service.
    :param given: the user's lists. Each wins for the whole of its role.
    :param known: for each service of the last deployment its role, which counts before what the containers show.
    """
    decision = Decision(traits, given)
    for name, role in known.items():
        decision.set(role, [name], "as in the last deployment")
    decision.by_what_shows()
    return decision.services()


class Decision:
    """The roles that services show, and the reason for each as half a sentence."""

    def __init__(self, traits: Mapping[str, Traits], given: Given) -> None:
        self.traits = traits
        self.given = given
        self.roles: dict[str, str] = {}
        self.reasons: dict[str, str] = {}
        for role in (*ROLES, "ignored"):
            for name in given.get(role) or ():
                self.roles[name], self.reasons[name] = role, f"{variable_of(role)} names it"

    def by_what_shows(self) -> None:
        """Give each service a role of which it shows for itself that it has it."""
        self.set("web", self._with_color_port(), "it publishes ${BG_PORT}")
        self._workers()
        self._init()
        self.set("support", [name for name in self.rest if self._is_redis(name)], "it runs Redis or Valkey")

    def services(self) -> dict[str, list[str]]:
        """For each role and ``ignored``, the services in the order of their start."""
        return {role: self._listed(role) for role in (*ROLES, "ignored")}

    @property
    def rest(self) -> list[str]:
        """The services that have no role yet, by name."""
        return sorted(name for name in self.traits if name not in self.roles)

    def is_auto(self, role: str) -> bool:
        return self.given.get(role) is None

    def set(self, role: str, names: Iterable[str], reason: str) -> None:
        """Give services a role, unless the user lists the services of that role, or they have one."""
        for name in names:
            if self.is_auto(role) and name not in self.roles and role in ROLES:
                self.roles[name], self.reasons[name] = role, reason

    # What shows a role

    def _with_color_port(self) -> list[str]:
        """The services that publish the color's port, without those that only took it over from the web (YAML's <<)."""
        names = [name for name in self.rest if self.traits[name].has_color_port]
        own = [name for name in names if self.traits[name].celery == Roles() and not self._waiting_for(name)]
        return own or names

    def _workers(self) -> None:
        for name in self.rest:
            if self.traits[name].celery != Roles():
                self.set("workers", [name], celery_reason(self.traits[name]))

    def _init(self) -> None:
        for name in self.rest:
            waiting = sorted(self._waiting_for(name))
            if waiting:
                wait = agree(waiting, "waits", "wait")
                self.set("init", [name], f"{joined(waiting)} {wait} until it has completed")

    def _waiting_for(self, name: str) -> list[str]:
        """The services that wait until a service has completed, without those that no color starts."""
        return [
            each
            for each, traits in self.traits.items()
            if name in traits.waits_for and self.roles.get(each) != "ignored"
        ]

    def _is_redis(self, name: str) -> bool:
        """Whether a service runs a Redis; an image of the app may have redis in its name."""
        traits = self.traits[name]
        return is_surely_redis(traits._replace(image_name="") if self._has_image_of_app(name) else traits, name)

    def _known(self, role: str) -> list[str]:
        return [name for name in self.traits if self.roles.get(name) == role]

    def _has_image_of_app(self, name: str) -> bool:
        own = {repository(self.traits[each]) for each in (*self._known("web"), *self._known("workers"))}
        return repository(self.traits[name]) in own - {""}

    # Order

    def _listed(self, role: str) -> list[str]:
        """The services of a role in the order of their start: the user's, or what others need first, then by name."""
        given = self.given.get(role)
        if given is not None:
            return list(given)
        names = sorted(name for name in self.roles if self.roles[name] == role)
        if role == "workers":
            return sorted(names, key=lambda name: name in self.traits and self.traits[name].celery == Roles(beat=True))
        if role == "web":
            return sorted(names, key=lambda name: name in self.traits and not self.traits[name].has_color_port)
        return self._by_need(names)

    def _by_need(self, names: Sequence[str]) -> list[str]:
        waiting, found = list(names), []
        while waiting:
            free = [name for name in waiting if name not in self.traits or self.traits[name].needs.isdisjoint(waiting)]
            # Compose refuses a circle.
            found.append((free or waiting)[0])
            waiting.remove(found[-1])
        return found


def celery_reason(traits: Traits) -> str:
    """What the command starts of Celery, as half a sentence."""
    what = " and ".join(f"a Celery {name}" for name in traits.celery.name.split("+"))
    return f"its command is {what}"


def repository(traits: Traits) -> str:
    """The image without tag and digest."""
    name = traits.image_name.partition("@")[0]
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(":")[0]
