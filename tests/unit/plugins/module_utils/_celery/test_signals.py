# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery.signals import (
    SignalPath,
    catches,
    ignores,
    number_of,
    path_of,
    warm_signal,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._process import Process

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


# The processes of a container, and how it is told: its form, the pids of its programs, the pids that are frozen first.
FORMS = {
    "celery itself": ([(7, 1, "python3", CELERY), (8, 7, "python3", CELERY)], ("exec", [7], [])),
    "a shell": (
        [(7, 1, "sh", "sh -c"), (8, 7, "python3", CELERY), (9, 8, "python3", CELERY)],
        ("shell", [8], [7]),
    ),
    "a shell with a pipe": (
        [(7, 1, "sh", "sh"), (8, 7, "python3", CELERY), (9, 7, "tee", "tee log")],
        ("shell", [8], [7]),
    ),
    "a shell with two of them": (
        [(7, 1, "bash", "bash"), (9, 7, "celery", "celery -A shop worker"), (8, 7, "celery", "celery -A shop beat")],
        ("shell", [8, 9], [7]),
    ),
    "a shell that is still preparing": ([(7, 1, "sh", "sh"), (8, 7, "migrate", "migrate")], ("shell", [8], [7])),
    "an init": ([(7, 1, "tini", "tini -- " + CELERY), (8, 7, "python3", CELERY)], ("init", [8], [])),
    # They do nothing by themselves, and hand on what Celery writes.
    "another user": ([(7, 1, "su", "su app -c celery"), (8, 7, "python3", CELERY)], ("init", [8], [])),
    "a script for another user": (
        [(7, 1, "sudo", "sudo -u app /e.sh"), (8, 7, "e.sh", "/bin/sh /e.sh"), (9, 8, "python3", CELERY)],
        ("shell", [9], [8]),
    ),
    # It would hand the signal on to the children of the pool.
    "dumb-init": ([(7, 1, "dumb-init", "dumb-init " + CELERY), (8, 7, "python3", CELERY)], ("init", [8], [])),
    "an init over a script": (
        [
            (7, 1, "docker-init", "docker-init"),
            (8, 7, "entry.sh", "/bin/sh /entry.sh " + CELERY),
            (9, 8, "python3", CELERY),
        ],
        ("init-shell", [9], [8]),
    ),
    "a script as process 1": (
        [(7, 1, "entry.sh", "/bin/sh /entry.sh " + CELERY), (8, 7, "python3", CELERY)],
        ("shell", [8], [7]),
    ),
    "an init over flower": ([(7, 1, "tini", "tini"), (8, 7, "celery", "celery flower")], ("init", [8], [])),
    # It would kill after a time of its own, and start Celery again.
    "a supervisor": (
        [(7, 1, "supervisord", "supervisord"), (8, 7, "celery", "celery worker"), (9, 7, "nginx", "nginx")],
        ("shell", [8], [7]),
    ),
    "a supervisor in layers": (
        [
            (7, 1, "s6-svscan", "s6-svscan"),
            (8, 7, "s6-supervise", "s6-supervise worker"),
            (9, 8, "celery", "celery worker"),
            (10, 7, "s6-supervise", "s6-supervise log"),
        ],
        ("shell", [9], [7, 8]),
    ),
    "a beat below a worker": (
        [(7, 1, "celery", "celery worker"), (8, 7, "celery", "celery beat"), (9, 7, "celery", "celery worker")],
        ("exec", [7, 8], []),
    ),
    "nothing to be seen": ([], ("hidden", [], [])),
}


@pytest.mark.parametrize("case", FORMS)
def test_path_of(case):
    processes, (form, targets, frozen) = FORMS[case]
    found = path_of(7, tree(*processes))
    assert (found.form, [each.pid for each in found.targets], list(found.frozen)) == (form, targets, frozen)
    assert isinstance(found, SignalPath)


def test_ignores():
    assert ignores("SigIgn:\t0000000001001002\nSigCgt:\t0\n", 2)
    assert not ignores("SigIgn:\t0000000001001000\n", 2)


@pytest.mark.parametrize(
    "environment, stop_signal, name",
    [
        ({"PATH": "/bin"}, "", "SIGTERM"),
        ({"REMAP_SIGTERM": "SIGQUIT"}, "", "SIGINT"),
        ({"REMAP_SIGTERM": "SIGHUP", "PATH": "/bin"}, "", "SIGTERM"),
        # Its title stands where its variables were.
        ({}, "", "SIGINT"),
        ({"--app": "shop worker)"}, "", "SIGINT"),
        # A script in Python that starts Celery's worker itself, and something else.
        ({"REMAP_SIGTERM": "SIGQUIT"}, "SIGTERM", "SIGINT"),
        ({"PATH": "/bin"}, "SIGUSR1", "SIGUSR1"),
        ({}, "SIGTERM", "SIGTERM"),
    ],
)
def test_the_signal_after_which_celery_finishes_its_tasks(environment, stop_signal, name):
    assert warm_signal(environment, stop_signal) == name
