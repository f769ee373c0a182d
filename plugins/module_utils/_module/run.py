# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The edge to Ansible of all bg_ modules. The only module util that imports Ansible's."""

from __future__ import annotations

import json

from ansible.module_utils.basic import AnsibleModule

from .._redact import hide, texts_in
from .no_log import HIDDEN
from .outcome import outcome
from .spec import Spec


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


def run_module(spec: Spec) -> None:
    """Run a module from arguments to result.

    ``no_log`` of the argument spec is no way for the values of dict options that are secrets: it would take a value such as
    ``1`` out of every text of the result. So the host's log gets no arguments of such a module at all, and the result the
    names alone.
    """
    given = {"argument_spec": spec.argument_spec, "required_if": spec.required_if, "supports_check_mode": True}
    module = _SilentModule(spec.hidden, **given) if spec.hidden else AnsibleModule(**given)
    result = outcome(module._name, spec, module.params, module.check_mode)
    for sentence in result.pop("warnings"):
        module.warn(sentence)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)
