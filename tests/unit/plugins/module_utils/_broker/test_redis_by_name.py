# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import NamedTuple, Sequence

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis_by_name import (
    is_redis,
    is_surely_redis,
)


class Container(NamedTuple):
    command: Sequence[str]
    image_name: str


@pytest.mark.parametrize(
    "command, image, expected",
    [
        (["redis-server", "--save", ""], "shop:1", True),
        (["docker-entrypoint.sh", "redis-server"], "x", True),
        (["sh", "-c", "exec /usr/bin/valkey-server /etc/v.conf"], "x", True),
        (["/opt/run.sh"], "bitnami/redis:7.4", True),
        (["docker-entrypoint.sh"], "redis", True),
        (["docker-entrypoint.sh"], "registry:5000/library/redis@sha256:1", True),
        (["run"], "valkey/valkey:8-alpine", True),
        (["gunicorn"], "shop:redis", False),
        (["run"], "redis/redis-stack-server:7", True),
        (["run"], "oliver006/redis_exporter:v1", False),
        (["run"], "registry.example/joeferner/redis-commander", False),
        (["run"], "redis/redisinsight:2", False),
        (["run"], "bitnami/redis-sentinel:7", False),
        (["run"], "bitnami/valkey-exporter@sha256:1", False),
        (["python", "redistribute.py"], "redistribute:1", False),
        (["run"], "shop-redis:1", True),
        (["run"], "acme/redis-queue-worker:1", False),
        (["run"], "redis/redis-om:1", False),
    ],
)
def test_is_redis(command, image, expected):
    assert is_redis(Container(command, image)) is expected


@pytest.mark.parametrize(
    "command, image, expected",
    [
        (["docker-entrypoint.sh"], "redis:8", True),
        (["run"], "valkey/valkey:8-alpine", True),
        (["tini", "--", "gosu", "redis", "redis-server"], "x", True),
        (["sh", "-c", 'if [ -n "$P" ]; then exec redis-server --requirepass $P; else redis-server; fi'], "x", True),
        # Its name, or its arguments, only speak of one.
        (["run"], "acme/django-redis:1", False),
        (["wait-for", "redis-server", "6379", "--", "python"], "x", False),
        (["sh", "-c", "wait-for redis-server 6379 && ./manage.py migrate"], "x", False),
        (["redis-cli", "-h", "redis", "config", "set"], "redis:8", False),
        (["redis-server", "/s.conf", "--sentinel"], "x", True),
        (["/init.sh", "redis-server"], "x", True),
        (["s6-setuidgid", "redis", "redis-server"], "x", True),
        (["sh", "-c", "/start.sh & until redis-cli ping; do sleep 1; done; wait"], "redis:8", True),
    ],
)
def test_is_surely_redis(command, image, expected):
    assert is_surely_redis(Container(command, image)) is expected
