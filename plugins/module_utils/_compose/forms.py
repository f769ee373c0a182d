# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Short forms in a Compose file made long, because Compose 2.24.7 does not do so when it renders. Pure."""

from __future__ import annotations

import shlex
from typing import Any


def long_forms(rendered: dict[str, Any]) -> dict[str, Any]:
    """A configuration as other versions of Compose render it: variables and labels as dicts, commands as lists."""
    services = {name: _of_service(service) for name, service in (rendered.get("services") or {}).items()}
    return {**rendered, "services": services} if services else rendered


def _of_service(service: dict[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for key, without in (("environment", None), ("labels", "")):
        if isinstance(service.get(key), list):
            parts = [str(each).partition("=") for each in service[key]]
            changed[key] = {name: value if equals else without for name, equals, value in parts}
    for key in ("command", "entrypoint"):
        if isinstance(service.get(key), str):
            changed[key] = _words(service[key])
    check = service.get("healthcheck") or {}
    if isinstance(check.get("test"), str):
        changed["healthcheck"] = {**check, "test": ["CMD-SHELL", check["test"]]}
    return {**service, **changed}


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # A quote is not closed; Compose refuses that when it creates the container.
        return command.split()
