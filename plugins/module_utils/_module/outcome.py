# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Turns parameters into a result for Ansible, both in a module and in the program on the host."""

from __future__ import annotations

import json
from typing import Any, Iterable, Sequence

from .._commands import command
from .._errors import BluegreenError
from .._host import Host
from .._redact import hide, hide_in, texts_in
from .no_log import HIDDEN, values_of_no_log, without
from .spec import Spec


def outcome(name: str, spec: Spec, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Run a module.

    :param name: of the module, for the sentence about a bug.
    :param params: valid parameters.
    :returns: its result, with ``failed`` and ``msg`` if it failed, and with ``warnings``. No text of it holds a secret.
    """
    invocation = {"module_args": _without(params, spec.hidden)}
    secrets, known = _values_of(params, spec.hidden), json.dumps(invocation)
    host = None
    try:
        host = Host(params["docker_host"])
        result = spec.act(params, host, check_mode)
    except BluegreenError as error:
        # The message of another program may quote a secret.
        result = {"failed": True, **hide_in({"msg": error.message, **error.details}, secrets, known)}
    except Exception as error:  # The last line of defense: a sentence for the user, the traceback for the report.
        import traceback

        sentence = (
            f"Unexpected error in {name} ({type(error).__name__}: {error}). Please report it with the output of "
            f"ANSIBLE_DISPLAY_TRACEBACK=error and -vvv. {command('status')} shows the state of the host."
        )
        result = {
            "failed": True,
            "msg": hide(sentence, secrets, known),
            "exception": hide(traceback.format_exc(), secrets, known),
        }
    whole = {
        "commands": host.commands if host else [],
        "invocation": invocation,
        "warnings": [hide(sentence, secrets, known) for sentence in host.warnings] if host else [],
        **result,
    }
    shown: dict[str, Any] = without(values_of_no_log(spec.argument_spec, params), whole)
    return shown


def _without(params: dict[str, Any], hidden: Iterable[Sequence[str]]) -> dict[str, Any]:
    """The parameters, with only the names in each dict option whose values are secrets."""
    shown: dict[str, Any] = json.loads(json.dumps(params, default=str))
    for *path, name in hidden:
        place: Any = shown
        for step in path:
            place = (place or {}).get(step)
        if place and place.get(name):
            place[name] = {key: HIDDEN for key in place[name]}
    return shown


def _values_of(params: dict[str, Any], hidden: Iterable[Sequence[str]]) -> set[str]:
    """The values that :func:`_without` leaves out, as texts."""
    found: set[str] = set()
    for path in hidden:
        place: Any = params
        for step in path:
            place = (place or {}).get(step)
        found |= texts_in(place or {})
    return found
