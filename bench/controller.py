"""Runs the collection's playbooks on the benchmark's host, and counts what Ansible costs on this side.

As README has it: the collection is installed, no ansible.cfg says anything, and a user who may use sudo logs in over
SSH.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from typing import NamedTuple

from ansible_start import ROOT, command, environment
from places import DEMO, INVENTORY, LOGS, NO_CONFIG


class Played(NamedTuple):
    rc: int
    seconds: float
    cpu_seconds: float  # of ansible-playbook and all that it started on this machine
    tasks: list  # what the callback noted, a dict for each task
    log: str


def play(name: str, label: str, **variables: object) -> Played:
    """Run a playbook of the collection; its whole output goes to the log of that label."""
    # An empty one, so that none of this person's is found.
    NO_CONFIG.write_text("", encoding="utf-8")
    log, timeline = LOGS / f"{label}.log", LOGS / f"{label}.jsonl"
    timeline.write_text("", encoding="utf-8")
    # Each run makes its own connection to the host, as the first one of a day does.
    with open(log, "w", encoding="utf-8") as output, tempfile.TemporaryDirectory(prefix="bg-") as connections:
        begun = time.monotonic()
        process = subprocess.Popen(  # pylint: disable=consider-using-with
            command(name, INVENTORY, variables),
            cwd=ROOT,
            env=environment(
                ANSIBLE_CONFIG=str(NO_CONFIG),
                ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".cache/collections"),
                ANSIBLE_SSH_CONTROL_PATH_DIR=connections,
                ANSIBLE_CALLBACK_PLUGINS=str(DEMO / "callback"),
                ANSIBLE_CALLBACKS_ENABLED="timeline",
                BLUEGREEN_TIMELINE=str(timeline),
            ),
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
        seconds = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
    lines = timeline.read_text(encoding="utf-8").splitlines()
    return Played(
        rc=process.returncode,
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        tasks=[json.loads(line) for line in lines],
        log=str(log),
    )
