# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose.forms import long_forms


# Both as Compose rendered one file: 2.24.7 and 2.40.3.
@pytest.mark.parametrize(
    "short, long",
    [
        ({"environment": ["A=b=c", "C"]}, {"environment": {"A": "b=c", "C": None}}),
        ({"labels": ["x=y", "z"]}, {"labels": {"x": "y", "z": ""}}),
        ({"command": "celery -A shop 'a b'"}, {"command": ["celery", "-A", "shop", "a b"]}),
        ({"command": "sh -c 'exec"}, {"command": ["sh", "-c", "'exec"]}),
        ({"entrypoint": "/start.sh"}, {"entrypoint": ["/start.sh"]}),
        (
            {"healthcheck": {"test": "curl x", "interval": "5s"}},
            {"healthcheck": {"test": ["CMD-SHELL", "curl x"], "interval": "5s"}},
        ),
    ],
    ids=lambda each: next(iter(each)),
)
def test_what_an_old_version_leaves_in_its_short_form(short, long):
    assert long_forms({"name": "shop", "services": {"web": short}}) == {"name": "shop", "services": {"web": long}}


@pytest.mark.parametrize(
    "rendered",
    [
        {"name": "shop"},
        {"services": {}},
        {
            "services": {
                "web": {
                    "environment": {"A": "b"},
                    "labels": {"x": ""},
                    "command": None,
                    "entrypoint": ["/start.sh"],
                    "healthcheck": {"test": ["NONE"]},
                }
            }
        },
    ],
    ids=["no services", "empty", "long"],
)
def test_what_is_long_already_stays(rendered):
    assert long_forms(rendered) == rendered
