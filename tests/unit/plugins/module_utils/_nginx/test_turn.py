# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Switches of several apps on one Nginx take turns, and a holder that hangs cannot stop a rollback."""

from __future__ import annotations

import errno
import fcntl
import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.files import StateFailure
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import turn as nginx_turn
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils._nginx.fake_nginx import color_in


@pytest.fixture
def lock(tmp_path, monkeypatch):
    """The path of the lock."""
    monkeypatch.setattr(nginx_turn, "RUN_ROOT", str(tmp_path / "run"))
    return tmp_path / "run" / "nginx.lock"


@pytest.fixture
def another_app(lock):
    """Holds the lock; close it to end that."""
    lock.parent.mkdir(mode=0o750)
    with open(lock, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write("the switch of /etc/nginx/conf.d/bluegreen-blog.conf (process 4711)")
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def is_free(lock):
    with open(lock, encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_the_lock_is_held_until_the_switch_is_proved(move, lock, path, host):
    held, inherited = [], []

    def look():
        held.append(is_free(lock))
        inherited.extend(host.keep_open)

    move("green", before_rename=look)
    assert held == [False] and len(inherited) == 1
    assert lock.read_text() == f"the switch of {path} (process {os.getpid()})"
    assert is_free(lock) and not host.keep_open


def test_the_lock_is_free_after_a_switch_that_was_undone(move, nginx, lock):
    nginx.reload_ignored = True
    with pytest.raises(BluegreenError):
        move("green")
    assert is_free(lock)


def test_nothing_is_changed_while_another_app_is_switched(move, another_app, path, host, journal, reported):
    seen = []

    def renew():
        seen.append(color_in(path))
        if len(seen) == 7:
            another_app.close()

    journal.renew_lease = renew
    move("green")
    # The lease is renewed meanwhile.
    assert seen[:7] == ["blue"] * 7
    assert color_in(path) == "green"
    assert host.warnings == []
    assert "waiting until another app of this host has been switched" in reported


def test_a_holder_that_hangs_is_named_and_stops_nothing(move, another_app, path, host):
    begun = host.clock.monotonic()
    assert move("green").changed
    assert color_in(path) == "green"
    assert host.warnings == [
        "The lock of Nginx has been held for 30 s by the switch of /etc/nginx/conf.d/bluegreen-blog.conf (process "
        "4711), but a switch takes a few seconds. Nginx was switched without waiting longer: look at that process, and "
        "end it if it hangs."
    ]
    assert host.clock.monotonic() - begun >= 30


def test_a_lock_that_cannot_be_made_stops_nothing(move, lock, host, path, monkeypatch):
    def full(_path, _flags):
        raise StateFailure(f"{lock} cannot be opened (no space left on device)", OSError(errno.ENOSPC, "full"))

    monkeypatch.setattr(nginx_turn, "opener", full)
    assert move("green").changed
    assert color_in(path) == "green"
    (warning,) = host.warnings
    assert warning.startswith("Nginx was switched without its lock, which another app may need at the same time: ")


def test_a_live_color_needs_no_turn(move, another_app, host):
    assert not move("blue").changed
    assert host.warnings == []
