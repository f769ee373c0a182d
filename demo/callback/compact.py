# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's output for a person who watches: a line for each thing that happened, with its seconds.

What Ansible's default callback would have printed goes to the log file (ANSIBLE_LOG_PATH), whole.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
import time

from ansible import constants as C
from ansible.plugins.callback.default import CallbackModule as Default

DOCUMENTATION = """
    name: compact
    type: stdout
    short_description: a line for each thing that happened
    description:
      - Shows tasks that changed something or took their time, with seconds.
      - Everything that the default callback prints goes to the log file.
    extends_documentation_fragment:
      - default_callback
      - result_format_callback
"""

INDENT = "    "
COLUMNS = min(100, shutil.get_terminal_size((100, 24)).columns)
# A task that changed nothing and was this quick is not worth a line.
QUICK_SECONDS = 0.8


def is_shown(module: str, changed: bool, seconds: float) -> bool:
    """Say whether a task that went well gets a line."""
    return module.startswith("bg_") or changed or seconds >= QUICK_SECONDS


def message_of(result: dict) -> str:
    """Return what a failed or a debug task wanted to say."""
    message = result.get("msg") or result.get("stderr") or result.get("reason") or "it gave no reason"
    return "\n".join(map(str, message)) if isinstance(message, list) else str(message)


def paragraph(text: str) -> str:
    """Return a message broken and indented for a terminal; lines that are narrow enough stay as they are."""
    indent = INDENT + "  "
    lines = [
        textwrap.wrap(line, COLUMNS - len(indent), break_on_hyphens=False) or [""]
        for line in text.splitlines()
    ]
    return textwrap.indent("\n".join(part for line in lines for part in line), indent)


class LogOnly:
    """Stands before Ansible's display: what is displayed is logged and not shown."""

    def __init__(self, display) -> None:
        self._real = display

    def __getattr__(self, name):
        return getattr(self._real, name)

    def display(self, msg, color=None, **_unused) -> None:
        self._real.display(msg, color=color, log_only=True)

    def banner(self, msg, color=None, cows=False) -> None:
        self.display(f"{msg} {'*' * max(3, 79 - len(msg))}", color=color)


class CallbackModule(Default):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "compact"

    def __init__(self) -> None:
        super().__init__()
        self._screen = self._display
        self._display = LogOnly(self._screen)
        self._begun: dict = {}
        self._open_line = False

    def v2_runner_on_start(self, host, task) -> None:
        super().v2_runner_on_start(host, task)
        self._begun[task._uuid] = time.monotonic()
        self._clear()
        # A pause may ask for something: nothing may stand on its line.
        if sys.stdout.isatty() and _module(task) != "pause":
            # Cut short: a line that goes over the edge cannot be taken back whole.
            line = f"{INDENT}… {_title(task)}"[: COLUMNS - 1]
            self._show(f"\r\033[K{line}", newline=False)
            self._open_line = True

    def v2_runner_on_ok(self, result) -> None:
        self._clear()
        super().v2_runner_on_ok(result)
        task, values = _parts(result)
        seconds = self._seconds(task)
        if _module(task) == "debug":
            self._show(paragraph(message_of(values)))
        elif is_shown(_module(task), bool(values.get("changed")), seconds):
            color = C.COLOR_CHANGED if values.get("changed") else C.COLOR_OK
            self._show(f"{INDENT}✓ {_title(task):<64} {seconds:5.1f} s", color)

    def v2_runner_on_skipped(self, result) -> None:
        self._clear()
        super().v2_runner_on_skipped(result)

    def v2_runner_on_failed(self, result, ignore_errors=False) -> None:
        self._clear()
        super().v2_runner_on_failed(result, ignore_errors)
        task, values = _parts(result)
        seconds = self._seconds(task)
        if ignore_errors:
            return
        self._show(f"{INDENT}✗ {_title(task):<64} {seconds:5.1f} s", C.COLOR_ERROR)
        self._show(paragraph(message_of(values)), C.COLOR_ERROR)

    def v2_runner_on_unreachable(self, result) -> None:
        self._clear()
        super().v2_runner_on_unreachable(result)
        task, values = _parts(result)
        self._show(
            f"{INDENT}✗ {_title(task)}: the host cannot be reached: {message_of(values)}", C.COLOR_ERROR
        )

    def _seconds(self, task) -> float:
        now = time.monotonic()
        return now - self._begun.get(task._uuid, now)

    def _handle_exception(self, result, use_stderr=False) -> None:
        # The place in the playbook and, where there is one, the traceback: in the log, by the result.
        pass

    def _clear(self) -> None:
        if self._open_line:
            self._show("\r\033[K", newline=False)
            self._open_line = False

    def _show(self, text, color=None, newline=True) -> None:
        self._screen.display(text, color=color, screen_only=True, newline=newline)
        # Not when Ansible's buffer is full, but now: somebody is watching.
        sys.stdout.flush()


def _title(task) -> str:
    """Return a task's name without that of its role."""
    return task.get_name().strip().rpartition(" : ")[2]


def _module(task) -> str:
    return task.action.rpartition(".")[2]


def _parts(result) -> tuple:
    """Return a result's task and values, under the names that each ansible-core has for them."""
    if hasattr(result, "task"):
        return result.task, result.result
    return result._task, result._result
