# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Runs a bg_ module in Ansible. No other module util imports Ansible."""

from __future__ import annotations

import json
from typing import Any, Callable, Collection, Optional, Sequence

from ansible.module_utils.basic import AnsibleModule

from .._errors import BluegreenError
from .._redact import hide, texts_in
from .no_log import HIDDEN
from .outcome import outcome
from .spec import SOURCES, Spec


class _Module(AnsibleModule):  # type: ignore[misc]  # Ansible has no types.
    """Takes its code out of the arguments before Ansible checks, logs and shows them."""

    def _load_params(self) -> None:
        super()._load_params()
        self.code: Optional[str] = self.params.pop(SOURCES, None)


class _SilentModule(_Module):
    """Writes no arguments to the log of the host.

    ``no_log=True`` would not be enough: ``no_log`` of the task, which Ansible always passes to a module, overrules it.
    """

    def __init__(self, hidden: Collection[Sequence[str]], argument_spec: dict[str, Any], **kwargs: Any) -> None:
        self._options_shown = set(argument_spec) - {path[0] for path in hidden}
        super().__init__(argument_spec=argument_spec, **kwargs)

    def _log_invocation(self) -> None:
        pass

    def fail_json(self, msg: str, **kwargs: Any) -> None:
        """Ansible calls this from its constructor if the arguments are invalid, and would show all of them.

        It cannot be told then which ones are secret: it may be their option whose name is misspelled.
        """
        if "invocation" not in kwargs:
            given = dict(self.params or {})
            shown = {name: value if name in self._options_shown else HIDDEN for name, value in given.items()}
            secrets = {text for name in given if name not in self._options_shown for text in texts_in(given[name])}
            msg, kwargs["invocation"] = hide(str(msg), secrets, json.dumps(shown, default=str)), {"module_args": shown}
        super().fail_json(msg=msg, **kwargs)


def run_module(spec: Spec, receive: Optional[Callable[[Optional[str]], None]] = None) -> None:
    """Run a module from arguments to result.

    ``no_log`` of the argument spec does not suit dict options with secret values: it would take a value such as ``1``
    out of every text of the result. So the log of the host gets no arguments of such a module, and the result only
    their names.

    :param receive: called with the code before anything else; for a module that gets its code in one piece.
    """
    given: dict[str, Any] = {
        "argument_spec": spec.argument_spec,
        "required_if": spec.required_if,
        "supports_check_mode": True,
    }
    module = _SilentModule(spec.hidden, **given) if spec.hidden else _Module(**given)
    if receive:
        try:
            receive(module.code)
        except BluegreenError as error:
            module.fail_json(msg=error.message)
    result = outcome(module._name, spec, module.params, module.check_mode)
    for sentence in result.pop("warnings"):
        module.warn(sentence)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)
