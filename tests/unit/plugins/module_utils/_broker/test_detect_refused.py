# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.broker_case import (
    INSIDE,
    OUTSIDE,
    celery,
    refused,
)

REFUSED = [
    (
        {"worker": celery(OUTSIDE), "mode": "color"},
        "bluegreen_broker is color, but CELERY_BROKER_URL of service worker is redis://redis.lan/3, which is outside "
        "both colors. Set bluegreen_broker to shared (or auto), or give each color its own Redis as a support service.",
    ),
    (
        {"worker": celery(OUTSIDE), "url": "redis://queue/0"},
        "bluegreen_broker_url is set, but CELERY_BROKER_URL of service worker is redis://redis.lan/3, which is outside "
        "both colors. Remove bluegreen_broker_url, or give each color its own Redis as a support service.",
    ),
    (
        {"worker": celery(INSIDE), "mode": "shared"},
        "bluegreen_broker is shared, but CELERY_BROKER_URL of service worker is redis://queue:6379/0, and queue is a "
        "support service of each color: its tasks would be removed with the old color. Set bluegreen_broker to color "
        "(or auto).",
    ),
    (
        {"worker": celery(INSIDE), "mode": "none"},
        "bluegreen_broker is none, but CELERY_BROKER_URL of service worker is redis://queue:6379/0, and queue is a "
        "support service of each color: its tasks would be removed with the old color. Set bluegreen_broker to color "
        "(or auto).",
    ),
    (
        {"worker": celery(INSIDE), "url": OUTSIDE},
        "bluegreen_broker_url is set, but CELERY_BROKER_URL of service worker is redis://queue:6379/0, and queue is a "
        "support service of each color: its tasks would be removed with the old color. Remove bluegreen_broker_url.",
    ),
    (
        {"url": INSIDE, "mode": "shared"},
        "bluegreen_broker is shared, but bluegreen_broker_url leads to queue, which is a support service of each "
        "color: set bluegreen_broker to color (or auto).",
    ),
    (
        {"worker": celery(INSIDE), "mode": "color", "service": "cache"},
        "bluegreen_broker_service is cache, but CELERY_BROKER_URL of service worker is redis://queue:6379/0: name "
        "queue there, or remove the option.",
    ),
    (
        {"worker": celery(INSIDE), "url": "redis://cache/0"},
        "bluegreen_broker_url leads to cache, but CELERY_BROKER_URL of service worker is redis://queue:6379/0: name "
        "queue there, or remove the option.",
    ),
    (
        {"worker": celery(INSIDE), "web": celery("redis://cache:6379/0")},
        "Cannot tell which broker is used: CELERY_BROKER_URL of service worker is redis://queue:6379/0, but "
        "CELERY_BROKER_URL of service web is redis://cache:6379/0. Give all services the same URL. Or, if "
        "Celery's broker is outside both colors, set bluegreen_broker to shared; otherwise set it to color, and "
        "bluegreen_broker_service to the broker's service.",
    ),
    (
        {"worker": {"REDIS_URL": OUTSIDE, "AMQP_URL": "amqp://rabbit.lan"}},
        "Cannot tell which broker is used: AMQP_URL of service worker is amqp://rabbit.lan, but REDIS_URL of service "
        "worker is redis://redis.lan/3. Give all services the same URL. Or, if Celery's broker is outside both colors, "
        "set bluegreen_broker to shared; otherwise set it to color, and bluegreen_broker_service to the broker's "
        "service.",
    ),
    (
        {"worker": {"REDIS_URL": OUTSIDE}, "service": "queue"},
        "Cannot tell which broker is used: REDIS_URL of service worker is redis://redis.lan/3, which is outside both "
        "colors, but queue is a support service. Set bluegreen_broker to shared if tasks wait there, or to color if "
        "they wait in queue.",
    ),
    (
        {"worker": celery("redis+socket:///run/redis.sock"), "service": "queue"},
        "Cannot tell which broker is used: CELERY_BROKER_URL of service worker is redis+socket:///run/redis.sock, "
        "which is outside both colors, but queue is a support service. Set bluegreen_broker to "
        "shared if tasks wait there, or to color if they wait in queue.",
    ),
    (
        {"worker": celery("redis://redis.lan/0"), "green": {"worker": celery("redis://redis.lan/1")}},
        "CELERY_BROKER_URL of service worker is redis://redis.lan/0 in one color and redis://redis.lan/1 in the other, "
        "so tasks would stay behind in the old one: give both colors the same URL, or give each color its own Redis as "
        "a support service.",
    ),
    (
        {"worker": celery(INSIDE), "roles": {"web": ["web", "queue"], "support": ["cache"]}},
        "CELERY_BROKER_URL of service worker is redis://queue:6379/0, so queue is the broker, but it is not listed in "
        "bluegreen_support_services: add it there, because a broker must start first and stop last.",
    ),
    *(
        (
            {"worker": celery(f"{scheme}://shop:hunter2@queue/0")},
            f"CELERY_BROKER_URL of service worker is {scheme}://queue/0, and queue is a support service, but tasks can "
            "be moved from one color to the other only over redis://. Use one broker outside both colors, or in each "
            "color a Redis without TLS, Sentinel and cluster.",
        )
        for scheme in ("amqp", "pyamqp", "rediss", "sentinel", "redis+cluster")
    ),
]


@pytest.mark.parametrize("parts, sentence", REFUSED, ids=[sentence[:40] for dummy, sentence in REFUSED])
def test_what_would_lose_tasks_is_refused_in_one_sentence(parts, sentence):
    assert refused(**parts) == sentence
