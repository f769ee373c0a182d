# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A step that lasts tells how far it is, and nothing is lost by that: not its result, and not its end."""

from __future__ import annotations

import re
import threading
import time

import pytest
from test_both_ways import WAYS
from ways import Way

SSH = Way("ssh")
STEP = "'^/usr/bin/python[^ ]* -I [^ ]* step bg_health'"
RUN = "/run/bluegreen"
FIRST = r"Wait for what never answers: 1\d of at most {} s so far; attempt \d+ at http://127.0.0.1:9/ ended with: connection refused"
SHORT = ("sudo-password",)


@pytest.fixture
def host(hosts):
    host = hosts(SSH.image)
    yield host
    host.exec(f"pkill -KILL -f {STEP}; rm -f {RUN}/.step-*", check=False)


def left(host):
    """Tickets that lie on the host."""
    return host.exec(f"ls -A {RUN} | grep step", check=False).out.split()


@pytest.mark.parametrize("way", [pytest.param(way, id=way.name, marks=[pytest.mark.long] * (way.name not in SHORT)) for way in WAYS])
def test_how_far_it_is_and_the_same_result(hosts, way):
    host = hosts(way.image)
    log, rc = host.played("wait.yml", way, f"{way.name}.goes-on", deadline=14)
    assert rc == 2 and "Done by" in log, log[-3000:]
    assert len(re.findall(FIRST.format(14), log)) == 1
    assert "http://127.0.0.1:9/ did not become healthy within 14 s" in log
    assert left(host) == []


def test_no_log_hides_how_far_it_is(host):
    log, rc = host.played("wait.yml", SSH, "goes-on-no-log", deadline=12, hidden=True)
    assert rc == 2
    told = "\n".join(line for line in log.splitlines() if "so far" in line and "{" not in line)
    assert "of at most 12 s so far" in told and "attempt" not in told


@pytest.mark.long
def test_what_is_killed_after_it_has_let_go_is_a_failure(host):
    killed = threading.Thread(target=when_let_go, args=(host, lambda: host.exec(f"pkill -KILL -f {STEP}")))
    killed.start()
    log, rc = host.played("wait.yml", SSH, "goes-on-killed")
    killed.join()
    assert rc == 2
    assert "bg_health was killed on the host before it answered. To see the state of the host: " in log
    assert left(host) == []


@pytest.mark.long
def test_the_end_of_who_waits_is_none_of_the_step(host):
    killed = threading.Thread(target=when_let_go, args=(host, lambda: host.exec(f"pkill -KILL -n -f {STEP}")))
    killed.start()
    log, rc = host.played("wait.yml", SSH, "goes-on-waiter-killed", deadline=20)
    killed.join()
    assert rc == 2
    assert "http://127.0.0.1:9/ did not become healthy within 20 s" in log


@pytest.mark.long
def test_a_program_that_another_run_has_replaced_is_said(host):
    program = "/var/lib/bluegreen/shop/guard.pyz"
    moved = threading.Thread(target=when_let_go, args=(host, lambda: host.exec(f"mv {program} {program}.away")))
    moved.start()
    try:
        log, rc = host.played("wait.yml", SSH, "goes-on-replaced")
    finally:
        moved.join()
        host.exec(f"mv {program}.away {program}")
    assert rc == 2
    assert f"bg_health continues on the host, but {program} no longer reports its progress" in log


@pytest.mark.long
def test_a_connection_that_is_lost_ends_nothing(host):
    cut = threading.Thread(target=when_let_go, args=(host, host.link.cut))
    cut.start()
    try:
        log, rc = host.played("wait.yml", SSH, "goes-on-cut", deadline=50)
    finally:
        cut.join()
        host.link.restore()
    assert rc == 4 and "UNREACHABLE" in log
    assert host.exec(f"pgrep -f {STEP}", check=False).rc == 0
    host.exec(f"timeout 60 sh -c 'while pgrep -f {STEP.replace(chr(39), chr(34))} >/dev/null; do sleep 0.5; done'")
    assert len(left(host)) == 1


def when_let_go(host, act):
    end = time.monotonic() + 60
    while not left(host) and time.monotonic() < end:
        time.sleep(0.3)
    time.sleep(1)
    act()
