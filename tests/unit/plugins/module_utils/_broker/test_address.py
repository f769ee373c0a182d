# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.address import (
    TASK_SCHEMES,
    address_of,
    first_url,
)


@pytest.mark.parametrize(
    "url, shown, place",
    [
        ("redis://:hunter2@queue:6380/0?secret=hunter2", "redis://queue:6380/0", ("queue", 6380)),
        ("REDISS://queue", "rediss://queue", ("queue", 6379)),
        ("redis://[fd00::7]/0", "redis://[fd00::7]/0", ("fd00::7", 6379)),
        ("pyamqp://shop:hunter2@rabbit.lan//", "pyamqp://rabbit.lan//", ("rabbit.lan", 5672)),
        ("sqs://AKIA:hunter2@", "sqs://", ("sqs://", 0)),
        ("redis+socket:///run/redis.sock", "redis+socket:///run/redis.sock", ("redis+socket:///run/redis.sock", 0)),
    ],
)
def test_an_address_has_no_secrets_and_the_usual_port(url, shown, place):
    address = address_of(url)
    assert (str(address), address.place) == (shown, place)


@pytest.mark.parametrize("url", ["redis://:hun/ter2@queue/0", "redis://:12#hunter2@queue/0", "redis://queue:port"])
def test_there_is_no_address_where_the_end_of_the_password_is_uncertain(url):
    assert address_of(url) is None


@pytest.mark.parametrize(
    "url, is_this_machine",
    [
        ("redis://localhost", True),
        ("redis://127.0.0.2:6379", True),
        ("redis://[::1]", True),
        ("redis://localhost.lan", False),
    ],
)
def test_this_machine(url, is_this_machine):
    assert address_of(url).is_this_machine is is_this_machine


@pytest.mark.parametrize(
    "text, url",
    [
        ("redis://a ", "redis://a"),
        ("amqp://a;amqp://b", "amqp://a"),
        ("redis+cluster://a", "redis+cluster://a"),
        ("postgres://a", ""),
        ("redis", ""),
    ],
)
def test_the_first_url_that_can_carry_tasks(text, url):
    assert first_url(text, TASK_SCHEMES) == url
