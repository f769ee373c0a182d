# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Completed
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install import guard_units
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost

GUARD, RESTORE, TIMER = "bluegreen-shop-guard.service", "bluegreen-shop-restore.service", "bluegreen-shop-guard.timer"
FINE = Completed(0, "", "")

GIVEN = {
    "app": "shop",
    "folder": "/var/lib/bluegreen/shop",
    "program": "/var/lib/bluegreen/shop/guard.pyz",
    "docker_host": "unix:///var/run/docker.sock",
    "nginx_file": "/etc/nginx/conf.d/bluegreen-shop.conf",
    "python": "/usr/bin/python3.11",
}

GUARD_TEXT = """\
# Written by smallfleet.bluegreen: ends an abandoned deployment of shop, and watches one that awaits approval.
[Unit]
Description=Guard of the blue-green deployments of shop
ConditionPathExists=/var/lib/bluegreen/shop/deployment.json
After=docker.service nginx.service
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/bin/python3.11 -I /var/lib/bluegreen/shop/guard.pyz guard shop unix:///var/run/docker.sock
Restart=on-failure
RestartSec=2
RestartPreventExitStatus=3

[Install]
WantedBy=multi-user.target
"""

RESTORE_TEXT = """\
# Written by smallfleet.bluegreen: Nginx must not start with a new file that it was not proved to have read.
[Unit]
Description=Nginx file of shop after an interrupted switch
ConditionPathExists=/var/lib/bluegreen/shop/deployment.json
RequiresMountsFor=/var/lib/bluegreen/shop /etc/nginx/conf.d
Before=docker.service nginx.service

[Service]
Type=oneshot
ExecStart=/usr/bin/python3.11 -I /var/lib/bluegreen/shop/guard.pyz restore shop unix:///var/run/docker.sock

[Install]
WantedBy=multi-user.target
"""


class Systemd:
    """A host that systemd runs: ``refuses`` maps a program or a verb to how it ends, ``ran`` is all that was called."""

    def __init__(self, tmp_path):
        self.host = FakeHost()
        self.host.engine.docker_host = GIVEN["docker_host"]
        # Its folder is only named.
        self.store = Store("shop", self.host)
        self.folder = tmp_path / "system"
        self.folder.mkdir()
        self.refuses = {}
        self.ran = []
        self.host.programs = {"systemctl": self._systemctl, "systemd-run": self._ends}

    def _systemctl(self, argv):
        done = self._ends(argv)
        if argv[1] == "enable" and not done.code:
            wants = self.folder / "multi-user.target.wants"
            wants.mkdir(exist_ok=True)
            for name in argv[3:]:
                if not (wants / name).is_symlink():
                    (wants / name).symlink_to(self.folder / name)
        return done

    def _ends(self, argv):
        self.ran.append(" ".join(argv))
        return next((done for word, done in self.refuses.items() if word in argv), FINE)

    def install(self, **changes):
        given = {**{key: GIVEN[key] for key in ("python", "program", "nginx_file")}, **changes}
        return guard_units.install(self.host, self.store, folder=str(self.folder), **given)


@pytest.fixture
def systemd(monkeypatch, tmp_path):
    monkeypatch.setattr(guard_units, "RUNS_HERE", str(tmp_path))
    return Systemd(tmp_path)


@pytest.fixture
def no_systemd(systemd, monkeypatch, tmp_path):
    monkeypatch.setattr(guard_units, "RUNS_HERE", str(tmp_path / "gone"))
    return systemd


# Texts


def test_names():
    assert guard_units.names("shop") == (GUARD, RESTORE, TIMER)


def test_the_texts_of_both_units():
    assert guard_units.render(**GIVEN) == {GUARD: GUARD_TEXT, RESTORE: RESTORE_TEXT}


