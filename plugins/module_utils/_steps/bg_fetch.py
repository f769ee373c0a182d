# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The module bg_fetch."""

from __future__ import annotations

from .._compose.project import Project
from .._deployment import fetch as deployment_fetch
from .._errors import BluegreenError
from .._host import Host
from .._journal.store import Store
from .._module.spec import ArgumentSpec, Params, Result, Spec
from .._validation import check_app, check_project, check_service

ARGUMENTS: ArgumentSpec = {
    "project": {"type": "str", "required": True},
    "project_src": {"type": "path", "required": True},
    "files": {"type": "list", "elements": "str", "default": []},
    "profiles": {"type": "list", "elements": "str", "default": []},
    "env_files": {"type": "list", "elements": "path", "default": []},
    "services": {"type": "list", "elements": "str", "required": True},
    "pull": {"type": "str", "default": "missing", "choices": ["always", "missing", "never"]},
    "build": {"type": "str", "default": "policy", "choices": ["always", "policy", "never"]},
}


def fetch(params: Params, host: Host, check_mode: bool) -> Result:
    """Pull or build the images of a project's services, and create their containers."""
    store = Store(check_app(params["app"]), host)
    project = Project(
        check_project("project", params["project"]),
        params["project_src"],
        params["files"],
        params["profiles"],
        params["env_files"],
    )
    if not params["services"]:
        # Compose would take that for all services.
        raise BluegreenError("services is [], but a color has at least one: name those that get a container.")
    for name in params["services"]:
        check_service("services", name)
    if not check_mode:
        caller = params["deployment_id"], params["epoch"]
        deployment_fetch.fetch(host, store, project, params["services"], params["pull"], params["build"], caller)
    return {"changed": True}


SPEC = Spec(fetch, ARGUMENTS)
