# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The options of bg_deployment and bg_info that are settings of the app; ``_settings.py`` checks and completes them."""

from __future__ import annotations

from .._validation import COLORS
from .spec import BROKER_OPTIONS, ArgumentSpec

# A list of services that is left to the Compose file.
AUTO = ["auto"]
AUTO_ROLES = ("web", "support", "init", "workers")

_COLOR_OPTIONS: ArgumentSpec = {
    "project": {"type": "str"},
    "port": {"type": "int"},
    "env": {"type": "dict", "default": {}},
}

SETTINGS_OPTIONS: ArgumentSpec = {
    "colors": {
        "type": "dict",
        "default": {},
        "options": {color: {"type": "dict", "default": {}, "options": _COLOR_OPTIONS} for color in COLORS},
    },
    "services": {
        "type": "dict",
        "default": {},
        "options": {
            **{role: {"type": "list", "elements": "str", "default": AUTO} for role in AUTO_ROLES},
            "ignored": {"type": "list", "elements": "str", "default": []},
        },
    },
    "nginx": {
        "type": "dict",
        "default": {},
        "options": {
            "upstream": {"type": "str", "default": ""},
            "file": {"type": "path", "default": ""},
            "container": {"type": "str", "default": ""},
            "servers": {"type": "dict", "default": {}},
            "public_url": {"type": "str", "default": "http://127.0.0.1/"},
            "public_host": {"type": "str", "default": ""},
            "validate_certs": {"type": "bool", "default": True},
            "backup": {"type": "bool", "default": False},
        },
    },
    "broker": {
        "type": "dict",
        "default": {},
        "options": {
            "mode": {"type": "str", "default": "auto", "choices": ["auto", "color", "shared", "none"]},
            **BROKER_OPTIONS,
        },
    },
}
