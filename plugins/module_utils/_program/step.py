# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Runs a bg_ module in the program that is on the host already.

Ansible would build an archive for each run, send it, and have Python unpack and compile it. On a small machine that
takes longer than the module itself. The controller's half is ``plugin_utils/_step_action.py``.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import sys
import syslog
from typing import Any, Collection, Mapping, Sequence

from .. import _progress
from .._errors import BluegreenError
from .._install import seal
from .._linux.trusted_program import TRUSTED, check_program
from .._module.no_log import values_of_no_log, without
from .._module.outcome import outcome
from .._module.paths import expand_paths
from .._module.spec import Spec
from . import ticket

_STEPS = f"{__name__.rsplit('.', 2)[0]}._steps"


def spec_of(name: str) -> Spec:
    """The :class:`Spec` of a module, such as ``bg_health``."""
    spec: Spec = importlib.import_module(f"{_STEPS}.{name}").SPEC
    return spec


def main(argv: Sequence[str], code: str) -> int:
    """Run one step; with a ticket, wait for the step that was started under it.

    Standard input is a JSON object: ``params``, ``name``, ``check_mode`` and ``no_log`` of the module, or a ``ticket``;
    and ``seconds`` after which the controller wants an answer.

    :param argv: ``step``, the name of the module, and the digest of the controller's code.
    :param code: the digest of the code that this program is made of.
    :returns: the exit code.
    """
    dummy, name, wanted = argv
    program = os.path.abspath(sys.argv[0])
    try:
        check_program(program, os.path.realpath(sys.executable), TRUSTED)
    except BluegreenError as error:
        return _refuse(error.message)
    with open(program, "rb") as source:
        if wanted != code or not seal.is_whole(source.read()):
            return _refuse(f"{program} is of another version, or damaged.")
    request = json.load(sys.stdin)
    if ticket.TICKET in request:
        _write(seal.BEGUN)
        _write(json.dumps(ticket.wait_for(request[ticket.TICKET], request["seconds"])))
        return 0
    spec = spec_of(name)
    params = expand_paths(spec.argument_spec, request["params"])
    what = request["name"], spec, params, request["check_mode"]
    secrets = values_of_no_log(spec.argument_spec, params)
    if not request["no_log"] and not spec.hidden:
        _log(request["name"], params, secrets)
    step = ticket.LongStep(_write, request["seconds"], functools.partial(without, secrets))
    _progress.listen(step.tell)
    # From here on the controller does not run the module through Ansible any more.
    _write(seal.BEGUN)
    step.end(outcome(*what))
    return 0


def _log(name: str, params: Mapping[str, Any], secrets: Collection[str]) -> None:
    """Write the arguments to the log of the host, as modules of Ansible do."""
    given = " ".join(f"{option}={value}" for option, value in sorted(params.items()))
    syslog.openlog(f"ansible-{name}", 0, syslog.LOG_USER)
    syslog.syslog(syslog.LOG_INFO, without(secrets, f"Invoked with {given}"))


def _refuse(sentence: str) -> int:
    _write(sentence)
    return seal.NOT_THIS_ONE


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
