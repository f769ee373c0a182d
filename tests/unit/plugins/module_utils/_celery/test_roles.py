# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery.roles import (
    Roles,
    broker_of_command,
    embedded_beat,
    main_processes,
    programs,
    roles_named,
    roles_of_command,
    roles_of_listed,
    roles_of_processes,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._process import Process

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
    # The value of an option is not the command.
    (["celery", "-A", "worker", "worker"], WORKER),
    (["celery", "-A", "worker", "beat"], BEAT),
    (["celery", "--app", "worker", "flower"], NONE),
    (["celery", "--app=worker", "-b", "redis://beat", "beat"], BEAT),
    (["celery", "-A", "shop", "inspect", "-d", "worker", "active"], NONE),
    (["celery", "-A", "celery", "worker"], WORKER),
    (["celery", "multi", "start", "w1", "-A", "shop", "-B"], BOTH),
    (["su", "app", "-c", "cd /app && celery -A shop worker"], WORKER),
    (["su", "app", "--shell=/bin/sh", "--command=celery -A shop worker"], WORKER),
    (["su", "app", "--command", "celery -A shop beat"], BEAT),
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
    # -B among other options.
    (["celery", "-A", "shop", "worker", "-BE"], BOTH),
    (["celery", "-A", "shop", "worker", "-Bl", "info"], BOTH),
    (["celery", "-A", "shop", "worker", "-b", "redis://B"], WORKER),
    # Options of the shell, and a shell in a shell.
    (["bash", "-euo", "pipefail", "-c", "celery -A shop worker"], WORKER),
    (["sh", "-x", "-c", "celery -A shop beat"], BEAT),
    (["bash", "--login", "+o", "history", "-c", "celery -A shop beat"], BEAT),
    (["bash", "-c", "sh -c 'celery -A shop worker'"], WORKER),
    (["sh", "/start.sh", "-c", "celery -A shop worker"], NONE),
    (["bash", "-ce", "celery -A shop beat"], BEAT),
    (["bash", "--rcfile", "x", "-c", "--", "celery -A shop beat"], BEAT),
    (["sh", "-c"], NONE),
    (["sh", "-c", "echo 'a`b'; celery -A shop worker; echo 'c`d' \"\\`\""], WORKER),
    (["sh", "-c", "$(poetry env info -p)/bin/celery -A shop worker"], WORKER),
    (["sh", "-c", "echo $(; celery -A shop worker"], WORKER),
    (["sh", "-c", "X=$(sed 's/(//' f)\ncelery -A shop worker\nY=$(sed \"s/)//\" f)"], WORKER),
    (["celery", "-A", "shop", "worker", "-n", "-Box"], WORKER),
    (["su", "-", "app", "su", "-c", "celery -A shop worker"], WORKER),
    # What the shell replaces, and comments.
    (["sh", "-c", "celery -A shop worker -c $(nproc) -B"], BOTH),
    (["sh", "-c", "celery -A shop worker -n w@$(hostname -f | cut -d. -f$((1+0))) --beat"], BOTH),
    (["sh", "-c", "celery -A shop worker -c `nproc` -B"], BOTH),
    (["sh", "-c", "# don't wait\ncelery -A shop worker &\n# the beat\nexec celery -A shop beat"], BOTH),
    (["sh", "-c", "celery -A shop worker # -B"], WORKER),
    (["sh", "-c", "celery -A shop -b redis://:p#w@r worker -B"], BOTH),
    (["sh", "-c", "echo '# not yet' \"it's #1\"; test $# = 0 && celery -A shop beat"], BEAT),
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
    "service, command, roles",
    [
        ("tasks", ["/run.sh"], NONE),
        ("worker", ["/run.sh"], WORKER),
        ("beat", ["/run.sh"], BEAT),
        ("tasks", ["/start-celerybeat"], BEAT),
        ("tasks", ["/entrypoint", "/start-celeryworker"], WORKER),
        # What is known goes before what a name suggests.
        ("beat", ["celery", "-A", "shop", "worker"], WORKER),
        ("jobs", ["sh", "-c", "cd /app && ./work --workers 4 --beat"], NONE),
    ],
)
def test_roles_of_what_the_user_calls_a_worker(service, command, roles):
    assert roles_of_listed(service, command) == roles


@pytest.mark.parametrize("roles", [WORKER, BEAT, BOTH, NONE])
def test_a_name_of_roles_gives_the_roles(roles):
    assert roles_named(roles.name) == roles


