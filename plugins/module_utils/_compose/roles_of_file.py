# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The roles of all services of a Compose file, and the lines that decide about those whose role nothing shows. Pure.

A role is only given where something shows it for certain. A wrong guess would run a database twice or lose tasks, so
all other services are refused, with the lines that decide it.
"""

from __future__ import annotations

import os
import re
from typing import Collection, Mapping, NamedTuple, Optional, Sequence

from .._broker.redis_by_name import is_redis
from .._celery.roles import Roles
from .._celery.script import simple_commands
from .._settings import variable_of
from .._words import agree, joined
from .likely import is_flower, is_likely_redis, role_by_name, serves, stores_data
from .service_roles import Decision, Given, celery_reason, repository
from .traits import Traits

_INTERPRETER = re.compile(r"(python|pypy|node|ruby|php)[0-9.]*$")
_PLAIN = re.compile(r"[\w.][\w./-]*$")
_PORT_LINE = 'ports: ["127.0.0.1:${BG_PORT}:<port of the app>"]'
_NAMES = {"web": "web service", "support": "support service", "init": "init service", "workers": "worker service"}


class Found(NamedTuple):
    """The decision.

    :ivar services: for each role and ``ignored``, the services.
    :ivar reasons: why each service has its role, as half a sentence.
    :ivar findings: sentences for what the file does not decide.
    :ivar likely: for each service without a role the one that it probably has.
    """

    services: dict[str, list[str]]
    reasons: dict[str, str]
    findings: list[str]
    likely: dict[str, str]

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
    decision = _OfFile(traits, given, known or {})
    decision.by_what_shows()
    decision.by_what_is_left()
    return Found(decision.services(), decision.reasons, decision.findings, decision.likely)


class _OfFile(Decision):
    """The roles that services show, then those that follow from the services around them, and what stays open."""

    def __init__(self, traits: Mapping[str, Traits], given: Given, known: Mapping[str, str]) -> None:
        super().__init__(traits, given)
        self.known = known
        self.findings: list[str] = []
        self.likely: dict[str, str] = {}

    def by_what_is_left(self) -> None:
        """Decide about the others by the services around them; what stays open becomes a finding."""
        webs = sorted(name for name in self._known("web") if self.traits[name].has_color_port)
        if self.is_auto("web") and len(webs) > 1:
            self.findings.append(_several_webs(webs))
        self._as_before()
        self._web_without_port()
        self._support_by_need()
        self._undecided()

    def _as_before(self) -> None:
        for name in self.rest:
            if not self.traits[name].is_known and self.known.get(name):
                reason = f"as in the last deployment, because its image {self.traits[name].image_name} is not here yet"
                self.set(self.known[name], [name], reason)

    def _web_without_port(self) -> None:
        """Without a service that publishes the color's port: the one that is meant, so that it can be corrected."""
        if not self.is_auto("web") or "web" in self.roles.values() or not self.traits:
            return
        # A port of the host, and code of the app, are signs of it; a database and Flower are something else.
        rest = {name: self.traits[name] for name in self.rest}
        apart = {
            name: traits
            for name, traits in rest.items()
            if serves(traits) or not (stores_data(name, traits) or is_flower(name, traits))
        } or rest
        serving = {repository(traits) for traits in apart.values() if serves(traits)} - {""}
        signs = {
            name: (traits.has_port, self._is_app(name) or serves(traits) or repository(traits) in serving)
            for name, traits in apart.items()
        }
        most = max((sum(each) for each in signs.values()), default=0)
        names = [name for name, each in signs.items() if sum(each) == most]
        if most < 2 and "web" in names:
            names = ["web"]
        names = [name for name in names if signs[name][0]] or names
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
            each for each, other in self.traits.items() if name in other.needs and self.roles.get(each) == "ignored"
        )
        if traits.waits_for:
            first = sorted(traits.waits_for)
            has = agree(first, "has", "have")
            return f"it waits until {joined(first)} {has} completed, and support services start before init services"
        if traits.speaks_amqp:
            return "tasks wait in it, and they can be moved from one color to the other only between Redis servers"
        if stores_data(name, traits):
            return "it stores data, and as a service of each color it would exist twice, with different data"
        if traits.celery != Roles():
            return celery_reason(traits)
        if self._is_app(name):
            return "it runs an image of the app"
        if not traits.is_known:
            return _unknown(traits)
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
        self.likely = {name: self._likely_role(name) for name in self.rest}
        for name, role in self.likely.items():
            alike = [each for each in self.likely if self.likely[each] == role]
            way = self._way_without_color(name, alike) if role == "ignored" else self._way_in_color(name, role, alike)
            why = self._why(name, role)
            self.findings.append(f"Service {name!r} of the Compose file has no role, because {why}{way}")
        if len(self.likely) > 1:
            self.findings[-1] += " Names for the same variable belong in one list."

    def _way_without_color(self, name: str, alike: Collection[str]) -> str:
        """The lines for a service that both colors should share."""
        none = f". Write {self._line('ignored', alike)}"
        if self.traits[name].speaks_amqp:
            return f"{none}: then both colors use the same {name}, and no color starts it."
        return (
            f"{none} if both colors are to use the same {name}; then no color starts it. Write "
            f"{self._line('support', [name])} if each color is to have its own {name}."
        )

    def _way_in_color(self, name: str, role: str, alike: Collection[str]) -> str:
        own, none = self._line(role, alike), self._line("ignored", [name])
        way = f"write {own} if it is {_article(role)}, or {none} if no color is to start it."
        if self.traits[name].is_known or self.traits[name].command:
            return f": {way}"
        return f". Pull or build the image and ask again, or {way}"

    def _line(self, role: str, names: Collection[str]) -> str:
        """The line of the inventory that gives a role to further services."""
        listed = [name for name in self._listed(role) if name in self.traits]
        listed += [name for name in names if name not in listed]
        if role == "web":
            # Nginx sends requests to the first one.
            listed.sort(key=lambda name: not self.traits[name].has_color_port)
        return f"{variable_of(role)}: [{', '.join(listed)}]"

    def _likely_role(self, name: str) -> str:
        """The role that the service probably has."""
        traits = self.traits[name]
        if traits.celery != Roles():
            return "workers"
        if traits.has_color_port or serves(traits) or is_flower(name, traits):
            return "web"
        if self._is_redis(name) or is_likely_redis(name, traits) or self._may_be_redis(name):
            return "support"
        if self._waiting_for(name):
            return "init"
        if stores_data(name, traits) or traits.speaks_amqp:
            return "ignored"
        by_name = role_by_name(name, traits)
        if by_name:
            return by_name
        is_asked = any(name in self.traits[each].needs for each in self._known("web"))
        if is_asked and traits.waits_for or self._is_app(name) and (is_asked or traits.exposes):
            return "web"
        if self._is_app(name):
            return "workers" if traits.restarts else "init"
        return "ignored" if traits.keeps_data else "support"

    def _may_be_redis(self, name: str) -> bool:
        return is_redis(self.traits[name]) and not self._has_image_of_app(name)

    def _why(self, name: str, role: str) -> str:
        traits, variable = self.traits[name], variable_of(role)
        if not self.is_auto(role) and role != "ignored":
            seen = celery_reason(traits) if role == "workers" and traits.celery != Roles() else ""
            return f"{seen}, but {variable} does not name it" if seen else f"{variable} does not name it"
        if role in ("ignored", "support"):
            return self._why_not_support(name) or "neither web nor workers depend on it"
        if not traits.is_known and not traits.command:
            return _unknown(traits)
        shown = f"its command {_program(traits.command)}" if traits.command else "it has no command, which"
        if role == "web":
            return f"{shown} may answer HTTP, but it does not publish ${{BG_PORT}}"
        if role == "init":
            return f"no service waits until it has completed, and {shown} does not show what it is"
        if any("celery" in words for words in simple_commands(traits.command)):
            return f"{shown} starts neither a worker nor a beat"
        return f"{shown} does not show whether it starts Celery"

    def _is_app(self, name: str) -> bool:
        """Whether a service runs code of the app: an image that is built, or the one of web or workers."""
        traits = self.traits[name]
        is_server = stores_data(name, traits) or is_likely_redis(name, traits)
        return traits.is_built and not is_server or self._has_image_of_app(name)


def _several_webs(names: Sequence[str]) -> str:
    return (
        f"{joined(names)} publish ${{BG_PORT}}, but Nginx sends requests to one service: remove the port from the "
        "others. If each publishes it on an address of its own, list them with that service first, such as "
        f"bluegreen_web_services: [{', '.join(sorted(names, key='web'.__ne__))}]."
    )


def _no_web(names: Sequence[str]) -> str:
    return (
        f"No service publishes ${{BG_PORT}}, and {joined(names)} may each be the one that answers HTTP: write "
        f"{_PORT_LINE} in that service."
    )


def _article(role: str) -> str:
    return f"{'an' if role == 'init' else 'a'} {_NAMES[role]}"


def _unknown(traits: Traits) -> str:
    name = f" {traits.image_name}" if traits.image_name else ""
    return f"its image{name} is not on this host yet, so its command is unknown"


def _program(command: Sequence[str]) -> str:
    """What a sentence shows of a command: its program, and the script of an interpreter. All else may be a secret."""
    program, script = (os.path.basename(word) for word in (*command, "")[:2])
    if _INTERPRETER.match(program) and _PLAIN.match(script):
        return f"{program} {script}"
    return program.partition(" ")[0] or "(empty)"
