# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The app's Compose files as Compose renders them for each color; each call starts 60 MB, so none is made twice."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from typing import Any, Callable, Iterator, Mapping, Optional, Sequence

from .._docker.containers import Container
from .._errors import BluegreenError
from .._host import Host
from .._settings import Settings, color_services
from . import cli as compose_cli, config_hash, outside as compose_outside, project, references as compose_references

# Variables that every rendering gets; bluegreen_env must not replace them.
RESERVED = ("BG_COLOR", "BG_PORT", "BG_PROJECT", "BG_RELEASE")


class Renderings:
    """The colors of a release as Compose renders them.

    :param params: parameters of bg_deployment.
    :ivar rendered: for each rendered color, its configuration as Compose prints it.
    :ivar models: the same without dependencies on services outside the color.
    :ivar env: for each rendered color, the text of its env file.
    """

    def __init__(self, host: Host, params: Mapping[str, Any]) -> None:
        self.rendered: dict[str, dict[str, Any]] = {}
        self.models: dict[str, dict[str, Any]] = {}
        self.env: dict[str, str] = {}
        self._host = host
        self._params = params
        self._hashes: dict[str, dict[str, Optional[str]]] = {}

    def render(self, settings: Settings, *colors: str) -> None:
        """Render each color that was not rendered yet."""
        missing = [color for color in colors if color not in self.rendered]
        if missing:
            # Without all that was asked for, there is nothing to look at.
            self.models = {}
            with self._projects(settings) as project_of:
                for color in missing:
                    self.rendered[color] = compose_cli.render(self._host, project_of(color))

    def choose(self, settings: Settings) -> None:
        """Make the models of the rendered colors, once it is known which services a color has."""
        services = color_services(settings)
        self.models = {color: compose_outside.of_color(each, services) for color, each in self.rendered.items()}

    def hashes(
        self, settings: Settings, color: str, containers: Sequence[Container], is_worth_asking: bool
    ) -> dict[str, Optional[str]]:
        """For each service the hash of its configuration, as a container of that color would have it on its label.

        :param containers: those of the color. They are compared with a rendering of their own color, so that port and
            name do not count as differences.
        :param is_worth_asking: whether to ask Compose if the hash of a container cannot be proved here; otherwise its
            hash is ``None``.
        """
        if color not in self._hashes:
            model, labels = self.models[color], {each.service: each.config_hash for each in containers}
            services = compose_references.resolve(model, containers)["services"]
            proved = {name for name in services if config_hash.is_proved(services[name], labels.get(name))}
            self._hashes[color] = {name: labels[name] if name in proved else None for name in services}
            compared = labels.keys() & services.keys() & set(color_services(settings))
            if is_worth_asking and not proved >= compared:
                with self._projects(settings) as project_of:
                    asked = compose_cli.service_hashes(self._host, project_of(color), model, containers)
                self._hashes[color] = {**asked}
        return self._hashes[color]

    @contextlib.contextmanager
    def _projects(self, settings: Settings) -> Iterator[Callable[[str], project.Project]]:
        """A function that describes a color to Compose. Its env files hold secrets, so they are removed afterwards."""
        folder = tempfile.mkdtemp(prefix="bluegreen-")

        def project_of(color: str) -> project.Project:
            src, path = self._params["project_src"], os.path.join(folder, f"{color}.env")
            self.env[color] = compose_cli.env_text(self._variables(settings, color))
            # Without fsync, because it is needed only for a moment; only root can enter this folder.
            with open(path, "w", encoding="utf-8") as target:
                target.write(self.env[color])
            return project.Project(
                name=settings.projects[color],
                src=src,
                files=self._params["files"],
                profiles=self._params["profiles"],
                env_files=compose_cli.env_files(src, path),
            )

        try:
            yield project_of
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _variables(self, settings: Settings, color: str) -> dict[str, Any]:
        own = ((self._params["colors"] or {}).get(color) or {}).get("env") or {}
        for name in RESERVED:
            if name in own:
                raise BluegreenError(
                    f"bluegreen_env sets {name}, which the role sets itself: remove it, or choose another name."
                )
        return {
            **own,
            "BG_COLOR": color,
            "BG_PORT": settings.ports[color],
            "BG_PROJECT": settings.projects[color],
            "BG_RELEASE": self._params["release"],
        }
