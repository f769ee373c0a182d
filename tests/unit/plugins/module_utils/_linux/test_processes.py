# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery.signals import catches
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux import processes_called
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.clock import Clock
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.processes import (
    Stat,
    environment_of,
    is_alive,
    pid_inside,
    process_start,
    processes_of,
    processes_of_each,
    stat_of,
    status_of,
    still_runs,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.processes_called import (
    called_with,
    end_called_with,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._process import Process
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeClock

# The innermost one says that all are there: its parent goes on before the kernel shows its new arguments.
CHILD = """
import subprocess
subprocess.run(["sh", "-c", "echo up; read end"])
"""


def test_a_process_and_all_that_descend_from_it():
    with subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        parent.stdout.readline()
        first, second = processes_of(parent.pid)
        assert (first.pid, first.ppid, first.argv[:2]) == (parent.pid, os.getpid(), [sys.executable, "-c"])
        assert (second.ppid, second.name, second.argv) == (parent.pid, "sh", ["sh", "-c", "echo up; read end"])
        parent.communicate()
    assert processes_of(parent.pid) == []
    assert not is_alive(parent.pid)
    assert status_of(parent.pid) == ""


def test_several_processes_with_all_below_them():
    with subprocess.Popen(["sleep", "60"]) as one, subprocess.Popen(["sh", "-c", "sleep 60; true"]) as other:
        try:
            found = processes_of_each([one.pid, other.pid, 0])
            assert list(found) == [one.pid, other.pid]
            assert [each.pid for each in found[one.pid]] == [one.pid]
            assert found[other.pid][0].pid == other.pid
        finally:
            for process in (one, other):
                for each in processes_of(process.pid):
                    os.kill(each.pid, 9)


def test_a_container_that_does_not_run_has_no_processes():
    assert processes_of(0) == []


def test_a_name_with_spaces_and_parentheses(tmp_path):
    for pid, name, parent in ((5, "a) (b", 1), (6, "c", 5)):
        folder = tmp_path / str(pid)
        folder.mkdir()
        fields = ["0"] * 48
        fields[17] = "4711"
        (folder / "stat").write_text(f"{pid} ({name}) S {parent} {' '.join(fields)}")
        (folder / "comm").write_text(name + "\n")
        (folder / "cmdline").write_bytes(b"x\0y z\0")
    assert processes_of(5, str(tmp_path)) == [
        Process(5, 1, "a) (b", ["x", "y z"], 4711),
        Process(6, 5, "c", ["x", "y z"], 4711),
    ]


def test_one_that_is_frozen_and_one_that_has_ended_and_was_not_waited_for():
    with subprocess.Popen(["sh", "-c", "sleep 60 & echo $!; kill -STOP $$; wait"], stdout=subprocess.PIPE) as shell:
        child = int(shell.stdout.readline())
        while not processes_of(shell.pid)[0].is_frozen:
            pass
        (below,) = [each for each in processes_of(shell.pid) if each.pid == child]
        assert still_runs(below)
        assert not still_runs(below._replace(started=1))
        os.kill(child, signal.SIGKILL)
        while still_runs(below):
            pass
        # The frozen parent does not take its status, so everybody can read it.
        assert (stat_of(child).has_ended, stat_of(child).status) == (True, signal.SIGKILL)
        assert [each.pid for each in processes_of(shell.pid)] == [shell.pid]
        shell.kill()
    assert stat_of(shell.pid) is None
    assert not still_runs(below)


def test_a_process_is_named_by_its_start():
    assert process_start(os.getpid()) == process_start("self") > 0
    assert process_start(2**22 + 1) is None


def test_the_name_of_a_process_does_not_confuse_its_stat(tmp_path):
    fields = " ".join(str(number) for number in range(4, 53))
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text(f"7 (a ) b (c) S {fields}\n")
    assert stat_of(7, str(tmp_path)) == Stat("S", ppid=4, started=22, status=52, flags=9)
    assert process_start(7, str(tmp_path)) == 22


def test_the_pid_inside_and_the_environment(monkeypatch):
    monkeypatch.setenv("REMAP_SIGTERM", "SIGQUIT")
    # It says so when the kernel shows its environment, and not that of the process that became it.
    with subprocess.Popen(["sh", "-c", "echo up; read end"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert pid_inside(process.pid) == process.pid
        assert environment_of(process.pid)["REMAP_SIGTERM"] == "SIGQUIT"
        process.kill()
    assert pid_inside(process.pid) == 0
    assert environment_of(process.pid) == {}


def test_a_process_that_was_called_with_a_path(tmp_path):
    path = str(tmp_path / "green.env")
    command = [sys.executable, "-c", "print(flush=True); input()", "--env-file", path]
    assert not called_with(path)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as called:
        called.stdout.readline()
        assert called_with(path) == [called.pid]
        # A word is a whole argument.
        assert not called_with(path[:-1])
        assert not called_with(f"{path}.new")
        # All of them are meant.
        assert not called_with(path, "compose")
        called.communicate(b"\n")
    assert not called_with(path)


@pytest.mark.parametrize("stubborn", [False, True])
def test_processes_that_were_called_with_a_path_end(tmp_path, monkeypatch, stubborn):
    path = str(tmp_path / "green.env")
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " if stubborn else ""
    command = [sys.executable, "-c", f"{ignore}print(flush=True); input()", "--env-file", path]
    monkeypatch.setattr(processes_called, "END_TIMEOUT", 0.5)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as called:
        called.stdout.readline()
        assert end_called_with(Clock(), path) == []
        assert called.wait(1) == (-signal.SIGKILL if stubborn else -signal.SIGTERM)


def test_what_cannot_be_ended_is_told(monkeypatch):
    told = []
    monkeypatch.setattr(processes_called, "called_with", lambda *words: [4711])
    monkeypatch.setattr(os, "kill", lambda pid, wanted: told.append((pid, wanted)))
    assert end_called_with(FakeClock(), "/shop/green.env") == [4711]
    assert told == [(4711, signal.SIGTERM), (4711, signal.SIGKILL)]


def test_what_ends_meanwhile_and_what_the_kernel_has_no_arguments_of(tmp_path):
    lines = {"5": b"", "6": None, "self": b"compose\0/shop/green.env\0", "7": b"compose\0\xff/green.env\0"}
    for name, line in lines.items():
        (tmp_path / name).mkdir()
        if line is not None:
            (tmp_path / name / "cmdline").write_bytes(line)
    assert not called_with("/shop/green.env", proc=str(tmp_path))
    assert called_with("compose", os.fsdecode(b"\xff/green.env"), proc=str(tmp_path)) == [7]


def test_the_kernel_tells_what_this_process_catches():
    before = signal.signal(signal.SIGUSR1, lambda *_args: None)
    try:
        assert catches(status_of(os.getpid()), int(signal.SIGUSR1))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert not catches(status_of(os.getpid()), int(signal.SIGUSR1))
