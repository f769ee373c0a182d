# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is known before a deployment of the host and of the release, and what was decided by it."""

from __future__ import annotations

import contextlib
from typing import Any, Optional

from .._compose import roles_of_file, rules as compose_rules, traits_of_files
from .._compose.renderings import Renderings
from .._docker.containers import Container, of_project
from .._host import Host
from .._journal.store import Store
from .._nginx import running as nginx_running, upstream as nginx_upstream
from .._resources import memory_budget
from .._settings import Nginx, Settings, color_services, other
from .._validation import COLORS
from .last_roles import roles_of_last


class Situation:
    """The facts that the checks before a deployment use, and their decisions.

    :ivar params: parameters of bg_deployment.
    :ivar kept: whether the deployment leads back to the color that was kept stopped, which needs no Compose file.
    :ivar live: the live color, ``""`` when there is none yet.
    :ivar idle: the color that becomes live.
    :ivar upstream_text: the file that names the live color, ``""`` without one; ``upstream`` is the same, parsed.
    :ivar seen: the Nginx that runs.
    :ivar containers: all containers of each color.
    :ivar renderings: what Compose renders for the colors that were needed.
    :ivar left_roles: the roles whose services the user leaves to the Compose file.
    :ivar roles: how the services of the Compose file were found; ``None`` while they are not.
    :ivar compose: the version of Compose, empty where it was not needed.
    :ivar up_to_date: whether there is nothing to do.
    :ivar pending: whether the release is live already, and awaits approval.
    :ivar reasons: why there is something to do, as half sentences.
    :ivar broker_reason: why the broker is the one in ``settings``, as half a sentence.
    :ivar old_workers: services of the live color that run Celery and are in no list.
    :ivar room: how much memory is free, and how much the live color holds.
    :ivar memory: what becomes of the old workers and the old web.
    :ivar init_before_stop: init services that run while the old workers do; ``init_reason`` says why none does.
    """

    def __init__(self, host: Host, store: Store, settings: Settings, params: dict[str, Any]) -> None:
        self.host = host
        self.store = store
        self.settings = settings
        self.params = params
        self.kept = params["prefer"] == "rollback"
        self.live = self.idle = ""
        self.upstream_text = ""
        self.upstream: Optional[nginx_upstream.Upstream] = None
        self.seen = nginx_running.Seen(host, self.nginx)
        self.containers: dict[str, list[Container]] = {color: [] for color in COLORS}
        self.renderings = Renderings(host, params)
        self.left_roles = settings.auto
        self.roles: Optional[roles_of_file.Found] = None
        self.compose: tuple[int, ...] = ()
        self.up_to_date = self.pending = False
        self.reasons: list[str] = []
        self.broker_reason = ""
        self.old_workers: list[str] = []
        self.room = memory_budget.Room(free=0, web=0)
        self.memory = memory_budget.Decision("stop", "", "running", "")
        self.init_before_stop: list[str] = []
        self.init_reason = ""

    def find_colors(self, live: Optional[str] = None) -> None:
        """Find out which color is live, and the containers of both.

        :param live: the live color where it is known; else the file that Nginx reads says which.
        """
        nginx = self.nginx
        self.idle = COLORS[0]
        for color in COLORS:
            self.containers[color] = of_project(self.host.engine, self.settings.projects[color])
        with contextlib.suppress(FileNotFoundError):
            with open(nginx.file, encoding="utf-8", errors="replace") as source:
                self.upstream_text = source.read()
            self.upstream = nginx_upstream.parse(self.upstream_text, nginx.file, nginx.upstream)
        if live is None and self.upstream:
            live = nginx_upstream.live_color(self.upstream, nginx.servers, nginx.file)
        self.live = live or ""
        self.idle = other(live) if live else COLORS[0]

    def render(self, *colors: str) -> None:
        """Render colors; the first one shows which service has which role, as far as the user leaves that to the file.

        What it does not show is in the ``findings`` of ``roles``.
        """
        self.renderings.render(self.settings, *colors)
        if self.roles is None:
            self.roles = self._find_roles(colors[0])
        if self.settings.auto:
            self.settings = self.settings._replace(services=self.roles.services, auto=())
        self.renderings.choose(self.settings)

    def _find_roles(self, color: str) -> roles_of_file.Found:
        given = self.settings.given
        traits = traits_of_files.of_rendering(
            self.renderings.rendered[color],
            self.settings.ports[color],
            self.host.engine.image,
            self.params["color_volumes"],
            {name for names in given.values() for name in names or ()},
        )
        is_open = any(not each.is_known for each in traits.values())
        return roles_of_file.find(traits, given, roles_of_last(self.store) if is_open else {})

    @property
    def nginx(self) -> Nginx:
        """What the user says about Nginx."""
        return self.settings.nginx

    @property
    def web(self) -> str:
        """Name of the service that answers HTTP, empty while it is not known."""
        return next(iter(self.settings.services["web"]), "")

    @property
    def undecided_services(self) -> list[str]:
        """Sentences for services whose role the Compose file does not show."""
        return self.roles.findings if self.roles else []

    @property
    def live_containers(self) -> list[Container]:
        """The containers of the live color; none where there is no live color."""
        return self.containers[self.live] if self.live else []

    @property
    def live_release(self) -> str:
        """Label of the release that is live, as the file that Nginx reads has it."""
        return self.upstream.release if self.live and self.upstream else ""

    @property
    def model(self) -> dict[str, Any]:
        """The rendered configuration of the color that becomes live; of the live one if only that was rendered."""
        return self.renderings.models.get(self.idle) or self.renderings.models[self.live]

    def use_broker(self, **changes: str) -> None:
        """Change what the settings say about the broker."""
        self.settings = self.settings._replace(broker=self.settings.broker._replace(**changes))

    # Images of the release

    @property
    def images(self) -> dict[str, str]:
        """Names of the images that the release runs, by service."""
        return compose_rules.images(self.model, self.settings.services)

    def image_ids(self) -> dict[str, Optional[str]]:
        """Ids of these images, by service; ``None`` where one is not on the host."""
        return {service: (self.host.engine.image(name) or {}).get("Id") for service, name in self.images.items()}

    def missing_images(self) -> dict[str, str]:
        """Names of those that are not on the host, by service."""
        return {service: name for service, name in self.images.items() if self.host.engine.image(name) is None}

    @property
    def builds(self) -> list[str]:
        """Services that have to be built to know which image they run."""
        if self.params["pull"] == "build":
            return [name for name in color_services(self.settings) if self.model["services"][name].get("build")]
        if self.params["pull"] == "never":
            return []
        return compose_rules.builds_without_image(self.model, self.settings.services)

    @property
    def undecided(self) -> bool:
        """Whether only the images themselves, once pulled or built, will tell if there is anything to do."""
        return not self.kept and (self.params["pull"] == "always" or bool(self.builds))
