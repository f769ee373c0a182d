# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""From parameters to a result that Ansible understands: the same as a module and in the program on the host."""

from __future__ import annotations

import json

from .._errors import BluegreenError
from .._host import Host
from .._redact import hide, hide_in, texts_in
from .no_log import HIDDEN, values_of_no_log, without
from .spec import Spec


def outcome(name: str, spec: Spec, params: dict, check_mode: bool) -> dict:
    """Do what a module does.

    :param name: of the module, for the sentence about a bug.
    :param params: valid parameters.
    :returns: its result, with ``failed`` and ``msg`` if it failed, and with ``warnings``. Secrets are in none of its texts.
    """
    invocation = {"module_args": _without(params, spec.hidden)}
    secrets, known = _values_of(params, spec.hidden), json.dumps(invocation)
    host = None
    try:
        host = Host(params["docker_host"])
        result = spec.act(params, host, check_mode)
    except BluegreenError as error:
        # Other programs may have quoted a value in what they said.
        result = {"failed": True, **hide_in({"msg": error.message, **error.details}, secrets, known)}
    except Exception as error:  # The last line of defense: a sentence for the user, the traceback for the report.
        import traceback

        sentence = f"{name} failed in a way that it should not ({type(error).__name__}: {error}). Please report this with "
        sentence += "the output of ANSIBLE_DISPLAY_TRACEBACK=error and -vvv; the host is as status.yml shows it."
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
    return without(values_of_no_log(spec.argument_spec, params), whole)


def _without(params, hidden):
    shown = json.loads(json.dumps(params, default=str))
    for *path, name in hidden:
        place = shown
        for step in path:
            place = (place or {}).get(step)
        if place and place.get(name):
            place[name] = {key: HIDDEN for key in place[name]}
    return shown


def _values_of(params, hidden):
    """The values that :func:`_without` leaves out, as texts."""
    found = set()
    for path in hidden:
        place = params
        for step in path:
            place = (place or {}).get(step)
        found |= texts_in(place or {})
    return found
