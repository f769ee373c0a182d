# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery import (
    Process,
    Roles,
    broker_of_command,
    main_processes,
    roles_of_command,
    roles_of_container,
)

WORKER = Roles(worker=True)
BEAT = Roles(beat=True)
BOTH = Roles(worker=True, beat=True)
NONE = Roles()

COMMANDS = [
    (["celery", "-A", "shop", "worker"], WORKER),
    (["/usr/local/bin/celery", "--app=shop", "worker", "-Q", "celery,reports"], WORKER),
    (["python3", "-m", "celery", "-A", "shop", "worker", "-c", "2"], WORKER),
    (["celery", "worker", "-A", "shop"], WORKER),
    (["celery", "-A", "shop", "beat", "-s", "/data/schedule"], BEAT),
    (["celery", "-A", "shop", "worker", "-B"], BOTH),
    (["celery", "-A", "shop", "worker", "--beat", "-c", "1"], BOTH),
    (["celery", "-A", "shop", "worker", "-EB"], BOTH),
    # -B before the subcommand is not the worker's, and a value that holds a B is no flag.
    (["celery", "-A", "B", "worker", "-Q", "B", "-n", "Bob"], WORKER),
    (["celery", "-A", "shop", "flower"], NONE),
    (["celery", "-A", "shop", "inspect", "ping"], NONE),
    (["gunicorn", "shop.worker:app", "--worker-class", "beat"], NONE),
    (["redis-server"], NONE),
    (["/entrypoint.sh", "celery", "-A", "shop", "worker"], WORKER),
    (["sh", "-c", "celery -A shop worker"], WORKER),
    (["/bin/sh", "-c", "./migrate && exec celery -A shop worker -l info"], WORKER),
    (["bash", "-lc", "cd /app; celery -A shop beat"], BEAT),
    (["sh", "-c", "celery -A shop beat & celery -A shop worker"], BOTH),
    (["sh", "-c", "celery -A shop worker | tee /log"], WORKER),
    (["sh", "-c", "celery -A 'shop worker"], WORKER),
    (["tini", "--", "sh", "-c", "celery -A shop worker -B"], BOTH),
    # The script's own -B is another command's.
    (["sh", "-c", "celery -A shop worker; backup -B"], WORKER),
    (["sh", "-c", "celery -A shop \\\n  worker"], WORKER),
    ([], NONE),
]


@pytest.mark.parametrize("command, roles", COMMANDS, ids=[" ".join(command)[:60] for command, roles in COMMANDS])
def test_roles_of_command(command, roles):
    assert roles_of_command(command) == roles


@pytest.mark.parametrize("roles, name", [(WORKER, "worker"), (BEAT, "beat"), (BOTH, "worker+beat"), (NONE, "other")])
def test_names_of_roles(roles, name):
    assert roles.name == name


def process(pid, ppid, name, line):
    return Process(pid, ppid, name, line.split())


def test_main_process_is_no_child_and_no_wrapper():
    processes = [
        process(10, 1, "docker-init", "/sbin/docker-init -- sh -c celery -A shop worker"),
        process(11, 10, "sh", "sh -c celery -A shop worker"),
        process(12, 11, "celery", "/usr/bin/python3 /usr/bin/celery -A shop worker"),
        process(13, 12, "celery", "/usr/bin/python3 /usr/bin/celery -A shop worker"),
        process(14, 12, "celery", "/usr/bin/python3 /usr/bin/celery -A shop worker"),
        process(15, 11, "tee", "tee celery worker"),
    ]
    assert [found.pid for found in main_processes(processes)] == [12]


def test_main_process_that_renamed_itself():
    processes = [
        Process(10, 1, "python3", ["[celeryd: celery@host:MainProcess] -active- (worker -A shop)"]),
        Process(11, 10, "python3", ["[celeryd: celery@host:ForkPoolWorker-1]"]),
        Process(12, 1, "python3", ["[celery beat]"]),
    ]
    assert [found.pid for found in main_processes(processes)] == [10, 12]


@pytest.mark.parametrize(
    "service, command, processes, roles",
    [
        ("tasks", ["/run.sh"], [process(5, 1, "celery", "celery -A shop worker -B")], BOTH),
        ("tasks", ["/run.sh"], [], NONE),
        ("worker", ["/run.sh"], [], WORKER),
        ("beat", ["/run.sh"], [], BEAT),
        ("tasks", ["/start-celerybeat"], [], BEAT),
        ("tasks", ["/entrypoint", "/start-celeryworker"], [], WORKER),
        # What is known goes before what a name suggests.
        ("beat", ["celery", "-A", "shop", "worker"], [], WORKER),
        ("web", ["gunicorn", "shop:app"], [], NONE),
    ],
)
def test_roles_of_container(service, command, processes, roles):
    assert roles_of_container(SimpleNamespace(service=service, command=command), processes) == roles


@pytest.mark.parametrize(
    "argv, url",
    [
        (["celery", "-A", "shop", "worker"], ""),
        (["celery", "-b", "redis://a", "-A", "shop", "worker"], "redis://a"),
        (["/usr/bin/celery", "--broker", "redis://a", "worker"], "redis://a"),
        (["python3", "-m", "celery", "--broker=redis://a?x=1", "worker"], "redis://a?x=1"),
        (["bash", "-c", "cd /app && exec celery -b $BROKER worker"], "$BROKER"),
        # Options of somebody else.
        (["gunicorn", "-b", "0.0.0.0:8000", "shop:app"], ""),
        (["sh", "-c", "gunicorn -b 0.0.0.0:8000 shop:app & celery worker -B"], ""),
        (["celery", "worker", "-b"], ""),
    ],
)
def test_broker_of_command(argv, url):
    assert broker_of_command(argv) == url
