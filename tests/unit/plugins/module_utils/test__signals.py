# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import signal

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery import Process
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._signals import (
    SignalPath,
    catches,
    number_of,
    path_of,
)

TERM = int(signal.SIGTERM)
CATCHES = "Name:\tx\nSigBlk:\t0000000000000000\nSigCgt:\t0000000008015a87\n"
IGNORES = "Name:\tx\nSigCgt:\t0000000000010002\n"
CELERY = "python3 -m celery -A shop worker"


def tree(*processes):
    return [Process(pid, ppid, name, line.split()) for pid, ppid, name, line in processes]


@pytest.mark.parametrize(
    "name, number", [("SIGTERM", 15), ("term", 15), ("15", 15), ("SIGQUIT", 3), ("SIGRTMIN+3", 37), ("SIGWHAT", 15)]
)
def test_number_of(name, number):
    assert number_of(name) == number


@pytest.mark.parametrize(
    "status, number, caught",
    [(CATCHES, 15, True), (CATCHES, 3, True), (IGNORES, 15, False), (IGNORES, 2, True), ("", 15, False)],
)
def test_catches(status, number, caught):
    assert catches(status, number) is caught


FORMS = {
    "celery itself": (CATCHES, [(7, 1, "python3", CELERY), (8, 7, "python3", CELERY)], SignalPath("exec", ())),
    "celery before it listens": (IGNORES, [(7, 1, "python3", CELERY)], SignalPath("booting", ())),
    "a shell": (
        IGNORES,
        [(7, 1, "sh", "sh -c"), (8, 7, "python3", CELERY), (9, 8, "python3", CELERY)],
        SignalPath("shell", (8,)),
    ),
    "a shell with a pipe": (
        IGNORES,
        [(7, 1, "sh", "sh"), (8, 7, "python3", CELERY), (9, 7, "tee", "tee log")],
        SignalPath("shell", (8,)),
    ),
    "a shell with two of them": (
        IGNORES,
        [(7, 1, "bash", "bash"), (9, 7, "celery", "celery -A shop worker"), (8, 7, "celery", "celery -A shop beat")],
        SignalPath("shell", (8, 9)),
    ),
    "a shell that is still preparing": (
        IGNORES,
        [(7, 1, "sh", "sh"), (8, 7, "migrate", "migrate")],
        SignalPath("shell", ()),
    ),
    "a shell with a trap": (CATCHES, [(7, 1, "bash", "bash"), (8, 7, "python3", CELERY)], SignalPath("exec", ())),
    "an init": (IGNORES, [(7, 1, "tini", "tini -- " + CELERY), (8, 7, "python3", CELERY)], SignalPath("init", ())),
    "an init over a shell": (
        IGNORES,
        [(7, 1, "docker-init", "docker-init -- sh"), (8, 7, "sh", "sh"), (9, 8, "python3", CELERY)],
        SignalPath("init-shell", (9,)),
    ),
    "an init over flower": (
        IGNORES,
        [(7, 1, "tini", "tini"), (8, 7, "celery", "celery flower")],
        SignalPath("init", ()),
    ),
    "a supervisor": (
        CATCHES,
        [(7, 1, "supervisord", "supervisord"), (8, 7, "celery", "celery worker")],
        SignalPath("exec", ()),
    ),
    "nothing to be seen": ("", [], SignalPath("exec", ())),
}


@pytest.mark.parametrize("case", FORMS)
def test_path_of(case):
    status, processes, path = FORMS[case]
    assert path_of(7, status, tree(*processes), TERM) == path
