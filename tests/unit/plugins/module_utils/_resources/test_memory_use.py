# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import inspect_container
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources import memory_use
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources.disk import MIB
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost

# A process that holds 50 MiB, and one below it that holds 20 more.
HOLDS = """
import os, sys
held = b"x" * (50 * 1024 * 1024)
if not os.fork():
    more = b"x" * (20 * 1024 * 1024)
    print(flush=True)
sys.stdin.read()
"""


@pytest.fixture
def host():
    return FakeHost()


@pytest.fixture
def process():
    with subprocess.Popen([sys.executable, "-c", HOLDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        started.stdout.readline()
        yield started.pid
        started.stdin.close()


def container(host, service, **changes):
    return inspect_container(host.engine, host.engine.add(service, **changes))


@pytest.mark.parametrize("cache", ["inactive_file", "total_inactive_file"])
def test_what_running_containers_hold_without_the_cache(host, cache):
    web, worker = container(host, "web"), container(host, "worker", status="exited")
    usage = {"blue-web": 100, "blue-worker": 1000}
    host.engine.stats = lambda container: {"memory_stats": {"usage": usage[container], "stats": {cache: 30}}}
    assert memory_use.memory_of(host.engine, [web, worker]) == 70


def test_without_a_control_group_for_memory_the_processes_are_asked(host, process):
    """A Raspberry Pi as it comes."""
    host.engine.stats = lambda container: {"memory_stats": {}}
    web = container(host, "web", State__Pid=process)
    # What the two share counts once.
    assert 70 * MIB <= memory_use.memory_of(host.engine, [web]) < 110 * MIB
    assert memory_use.memory_of(host.engine, [container(host, "redis")]) == 0


def test_what_an_app_holds_that_is_loaded(host, process):
    worker, idle = container(host, "worker", State__Pid=process), container(host, "beat")
    assert 50 * MIB <= memory_use.app_of([idle, worker]) < 130 * MIB
    assert memory_use.app_of([idle]) == memory_use.app_of([]) == 0
    assert memory_use.app_of([container(host, "mailer", status="exited", State__Pid=os.getpid())]) == 0
