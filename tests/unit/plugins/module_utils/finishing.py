# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployment that awaits approval, for tests of what finishes it."""

from __future__ import annotations

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import (
    finish as deployment_finish,
    settle as deployment_settle,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._snapshot import (
    restore as snapshot_restore,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.deployment_states import keep_new_color
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import ALWAYS

APPROVED = {"deployment_id": "dep-1", "epoch": 1, "release": "", "owner": ""}
WHICHEVER = {"deployment_id": "", "epoch": 0, "release": "", "owner": ""}


def both_colors(monkeypatch, folder):
    """Blue, whose workers have stopped, and green, which has everything."""
    made = Scene(monkeypatch, folder)
    made.color("blue", worker="exited", beat="exited")
    made.color("green")
    return made


def remember(scene):
    """What is written down when the deployment is opened."""
    containers = of_project(scene.engine, "shop-blue")
    snapshot_restore.remember(scene.host, scene.store, "blue", "1", containers, lambda container: dict(ALWAYS))


def close(scene, params=None, check_mode=False):
    return deployment_finish.finish_deployment(scene.host, scene.store, params or WHICHEVER, check_mode, keep_new_color)


def settle(scene, check_mode=False, approval_timeout=3600, on_timeout="keep", approval_follows=False):
    given = {
        **APPROVED,
        "approval_follows": approval_follows,
        "approval_timeout": approval_timeout,
        "on_timeout": on_timeout,
    }
    return deployment_settle.settle(scene.host, scene.store, given, check_mode)
