# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller that slept until its deployment was over runs Compose without the env file of that deployment."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError


@pytest.mark.parametrize("own", [True, False], ids=["with a .env", "without a .env"])
def test_without_its_env_file_compose_touches_nothing(compose, own):
    compose.write({"compose.yml": 'services: {web: {image: IMAGE, environment: {A: "${BG_RELEASE:-none}"}}}'})
    if own:
        compose.write({".env": "A=1\n"})
    before = compose.create()["web"]
    compose.env_file.unlink()
    with pytest.raises(BluegreenError, match=f"env file: {compose.env_file}"):
        compose.fetch(["web"])
    assert [each.id for each in of_project(compose.host.engine, compose.name)] == [before.id]
