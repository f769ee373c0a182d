# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery.shell import (
    failure_in,
    names_in,
    shell_of,
    without_entry_script,
)

ASK = ["shell", "--python", "--without-tasks"]


@pytest.mark.parametrize(
    "command, argv",
    [
        (["celery", "-A", "shop", "worker", "-l", "INFO"], ["celery", "-A", "shop"]),
        (["python3", "-m", "celery", "--app=shop.tasks", "worker"], ["python3", "-m", "celery", "--app=shop.tasks"]),
        (["/venv/bin/celery", "-q", "-b", "redis://x", "worker"], ["/venv/bin/celery", "-q", "-b", "redis://x"]),
        (["uv", "run", "celery", "--workdir", "/srv", "worker"], ["uv", "run", "celery", "--workdir", "/srv"]),
        # An app that has the name of the command.
        (["celery", "-A", "worker", "worker"], ["celery", "-A", "worker"]),
        # Before version 5 the app could be named behind the command.
        (["celery", "worker", "-A", "shop", "--loglevel=INFO"], ["celery", "-A", "shop"]),
        (["celery", "worker", "--app=shop", "-B"], ["celery", "--app", "shop"]),
    ],
)
def test_the_command_of_a_worker_becomes_that_of_a_shell(command, argv):
    assert shell_of(command).argv == argv + ASK


def test_what_the_shell_replaces_stays_as_it_is():
    script = 'export P="$(pwd)/src"; exec celery -A shop worker -n w@$(hostname -f)'
    expected = f'export P="$(pwd)/src" && celery -A shop {" ".join(ASK)}'
    assert shell_of(["sh", "-c", script]).argv == ["sh", "-c", expected]


@pytest.mark.parametrize(
    "command, argv",
    [
        (["/entry.sh", "celery", "-A", "shop", "worker"], ["celery", "-A", "shop", *ASK]),
        (
            ["docker-entrypoint.sh", "python3", "-m", "celery", "-A", "shop", "worker"],
            ["python3", "-m", "celery", "-A", "shop", *ASK],
        ),
        (["/entry.sh", "sh", "-c", "celery -A shop worker"], ["sh", "-c", f"celery -A shop {' '.join(ASK)}"]),
        (["/sbin/tini", "--", "/entry.sh", "celery", "-A", "shop", "worker"], ["celery", "-A", "shop", *ASK]),
        # Nothing stands before these, or something that finds Celery.
        (["celery", "-A", "shop", "worker"], None),
        (["/usr/bin/python3", "-m", "celery", "-A", "shop", "worker"], None),
        (["/venv/bin/celery", "-A", "shop", "worker"], None),
        (["sh", "-c", "celery -A shop worker"], None),
        (["uv", "run", "celery", "-A", "shop", "worker"], None),
    ],
)
def test_a_script_that_an_image_runs_first_can_be_left_out(command, argv):
    bare = without_entry_script(shell_of(command))
    assert (bare and bare.argv) == argv


@pytest.mark.parametrize(
    "command",
    [
        ["/start-worker.sh"],
        ["celery", "-A", "shop", "beat"],
        ["celery", "multi", "start", "w1"],
        ["celery", "-A", "shop"],
        ["sh", "-c", "celery -A shop flower"],
        [],
    ],
)
def test_what_is_no_worker_cannot_be_asked(command):
    assert shell_of(command) is None


@pytest.mark.parametrize(
    "script, asked",
    [
        ("celery -A shop worker", "celery -A shop"),
        ("exec celery -A shop worker 2>&1", "celery -A shop"),
        ("cd /srv && . venv/bin/activate; celery -A shop worker", "cd /srv && . venv/bin/activate && celery -A shop"),
        # Whatever else a script does is not done twice.
        ("./wait.sh && python manage.py migrate && celery -A shop worker | tee log", "celery -A shop"),
        (
            'export A="$B/c d"; X=1\nY="2 3" celery -A "$APP" worker',
            'export A="$B/c d" && X=1 && Y=\'2 3\' celery -A "$APP"',
        ),
    ],
)
def test_a_script_keeps_what_its_environment_depends_on(script, asked):
    shell = shell_of(["/bin/bash", "-lc", script])
    assert shell.argv == ["/bin/bash", "-lc", f"{asked} {' '.join(ASK)}"]


def test_a_script_says_the_same_to_a_real_shell():
    script = 'export NAME="a b"; WHO=\'$x "y"\'; cd / && APP=$NAME celery -A "${NAME} $WHO" worker -I none'
    argv = shell_of(["sh", "-c", script]).argv
    shown = subprocess.run(
        ["sh", "-c", 'celery() { for word; do echo "$word"; done; }; ' + argv[2]],
        capture_output=True,
        text=True,
        check=True,
        env={"x": "expanded"},
    ).stdout
    # What single quotes kept from the shell is the one thing that does not survive.
    assert shown.splitlines() == ["-A", 'a b expanded "y"', *ASK]


def test_modules_to_include_are_loaded_too():
    shell = shell_of(["celery", "-A", "shop", "worker", "-I", "shop.a,shop.b", "--include=shop.c", "-Q", "x"])
    assert b'["shop.a", "shop.b", "shop.c"]' in shell.line
    assert shell.line.endswith(b"\n") and shell.line.count(b"\n") == 1
    compile(shell.line, "line", "single")


def test_names_are_found_among_whatever_else_is_printed():
    mark = b"bluegreen-task-names"
    assert names_in(b"hello\n>>> \n" + mark + b'["a.b", "c"]' + mark + b"\nbye") == ["a.b", "c"]
    assert names_in(b"") is None
    assert names_in(mark + b"[nonsense]" + mark) is None


@pytest.mark.parametrize(
    "errors, kind",
    [
        (b"Traceback:\nconsul.ConnectError: redis://:s3cret@x is down\n", "consul.ConnectError"),
        (b"KeyboardInterrupt\n", "KeyboardInterrupt"),
        (b"sh: 1: celery: not found\n", "sh"),
        (b"\xff something odd", ""),
        (b"", ""),
    ],
)
def test_a_failure_is_named_by_its_kind_alone(errors, kind):
    assert failure_in(errors) == kind