@pytest.mark.parametrize(
    "option, key, prefix", [("the interpreter", "python", ""), ("docker_host", "docker_host", "unix://")]
)
@pytest.mark.parametrize(
    "path",
    [
        "/opt/my python/bin/python",
        "/opt/%h/python",
        "/opt/$HOME/python",
        "/opt/py\nExecStartPost=/bin/sh",
        "/opt/py;reboot",
        "/opt/../python",
        "/opt/py'thon",
        "/opt/py\\x20thon",
        "python3",
        "",
    ],
)
def test_a_path_that_means_something_to_systemd_is_refused(option, key, prefix, path):
    with pytest.raises(BluegreenError) as refusal:
        guard_units.render(**{**GIVEN, key: prefix + path})
    assert refusal.value.message.startswith(f"{option} is {path!r}, but it must be an absolute path")


def test_whether_systemd_runs_this_host(systemd, monkeypatch, tmp_path):
    assert guard_units.has_systemd()
    monkeypatch.setattr(guard_units, "RUNS_HERE", str(tmp_path / "gone"))
    assert not guard_units.has_systemd()


# Installing


def test_both_units_are_written_and_enabled(systemd):
    assert systemd.install() is True
    for name, text in ((GUARD, GUARD_TEXT), (RESTORE, RESTORE_TEXT)):
        assert (systemd.folder / name).read_text() == text
        assert (systemd.folder / name).stat().st_mode & 0o777 == 0o644
    assert systemd.ran == ["systemctl daemon-reload", f"systemctl enable --quiet {GUARD} {RESTORE}"]


def test_what_is_in_place_is_left_alone(systemd):
    systemd.install()
    before = os.stat(systemd.folder / GUARD).st_ino
    systemd.ran.clear()
    assert systemd.install() is False
    assert systemd.ran == []
    assert os.stat(systemd.folder / GUARD).st_ino == before


def test_only_the_unit_that_changed_is_written(systemd):
    systemd.install()
    before = os.stat(systemd.folder / GUARD).st_ino
    systemd.ran.clear()
    # Only restore has to wait for the file's disk.
    assert systemd.install(nginx_file="/srv/nginx/shop.conf") is True
    assert f"RequiresMountsFor={GIVEN['folder']} /srv/nginx\n" in (systemd.folder / RESTORE).read_text()
    assert os.stat(systemd.folder / GUARD).st_ino == before
    assert systemd.ran == ["systemctl daemon-reload", f"systemctl enable --quiet {RESTORE}"]


def test_a_unit_that_somebody_edited_is_put_right(systemd):
    systemd.install()
    (systemd.folder / GUARD).write_text("[Service]\nExecStart=/bin/true\n")
    assert systemd.install() is True
    assert "guard.pyz guard shop" in (systemd.folder / GUARD).read_text()


@pytest.mark.parametrize(
    "verb, sentence",
    [
        ("daemon-reload", "systemctl daemon-reload failed (Failed to connect to bus.): fix systemd on this host."),
        (
            "enable",
            f"systemctl enable --quiet {GUARD} {RESTORE} failed (Failed to connect to bus.): fix systemd on this host.",
        ),
    ],
)
def test_a_systemd_that_does_not_take_it_is_one_sentence_and_tried_again_the_next_time(systemd, verb, sentence):
    systemd.refuses[verb] = Completed(1, "", "Failed to\nconnect to bus.\n")
    with pytest.raises(BluegreenError) as refusal:
        systemd.install()
    assert refusal.value.message == sentence
    systemd.refuses.clear()
    systemd.ran.clear()
    # The files are the right ones already, but nothing would start them at boot.
    assert systemd.install() is True
    assert systemd.ran == ["systemctl daemon-reload", f"systemctl enable --quiet {GUARD} {RESTORE}"]


@pytest.mark.parametrize("verb", ["daemon-reload", "enable"])
def test_so_is_a_unit_that_was_only_written_anew(systemd, verb):
    systemd.install(nginx_file="/srv/nginx/shop.conf")
    systemd.refuses[verb] = Completed(1, "", "Access denied\n")
    with pytest.raises(BluegreenError):
        systemd.install()
    systemd.refuses.clear()
    systemd.ran.clear()
    assert systemd.install() is True
    assert systemd.ran == ["systemctl daemon-reload", f"systemctl enable --quiet {RESTORE}"]


