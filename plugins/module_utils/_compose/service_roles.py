# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which service of a Compose file has which role, where the user leaves that to the file. Pure.

A role is only given where something shows it for certain. A wrong guess would run a database twice or lose tasks, so
all other services are refused, with the lines that decide it.
"""

from __future__ import annotations

import os
import re
from typing import Collection, Iterable, Mapping, NamedTuple, Optional, Sequence

from .._broker.redis import is_redis
from .._celery.roles import Roles
from .._docker.containers import ROLES
from .._settings import variable_of
from .._words import agree, joined
from .traits import Traits

# Services by role, as the user gave them; ``None`` for a role that is left to the file.
Given = Mapping[str, Optional[Sequence[str]]]

_NAMES = {"web": "web service", "support": "support service", "init": "init service", "workers": "worker service"}
_DATABASES = "postgres|postgresql|postgis|timescaledb|mysql|mariadb|mongo|mongodb"
_DATABASE = re.compile(rf"(^|[/_-])({_DATABASES})([_-][^/:@]*)?([:@]|$)")
# Programs that answer HTTP; flower is Celery's dashboard.
_SERVERS = ("gunicorn", "uvicorn", "daphne", "hypercorn", "granian", "waitress-serve", "uwsgi", "runserver", "flower")
_PORT_LINE = 'ports: ["127.0.0.1:${BG_PORT}:<port of the app>"]'


class Found(NamedTuple):
    """The decision.

    :ivar services: for each role and ``ignored``, the services.
    :ivar reasons: why each service has its role, as half a sentence.
    :ivar findings: sentences for what the file does not decide.
    """

    services: dict[str, list[str]]
    reasons: dict[str, str]
    findings: list[str]

    def lines(self) -> list[str]:
        """A line a service: its role, and why."""
        lines = []
        for role, names in self.services.items():
            what = _NAMES.get(role, "ignored")
            lines += [f"{name}: {what}, {self.reasons[name]}" for name in names if name in self.reasons]
        return lines


def find(traits: Mapping[str, Traits], given: Given, known: Optional[Mapping[str, str]] = None) -> Found:
    """Find the role of each service.

    :param traits: of each service, by name.
    :param given: the user's lists. Each wins for the whole of its role.
    :param known: for each service of the last deployment its role, which counts where an image is not on the host.
    """
    decision = _Decision(traits, given, known or {})
    decision.by_what_shows()
    decision.by_what_is_left()
    return decision.result()


def of_containers(traits: Mapping[str, Traits], given: Given, known: Mapping[str, str]) -> dict[str, list[str]]:
    """The services of containers by role, without those whose role nothing shows; nothing is refused.

    :param known: as in :func:`find`; here it counts before what the containers show.
    """
    decision = _Decision(traits, given, known)
    for name, role in known.items():
        decision.set(role, [name], "as in the last deployment")
    decision.by_what_shows()
    return decision.result().services


class _Decision:
    def __init__(self, traits: Mapping[str, Traits], given: Given, known: Mapping[str, str]) -> None:
        self.traits = traits
        self.given = given
        self.known = known
        self.roles: dict[str, str] = {}
        self.reasons: dict[str, str] = {}
        self.findings: list[str] = []
        for role in (*ROLES, "ignored"):
            for name in given.get(role) or ():
                self.roles[name], self.reasons[name] = role, f"{variable_of(role)} names it"

    def by_what_shows(self) -> None:
        """Give each service a role of which it shows for itself that it has it."""
        self._web_by_port()
        self._workers()
        self._init()
        self.set("support", [name for name in self.rest if is_redis(self.traits[name])], "it runs Redis or Valkey")

    def by_what_is_left(self) -> None:
        """Decide about the others by the services around them; what stays open becomes a finding."""
        self._as_before()
        self._web_without_port()
        self._support_by_need()
        self._undecided()

    def result(self) -> Found:
        return Found({role: self._listed(role) for role in (*ROLES, "ignored")}, self.reasons, self.findings)

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

    def _web_by_port(self) -> None:
        names = [name for name in self.rest if self.traits[name].has_color_port]
        if self.is_auto("web") and len(names) > 1:
            self.findings.append(_several_webs(names, "${BG_PORT}"))
        self.set("web", names, "it publishes ${BG_PORT}")

    def _workers(self) -> None:
        for name in self.rest:
            if self.traits[name].celery != Roles():
                self.set("workers", [name], _celery_reason(self.traits[name]))

    def _init(self) -> None:
        for name in self.rest:
            waiting = sorted(each for each, traits in self.traits.items() if name in traits.waits_for)
            if waiting:
                wait = agree(waiting, "waits", "wait")
                self.set("init", [name], f"{joined(waiting)} {wait} until it has completed")

    def _as_before(self) -> None:
        for name in self.rest:
            if not self.traits[name].is_known and self.known.get(name):
                reason = f"as in the last deployment, because its image {self.traits[name].image_name} is not here yet"
                self.set(self.known[name], [name], reason)

    def _web_without_port(self) -> None:
        """Without a service that publishes the color's port: the one that is meant, so that it can be corrected."""
        if not self.is_auto("web") or "web" in self.roles.values() or not self.traits:
            return
        # Each further group shows less, and the first that has any service decides.
        apart = [name for name in self.rest if not _is_database(self.traits[name])]
        groups = (
            [name for name in apart if self.traits[name].has_port],
            [name for name in apart if _serves(self.traits[name])],
            [name for name in apart if name == "web"],
            apart,
        )
        names = next((group for group in groups if group), [])
        if len(names) == 1:
            self.set("web", names, "it seems to answer HTTP")
        elif names:
            self.findings.append(_no_web(names))
            self.set("web", names, "it may answer HTTP")
        else:
            self.findings.append(
                "No service publishes ${BG_PORT}, but Nginx has to send requests somewhere: write "
                f"{_PORT_LINE} in the service that answers HTTP."
            )

    def _support_by_need(self) -> None:
        before = -1
        while before != len(self.roles):
            before = len(self.roles)
            for name in self.rest:
                users = self._users(name)
                if users and self._why_not_support(name) == "":
                    needs = agree(users, "depends", "depend")
                    self.set("support", [name], f"{joined(users)} {needs} on it, and nothing else reaches it")

    def _users(self, name: str) -> list[str]:
        """The services of a color that depend on this one."""
        users = [each for each, traits in self.traits.items() if name in traits.needs]
        return sorted(each for each in users if self.roles.get(each) in ("web", "workers", "support"))

    def _why_not_support(self, name: str) -> str:
        """Why a color may not have such a service of its own, as half a sentence; empty if it may."""
        traits = self.traits[name]
        others = sorted(
            each for each, other in self.traits.items() if name in other.needs and self.roles.get(each) not in ROLES
        )
        if _is_database(traits):
            return "it is a database, and each color would have a database of its own with its own data"
        if traits.celery != Roles():
            return _celery_reason(traits)
        if self._is_app(name):
            return "it runs an image of the app"
        if not traits.is_known:
            return f"its image {traits.image_name or 'of the app'} is not on this host yet, so its command is unknown"
        if traits.keeps_data:
            return "it keeps data, and each color would have its own"
        if traits.has_port:
            return "it publishes a port of the host, so others may reach it"
        if traits.is_reached:
            return "it is on a network on which other projects can be"
        if others:
            return f"{joined(others)} {agree(others, 'depends', 'depend')} on it"
        return ""

    # What nothing shows

    def _undecided(self) -> None:
        """A sentence for each service that has no role, with the two lines of which one decides it."""
        names = self.rest
        roles = {name: self._guess(name) for name in names}
        for name in names:
            role, why = roles[name], self._why(name, roles[name])
            alike = [each for each in names if roles[each] == role]
            own = self._line("support" if role == "ignored" else role, [name] if role == "ignored" else alike)
            none = self._line("ignored", alike if role == "ignored" else [name])
            way = (
                f". Write {none} if both colors are to use the same {name}; then no color starts it. Write {own} if "
                f"each color is to have its own {name}."
                if role == "ignored"
                else f": write {own} if it is {_article(role)}, or {none} if no color is to start it."
            )
            self.findings.append(f"Service {name!r} of the Compose file has no role, because {why}{way}")

    def _line(self, role: str, names: Collection[str]) -> str:
        listed = self._listed(role)
        return f"{variable_of(role)}: [{', '.join([*listed, *(name for name in names if name not in listed)])}]"

    def _guess(self, name: str) -> str:
        """The role that the service probably has."""
        traits = self.traits[name]
        if traits.celery != Roles():
            return "workers"
        if traits.has_color_port or _serves(traits):
            return "web"
        if is_redis(traits):
            return "support"
        if any(name in other.waits_for for other in self.traits.values()):
            return "init"
        if _is_database(traits):
            return "ignored"
        if self._is_app(name):
            return "workers" if traits.restarts else "init"
        return "ignored" if traits.keeps_data else "support"

    def _why(self, name: str, role: str) -> str:
        traits, variable = self.traits[name], variable_of(role)
        if not self.is_auto(role) and role != "ignored":
            seen = _celery_reason(traits) if role == "workers" and traits.celery != Roles() else ""
            return f"{seen}, but {variable} does not name it" if seen else f"{variable} does not name it"
        if role in ("ignored", "support"):
            return self._why_not_support(name) or "neither web nor workers depend on it"
        program = os.path.basename(traits.command[0]) if traits.command else ""
        if role == "web":
            return f"its command {program} may answer HTTP, but it does not publish ${{BG_PORT}}"
        if not traits.is_known and not program:
            return f"its image {traits.image_name or 'of the app'} is not on this host yet, so its command is unknown"
        shown = f"its command {program}" if program else "it has no command, which"
        if role == "init":
            return f"no service waits until it has completed, and {shown} does not show what it is"
        return f"{shown} does not show whether it starts Celery"

    def _is_app(self, name: str) -> bool:
        """Whether a service runs code of the app: an image that is built, or the one of web or workers."""
        own = {
            _repository(self.traits[each])
            for each, role in self.roles.items()
            if role in ("web", "workers") and each in self.traits
        }
        return self.traits[name].is_built or _repository(self.traits[name]) in own - {""}

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


def _celery_reason(traits: Traits) -> str:
    what = " and ".join(f"a Celery {name}" for name in traits.celery.name.split("+"))
    return f"its command is {what}"


def _several_webs(names: Sequence[str], port: str) -> str:
    first, second = (f"bluegreen_web_services: [{', '.join(order)}]" for order in (names, names[::-1]))
    return (
        f"{joined(names)} publish {port}, but Nginx sends requests to one service: name it first, and write {first}, "
        f"or {second}."
    )


def _no_web(names: Sequence[str]) -> str:
    return (
        f"No service publishes ${{BG_PORT}}, and {joined(names)} may each be the one that answers HTTP: write "
        f"{_PORT_LINE} in that service."
    )


def _article(role: str) -> str:
    return f"{'an' if role == 'init' else 'a'} {_NAMES[role]}"


def _is_database(traits: Traits) -> bool:
    return bool(_DATABASE.search(traits.image_name))


def _serves(traits: Traits) -> bool:
    """Whether the command starts a web server."""
    words = [os.path.basename(word) for text in traits.command for word in text.split()]
    return any(word in _SERVERS for word in words)


def _repository(traits: Traits) -> str:
    """The image without tag and digest."""
    name = traits.image_name.partition("@")[0]
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(":")[0]
