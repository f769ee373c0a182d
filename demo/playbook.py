"""Runs the collection's playbooks on the demo's host."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path

from course import steps_of_tasks
from ansible_start import PROGRAM, command, environment
from screen import ROOT, shown
from stage import DEMO, INVENTORY, LOGS, DemoError


def play(name: str, label: str, interactive: bool = False, **variables: object) -> int:
    """Run a playbook and return how it ended; its log, under that label, has all that is not shown."""
    stdin = None if interactive else subprocess.DEVNULL
    with subprocess.Popen(command(name, INVENTORY, variables), cwd=ROOT, env=_environment(log_of(label)), stdin=stdin) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # The terminal told Ansible too. It gets the time to end the module that it is in.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.terminate()
            raise


def must_play(what: str, name: str, label: str, interactive: bool = False, **variables: object) -> None:
    if play(name, label, interactive, **variables):
        raise DemoError(f"{what} failed; the log is {shown(log_of(label))}.")


def log_of(label: str) -> Path:
    return LOGS / f"{label}.log"


def steps_of(*labels: str) -> list:
    """Return (phase, begin, end) of what playbooks did on the host, one playbook after the other."""
    lines = [line for label in labels for line in _timeline(log_of(label)).read_text(encoding="utf-8").splitlines()]
    return steps_of_tasks([json.loads(line) for line in lines])


def _timeline(log: Path) -> Path:
    return log.with_suffix(".jsonl")


def by_hand(name: str, *more: str) -> str:
    """Return what a person types to run a playbook on the demo's host."""
    return " ".join([shown(PROGRAM), "-i", shown(INVENTORY), f"smallfleet.bluegreen.{name}", *more])


def _environment(log: Path) -> dict:
    _timeline(log).write_text("", encoding="utf-8")
    return environment(
        ANSIBLE_CALLBACK_PLUGINS=str(DEMO / "callback"),
        ANSIBLE_STDOUT_CALLBACK="compact",
        ANSIBLE_CALLBACKS_ENABLED="timeline",
        BLUEGREEN_TIMELINE=str(_timeline(log)),
        ANSIBLE_LOG_PATH=str(log),
    )
