# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store

HOLDER = """
import fcntl, os, sys
descriptor = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(descriptor, fcntl.LOCK_EX)
os.pwrite(descriptor, b"step health of deployment dep-1 (process 4711)", 0)
print("held", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def another_process(store):
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", HOLDER, store.path("lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert child.stdout.readline() == b"held\n"
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()


def test_a_lock_that_another_process_holds_is_waited_for_then_named(store, host):
    with another_process(store):
        with pytest.raises(Fenced) as refusal:
            with store.lock("step cutover", wait=3):
                raise AssertionError("the effect must not happen")
    assert refusal.value.message == (
        "The lock of app shop is held by step health of deployment dep-1 (process 4711) on this host: wait until it "
        "has ended, and run this again."
    )
    assert sum(host.clock.slept) == pytest.approx(3)


def test_a_lock_is_free_as_soon_as_its_holder_is_killed(store):
    with another_process(store) as child:
        child.send_signal(signal.SIGKILL)
        child.wait()
        with store.lock("step cutover", wait=0):
            pass


def test_a_lock_that_comes_free_while_it_is_waited_for_is_taken(store, host):
    with another_process(store) as child:

        def release(seconds):
            child.kill()
            child.wait()

        host.clock.sleep = release
        with store.lock("step cutover", wait=3):
            pass


def test_the_lock_says_who_has_it(store):
    with store.lock("a purpose much longer than the next one, which is why the file is cut first"):
        pass
    with store.lock("step x"):
        with open(store.path("lock"), encoding="utf-8") as source:
            assert source.read() == f"step x (process {os.getpid()})"


def test_apps_do_not_wait_for_each_other(store, host, tmp_path):
    other = Store("blog", host, root=str(tmp_path / "lib"), run_root=str(tmp_path / "run"))
    with store.lock("a"), other.lock("b", wait=0):
        pass


def test_a_child_that_outlives_its_module_goes_on_holding_the_lock(store, host):
    with store.lock("step fetch"):
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=tuple(host.keep_open))
    try:
        assert host.keep_open == set()
        with pytest.raises(Fenced, match="is held by step fetch"):
            with store.lock("step cutover", wait=0):
                pass
    finally:
        child.stdin.close()
        child.wait()
    with store.lock("step cutover", wait=0):
        pass
