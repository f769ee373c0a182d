# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What Compose makes of the app's files for each color. Each question starts its 60 MB, so none is asked twice."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile

from .._errors import BluegreenError
from .._settings import color_services
from . import cli as compose_cli, config_hash, outside as compose_outside, references as compose_references

# Variables that Compose is always given; a user's own must not hide them.
RESERVED = ("BG_COLOR", "BG_PORT", "BG_PROJECT", "BG_RELEASE")


class Renderings:
    """The colors of a release as Compose renders them.

    :param params: parameters of bg_deployment.
    :ivar models: for each color that was rendered, its configuration without what no color has.
    :ivar env: for each of them, the text of its env file.
    """

    def __init__(self, host, params):
        self.models = {}
        self.env = {}
        self._host = host
        self._params = params
        self._hashes = {}

    def render(self, settings, *colors: str) -> None:
        """Render those of the colors that are not yet."""
        with self._projects(settings) as project_of:
            for color in colors:
                if color not in self.models:
                    rendered = compose_cli.render(self._host, project_of(color))
                    self.models[color] = compose_outside.of_color(rendered, color_services(settings))

    def hashes(self, settings, color: str, containers: list, is_worth_asking: bool) -> dict:
        """The hash of each service's configuration, as a container of that color would have it on its label.

        :param containers: those that the color has. What runs is compared with its own color: its port and its name must
            not count as differences.
        :param is_worth_asking: whether Compose is asked where a container has another hash than is proved here; else
            that one is ``None``.
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
                self._hashes[color] = asked
        return self._hashes[color]

    @contextlib.contextmanager
    def _projects(self, settings):
        """A function that tells Compose of a color, with env files that are gone afterwards: they hold secrets."""
        folder = tempfile.mkdtemp(prefix="bluegreen-")

        def project_of(color):
            src, path = self._params["project_src"], os.path.join(folder, f"{color}.env")
            self.env[color] = compose_cli.env_text(self._variables(settings, color))
            # Not to the disk: it is needed for a moment, and nobody but root enters this folder.
            with open(path, "w", encoding="utf-8") as target:
                target.write(self.env[color])
            return compose_cli.Project(
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

    def _variables(self, settings, color):
        own = ((self._params["colors"] or {}).get(color) or {}).get("env") or {}
        for name in RESERVED:
            if name in own:
                raise BluegreenError(
                    f"bluegreen_env sets {name}, which the role sets itself: take it out, or choose another name."
                )
        return {
            **own,
            "BG_COLOR": color,
            "BG_PORT": settings.ports[color],
            "BG_PROJECT": settings.projects[color],
            "BG_RELEASE": self._params["release"],
        }
