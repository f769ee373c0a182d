# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes that apps have, each a folder below shapes/, and what is right for each. All pure.

A folder holds shape.yml, whose keys are the fields of Shape, and whatever of these the shape needs:

compose.yml    laid over app/compose.yml
release-1.yml  instead of that, while release 1 is live
app.env        instead of app/app.env
nginx.conf     instead of app/nginx.conf
others         lie beside the Compose file on the host
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import yaml

HERE = Path(__file__).resolve().parent
APP, SHAPES = HERE / "app", HERE / "shapes"
WORKS, REFUSED = "works", "refused"
# Of the page that users read, in this order.
GROUPS = (
    "Whole apps as others lay them out",
    "How a container starts Celery",
    "Services and containers",
    "How workers take tasks",
    "Where tasks and results are kept",
    "What the colors share",
    "How Nginx is set up",
    "Memory",
    "Other features of Compose",
    "Versions",
)
# Of the role, for each role of a service.
OPTIONS = {"support": "support", "init": "init", "web": "web", "workers": "worker", "ignored": "ignored"}
# What the plan calls a service of a role, and why the services of the usual app have theirs.
ROLES = {
    "support": "support service", "init": "init service", "web": "web service", "workers": "worker service", "ignored": "ignored",
}  # fmt: skip
REASONS = {
    "web": "it publishes ${BG_PORT}",
    "redis": "it runs Redis or Valkey",
    "worker": "its command is a Celery worker",
    "beat": "its command is a Celery beat",
}
VARIABLES = {
    "bluegreen_app": "shop",
    "bluegreen_project_src": "/srv/shop",
    "bluegreen_pull": "never",
    # Short: what is tried is that nothing of it gets lost, and no request takes longer.
    "bluegreen_drain_timeout": 5,
}


class Shape(NamedTuple):
    name: str
    title: str
    group: str
    verdict: str  # WORKS, or REFUSED before anything is touched
    says: tuple = ()  # what the output has to hold, its line ends left out
    note: str = ""  # for the page: what a user wants to know of it
    quick: bool = False  # in `make test`, too
    variables: dict = {}  # bluegreen_…, beside VARIABLES
    roles: dict = {}  # which services have a role, where they are others than in the usual app
    plan: dict = {}  # why services have their roles, where it is not as in the usual app
    tasks: tuple = ()  # instead of the usual ones; the fields of the demo's order
    task_rate: float = 3.0
    long: dict = {"seconds": 10}  # the task that is in hand when a worker is told to stop
    before: str = ""  # a command of the host's shell, before blue is started
    blow: str = ""  # and one while blue works, before the deployment
    after: str = ""  # and one at the end, which has to end with 0; {color} is the live one
    whole: bool = False  # to green for good in `make test`, too: only then are tasks done that were held
    compose: str = ""  # a version of Docker Compose (lab/setup compose) instead of the host's own

    @property
    def folder(self):
        return SHAPES / self.name

    def everything(self):
        """All variables of the role."""
        files = ["compose.yml", "shape.yml"] if any(map(self._own, ("1", "2"))) else ["compose.yml"]
        return {**VARIABLES, "bluegreen_files": files, **self.variables}

    def _own(self, release):
        names = ["compose.yml"] if release != "1" else ["release-1.yml", "compose.yml"]
        return next((self.folder / name for name in names if (self.folder / name).exists()), None)

    def laid_over(self, release):
        """The text of the Compose file that is laid over the app's."""
        own = self._own(release)
        return own.read_text(encoding="utf-8") if own else "services: {}\n"

    def restart_policies(self):
        """The restart policies of services that the shape gives one."""
        services = yaml.safe_load(self.laid_over("2")).get("services") or {}
        return {name: each["restart"] for name, each in services.items() if each and "restart" in each}

    def lists(self):
        """The services of release 2 by role, whether the user lists them or they are found."""
        usual = {"support": ["redis"], "init": [], "web": ["web"], "workers": ["worker", "beat"], "ignored": []}
        given = {role: self.variables.get(f"bluegreen_{option}_services") for role, option in OPTIONS.items()}
        return {**usual, **{role: names for role, names in given.items() if names is not None}, **self.roles}

    def plan_lines(self):
        """The lines of the plan of release 2, one a service: its role, and why it has that."""
        reasons, lines = {**REASONS, **self.plan}, []
        for role, names in self.lists().items():
            variable = f"bluegreen_{OPTIONS[role]}_services"
            for name in names:
                reason = f"{variable} names it" if variable in self.variables else reasons[name]
                lines.append(f"{name}: {ROLES[role]}, {reason}")
        return lines


def read(folder):
    """Return the shape of a folder; raise ValueError with a sentence where it is none."""
    data = yaml.safe_load((folder / "shape.yml").read_text(encoding="utf-8"))
    unknown = sorted(set(data) - set(Shape._fields))
    if unknown:
        raise ValueError(f"{folder.name}/shape.yml: {unknown[0]} is not a field; there are {', '.join(Shape._fields)}.")
    shape = Shape(folder.name, **{key: tuple(value) if isinstance(value, list) else value for key, value in data.items()})
    if shape.verdict not in (WORKS, REFUSED) or shape.group not in GROUPS:
        raise ValueError(f"{folder.name}/shape.yml: verdict is {WORKS} or {REFUSED}, group one of: {', '.join(GROUPS)}.")
    if shape.verdict == REFUSED and not shape.says:
        raise ValueError(f"{folder.name}/shape.yml: what is refused has a sentence: says.")
    return shape


def every():
    """All shapes, in the order of the page."""
    found = [read(path.parent) for path in SHAPES.glob("*/shape.yml")]
    return sorted(found, key=lambda shape: (GROUPS.index(shape.group), shape.verdict == REFUSED, shape.title))
