# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A color as a project of Docker Compose."""

from __future__ import annotations

from typing import NamedTuple


class Project(NamedTuple):
    """A color as a project of Compose: ``src`` is its folder; later ``env_files`` win."""

    name: str
    src: str
    files: list[str]
    profiles: list[str]
    env_files: list[str]


def options(project: Project) -> list[str]:
    """The options of Compose that describe a color; they stand before its command."""
    words = ["--ansi", "never", "--project-directory", project.src, "--project-name", project.name]
    for option, values in (
        ("--file", project.files),
        ("--profile", project.profiles),
        ("--env-file", project.env_files),
    ):
        for value in values:
            words += [option, value]
    return words
