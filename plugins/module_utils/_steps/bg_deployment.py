# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The module bg_deployment."""

from __future__ import annotations

from .._module.late import Late
from .._module.settings import SETTINGS_OPTIONS
from .._module.spec import Spec

SPEC = Spec(
    act=Late("_steps.deployment_states", "deployment"),
    arguments=dict(
        **SETTINGS_OPTIONS,
        state=dict(type="str", required=True, choices=["open", "settled", "closed", "recovered"]),
        prefer=dict(type="str", default="", choices=["", "rollback"]),
        reason=dict(type="str", default=""),
        owner=dict(type="str", default=""),
        release=dict(type="str", default=""),
        project_src=dict(type="path"),
        files=dict(type="list", elements="str", default=[]),
        profiles=dict(type="list", elements="str", default=[]),
        color_volumes=dict(type="list", elements="str", default=[]),
        init_before_stop=dict(type="list", elements="str", default=[]),
        pull=dict(type="str", default="missing", choices=["always", "missing", "never", "build"]),
        health=dict(
            type="dict",
            default={},
            options=dict(
                path=dict(type="str", default="/health/"),
                host=dict(type="str", default=""),
                status=dict(type="list", elements="int", default=[200]),
                timeout=dict(type="float", default=2),
                interval=dict(type="float", default=0.3),
                successes=dict(type="int", default=2),
                deadline=dict(type="float", default=60),
            ),
        ),
        workers=dict(
            type="dict",
            default={},
            options=dict(
                stop_timeout=dict(type="int"),
                on_timeout=dict(type="str", default="fail", choices=["fail", "leave", "requeue", "kill"]),
                strategy=dict(type="str", default="stop", choices=["stop", "throttle", "auto"]),
            ),
        ),
        old_web=dict(type="str", default="auto", choices=["auto", "running", "stopped"]),
        unknown_tasks=dict(type="str", default="fail", choices=["fail", "hold", "move"]),
        keep_keys=dict(type="list", elements="str", default=[], no_log=False),
        drain_timeout=dict(type="float", default=30),
        revert_after=dict(type="int", default=900),
        watch=dict(type="bool", default=True),
        approval_follows=dict(type="bool", default=False),
        approval_timeout=dict(type="int", default=3600),
        on_timeout=dict(type="str", default="keep", choices=["keep", "rollback"]),
        old_color=dict(type="str", default="removed", choices=["removed", "stopped"]),
        remove_volumes=dict(type="bool", default=False),
        keep_images=dict(type="int", default=3),
    ),
    required_if=[("state", "open", ["project_src"])],
    hidden=[("colors", "blue", "env"), ("colors", "green", "env")],
)
