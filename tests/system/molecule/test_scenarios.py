# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Molecule's scenarios, each as a user of Molecule runs it, and one once more with the oldest that is supported.

    .venv/bin/pytest tests/system/molecule -k rollback

pytest-ansible runs them, too, but knows no time limit, no log for each, and no other environment for one of them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
LOGS = ROOT / ".test-logs"
# The longest, "rollback" with all its failures, takes 20 minutes on two cores beside two others.
TIME_LIMIT = 1800.0
SHOWN = 80  # lines of the log of one that failed
# Fresh Debians that install Docker, a host that a script has deployed to before, three changes of an app that takes its time
# to boot, and what is made of parts that others test.
LONG = ("prepare", "adopt", "another_app", "docs", "memory")
# ansible-core 2.16 here, Python 3.9 on the host.
OLDEST = {
    "BLUEGREEN_LAB_IMAGE": "bluegreen-host:python3.9",
    "BLUEGREEN_LAB_PYTHON": "/opt/python3.9/bin/python3",
    "BLUEGREEN_LAB_SUFFIX": "-oldest",
}


def scenario(name: str, test_id: str, *marks: pytest.MarkDecorator) -> Any:
    return pytest.param(name, id=test_id, marks=[pytest.mark.xdist_group(test_id), *marks])


SCENARIOS = [
    scenario(name, name, *[pytest.mark.long] * (name in LONG))
    for name in sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))
]


@pytest.fixture(scope="session", autouse=True)
def hey(lab_setup: Callable[..., None]) -> None:
    """The load beside our own in the scenario "default"."""
    lab_setup("hey")


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, short: bool) -> None:
    run(name, name, ".venv", {"BLUEGREEN_SHORT": "short" if short else ""})


@pytest.mark.parametrize("name", [scenario("default", "default-oldest", pytest.mark.long)])
def test_scenario_with_the_oldest(name: str, lab_setup: Callable[..., None]) -> None:
    lab_setup("venv-2.16", "host-python3.9", or_skip=True)
    run(name, f"{name}-oldest", ".venv-2.16", OLDEST)


def run(name: str, title: str, venv: str, variables: dict[str, str]) -> None:
    LOGS.mkdir(exist_ok=True)
    path = LOGS / f"molecule-{title}.log"
    with path.open("w", encoding="utf-8") as log, subprocess.Popen(
        ["molecule", "test", "--scenario-name", name],
        cwd=ROOT, env=environment(title, venv, variables), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            process.wait(TIME_LIMIT)
        except subprocess.TimeoutExpired:
            log.write(f"\nended after {TIME_LIMIT:.0f} s, its time limit\n")
        finally:
            # Whether it takes too long or somebody stops this test: with all that it started.
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(20)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        pytest.fail("\n".join([f"The last lines of {path}:", *lines[-SHOWN:]]), pytrace=False)


def environment(title: str, venv: str, variables: dict[str, str]) -> dict[str, str]:
    """Nothing of the caller's Ansible, and a folder of Molecule's own for each run."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "MOLECULE_"))}
    return {
        **inherited,
        "PATH": os.pathsep.join([str(ROOT / venv / "bin"), os.environ["PATH"]]),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "ANSIBLE_FORCE_COLOR": "0",
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        "MOLECULE_EPHEMERAL_DIRECTORY": str(ROOT / ".cache/molecule" / title),
        **variables,
    }
