"""Runs the collection's playbooks on the benchmark's host, and counts what Ansible costs on this side."""

from __future__ import annotations

import json
import os
import subprocess
from typing import NamedTuple

from places import BENCH, INVENTORY, LOGS, ROOT

PROGRAM = ROOT / ".venv/bin/ansible-playbook"


class Played(NamedTuple):
    rc: int
    cpu_seconds: float  # of ansible-playbook and all that it started on this machine
    tasks: list  # what the callback noted, a dict for each task
    log: str


def play(name: str, label: str, **variables: object) -> Played:
    """Run a playbook of the collection; its whole output goes to the log of that label."""
    log, timeline = LOGS / f"{label}.log", LOGS / f"{label}.jsonl"
    timeline.write_text("", encoding="utf-8")
    command = [str(PROGRAM), "-i", str(INVENTORY), f"smallfleet.bluegreen.{name}"]
    if variables:
        command += ["-e", json.dumps(variables)]
    with open(log, "w", encoding="utf-8") as output:
        process = subprocess.Popen(  # pylint: disable=consider-using-with
            command,
            cwd=ROOT,
            env=_environment(str(timeline)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            # Not process.wait(): only wait4 says what this one process and its children used.
            _pid, status, usage = os.wait4(process.pid, 0)
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
    lines = timeline.read_text(encoding="utf-8").splitlines()
    return Played(
        rc=process.returncode,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        tasks=[json.loads(line) for line in lines],
        log=str(log),
    )


def _environment(timeline: str) -> dict:
    # Without what this person's Ansible is usually told: the benchmark is the same for everybody.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment.update(
        LC_ALL="C.UTF-8",
        ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"),
        ANSIBLE_CALLBACK_PLUGINS=str(BENCH / "callback"),
        ANSIBLE_CALLBACKS_ENABLED="timeline",
        BENCH_TIMELINE=timeline,
    )
    return environment
