# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import service_roles, traits

PORT = 18001


@pytest.mark.parametrize(
    "body, role",
    [
        ({"Cmd": ["run"], "HostConfig": {"PortBindings": {"8000/tcp": [{"HostPort": "18001"}]}}}, "web"),
        ({"Entrypoint": ["celery"], "Cmd": ["-A", "x", "worker"], "HostConfig": {}}, "workers"),
        ({"Image": "valkey/valkey:8", "HostConfig": {"PortBindings": None}}, "support"),
        ({"Cmd": ["run"], "HostConfig": {"PortBindings": {"8000/tcp": None}}}, ""),
    ],
)
def test_containers_show_roles_too(body, role):
    given = {**dict.fromkeys(("web", "support", "init", "workers")), "ignored": []}
    services = service_roles.of_containers({"it": traits.of_container(body, PORT)}, given, {"gone": "workers"})
    assert {each for each, names in services.items() if "it" in names} == ({role} if role else set())
    # A service of the last deployment that has no container any more is one that is missing.
    assert "gone" in services["workers"]
