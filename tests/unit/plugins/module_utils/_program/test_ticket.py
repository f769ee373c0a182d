# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that let go of their connection, as processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError, Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Host
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._program import ticket as program_ticket

# A step that lasts for some seconds, and reports ten times a second.
STEP = """
import contextlib, sys, time, threading
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._program import ticket
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Host
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
root, seconds, lasts, thread = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
ticket.PACE = 0.1
shown = lambda text: text.replace("s3cret", "********")
step = ticket.LongStep(lambda line: print(line, flush=True), seconds, shown, root)
if thread:
    threading.Thread(target=time.sleep, args=(lasts,)).start()
lock = contextlib.ExitStack()
lock.enter_context(Store("shop", Host(), f"{root}.state").lock("a long step"))
end, count = time.monotonic() + lasts, 0
while time.monotonic() < end:
    count += 1
    step.tell(f"s3cret: {count} turns\\x1b[2J")
    time.sleep(0.1)
lock.close()
step.end({"changed": True, "text": "ä" * 100000})
"""

# Where this process found the collection; ansible-test names no path to others.
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.fixture
def root(tmp_path):
    """The folder of tickets, which the first step makes."""
    return str(tmp_path / "run")


def step(root, seconds, lasts, thread=""):
    """What the controller gets of a step, and after how many seconds."""
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", STEP, root, str(seconds), str(lasts), thread],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return json.loads(done.stdout), time.monotonic() - begun


def process_of(root, ticket):
    """The process that holds a ticket."""
    path = os.path.join(root, f".step-{ticket}")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if path in [os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")]:
                return int(pid)
    return None


def test_a_short_step_leaves_nothing(root):
    answer, _seconds = step(root, 10, 0.3)
    assert list(answer) == ["result"] and not os.path.exists(root)


def test_a_step_that_lasts_lets_go_and_leaves_its_result_once(root):
    answer, seconds = step(root, 0.3, 4)
    assert seconds < 3
    assert answer["so_far"].startswith("********: ") and answer["so_far"].endswith(" turns [2J")
    ticket = answer["ticket"]
    assert os.stat(os.path.join(root, f".step-{ticket}")).st_mode & 0o777 == 0o600
    assert process_of(root, ticket)
    again = program_ticket.wait_for(ticket, 0.5, root)
    assert again["ticket"] == ticket and again["so_far"] != answer["so_far"]
    assert program_ticket.wait_for(ticket, 30, root) == {"result": {"changed": True, "text": "ä" * 100000}}
    assert os.listdir(root) == []
    assert program_ticket.wait_for(ticket, 30, root) == {}


def test_it_keeps_the_apps_lock_in_its_own_name_until_its_end(root):
    ticket = step(root, 0.1, 2)[0]["ticket"]
    store = Store("shop", Host(), f"{root}.state")
    held = rf"held by a long step \(process {process_of(root, ticket)}\)"
    with pytest.raises(Fenced, match=held), store.lock("another", wait=0):
        pass
    assert "result" in program_ticket.wait_for(ticket, 30, root)
    with store.lock("another", wait=0):
        pass


def test_it_goes_on_in_a_session_of_its_own_without_the_callers_streams(root):
    ticket = step(root, 0.1, 20)[0]["ticket"]
    pid = process_of(root, ticket)
    try:
        assert os.getsid(pid) == pid
        assert [os.readlink(f"/proc/{pid}/fd/{number}") for number in (0, 1, 2)] == ["/dev/null"] * 3
    finally:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_one_that_was_ended_has_no_result(root, sent):
    ticket = step(root, 0.1, 20)[0]["ticket"]
    os.kill(process_of(root, ticket), sent)
    assert program_ticket.wait_for(ticket, 10, root) == {}
    assert os.listdir(root) == []


def test_one_that_reports_nothing_any_more_is_not_told_of(root):
    ticket = step(root, 0.1, 20)[0]["ticket"]
    pid = process_of(root, ticket)
    try:
        os.kill(pid, signal.SIGSTOP)
        path = os.path.join(root, f".step-{ticket}")
        os.utime(path, (time.time() - 100,) * 2)
        assert program_ticket.wait_for(ticket, 0.2, root) == {"ticket": ticket, "so_far": ""}
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_controller_that_is_gone_ends_nothing(root):
    """The answer comes to nobody, and one process alone goes on with the step."""
    given = [sys.executable, "-c", STEP, root, "0.5", "3", ""]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        given,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=30,
    )
    os.close(writer)
    assert done.returncode == 0
    (name,) = os.listdir(root)
    assert "result" in program_ticket.wait_for(name[len(".step-"):], 10, root)


@pytest.mark.parametrize("why", ["a thread works for it", "no folder can be made"])
def test_where_it_cannot_let_go_the_controller_gets_the_result(root, why):
    if why == "no folder can be made":
        os.symlink("/nowhere", root)
    assert list(step(root, 0.2, 1.5, "thread" if "thread" in why else "")[0]) == ["result"]


@pytest.mark.parametrize(
    "group, logind, outlives",
    [
        ("0::/system.slice/ssh.service", None, True),
        ("0::/user.slice/user-1000.slice/session-3.scope", "b false\n", True),
        ("0::/user.slice/user-1000.slice/session-3.scope", "b true\n", False),
        ("0::/user.slice/user-1000.slice/session-3.scope", "", False),
        ("0::/user.slice/user-1000.slice/session-3.scope", None, False),
    ],
)
def test_whether_systemd_ends_what_outlives_a_session(tmp_path, monkeypatch, group, logind, outlives):
    (tmp_path / "cgroup").write_text(group)
    if logind is not None:
        program = tmp_path / "busctl"
        program.write_text(f"#!/bin/sh\nprintf '{logind}'\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":" if logind is not None else None)
    assert program_ticket.outlives_connection(str(tmp_path / "cgroup")) is outlives


def test_results_that_nobody_came_for_are_removed_by_a_later_step(root):
    old = step(root, 0.1, 0.3)[0]["ticket"]
    fresh = step(root, 0.1, 0.3)[0]["ticket"]
    path = os.path.join(root, f".step-{old}")
    while process_of(root, old) or process_of(root, fresh):
        time.sleep(0.05)
    os.utime(path, (time.time() - program_ticket.LEFT_SECONDS - 1,) * 2)
    with open(os.path.join(root, "shop"), "w", encoding="utf-8"):
        pass
    latest = step(root, 0.1, 0.3)[0]["ticket"]
    assert sorted(os.listdir(root)) == sorted(["shop", f".step-{fresh}", f".step-{latest}"])


@pytest.mark.parametrize("ticket", ["", "../shop", "x" * 32, "a" * 31, "a" * 33, "a" * 32 + "\n"])
def test_what_is_no_ticket_is_refused(root, ticket):
    with pytest.raises(BluegreenError, match="is not the ticket of a running step. Run the playbook again"):
        program_ticket.wait_for(ticket, 1, root)
