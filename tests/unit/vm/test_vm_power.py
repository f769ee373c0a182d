# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lab/vm.py: when the emulator's power is really off."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import vm

# Its first thread ends, and another one goes on.
HALF_DEAD = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
print("begun", flush=True)
ctypes.CDLL(None).pthread_exit(None)
"""


@pytest.fixture
def started():
    processes = []

    def start(program):
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        processes.append(process)
        process.stdout.readline()
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def becomes(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def test_a_process_is_gone_when_its_last_thread_is(started):
    process = started(HALF_DEAD)
    assert becomes(lambda: Path(f"/proc/{process.pid}/cmdline").read_bytes() == b"")
    assert not vm.is_gone(process.pid)
    process.kill()
    assert becomes(lambda: vm.is_gone(process.pid))


def test_one_that_nobody_has_waited_for_is_gone_too(started, monkeypatch):
    process = started("print()")
    monkeypatch.setattr(vm.os, "waitpid", lambda pid, options: (0, 0))
    assert becomes(lambda: vm.is_gone(process.pid))


def test_a_number_that_nobody_has_is_gone(started):
    process = started("print()")
    process.wait()
    assert vm.is_gone(process.pid)
