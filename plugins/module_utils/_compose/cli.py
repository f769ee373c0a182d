# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Docker Compose, which renders a color and creates its containers. It does not start or stop them here."""

from __future__ import annotations

import json
import os
from typing import Any, Iterable, Mapping, Optional, Sequence

from .._commands import command
from .._docker.containers import Container
from .._errors import BluegreenError
from .._host import Completed, Host
from .._validation import check_env_name
from .._words import joined
from . import program as compose_program, references as compose_references
from .forms import long_forms
from .program import reason
from .project import Project, options

# Earlier versions do not separate pull and build as a deployment needs it.
OLDEST = (2, 22)
# Seconds for one call. Compose is a program of 60 MB; an emulated arm64 under load took more than a minute to start it.
TIMEOUT = 300


def version(host: Host) -> tuple[int, ...]:
    """Version of Compose as a tuple of ints.

    :raises BluegreenError: it is not installed.
    """
    done = _run(host, ["version", "--short"])
    if done.code != 0:
        raise BluegreenError(
            "Docker Compose v2 is not installed on this host (docker compose version failed): run "
            f"{command('prepare')}, or install the package docker-compose-plugin."
        )
    numbers = done.out.strip().lstrip("v").split("-")[0].split("+")[0]
    return tuple(int(part) for part in numbers.split(".") if part.isdigit())


def check_version(found: tuple[int, ...]) -> None:
    """Refuse a version before :data:`OLDEST`."""
    if found < OLDEST:
        raise BluegreenError(
            f"Docker Compose is {'.'.join(map(str, found))} on this host, but {'.'.join(map(str, OLDEST))} or later is "
            "needed: upgrade it the way it was installed."
        )


def check_source(project_src: str, files: Sequence[str]) -> None:
    """Refuse a folder or Compose file that does not exist, and name the option, which Compose could not."""
    if not os.path.isdir(project_src):
        raise BluegreenError(
            f"bluegreen_project_src is {project_src!r}, but there is no such folder on this host: put the app's "
            "Compose file there, or name the folder that holds it."
        )
    for name in files:
        if not os.path.isfile(os.path.join(project_src, name)):
            raise BluegreenError(
                f"bluegreen_files names {name!r}, but there is no such file in {project_src} on this host: put "
                "the file there, or correct the name."
            )
    defaults = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
    if not files and not any(os.path.isfile(os.path.join(project_src, name)) for name in defaults):
        raise BluegreenError(
            f"bluegreen_project_src is {project_src!r}, but there is no Compose file in it ({', '.join(defaults)}): "
            "put one there, or name the app's own Compose file in bluegreen_files."
        )


def render(host: Host, project: Project) -> dict[str, Any]:
    """The configuration of a color with all variables replaced, as ``docker compose config`` prints it."""
    done = _run(host, options(project) + ["config", "--format", "json"], cwd=project.src)
    if done.code != 0:
        raise BluegreenError(
            f"bluegreen_project_src is {project.src!r}, but Compose cannot read the files there: {reason(done.err)} "
            "Correct them (docker compose config in that folder shows the error too)."
        )
    for line in done.err.splitlines():
        if "variable is not set" in line:
            host.warn(f"Compose: {compose_program.plain(line)} Set it in bluegreen_env, or in {project.src}/.env.")
    rendered = _decoded(done.out)
    _refuse_unresolved(rendered)
    return long_forms(rendered)


def _decoded(text: str) -> dict[str, Any]:
    try:
        rendered: dict[str, Any] = json.loads(text)
        return rendered
    except ValueError as error:
        raise BluegreenError(
            "docker compose config --format json does not print JSON on this host, a bug of Docker Compose 2.25.0: "
            "install another version (2.26 or later)."
        ) from error


def _refuse_unresolved(rendered: dict[str, Any]) -> None:
    """Refuse Compose 2.24.7, which leaves out the variables of an ``env_file``, and so the broker and any change."""
    services = sorted(name for name, service in (rendered.get("services") or {}).items() if service.get("env_file"))
    if services:
        raise BluegreenError(
            f"docker compose config does not show the variables of env_file of {joined(services)} on this host, a "
            "bug of Docker Compose 2.24.7: install another version (2.26 or later), or write them under environment:."
        )


def service_hashes(
    host: Host, project: Project, rendered: dict[str, Any], containers: Iterable[Container]
) -> dict[str, str]:
    """For each service the hash of its configuration, with which Compose labels the containers that it creates.

    Most versions hash the variables of an ``env_file`` only when they create a container, and ``config --hash`` leaves
    them out. So the rendered configuration is hashed, which contains them.

    :param rendered: what :func:`render` returned for this very project.
    :param containers: the containers of the project.
    """
    # The rendered file is normalized already, and Compose would take the ids in it for names of services.
    words = options(project._replace(files=["-"])) + ["config", "--no-normalize", "--hash", "*"]
    done = _run(host, words, cwd=project.src, stdin=json.dumps(compose_references.resolve(rendered, containers)))
    if done.code != 0:
        raise BluegreenError(
            f"Compose cannot compute the configuration hashes of project {project.name} (docker compose config "
            f"--hash): {reason(done.err)} Correct the Compose file."
        )
    return dict(line.split() for line in done.out.splitlines() if line.strip())


def env_text(variables: Mapping[str, Any]) -> str:
    """The text of an env file of Compose in which every value is literal.

    :param variables: names to values; a value that is not a string is written as Ansible writes it.
    """
    return "".join(
        f"{check_env_name('bluegreen_env', name)}={_quoted(name, value)}\n" for name, value in variables.items()
    )


def _quoted(name: str, value: Any) -> str:
    text = str(value)
    if "\0" in text:
        raise BluegreenError(
            f"bluegreen_env.{name} contains a NUL byte, which an environment variable cannot contain: remove it."
        )
    if "'" not in text and "\\" not in text:
        return f"'{text}'"
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("$", "\\$"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(plain, escaped)
    return f'"{text}"'


def _run(host: Host, words: list[str], cwd: Optional[str] = None, stdin: Optional[str] = None) -> Completed:
    program = compose_program.find()
    # In such a short run Go's garbage collector would take a quarter of the processor time and free little.
    environment = {**program.env, "GOGC": "400"}
    return host.run(program.argv + words, timeout=TIMEOUT, stdin=stdin, env=environment, cwd=cwd)


def env_files(project_src: str, color_file: str) -> list[str]:
    """Env files in the order in which Compose has to read them: the project's own, then the color's.

    Compose reads ``.env`` by default only if no other file is named.
    """
    own = os.path.join(project_src, ".env")
    return ([own] if os.path.isfile(own) else []) + [color_file]
