# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The candidate's images are pulled or built and its containers created, with one call of Docker Compose.

It may take an hour, so it works without the lock: a rollback or the guard can act meanwhile, and ends it. If its module
dies, Compose continues, and the guard recognizes it by the name of its env file.
"""

from __future__ import annotations

import re
from typing import Sequence

from .._compose import program as compose_program
from .._compose.project import Project, options
from .._errors import BluegreenError
from .._host import Completed, Host
from .._journal.fencing import fenced
from .._journal.step import Step
from .._journal.store import Store
from .._redact import hide

# Seconds between two heartbeats.
PACE = 5.0
LOG_LINES = 20
# Root runs Compose, so a login of another user does not count.
_LOG_IN = "log in to the registry on this host as root (sudo docker login)"
_REACH = "make sure that this host reaches the registry, or load the image there by hand"
# Words of Docker, in lower case, and what to do about them; the first that fits.
_WAYS = (
    ("no space left", "free disk space on this host (docker system df shows its use), then deploy again"),
    ("toomanyrequests", f"{_LOG_IN}, or deploy again later"),
    ("no basic auth", _LOG_IN),
    ("unauthorized", _LOG_IN),
    ("denied", f"correct image: in the Compose file, or {_LOG_IN}"),
    ("manifest unknown", "push that image, or correct image: in the Compose file"),
    ("no such image", "load that image on this host, or set bluegreen_pull to missing"),
    ("no such host", _REACH),
    ("dial tcp", _REACH),
    ("timeout", _REACH),
    ("failed to solve", "correct the Dockerfile, or make sure that its build reaches the network"),
)


def up(services: Sequence[str], pull: str, build: str) -> list[str]:
    """Arguments that let Compose create the containers of some services anew, and start none.

    A service that they depend on gets no container unless it is named too: it may be a database that no color starts.
    """
    words = ["up", "--no-start", "--force-recreate", "--no-deps", "--quiet-pull", "--pull", pull]
    return words + {"always": ["--build"], "never": ["--no-build"]}.get(build, []) + ["--", *services]


def fetch(
    host: Host, store: Store, project: Project, services: Sequence[str], pull: str, build: str, caller: tuple[str, int]
) -> None:
    """Get the images of a project's services and create their containers.

    :param pull: always, missing or never; ``build`` is always, policy or never.
    :param caller: id and epoch of the deployment that it is done for.
    :raises BluegreenError: Compose could not; its last lines are in ``logs``.
    :raises Fenced: the deployment is not, or no longer, the caller's; Compose was ended.
    """
    deployment_id, epoch = caller

    def turn() -> None:
        with fenced(store, deployment_id, epoch, Step.FETCH) as journal:
            journal.renew_lease()

    turn()
    program = compose_program.find()
    words = ["--progress", "plain", *options(project), *up(services, pull, build)]
    # The same engine as in the other steps, also if the user's docker context names another one.
    env = {**program.env, "DOCKER_HOST": host.engine.docker_host}
    done = host.follow(program.argv + words, turn, PACE, env=env, cwd=project.src)
    # Compose may have been ended because another run took the deployment over; then this refuses.
    turn()
    if done.code:
        raise _failure(project.name, services, done, hide(done.out, store.secrets(), " ".join(words)))


def _failure(project: str, services: Sequence[str], done: Completed, said: str) -> BluegreenError:
    # A registry that cannot be reached names no image.
    failed = [name for name in services if re.search(rf"^\s*{re.escape(name)}\s+Error\b", said, re.MULTILINE)]
    reason = compose_program.reason(said).replace("Error response from daemon: ", "")
    if done.code < 0:
        reason = f"it was ended by signal {-done.code}."
    way = next((way for words, way in _WAYS if words in reason.lower()), "")
    of = f"project {project} ({', '.join(failed)})" if failed else f"project {project}"
    return BluegreenError(
        f"Compose could not create the containers of {of}: {reason.rstrip('.')}{': ' if way else ''}{way}.",
        logs={"docker compose up": [line.rstrip() for line in said.splitlines() if line.strip()][-LOG_LINES:]},
    )
