# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The password of a real Redis in a container, found where it was given to it."""

from __future__ import annotations

import os

import pytest
from compose_project import wait_for

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.connection import connect
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis import RedisError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.settings import BrokerSettings

SERVER = "exec redis-server --save '' --protected-mode no"
FROM_FILE = f'{SERVER} --requirepass "$(cat /run/secrets/redis)"'
FROM_VARIABLE = f'{SERVER} --requirepass "$REDIS_PASSWORD"'


@pytest.fixture
def secret(tmp_path):
    """Bind mounts, as Compose makes them of secrets."""
    os.chmod(tmp_path, 0o755)
    for name, text in (("redis", "s3cret\n"), ("redis.conf", 'save ""\nprotected-mode no\nrequirepass s3cret\n')):
        (tmp_path / name).write_text(text)
        os.chmod(tmp_path / name, 0o644)
    (tmp_path / "start.sh").write_text(f"#!/bin/sh\n{FROM_FILE}\n")
    return {"Binds": [f"{tmp_path}/redis:/run/secrets/redis:ro", f"{tmp_path}:/srv/redis:ro"]}


@pytest.mark.parametrize(
    "command, env",
    [
        (["sh", "-c", FROM_VARIABLE], ["REDIS_PASSWORD=s3cret"]),
        (["sh", "-c", FROM_FILE], []),
        (["sh", "/srv/redis/start.sh"], []),
        (["redis-server", "/srv/redis/redis.conf"], []),
        (
            ["sh", "-c", f'PW=$(cat /run/secrets/redis); {SERVER} --requirepass "$PW"'],
            ["REDIS_PASSWORD_FILE=/run/secrets/redis"],
        ),
        # It has none, whatever the variable is for.
        (["sh", "-c", SERVER], ["REDIS_PASSWORD=s3cret"]),
    ],
    ids=["variable", "secret", "script", "configuration", "file variable", "no password"],
)
def test_it_is_let_in(project, secret, command, env):
    redis = project.start("redis", command, env, **secret)
    with connect(project.host, [redis], BrokerSettings("color", "redis")) as broker:
        wait_for(broker.answers)
        assert broker.database(0).call("PING") == b"PONG"


def test_what_cannot_be_read_is_named(project, secret):
    script = f'mkdir /tmp/x; cp /run/secrets/redis /tmp/x/y; {SERVER} --requirepass "$(sort /tmp/x/y)"'
    redis = project.start("redis", ["sh", "-c", script], **secret)
    with connect(project.host, [redis], BrokerSettings("color", "redis")) as broker:
        wait_for(broker.answers)
        with pytest.raises(RedisError, match=r"asks for a password, and --requirepass of service redis could not be read \(NOAUTH"):
            broker.database(0).call("PING")
