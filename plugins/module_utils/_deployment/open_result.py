# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The result of bg_deployment with state open: the colors, how the images are fetched, plan and diff."""

from __future__ import annotations

from typing import Any

from .._compose import cli as compose_cli
from .._journal.journal import Journal
from .._nginx import upstream_text
from .._resources import memory_budget
from .._settings import color_services, health_url
from .plan import Plan
from .situation import Situation


def result(situation: Situation, changed: bool, deployment_id: str = "", epoch: int = 0) -> dict[str, Any]:
    """The module's result.

    :param changed: whether something was changed, or would be in check mode.
    :param deployment_id: id of the open deployment, empty where none was opened; ``epoch`` is its own.
    """
    fetch = _fetch(situation)
    found = {**_outline(situation, changed, deployment_id, epoch), "plan": [], "fetch": fetch}
    if not situation.up_to_date:
        found["plan"] = _plan(situation, fetch["leftover"]).lines()
        found["diff"] = _diff(situation)
    return found


def recovery_first(situation: Situation, journal: Journal) -> dict[str, Any]:
    """The result in check mode where a deployment has to be recovered first; how the host is then is unknown."""
    situation.live, situation.idle = journal["from"], journal["to"]
    return {
        **_outline(situation, True, "", 0),
        "fetch": {"leftover": False},
        "plan": [
            f"recover: complete or roll back deployment {journal.describe()}, whose controller is gone (step "
            f"{journal['step']})",
            "deploy: check the host again, then deploy",
        ],
    }


def would_do(situation: Situation) -> list[str]:
    """The plan of a deployment that is refused, as far as it is known; empty if the Compose files cannot be read."""
    if not situation.renderings.models or not situation.web or not situation.reasons:
        return []
    return _plan(situation, leftover=False).lines()


def _outline(situation: Situation, changed: bool, deployment_id: str, epoch: int) -> dict[str, Any]:
    settings = situation.settings
    return {
        "changed": changed,
        "id": deployment_id,
        "epoch": epoch,
        "live": situation.live,
        "idle": situation.idle,
        "up_to_date": situation.up_to_date,
        "pending": situation.pending,
        "undecided": bool(situation.renderings.models) and situation.undecided and not situation.up_to_date,
        "release": situation.params["release"],
        "projects": settings.projects,
        "ports": settings.ports,
        "broker": settings.broker.mode,
        "broker_service": settings.broker.service,
        "worker_strategy": situation.memory.strategy,
        "old_web": situation.memory.old_web,
        "init_before_stop": situation.init_before_stop,
        "services": settings.services,
        "worker_services": {
            "old": [*settings.services["workers"], *situation.old_workers] if situation.live else [],
            "new": settings.services["workers"],
        },
    }


def _plan(situation: Situation, leftover: bool) -> Plan:
    settings, params, memory = situation.settings, situation.params, situation.memory
    asks_names = params["unknown_tasks"] != "move"
    return Plan(
        app=settings.app,
        live=situation.live,
        candidate=situation.idle,
        services=settings.services,
        projects=settings.projects,
        reasons=situation.reasons,
        fetch="" if situation.kept else _fetch_text(situation),
        leftover=leftover,
        broker=settings.broker.mode,
        broker_reason=situation.broker_reason,
        health_url=health_url(settings, situation.idle),
        nginx_file=settings.nginx.file,
        old_color="stopped" if situation.kept else params["old_color"],
        stop_timeout=(params["workers"] or {}).get("stop_timeout"),
        init_before_stop=situation.init_before_stop,
        init_reason=situation.init_reason,
        **memory._asdict(),
        needs=memory_budget.needs(situation.room, memory, asks_names, situation.init_before_stop),
        roles=situation.roles.lines() if situation.roles and situation.left_roles else (),
    )


def _fetch(situation: Situation) -> dict[str, Any]:
    """How the candidate's containers are to be created, with the option names of bg_fetch."""
    broker, params = situation.settings.broker, situation.params
    leftover = any(each.running for each in situation.containers[situation.idle] if each.service == broker.service)
    if situation.kept:
        return {"leftover": leftover}
    env_file = situation.store.env_file(situation.idle, params["deployment_id"])
    without_build = "never" if params["pull"] == "never" else "policy"
    return {
        "leftover": leftover and broker.mode == "color",
        "env_files": compose_cli.env_files(params["project_src"], env_file),
        "services": color_services(situation.settings),
        "pull": {"always": "always", "never": "never"}.get(params["pull"], "missing"),
        "build": "always" if situation.builds else without_build,
    }


def _fetch_text(situation: Situation) -> str:
    if situation.builds:
        return f"build {', '.join(situation.builds)}"
    texts = {"always": "pull all images", "never": "pull nothing"}
    return texts.get(situation.params["pull"], "pull images that are missing")


def _diff(situation: Situation) -> dict[str, str]:
    nginx = situation.nginx
    after = upstream_text.render(
        nginx.upstream,
        situation.idle,
        nginx.servers,
        release=situation.params["release"],
        deployment_id=situation.params["deployment_id"],
        backup=nginx.backup,
        tuning=situation.upstream.tuning if situation.upstream else (),
    )
    header = {"before_header": nginx.file, "after_header": nginx.file}
    return {**header, "before": situation.upstream_text, "after": after}
