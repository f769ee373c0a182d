# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The controller's part of the bg_ modules: a program that is installed on the host does the work of the module.

``bg_program`` installs it, and so does ``bg_deployment`` when it opens a deployment. Ansible sends the module as usual
if the host has no program or one of another version, if the connection passes no standard input, or if the arguments do
not validate. The host's part is ``module_utils/_program/step.py``.
"""

from __future__ import annotations

import json
import shlex
from typing import Any, Callable, Mapping

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.vars import merge_hash

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._commands import command
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install.seal import BEGUN, NAME, code_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install.sent import pack
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install.sources import sources
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import STATE_ROOT
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module.late import Late
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module.paths import paths_as_text
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module.spec import SOURCES
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._program.step import spec_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._program.ticket import RESULT, SO_FAR, TICKET
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._validation import check_app
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._code import code_for
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._job_templates import in_result
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._progress import (
    FIRST,
    PACE,
    begins,
    prints_titles_late,
    reporting,
)


class StepAction(ActionBase):
    """Base of the action plugins; each is named after its module."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = True

    # The option with the seconds after which the module ends in any case, if it has one.
    LIMIT = ""
    # Modules that run right after this one, while every second counts.
    FOLLOWED_BY: tuple[str, ...] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Import the code of the module now, or each worker that Ansible forks from here would compile it again."""
        super().__init_subclass__(**kwargs)
        for name in (cls.__module__.rpartition(".")[2], *cls.FOLLOWED_BY):
            spec_of(name)

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        task_vars = task_vars or {}
        result: dict[str, Any] = super().run(tmp, task_vars)
        wrap_async = self._task.async_val and not self._connection.has_native_async
        host, title = task_vars["inventory_hostname"], self._task.name or self._task.action
        if prints_titles_late(self._task.get_play().strategy):
            self._display.display(begins(host, title))
        with reporting(self._display.display, host, title, self._limit()) as hear:
            answer = None if self._task.async_val else self._by_program(task_vars, hear)
            if answer is None:
                given = self.args_to_send(self._task.args)
                answer = self._execute_module(module_args=given, task_vars=task_vars, wrap_async=wrap_async)
        result = merge_hash(result, in_result(answer, task_vars.get("awx_job_template_name") or ""))
        if not wrap_async:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    @classmethod
    def args_to_send(cls, args: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of the module if Ansible sends it: with its code, if it gets that in one piece."""
        name = cls.__module__.rpartition(".")[2]
        act = spec_of(name).act
        if not isinstance(act, Late):
            return dict(args)
        step = f"{act.module.replace('.', '/')}.py"
        return {**args, SOURCES: pack(code_for(f"_steps/{name}.py", step, sources()))}

    def _by_program(self, task_vars: dict[str, Any], hear: Callable[[str], None]) -> dict[str, Any] | None:
        """The result of the program on the host; ``None`` if it did nothing, so that the module has to be sent.

        :param hear: called with the progress, again and again while the step runs.
        """
        if not self._passes_input():
            return None
        name = self._task.action.rpartition(".")[2]
        silent = C.config.get_config_value("DEFAULT_NO_TARGET_SYSLOG", variables=task_vars)
        spec = spec_of(name)
        try:
            dummy, params = self.validate_argument_spec(paths_as_text(spec.argument_spec), required_if=spec.required_if)
            program = f"{STATE_ROOT}/{check_app(params['app'])}/{NAME}"
            request = {
                "name": self._task.action,
                "params": params,
                "check_mode": self._task.check_mode,
                "no_log": bool(self._task.no_log or silent),
                "seconds": FIRST,
            }
            given = json.dumps(request, default=_decrypted).encode()
        except (AnsibleActionFail, BluegreenError, TypeError):
            # The module refuses them with a better sentence.
            return None
        line = f"{self._compute_environment_string()} {shlex.quote(program)} step {name} {code_of(sources())}".strip()
        begun, answer = self._ask(line, given)
        if not begun:
            self._display.vvv(f"{program} did not do it ({answer})", host=self._host())
            return None
        while TICKET in answer:
            hear("" if self._task.no_log else answer[SO_FAR])
            given = json.dumps({TICKET: answer[TICKET], "seconds": PACE}).encode()
            begun, answer = self._ask(line, given)
            if begun and "rc" in answer:
                # Only the process that waited there was killed; the step may still run.
                begun, answer = self._ask(line, given)
            if not begun:
                return _lost(name, program, answer)
        self._display.vvv(f"Done by {program}", host=self._host())
        return answer.get(RESULT) or _cut_off(name, answer)

    def _ask(self, line: str, given: bytes) -> tuple[bool, Any]:
        """Whether the program began the step, and its answer, or the reason why it did not begin.

        :returns: ``(True, answer)``, see :data:`ticket.RESULT`; the answer of a killed program has its exit code and
            output. ``(False, reason)`` if nothing was done.
        """
        done = self._low_level_execute_command(line, in_data=given)
        before, begun, answer = done["stdout"].partition(f"{BEGUN}\n")
        if not begun:
            return False, f"{done['rc']}: {before or done['stderr']}"
        try:
            return True, json.loads(answer.partition("\n")[0])
        except ValueError:
            return True, {"rc": done["rc"], "module_stdout": answer, "module_stderr": done["stderr"]}

    def _limit(self) -> float | None:
        try:
            return float(self._task.args[self.LIMIT])
        except (KeyError, TypeError, ValueError):
            return None

    def _passes_input(self) -> bool:
        """Whether standard input reaches a program on the host, as Ansible's own pipelining needs it."""
        become = self._connection.become
        passes = getattr(become, "pipelining", become.name != "su") if become else True
        # Users who keep the modules on the host want to read them there.
        return self._connection.has_pipelining and passes and not C.DEFAULT_KEEP_REMOTE_FILES

    def _host(self) -> str:
        return str(self._play_context.remote_addr)


def _decrypted(value: object) -> str:
    """A value of the inventory that was encrypted by itself, as text."""
    if getattr(value, "__ENCRYPTED__", False):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON")


def _cut_off(name: str, known: Mapping[str, Any]) -> dict[str, Any]:
    how = f" (exit code {known['rc']})" if "rc" in known else ""
    return {
        "failed": True,
        "msg": f"{name} was killed on the host before it answered{how}. "
        f"To see the state of the host: {command('status')}.",
        **known,
    }


def _lost(name: str, program: str, why: str) -> dict[str, Any]:
    return {
        "failed": True,
        "msg": f"{name} continues on the host, but {program} no longer reports its progress ({why.strip()}). "
        f"To see the state of the host: {command('status')}.",
    }
