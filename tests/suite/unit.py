# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit tests, on the newest and on the oldest supported ansible-core."""

from __future__ import annotations

import os
from xml.etree import ElementTree

from command import COLLECTIONS, LOGS, environment, log_file, run
from outcome import Outcome
from setup import have


# Forms that differ little from others are left to `make test-all`.
SHORT = ("-m", "not long")


def unit(short):
    yield pytest("unit", ".venv", "tests/unit", *(SHORT if short else ()))


def on_the_oldest():
    missing = have("venv-2.16")
    if missing:
        yield Outcome("unit on ansible-core 2.16", 0, 0, 1, notes=(missing,))
    else:
        # The demo is run by .venv alone.
        yield pytest("unit-on-core-2.16", ".venv-2.16", "tests/unit/plugins")


def pytest(name, venv, *paths, tools=None, timeout=900, **more):
    """Counts what pytest counted. tools: a folder of programs that are found first; more: of the environment."""
    report = os.path.join(LOGS, f"{name}.xml")
    if os.path.exists(report):
        os.remove(report)
    env = environment(venv, PYTHONPATH=COLLECTIONS, **more)
    if tools:
        env["PATH"] = os.pathsep.join([tools, env["PATH"]])
    argv = ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *paths]
    rc = run(argv, name, env=env, timeout=timeout)
    if not os.path.exists(report):
        return Outcome(name, 0, 1, logs=(log_file(name),))
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    tests = failed = skipped = 0
    for suite in suites:
        tests += int(suite.get("tests"))
        failed += int(suite.get("failures")) + int(suite.get("errors"))
        skipped += int(suite.get("skipped"))
    # Nothing collected, an interrupted run: no test failed, and yet it is no success.
    if rc and not failed:
        failed = 1
    return Outcome(name, max(tests - failed - skipped, 0), failed, skipped, logs=(log_file(name),) if rc else ())
