# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The module bg_switch."""

from __future__ import annotations

from .._docker.containers import of_project
from .._docker.restart_policies import restore_restart_policies
from .._errors import BluegreenError
from .._health.gate import require_still_healthy
from .._host import Host
from .._journal.fencing import fenced
from .._journal.journal import AnyJournal
from .._journal.step import Step
from .._journal.store import Store
from .._module.spec import ArgumentSpec, Params, Result, Spec
from .._nginx import switch as nginx_switch
from .._nginx.drain import Drained, wait_drained
from .._settings import from_journal, nginx_settings
from .._validation import check_app, check_color, check_project, check_release

ARGUMENTS: ArgumentSpec = {
    "color": {"type": "str", "required": True, "choices": ["blue", "green"]},
    "ports": {
        "type": "dict",
        "apply_defaults": True,
        "options": {"blue": {"type": "int", "default": 18001}, "green": {"type": "int", "default": 18002}},
    },
    "servers": {"type": "dict", "options": {"blue": {"type": "str"}, "green": {"type": "str"}}},
    "file": {"type": "str", "default": ""},
    "upstream": {"type": "str", "default": ""},
    "container": {"type": "str", "default": ""},
    "public_url": {"type": "str", "default": "http://127.0.0.1/"},
    "public_host": {"type": "str", "default": ""},
    "validate_certs": {"type": "bool", "default": True},
    "backup": {"type": "bool", "default": False},
    "release": {"type": "str", "default": ""},
    "project": {"type": "str", "default": ""},
    "drain": {"type": "bool", "default": False},
    "drain_timeout": {"type": "float", "default": 30.0},
}


def switch(params: Params, host: Host, check_mode: bool) -> Result:
    """Switch Nginx to a color, and wait for the drain if that is wanted."""
    check_app(params["app"])
    check_color("color", params["color"])
    check_release(params["release"])
    if params["project"]:
        check_project("project", params["project"])
    if params["drain_timeout"] < 0:
        raise BluegreenError(f"drain_timeout is {params['drain_timeout']:g}, but it must not be less than 0.")
    nginx = nginx_settings(params)
    store = Store(params["app"], host)
    not_drained = Drained(False, [], 0.0)
    with fenced(store, params["deployment_id"], params["epoch"], _step(params), check_mode) as journal:
        if check_mode:
            return _result(nginx_switch.plan(journal, nginx, params["color"], params["release"]), not_drained)
        # In the steps after the cutover only its drain is waited for.
        cutting = Step(journal.get("step", Step.CUTOVER)) <= Step.CUTOVER
        if cutting:
            journal.begin(Step.CUTOVER)
        switched = nginx_switch.switch(
            host,
            journal,
            nginx,
            params["color"],
            params["release"],
            before_rename=lambda: _prepare(host, journal, params["color"], params["project"]),
        )
        if cutting:
            journal.done(Step.CUTOVER)
        drained = not_drained
        if params["drain"]:
            drained = wait_drained(host, journal, switched.nginx_workers, params["drain_timeout"])
        return _result(switched, drained)


def _step(params: Params) -> Step:
    # The drain may be waited for long after the cutover, until the deployment awaits approval.
    return Step.AWAITING_APPROVAL if params["drain"] and params["deployment_id"] else Step.CUTOVER


def _prepare(host: Host, journal: AnyJournal, color: str, project: str) -> None:
    """Right before the switch: let the color start at a boot from now on, and require that it still answers."""
    services = journal.get("settings", {}).get("services")
    if services and project:
        containers = of_project(host.engine, project, services["support"] + services["web"])
        restore_restart_policies(host, journal, containers)
        # Last, because the requests of visitors fail from the reload on if the web has ended.
        require_still_healthy(host, journal, from_journal(journal.data), color, containers)


def _result(switched: nginx_switch.Switched, drained: Drained) -> Result:
    return {
        "changed": switched.changed,
        "live": switched.live,
        "previous": switched.previous or "",
        "diff": switched.diff,
        "seconds": switched.seconds,
        "children": switched.nginx_workers,
        "drained": drained.drained,
        "held_by": drained.held_by,
    }


SPEC = Spec(switch, ARGUMENTS)
