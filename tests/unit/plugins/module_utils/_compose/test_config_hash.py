# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With hashes that Compose printed; tests/integration/compose compares those on containers."""

from __future__ import annotations

import json

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose.config_hash import is_proved

# As docker compose config --format json prints it.
SERVICE = """
{"profiles": ["used"], "command": ["sh", "-c", "echo $$HOME <&> \u00fc"], "depends_on": {"redis": {"condition":
"service_started", "required": true}}, "deploy": {"replicas": 1, "resources": {"limits": {"cpus": 0.5}},
"placement": {}}, "entrypoint": null, "environment": {"A": "x", "B": "1"}, "image": "bluegreen-demo:1",
"networks": {"default": null}, "pull_policy": "never"}
"""
PRINTED = {
    "2.26.1": "163ed19bbfda9a70185eb2fe410d8f4f6537d6da5cac611e1a95b2722b0cb28d",
    "2.40.3": "a9716b8d30bf073ec98dddba583f2a006e3740bc140172df200fa348cea08569",
}


@pytest.mark.parametrize("version", PRINTED)
def test_the_hash_of_compose_is_made_again(version):
    assert is_proved(json.loads(SERVICE), PRINTED[version])


@pytest.mark.parametrize("version", PRINTED)
@pytest.mark.parametrize(
    "change",
    [
        {"image": "bluegreen-demo:2"},
        {"command": ["sh", "-c", "echo $HOME$ <&> \u00fc"]},
        {"environment": {"B": "1"}},
        {"deploy": None},
        {"labels": {}},
    ],
)
def test_another_service_is_not_proved(version, change):
    assert not is_proved({**json.loads(SERVICE), **change}, PRINTED[version])


@pytest.mark.parametrize("version", PRINTED)
@pytest.mark.parametrize("change", [{"pull_policy": "always"}, {"build": {"context": "."}}, {"scale": 2}])
def test_what_makes_no_other_container_does_not_matter(version, change):
    assert is_proved({**json.loads(SERVICE), **change}, PRINTED[version])


@pytest.mark.parametrize("label", ["", None])
def test_a_container_without_a_hash_is_not_proved(label):
    assert not is_proved({}, label)
