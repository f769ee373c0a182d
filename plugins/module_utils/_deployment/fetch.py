# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The candidate's images are pulled or built and its containers created, with one call of Docker Compose.

It may take an hour, so it works without the lock: a rollback or the guard can act meanwhile, and ends it. Where its module
dies, Compose goes on, and the guard knows it by the name of its env file.
"""

from __future__ import annotations

import re

from .._compose import cli as compose_cli, program as compose_program
from .._errors import BluegreenError
from .._journal.fencing import fenced
from .._redact import hide

# Between two signs of life, in seconds.
PACE = 5.0
LOG_LINES = 20
# What Docker says, in lower case, and what to do about it; the first that fits.
_WAYS = (
    ("no space left", "make room on this host (docker system df shows what takes it), and deploy again"),
    ("toomanyrequests", "log in to the registry on this host (docker login), or deploy again later"),
    ("no basic auth", "log in to the registry on this host (docker login)"),
    ("unauthorized", "log in to the registry on this host (docker login)"),
    ("denied", "correct image: in the Compose file, or log in to the registry on this host (docker login)"),
    ("manifest unknown", "push that image, or correct image: in the Compose file"),
    ("no such image", "load that image on this host, or set bluegreen_pull to missing"),
    ("no such host", "see to it that this host reaches the registry, or load the image there by hand"),
    ("dial tcp", "see to it that this host reaches the registry, or load the image there by hand"),
    ("timeout", "see to it that this host reaches the registry, or load the image there by hand"),
    ("failed to solve", "correct the Dockerfile, or what it needs of the network"),
)


def up(services: list, pull: str, build: str) -> list:
    """What Compose is to do: create the containers of some services anew, and start none.

    A service that they depend on and that is not named gets no container: it may be a database that no color starts.
    """
    words = ["up", "--no-start", "--force-recreate", "--no-deps", "--quiet-pull", "--pull", pull]
    return words + {"always": ["--build"], "never": ["--no-build"]}.get(build, []) + ["--", *services]


def fetch(host, store, project, services: list, pull: str, build: str, caller: tuple) -> None:
    """Get the images of a project's services and create their containers.

    :param project: a :class:`cli.Project`.
    :param caller: id and epoch of the deployment that it is done for.
    :raises BluegreenError: Compose could not; what it said is in ``logs``.
    :raises Fenced: the deployment is not, or no longer, the caller's; Compose was ended.
    """

    def turn():
        with fenced(store, *caller, "fetch") as journal:
            journal.renew_lease()

    turn()
    program = compose_program.find()
    words = ["--progress", "plain", *compose_cli.options(project), *up(services, pull, build)]
    # The engine that the other steps ask, whatever the user's docker context says.
    env = {**program.env, "DOCKER_HOST": host.engine.docker_host}
    done = host.follow(program.argv + words, turn, PACE, env=env, cwd=project.src)
    # Compose may have been ended because another run took the deployment over; then this refuses.
    turn()
    if done.code:
        raise _failure(project.name, services, done, hide(done.out, store.secrets(), " ".join(words)))


def _failure(project: str, services: list, done, said: str) -> BluegreenError:
    # A registry that cannot be reached names no image.
    failed = [name for name in services if re.search(rf"^\s*{re.escape(name)}\s+Error\b", said, re.MULTILINE)]
    reason = compose_cli.reason(said).replace("Error response from daemon: ", "")
    if done.code < 0:
        reason = f"it was ended by signal {-done.code}."
    way = next((way for words, way in _WAYS if words in reason.lower()), "")
    of = f"project {project} ({', '.join(failed)})" if failed else f"project {project}"
    return BluegreenError(
        f"Compose could not create the containers of {of}: {reason.rstrip('.')}{': ' if way else ''}{way}.",
        logs={"docker compose up": [line.rstrip() for line in said.splitlines() if line.strip()][-LOG_LINES:]},
    )