def test_what_somebody_disabled_is_enabled_again(systemd):
    systemd.install()
    (systemd.folder / "multi-user.target.wants" / RESTORE).unlink()
    systemd.ran.clear()
    assert systemd.install() is True
    assert systemd.ran == ["systemctl daemon-reload", f"systemctl enable --quiet {RESTORE}"]


# The timer


@pytest.mark.parametrize("revert_after, seconds", [(900, 450), (21, 10), (20, 10), (1, 0)])
def test_the_timer_fires_in_the_middle_of_the_first_lease(systemd, revert_after, seconds):
    assert guard_units.arm(systemd.host, "shop", revert_after) is True
    assert systemd.ran == [
        f"systemd-run --quiet --on-active={seconds} --timer-property=AccuracySec=1s --unit={GUARD}"
    ]


def test_no_timer_where_none_is_wanted(systemd):
    assert guard_units.arm(systemd.host, "shop", 0) is False
    assert systemd.ran == []


def test_a_timer_of_an_earlier_deployment_does_as_well(systemd):
    systemd.refuses["systemd-run"] = Completed(
        1, "", f"Failed to start transient timer unit: Unit {TIMER} was already loaded."
    )
    assert guard_units.arm(systemd.host, "shop", 900) is True
    assert systemd.ran[1:] == [f"systemctl is-active --quiet {TIMER}"]


@pytest.mark.parametrize(
    "said, told",
    [
        (("", "Failed to start\ntransient timer unit.\n"), "Failed to start transient timer unit."),
        (("Access denied\n", ""), "Access denied"),
        (("", ""), "exit code 1"),
    ],
)
def test_a_timer_that_cannot_be_started_is_one_sentence(systemd, said, told):
    systemd.refuses = {"systemd-run": Completed(1, *said), "is-active": Completed(3, "", "")}
    with pytest.raises(BluegreenError) as refusal:
        guard_units.arm(systemd.host, "shop", 900)
    assert refusal.value.message == (
        f"The timer {TIMER}, which starts the guard if the controller is gone, could not be started ({told}). Fix "
        "systemd on this host, or set bluegreen_revert_after to 0, which needs no timer; then only a reboot starts a "
        "recovery."
    )


def test_the_timer_is_stopped_and_the_guard_is_not(systemd):
    # One that has fired or never was is no failure.
    systemd.refuses["stop"] = Completed(5, "", f"Failed to stop {TIMER}: Unit {TIMER} not loaded.")
    guard_units.disarm(systemd.host, "shop")
    assert systemd.ran == [f"systemctl stop {TIMER}"]
    assert systemd.host.warnings == []


# Awaiting approval


def test_the_guard_takes_the_place_of_the_timer(systemd):
    guard_units.watch_pending(systemd.host, "shop")
    assert systemd.ran == [f"systemctl stop {TIMER}", f"systemctl start --no-block {GUARD}"]
    assert systemd.host.warnings == []


def test_a_guard_that_does_not_start_is_a_warning(systemd):
    systemd.refuses["start"] = Completed(5, "", f"Failed to start {GUARD}: Unit {GUARD} not found.\n")
    guard_units.watch_pending(systemd.host, "shop")
    assert systemd.host.warnings == [
        f"The guard does not watch the new color while approval is pending: {GUARD} did not start (Failed to start "
        f"{GUARD}: Unit {GUARD} not found.). Fix systemd on this host (systemctl status {GUARD}); until then a "
        "failing web is not rolled back by itself."
    ]


def test_without_systemd_nothing_is_called(no_systemd):
    assert guard_units.arm(no_systemd.host, "shop", 900) is False
    guard_units.disarm(no_systemd.host, "shop")
    guard_units.watch_pending(no_systemd.host, "shop")
    assert no_systemd.ran == []
    assert no_systemd.host.warnings == []
