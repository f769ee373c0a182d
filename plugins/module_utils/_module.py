# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What all bg_ modules share at the edge to Ansible. The only module util that imports Ansible's."""

from __future__ import annotations

import json
import traceback

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._engine import DEFAULT_DOCKER_HOST
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Host
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._secrets import hide, hide_in, texts_in

COMMON_ARGUMENTS = {
    "app": {"type": "str", "required": True},
    "deployment_id": {"type": "str", "default": ""},
    "epoch": {"type": "int", "default": 0},
    "docker_host": {"type": "str", "default": DEFAULT_DOCKER_HOST},
}


HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


class _SilentModule(AnsibleModule):
    """Writes no arguments to the host's log. ``no_log=True`` would not do: what the task says, which is always passed
    to a module, overrules it."""

    def __init__(self, hidden, argument_spec, **kwargs):
        self._options_shown = set(argument_spec) - {path[0] for path in hidden}
        super().__init__(argument_spec=argument_spec, **kwargs)

    def _log_invocation(self):
        pass

    def fail_json(self, msg, **kwargs):
        """Ansible calls this from its constructor when the arguments do not validate, and would show all of them.

        Nobody knows then where the secrets are: the name of their option may be the one that is misspelt.
        """
        if "invocation" not in kwargs:
            given = dict(self.params or {})
            shown = {name: value if name in self._options_shown else HIDDEN for name, value in given.items()}
            secrets = {text for name in given if name not in self._options_shown for text in texts_in(given[name])}
            msg, kwargs["invocation"] = hide(str(msg), secrets, json.dumps(shown, default=str)), {"module_args": shown}
        super().fail_json(msg=msg, **kwargs)


def run_module(action, argument_spec, hidden=(), **kwargs):
    """Run a module from arguments to result.

    :param action: called with the module's parameters, a :class:`Host` and whether it is check mode; returns the
        result as a dict. It raises :class:`BluegreenError` for a failure.
    :param argument_spec: the module's own arguments, beside :data:`COMMON_ARGUMENTS`.
    :param hidden: paths of dict options whose values are secrets. ``no_log`` of the argument spec is no way for them:
        it would take a value such as ``1`` out of every text of the result. So the host's log gets no arguments at all,
        and the result the names alone.
    """
    kwargs = {"argument_spec": {**COMMON_ARGUMENTS, **argument_spec}, "supports_check_mode": True, **kwargs}
    module = _SilentModule(hidden, **kwargs) if hidden else AnsibleModule(**kwargs)
    invocation = {"module_args": _without(module.params, hidden)}
    secrets, known = _values_of(module.params, hidden), json.dumps(invocation)
    host = None
    try:
        host = Host(module.params["docker_host"])
        result = action(module.params, host, module.check_mode)
    except BluegreenError as error:
        _report(module, host, secrets, known)
        # Other programs may have quoted a value in what they said.
        told = hide_in({"msg": error.message, **error.details}, secrets, known)
        module.fail_json(**{"commands": _commands(host), "invocation": invocation, **told})
    except Exception as error:  # The last line of defense: a sentence for the user, the traceback for the report.
        _report(module, host, secrets, known)
        sentence = f"{module._name} failed in a way that it should not ({type(error).__name__}: {error}). Please report "
        sentence += "this with the output of ANSIBLE_DISPLAY_TRACEBACK=error and -vvv; the host is as status.yml shows it."
        module.fail_json(
            msg=hide(sentence, secrets, known),
            exception=hide(traceback.format_exc(), secrets, known),
            commands=_commands(host),
            invocation=invocation,
        )
    _report(module, host, secrets, known)
    module.exit_json(**{"commands": _commands(host), "invocation": invocation, **result})


def _commands(host):
    return host.commands if host else []


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


def _report(module, host, secrets, known):
    for sentence in host.warnings if host else ():
        module.warn(hide(sentence, secrets, known))
