# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _guard_units
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Completed
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import Store
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost

GUARD, RESTORE = "bluegreen-shop-guard.service", "bluegreen-shop-restore.service"
FACTS = {
    "app": "shop",
    "folder": "/var/lib/bluegreen/shop",
    "program": "/var/lib/bluegreen/shop/guard.pyz",
    "docker_host": "unix:///var/run/docker.sock",
    "nginx_file": "/etc/nginx/conf.d/bluegreen-shop.conf",
    "python": "/usr/bin/python3.13",
}

GUARD_TEXT = """\
# Written by smallfleet.bluegreen: brings an abandoned deployment of shop to an end, and watches one that awaits approval.
[Unit]
Description=Guard of the blue-green deployments of shop
ConditionPathExists=/var/lib/bluegreen/shop/deployment.json
After=docker.service nginx.service
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/bin/python3.13 -I /var/lib/bluegreen/shop/guard.pyz guard shop unix:///var/run/docker.sock
Restart=on-failure
RestartSec=2
RestartPreventExitStatus=3

[Install]
WantedBy=multi-user.target
"""

RESTORE_TEXT = """\
# Written by smallfleet.bluegreen: Nginx must not start with a file that a power cut left unproved.
[Unit]
Description=Nginx file of shop after a switch that was cut off
ConditionPathExists=/var/lib/bluegreen/shop/deployment.json
RequiresMountsFor=/var/lib/bluegreen/shop /etc/nginx/conf.d
Before=docker.service nginx.service

[Service]
Type=oneshot
ExecStart=/usr/bin/python3.13 -I /var/lib/bluegreen/shop/guard.pyz restore shop unix:///var/run/docker.sock

[Install]
WantedBy=multi-user.target
"""


class Scene:
    """A host with a systemd that notes what it is told, and enables units.

    :ivar said: command lines, in order.
    :ivar refuses: what systemd refuses, by a word of the command line.
    """

    def __init__(self, folder):
        self.folder = folder / "system"
        self.links = self.folder / "multi-user.target.wants"
        self.links.mkdir(parents=True)
        self.host = FakeHost()
        self.host.engine.docker_host = FACTS["docker_host"]
        self.host.programs = {"systemctl": self._run, "systemd-run": self._run}
        self.store = Store("shop", self.host, root=str(folder / "lib"), run_root=str(folder / "run"))
        self.said = []
        self.refuses = set()

    def _run(self, argv):
        self.said.append(" ".join(argv))
        if self.refuses.intersection(argv):
            return Completed(1, "", "Access\ndenied\n")
        for name in argv[3:] if "enable" in argv else ():
            if not (self.links / name).is_symlink():
                (self.links / name).symlink_to(self.folder / name)
        return Completed(0, "", "")

    def install(self, nginx_file=FACTS["nginx_file"]):
        self.said.clear()
        return _guard_units.install(
            self.host, self.store, FACTS["python"], FACTS["program"], nginx_file, folder=str(self.folder)
        )


@pytest.fixture
def scene(tmp_path, monkeypatch):
    monkeypatch.setattr(_guard_units, "RUNS_HERE", str(tmp_path))
    return Scene(tmp_path)


def test_the_texts():
    assert _guard_units.render(**FACTS) == {GUARD: GUARD_TEXT, RESTORE: RESTORE_TEXT}


@pytest.mark.parametrize("name", ["python", "docker_host"])
@pytest.mark.parametrize("word", [" -c x", "\nExecStartPost=/bin/x", "%h", "$HOME", ";x", "/../x", "\\"])
def test_what_means_something_in_a_unit_is_refused(name, word):
    with pytest.raises(BluegreenError):
        _guard_units.render(**{**FACTS, name: FACTS[name] + word})


def test_the_units_are_written_and_enabled_once(scene):
    assert scene.install() is True
    assert scene.said == ["systemctl daemon-reload", f"systemctl enable --quiet {GUARD} {RESTORE}"]
    assert (scene.folder / GUARD).stat().st_mode & 0o777 == 0o644
    assert scene.install() is False
    assert scene.said == []


def test_only_what_is_new_is_written(scene):
    scene.install()
    assert scene.install(nginx_file="/srv/nginx/bluegreen-shop.conf") is True
    assert scene.said == ["systemctl daemon-reload", f"systemctl enable --quiet {RESTORE}"]


def test_a_unit_that_somebody_disabled_is_enabled_again(scene):
    scene.install()
    (scene.links / GUARD).unlink()
    assert scene.install() is True
    assert scene.said[-1] == f"systemctl enable --quiet {GUARD}"


@pytest.mark.parametrize("step", ["daemon-reload", "enable"])
@pytest.mark.parametrize("earlier", [False, True])
def test_what_was_cut_off_is_done_by_the_next_one(scene, step, earlier):
    if earlier:
        scene.install(nginx_file="/srv/nginx/bluegreen-shop.conf")
    scene.refuses = {step}
    with pytest.raises(BluegreenError, match=rf"systemctl {step}.* failed \(Access denied\): mend systemd on this host"):
        scene.install()
    scene.refuses = set()
    assert scene.install() is True
    assert "systemctl daemon-reload" in scene.said and (scene.links / RESTORE).is_symlink()


@pytest.mark.parametrize("revert_after, seconds", [(900, 450), (20, 10), (25, 12)])
def test_the_timer_fires_before_the_lease_can_end(scene, revert_after, seconds):
    assert _guard_units.arm(scene.host, "shop", revert_after) is True
    assert scene.said == [
        f"systemd-run --quiet --on-active={seconds} --timer-property=AccuracySec=1s --unit={GUARD}"
    ]


def test_a_timer_of_an_earlier_deployment_does_as_well(scene):
    scene.refuses = {"systemd-run"}
    assert _guard_units.arm(scene.host, "shop", 900) is True
    assert scene.said[-1] == "systemctl is-active --quiet bluegreen-shop-guard.timer"


def test_without_a_timer_there_is_no_deployment(scene):
    scene.refuses = {"systemd-run", "is-active"}
    with pytest.raises(BluegreenError) as refusal:
        _guard_units.arm(scene.host, "shop", 900)
    assert refusal.value.message == (
        "The dead-man timer bluegreen-shop-guard.timer could not be started (Access denied): mend systemd on this host, or "
        "set bluegreen_revert_after to 0, which does without it."
    )


def test_a_timer_that_is_off_is_not_armed(scene):
    assert _guard_units.arm(scene.host, "shop", 0) is False
    assert scene.said == []


def test_while_approval_is_pending_the_guard_runs_and_not_the_timer(scene):
    _guard_units.watch_pending(scene.host, "shop")
    assert scene.said == [
        "systemctl stop bluegreen-shop-guard.timer",
        f"systemctl start --no-block {GUARD}",
    ]
    assert scene.host.warnings == []


def test_that_nobody_watches_is_a_warning(scene):
    scene.refuses = {"start"}
    _guard_units.watch_pending(scene.host, "shop")
    assert scene.host.warnings == [
        f"Nobody watches the new color while approval is pending: {GUARD} did not start (Access denied)."
    ]


def test_a_host_without_systemd_is_left_alone(scene, monkeypatch, tmp_path):
    monkeypatch.setattr(_guard_units, "RUNS_HERE", str(tmp_path / "none"))
    assert _guard_units.arm(scene.host, "shop", 900) is False
    _guard_units.disarm(scene.host, "shop")
    _guard_units.watch_pending(scene.host, "shop")
    assert (scene.said, scene.host.warnings) == ([], [])
