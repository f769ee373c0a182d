# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Docker Compose, which renders a color and creates its containers. It never starts or stops one here."""

from __future__ import annotations

import json
import os
from typing import NamedTuple

from .._errors import BluegreenError
from .._validation import check_env_name
from . import program as compose_program, references as compose_references
from .forms import long_forms

# 2.22 is the first that tells apart what it pulls and builds as the flow needs it.
OLDEST = (2, 22)
# Seconds. It starts a program of 60 MB; an emulated arm64 under load took more than one minute for it.
TIMEOUT = 300


class Project(NamedTuple):
    """A color as Compose is told of it: ``name`` is the project's, ``env_files`` are read in order, later ones win."""

    name: str
    src: str
    files: list
    profiles: list
    env_files: list


def version(host):
    """Version of Compose as a tuple of ints.

    :raises BluegreenError: it is not installed.
    """
    done = _run(host, ["version", "--short"])
    if done.code != 0:
        raise BluegreenError(
            "Docker Compose v2 is not installed on this host (docker compose version failed): run prepare.yml, or "
            "install the plugin docker-compose-plugin."
        )
    return tuple(int(part) for part in done.out.strip().lstrip("v").split("-")[0].split("+")[0].split(".") if part.isdigit())


def check_version(found):
    if found < OLDEST:
        raise BluegreenError(
            f"Docker Compose is {'.'.join(map(str, found))} on this host, but {'.'.join(map(str, OLDEST))} or later is "
            "needed: run prepare.yml, or upgrade it."
        )


def check_source(project_src, files):
    """Find the Compose files before Compose does, to name the option that is wrong."""
    if not os.path.isdir(project_src):
        raise BluegreenError(
            f"bluegreen_project_src is {project_src!r}, but there is no such folder on this host: put the app's "
            "Compose file there, or name the folder where it is."
        )
    for name in files:
        if not os.path.isfile(os.path.join(project_src, name)):
            raise BluegreenError(
                f"bluegreen_files names {name!r}, but there is no such file below {project_src} on this host."
            )
    defaults = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
    if not files and not any(os.path.isfile(os.path.join(project_src, name)) for name in defaults):
        raise BluegreenError(
            f"bluegreen_project_src is {project_src!r}, but there is no Compose file in it ({', '.join(defaults)}): "
            "put it there, or name it in bluegreen_files."
        )


def render(host, project):
    """The configuration of a color with everything filled in, as Compose's JSON model."""
    done = _run(host, options(project) + ["config", "--format", "json"], cwd=project.src)
    if done.code != 0:
        raise BluegreenError(
            f"bluegreen_project_src is {project.src!r}, but Compose cannot read the files there: {reason(done.err)}"
        )
    for line in done.err.splitlines():
        if "variable is not set" in line:
            host.warn(f"Compose: {_plain(line)} Set it in bluegreen_env, or in {project.src}/.env.")
    rendered = _decoded(done.out)
    _refuse_unresolved(rendered)
    return long_forms(rendered)


def _decoded(text: str) -> dict:
    try:
        return json.loads(text)
    except ValueError as error:
        raise BluegreenError(
            "docker compose config --format json does not print JSON on this host, as with Docker Compose 2.25.0: "
            "install another version of Docker Compose (2.26 or later)."
        ) from error


def _refuse_unresolved(rendered: dict) -> None:
    """Compose 2.24.7 shows a service without what its ``env_file`` says, and so would hide the broker and any change."""
    services = sorted(name for name, service in (rendered.get("services") or {}).items() if service.get("env_file"))
    if services:
        raise BluegreenError(
            f"docker compose config does not show the variables of env_file of {', '.join(services)} on this host, as "
            "with Docker Compose 2.24.7: install another version of Docker Compose (2.26 or later), or write them "
            "under environment:."
        )


def service_hashes(host, project: Project, rendered: dict, containers: list) -> dict:
    """The hash of each service's configuration, as Compose labels the containers that it makes from it.

    Most versions hash what ``env_file`` names only when they create a container, and ``config --hash`` leaves it out. So
    the rendered configuration is hashed, in which it is resolved.

    :param rendered: what :func:`render` gave for this very project.
    :param containers: those that it has.
    """
    # It is normal already, and the ids in it would be taken for names of services.
    words = options(project._replace(files=["-"])) + ["config", "--no-normalize", "--hash", "*"]
    done = _run(host, words, cwd=project.src, stdin=json.dumps(compose_references.resolve(rendered, containers)))
    if done.code != 0:
        raise BluegreenError(f"Compose cannot hash the services of project {project.name}: {reason(done.err)}")
    return dict(line.split() for line in done.out.splitlines() if line.strip())


def env_text(variables):
    """An env file of Compose that gives every value literally.

    :param variables: names to values; anything but a string is written as Ansible writes it.
    """
    return "".join(
        f"{check_env_name('bluegreen_env', name)}={_quoted(name, value)}\n" for name, value in variables.items()
    )


def _quoted(name, value):
    text = str(value)
    if "\0" in text:
        raise BluegreenError(f"bluegreen_env.{name} holds a NUL byte, which no environment can carry.")
    if "'" not in text and "\\" not in text:
        return f"'{text}'"
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("$", "\\$"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(plain, escaped)
    return f'"{text}"'


def options(project: Project) -> list:
    """The options with which Compose is told of a color, before the name of what it is to do."""
    words = ["--ansi", "never", "--project-directory", project.src, "--project-name", project.name]
    for option, values in (("--file", project.files), ("--profile", project.profiles), ("--env-file", project.env_files)):
        for value in values:
            words += [option, value]
    return words


def _run(host, words, **how):
    program = compose_program.find()
    # It lives for a moment, in which Go's collector of garbage takes a quarter of its processor time and frees little.
    return host.run(program.argv + words, timeout=TIMEOUT, env={**program.env, "GOGC": "400"}, **how)


def env_files(project_src, color_file):
    """Env files in the order in which Compose is to read them: the project's own, then the color's.

    Compose reads ``.env`` by itself only as long as no other file is named.
    """
    own = os.path.join(project_src, ".env")
    return ([own] if os.path.isfile(own) else []) + [color_file]


def reason(stderr):
    """What Compose said last, as the end of a sentence."""
    lines = [_plain(line) for line in stderr.splitlines() if line.strip() and "level=warning" not in line]
    return (lines[-1] if lines else "it gave no reason").rstrip(".") + "."


def _plain(line):
    """A line of Compose without the fields of its log format."""
    marker = 'msg="'
    if marker in line:
        line = line[line.index(marker) + len(marker):].rstrip().rstrip('"').replace('\\"', '"')
    return line.strip()
