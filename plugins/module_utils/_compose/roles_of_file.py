# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The roles of all services of a Compose file, and the lines that decide about those whose role nothing shows. Pure.

A role is only given where something shows it for certain. A wrong guess would run a database twice or lose tasks, so
all other services are refused, with the lines that decide it.
"""

from __future__ import annotations

import os
from typing import Collection, Mapping, NamedTuple, Optional, Sequence

from .._celery.roles import Roles, simple_commands
from .._settings import variable_of
from .._words import agree, joined
from .likely import is_flower, is_likely_redis, role_by_name, serves, stores_data
from .service_roles import Decision, Given, celery_reason
from .traits import Traits

# Letters of a command that a sentence shows.
_SHOWN = 60
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
    likely = {name: decision.likely_role(name) for name in decision.rest}
    return Found(decision.services(), decision.reasons, decision.findings, likely)


class _OfFile(Decision):
    """The roles that services show, then those that follow from the services around them, and what stays open."""

    def __init__(self, traits: Mapping[str, Traits], given: Given, known: Mapping[str, str]) -> None:
        super().__init__(traits, given)
        self.known = known
        self.findings: list[str] = []

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
        # Each further group shows less, and the first that has any service decides.
        apart = {
            name: self.traits[name]
            for name in self.rest
            if not (stores_data(name, self.traits[name]) or is_flower(name, self.traits[name]))
        }
        of_app = [name for name, traits in apart.items() if serves(traits) or self._is_app(name)]
        groups = (
            [name for name in of_app if apart[name].has_port],
            [name for name in of_app if serves(apart[name])],
            [name for name, traits in apart.items() if traits.has_port],
            [name for name in apart if name == "web"],
            list(apart),
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
            each for each, other in self.traits.items() if name in other.needs and self.roles.get(each) == "ignored"
        )
        if stores_data(name, traits):
            return "it stores data, and as a service of each color it would exist twice, with different data"
        if traits.celery != Roles():
            return celery_reason(traits)
        if self._is_app(name):
            return "it runs an image of the app"
        if not traits.is_known:
            return _unknown(traits)
        if traits.speaks_amqp:
            return "tasks wait in it, and they can be moved from one color to the other only between Redis servers"
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
        roles = {name: self.likely_role(name) for name in names}
        for name in names:
            role = roles[name]
            alike = [each for each in names if roles[each] == role]
            way = self._way_without_color(name, alike) if role == "ignored" else self._way_in_color(name, role, alike)
            why = self._why(name, role)
            self.findings.append(f"Service {name!r} of the Compose file has no role, because {why}{way}")
        if len(names) > 1:
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

    def likely_role(self, name: str) -> str:
        """The role that the service probably has."""
        traits = self.traits[name]
        if traits.celery != Roles():
            return "workers"
        if traits.has_color_port or serves(traits) or is_flower(name, traits):
            return "web"
        if self._is_redis(name) or is_likely_redis(name, traits):
            return "support"
        if self._waiting_for(name):
            return "init"
        if stores_data(name, traits) or traits.speaks_amqp:
            return "ignored"
        by_name = role_by_name(name, traits)
        if by_name:
            return by_name
        if self._is_app(name):
            if traits.exposes or any(name in self.traits[each].needs for each in self._known("web")):
                return "web"
            return "workers" if traits.restarts else "init"
        return "ignored" if traits.keeps_data else "support"

    def _why(self, name: str, role: str) -> str:
        traits, variable = self.traits[name], variable_of(role)
        if not self.is_auto(role) and role != "ignored":
            seen = celery_reason(traits) if role == "workers" and traits.celery != Roles() else ""
            return f"{seen}, but {variable} does not name it" if seen else f"{variable} does not name it"
        if role in ("ignored", "support"):
            return self._why_not_support(name) or "neither web nor workers depend on it"
        if not traits.is_known and not traits.command:
            return _unknown(traits)
        shown = f"its command {_shortened(traits.command)}" if traits.command else "it has no command, which"
        if role == "web":
            return f"{shown} may answer HTTP, but it does not publish ${{BG_PORT}}"
        if role == "init":
            return f"no service waits until it has completed, and {shown} does not show what it is"
        if any("celery" in words for words in simple_commands(traits.command)):
            return f"{shown} is neither a Celery worker nor a beat"
        return f"{shown} does not show whether it starts Celery"

    def _is_app(self, name: str) -> bool:
        """Whether a service runs code of the app: an image that is built, or the one of web or workers."""
        traits = self.traits[name]
        is_server = stores_data(name, traits) or is_likely_redis(name, traits)
        return traits.is_built and not is_server or self._has_image_of_app(name)


def _several_webs(names: Sequence[str]) -> str:
    return (
        f"{joined(names)} publish ${{BG_PORT}}, but Nginx sends requests to one service: list them with that service "
        f"first, such as bluegreen_web_services: [{', '.join(sorted(names, key='web'.__ne__))}]."
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


def _shortened(command: Sequence[str]) -> str:
    """A command for a sentence, without the folder of its program."""
    text = " ".join([os.path.basename(command[0]), *command[1:]])
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