PYTHON = "/usr/bin/python3 /usr/bin/celery -A shop worker"
# A tree of processes as lines "pid parent name command", and the pids of those that have to get the signal.
TREES = {
    "celery itself": (["1 0 celery " + PYTHON, "7 1 celery " + PYTHON], [1]),
    "a script that the kernel calls by its own name": (
        ["1 0 entry.sh /bin/sh /entry.sh celery -A shop worker", "7 1 celery " + PYTHON, "8 7 celery " + PYTHON],
        [7],
    ),
    "a script in a script behind an init": (
        [
            "1 0 docker-init /sbin/docker-init -- /entry.sh celery -A shop worker",
            "6 1 entry.sh /bin/bash /entry.sh celery -A shop worker",
            "7 6 entry.sh /bin/bash /entry.sh celery -A shop worker",
            "8 7 run.sh /bin/sh /run.sh celery -A shop worker",
            "9 8 celery " + PYTHON,
            "10 9 celery " + PYTHON,
        ],
        [9],
    ),
    "a script that does not run celery yet": (
        ["1 0 entry.sh /bin/sh /entry.sh celery -A shop worker", "7 1 sleep sleep 1"],
        [],
    ),
    "a launcher written in Python": (
        ["1 0 run /usr/bin/python3 /usr/bin/run -- celery -A shop worker", "7 1 celery " + PYTHON],
        [7],
    ),
    "a launcher that nobody knows": (
        ["1 0 launch launch celery -A shop worker", "7 1 python3 python3 -m celery -A shop worker"],
        [7],
    ),
    "a lock and a user": (
        [
            "1 0 flock flock /tmp/l su app -c celery -A shop beat",
            "5 1 su su app -c celery",
            "6 5 python3 python3 -m celery -A shop beat",
        ],
        [6],
    ),
    "Django's own command": (
        ["1 0 python python manage.py celery worker", "7 1 python python manage.py celery worker"],
        [1],
    ),
    "a supervisor with three": (
        [
            "1 0 supervisord /usr/bin/python3 /usr/bin/supervisord -n",
            "7 1 celery " + PYTHON + " -n one",
            "8 1 celery " + PYTHON + " -n two",
            "9 1 python3 python3 -m celery -A shop beat",
            "10 7 celery " + PYTHON + " -n one",
        ],
        [7, 8, 9],
    ),
    "detached workers": (
        [
            "1 0 sh sh -c celery multi start w1 -A shop; tail -f /dev/null",
            "5 1 tail tail -f /dev/null",
            "7 1 python3 python3 -m celery -A shop worker -n w1@x",
        ],
        [7],
    ),
    "titles": (
        [
            "1 0 sh /bin/sh /entry.sh celery -A shop worker",
            "7 1 [celeryd: [celeryd: celery@x:MainProcess] -active- (-A shop worker)",
            "8 7 [celeryd: [celeryd: celery@x:ForkPoolWorker-1]",
        ],
        [7],
    ),
    "titles with a beat inside": (
        [
            "7 0 [celeryd: [celeryd: celery@x:MainProcess] -active- (-A shop worker -B)",
            "8 7 [celery [celery beat]",
            "9 7 [celeryd: [celeryd: celery@x:ForkPoolWorker-2]",
        ],
        [7],
    ),
    "a worker that its script started beside a beat": (
        ["1 0 celery " + PYTHON, "7 1 python3 python3 -m celery -A shop beat", "8 1 celery " + PYTHON],
        [1, 7],
    ),
    "a task that starts a worker": (
        [
            "1 0 celery " + PYTHON,
            "7 1 celery " + PYTHON,
            "8 7 sh sh -c celery -A other worker",
            "9 8 celery " + PYTHON + " -n other",
            "10 9 celery " + PYTHON + " -n other",
        ],
        [1],
    ),
    "a web with words in its command": (
        [
            "1 0 sh sh -c cd /app && gunicorn shop --workers 4",
            "7 1 gunicorn /usr/bin/python3 /usr/bin/gunicorn shop.worker --workers 4",
        ],
        [],
    ),
    "flower, and a question to the workers": (
        [
            "1 0 celery /usr/bin/python3 /usr/bin/celery -A worker flower",
            "7 1 celery /usr/bin/python3 /usr/bin/celery -A shop status",
        ],
        [],
    ),
}


def tree(lines):
    processes = []
    for line in lines:
        pid, ppid, name, command = line.split(" ", 3)
        argv = [command] if command.startswith("[") else command.split()
        processes.append(Process(int(pid), int(ppid), name, argv, started=int(pid)))
    return processes


@pytest.mark.parametrize("case", TREES)
def test_main_processes(case):
    lines, pids = TREES[case]
    found = main_processes(tree(lines))
    assert sorted(each.pid for each in found) == pids
    assert (roles_of_processes(tree(lines)) != NONE) is bool(pids)


@pytest.mark.parametrize(
    "lines, pids",
    [
        (["1 0 python python /app/run_worker.py", "7 1 python python /app/run_worker.py"], [1]),
        (["1 0 entry.sh /bin/sh /entry.sh", "7 1 python python /app/run_worker.py"], [7]),
        (["1 0 supervisord supervisord", "5 1 a a", "6 1 b b"], [5, 6]),
        (["1 0 sh sh"], [1]),
        (["1 0 entry.sh /bin/sh /entry.sh celery -A shop worker", "7 1 celery " + PYTHON], [7]),
    ],
)
def test_the_programs_of_a_container(lines, pids):
    assert [each.pid for each in programs(tree(lines))] == pids


def test_what_is_frozen_and_has_nothing_below_it_has_done_its_work():
    (shell,) = tree(["1 0 sh sh -c celery worker"])
    assert programs([shell._replace(is_frozen=True)]) == []


MAIN = "7 0 celery " + PYTHON + " -B"


@pytest.mark.parametrize(
    "lines, ignoring, beat",
    [
        ([MAIN, "8 7 celery " + PYTHON + " -B", "9 7 celery " + PYTHON + " -B"], {8}, 9),
        # Of those that do not ignore the signal the first one was started with the worker.
        ([MAIN, "9 7 celery " + PYTHON + " -B", "10 7 celery " + PYTHON + " -B"], set(), 9),
        ([MAIN, "8 7 convert convert a b"], set(), None),
        (["7 0 celery " + PYTHON, "8 7 celery " + PYTHON], set(), None),
        (TREES["titles with a beat inside"][0], {9}, 8),
    ],
)
def test_the_beat_inside_of_a_worker(lines, ignoring, beat):
    processes = tree(lines)
    found = embedded_beat(processes[0], processes, lambda pid: pid in ignoring)
    assert (found and found.pid) == beat


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
