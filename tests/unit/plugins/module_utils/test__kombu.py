# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _kombu

SEP = "\x06\x16"
MESSAGE = {"body": "W10=", "headers": {"task": "shop.work"}, "properties": {"delivery_tag": "t1", "priority": 4}}


def encoded(value):
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    "key, queue", [("celery", "celery"), (f"celery{SEP}9", "celery"), ("q3", "q3"), ("a:b", "a:b")]
)
def test_queue_of_key(key, queue):
    assert _kombu.queue_of_key(key) == queue


@pytest.mark.parametrize(
    "priority, step", [(-1, ""), (0, ""), (2, ""), (3, f"{SEP}3"), (5, f"{SEP}3"), (6, f"{SEP}6"), (99, f"{SEP}9")]
)
def test_key_of_queue(priority, step):
    assert _kombu.key_of_queue("q", priority) == "q" + step


@pytest.mark.parametrize(
    "payload, tag",
    [
        (encoded(MESSAGE), "t1"),
        (b"", None),
        (b"\xff\x00", None),
        (b'"delivery_tag"', None),
        (b'{"delivery_tag": 1}', None),
        (encoded({"properties": {"delivery_tag": "no body"}}), None),
        (encoded([MESSAGE]), None),
    ],
)
def test_tag_of(payload, tag):
    assert _kombu.tag_of(payload) == tag
    assert _kombu.is_message(payload) is (tag is not None)


@pytest.mark.parametrize(
    "key, holds",
    [
        ("celery", True),
        ("x.celery.pidbox", False),
        ("celeryev.12", False),
        ("shop:celeryev.1", False),
        ("events", True),
    ],
)
def test_is_queue_name(key, holds):
    assert _kombu.is_queue_name(key) is holds


@pytest.mark.parametrize("separator", [", ", ","])
def test_unpacking_keeps_the_bytes_of_the_payload(separator):
    payload = '{"body":  "\u00e4[]\\"", "properties": {"delivery_tag": 1}}'
    value = f'[{payload}{separator}"exchange"{separator}"key"]'.encode()
    assert _kombu.unpack_unacked(value) == (payload.encode(), "exchange", "key")


@pytest.mark.parametrize("value", [b"", b"{}", b"[1, 2, 3]", b'[{"a": 1}, "", ""]', b"\xff", b'["x"]'])
def test_what_is_no_unacknowledged_message(value):
    assert _kombu.unpack_unacked(value) is None


@pytest.mark.parametrize(
    "exchange, routing_key, bindings, queues",
    [
        ("", "reports", [], ["reports"]),
        ("", "", [], []),
        ("celery", "celery", [f"celery{SEP}{SEP}celery", f"other{SEP}{SEP}other"], ["celery"]),
        ("x", "k", [f"k{SEP}{SEP}b", f"k{SEP}{SEP}a"], ["a", "b"]),
        ("t", "shop.mail", [f"shop.*{SEP}^shop\\.[^.]*?${SEP}mails"], ["mails"]),
        ("t", "shop.mail.x", [f"shop.*{SEP}^shop\\.[^.]*?${SEP}mails"], []),
        ("x", "k", ["torn", f"k{SEP}{SEP}", f"k{SEP}([{SEP}q"], []),
    ],
)
def test_queues_for(exchange, routing_key, bindings, queues):
    assert _kombu.queues_for(exchange, routing_key, bindings) == queues


@pytest.mark.parametrize(
    "exchange, tasks",
    [("celery", True), ("celery.pidbox", False), ("reply.celery.pidbox", False), ("celeryev", False)],
)
def test_is_task_exchange(exchange, tasks):
    assert _kombu.is_task_exchange(exchange) is tasks


@pytest.mark.parametrize("priority, expected", [(4, 4), ("7", 7), (99, 9), (-3, 0), (None, 0)])
def test_priority_of(priority, expected):
    assert _kombu.priority_of(encoded({"properties": {"priority": priority}})) == expected


def test_prefixes():
    assert _kombu.binding_of_key("shop:_kombu.binding.celery") == ("shop:", "celery")
    assert _kombu.binding_of_key("celery") is None
    assert _kombu.prefix_of_unacked("shop:unacked") == "shop:"
    assert _kombu.prefix_of_unacked("unacked_index") is None


@pytest.mark.parametrize(
    "key, celery",
    [
        ("unacked", True),
        ("shop:unacked_index", True),
        ("unacked_mutex", True),
        ("_kombu.binding.celery", True),
        ("shop:_kombu.binding_permanent.celery", True),
        ("celery-task-meta-1b4e", True),
        ("shopcelery-taskset-meta-1b4e.t", True),
        ("chord-unlock-1b4e", True),
        ("0.reply.celery.pidbox", True),
        ("shop:celeryev.12", True),
        ("_bg.handover.seen:1", True),
        # A queue's list may have any name.
        ("celery", False),
        (f"reports{SEP}9", False),
        (":1:django.contrib.sessions.cache8f", False),
        ("session:1", False),
        ("my_bg.thing", False),
    ],
)
def test_is_celery_key(key, celery):
    assert _kombu.is_celery_key(key) is celery
