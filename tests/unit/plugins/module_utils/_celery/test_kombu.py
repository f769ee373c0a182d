# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery import kombu

SEP = "\x06\x16"
MESSAGE = {"body": "W10=", "headers": {"task": "shop.work"}, "properties": {"delivery_tag": "t1", "priority": 4}}


def encoded(value):
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    "key, queue", [("celery", "celery"), (f"celery{SEP}9", "celery"), ("q3", "q3"), ("a:b", "a:b")]
)
def test_queue_of_key(key, queue):
    assert kombu.queue_of_key(key) == queue


@pytest.mark.parametrize(
    "name, members, queue",
    [
        ("celery:3", ["celery::celery"], "celery"),
        ("shop--6", ["shop----shop"], "shop"),
        ("celery:3", ["mail::mail"], "celery:3"),
        # A queue of this very name.
        ("celery:3", ["celery::celery", "celery:3::celery:3"], "celery:3"),
        ("celery3", ["celery\x06\x16\x06\x16celery"], "celery3"),
        ("celery:x", ["celery::celery"], "celery:x"),
        ("celery:3", [], "celery:3"),
        ("celery", ["celery::celery"], "celery"),
    ],
)
def test_the_queue_of_a_list_with_a_separator_of_the_apps_own(name, members, queue):
    assert kombu.queue_by_bindings(name, members) == queue


USUAL = kombu.Layout(SEP, kombu.PRIORITY_STEPS)


@pytest.mark.parametrize(
    "layout, priority, key",
    [
        *((USUAL, priority, "q") for priority in (0, 2)),
        *((USUAL, priority, f"q{SEP}3") for priority in (3, 5)),
        (USUAL, 6, f"q{SEP}6"),
        (USUAL, 99, f"q{SEP}9"),
        # As Celery's documentation of priorities has it.
        (kombu.Layout(":", tuple(range(10))), 5, "q:5"),
        (kombu.Layout(SEP, (0,)), 5, "q"),
        (kombu.Layout(SEP, (0, 5)), 4, "q"),
        (kombu.Layout(SEP, (0, 5)), 9, f"q{SEP}5"),
        # kombu takes the last one where none is below.
        (kombu.Layout(SEP, (1, 5)), 0, f"q{SEP}5"),
        # Nobody told: late, or soon, is better than never.
        (kombu.Layout(), 5, "q"),
        (kombu.Layout(":"), 5, "q"),
        (kombu.Layout("", (0, 5)), 5, "q"),
    ],
)
def test_key_of_queue(layout, priority, key):
    assert kombu.key_of_queue("q", priority, layout) == key


@pytest.mark.parametrize(
    "key, layout, other, there",
    [
        ("q", USUAL, kombu.Layout(":", (0, 5)), "q"),
        (f"q{SEP}6", USUAL, kombu.Layout(":", (0, 5)), "q:5"),
        (f"q{SEP}3", USUAL, kombu.Layout(":", (0, 5)), "q"),
        (f"q{SEP}3", USUAL, kombu.Layout(SEP, (0, 3)), f"q{SEP}3"),
        ("q:9", kombu.Layout(":", tuple(range(10))), USUAL, f"q{SEP}9"),
        ("q:2", kombu.Layout(":", tuple(range(10))), USUAL, "q"),
    ],
)
def test_key_elsewhere(key, layout, other, there):
    assert kombu.key_elsewhere(key, layout, other) == there


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
    assert kombu.tag_of(payload) == tag
    assert kombu.is_message(payload) is (tag is not None)


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
    assert kombu.is_queue_name(key) is holds


@pytest.mark.parametrize("separator", [", ", ","])
def test_unpacking_keeps_the_bytes_of_the_payload(separator):
    payload = '{"body":  "\u00e4[]\\"", "properties": {"delivery_tag": 1}}'
    value = f'[{payload}{separator}"exchange"{separator}"key"]'.encode()
    assert kombu.unpack_unacked(value) == (payload.encode(), "exchange", "key")


@pytest.mark.parametrize("value", [b"", b"{}", b"[1, 2, 3]", b'[{"a": 1}, "", ""]', b"\xff", b'["x"]'])
def test_what_is_no_unacknowledged_message(value):
    assert kombu.unpack_unacked(value) is None


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
    assert kombu.queues_for(exchange, routing_key, kombu.bindings_of(bindings)) == queues


@pytest.mark.parametrize(
    "members, separator, read",
    [
        (["celery::celery", "mail:^m$:mails"], "", [("celery", "", "celery"), ("mail", "^m$", "mails")]),
        (["mail:^m$:mails"], ":", [("mail", "^m$", "mails")]),
        # What the separator is, nothing shows.
        (["mail:^m$:mails"], "", []),
        ([f"celery{SEP}{SEP}celery", "celery::celery"], ":", [("celery", "", "celery")] * 2),
        (["a:a::a:a"], "", []),
        (["celery--celery"], "", [("celery", "", "celery")]),
        (["celery----celery"], "", [("celery", "", "celery")]),
    ],
)
def test_bindings_show_their_separator(members, separator, read):
    assert kombu.bindings_of(members, separator) == read


@pytest.mark.parametrize(
    "member, separator",
    [
        (f"{SEP}{SEP}celery@a.celery.pidbox", SEP),
        ("::celery@a.celery.pidbox", ":"),
        ("::::celery@a.celery.pidbox", "::"),
        ("celery@a.celery.pidbox", ""),
    ],
)
def test_separator_of_a_mailbox(member, separator):
    assert kombu.leading_separator(member) == separator


@pytest.mark.parametrize(
    "exchange, tasks",
    [
        ("celery", True),
        ("celery.pidbox", False),
        ("reply.celery.pidbox", False),
        ("shop.pidbox", False),
        ("celeryev", False),
    ],
)
def test_is_task_exchange(exchange, tasks):
    assert kombu.is_task_exchange(exchange) is tasks


@pytest.mark.parametrize("priority, expected", [(4, 4), ("7", 7), (99, 9), (-3, 0), (None, 0)])
def test_priority_of(priority, expected):
    assert kombu.priority_of(encoded({"properties": {"priority": priority}})) == expected


def test_prefixes():
    assert kombu.binding_of_key("shop:_kombu.binding.celery") == ("shop:", "celery")
    assert kombu.index_of_unacked("shop:unacked") == "shop:unacked_index"
    assert kombu.index_of_unacked("unacked_app") == ""


def protocol_1(name, content="base64"):
    body = json.dumps({"task": name, "id": "1", "args": []})
    if content == "base64":
        body = base64.b64encode(body.encode()).decode()
    return {"body": body, "headers": {}, "properties": {"delivery_tag": "t1", "body_encoding": content}}


@pytest.mark.parametrize(
    "payload, name",
    [
        (encoded(MESSAGE), "shop.work"),
        (encoded(protocol_1("shop.old")), "shop.old"),
        (encoded(protocol_1("shop.old", "utf-8")), "shop.old"),
        # A pickle, or what is no message at all.
        (encoded({**MESSAGE, "headers": {}, "body": "gAR9lC4="}), None),
        (encoded({**MESSAGE, "headers": None, "body": "W10="}), None),
        (encoded({**MESSAGE, "headers": {"task": 7}}), None),
        (encoded({}), None),
        (encoded([]), None),
        (b"\xff", None),
    ],
)
def test_task_of(payload, name):
    assert kombu.task_of(payload) == name


@pytest.mark.parametrize(
    "key, own",
    [
        ("unacked", True),
        ("shop:unacked_index", True),
        ("unacked_mutex", True),
        ("shop__kombu.binding.celery", True),
        ("_kombu.binding_permanent.x", True),
        ("celery-task-meta-1", True),
        ("p:celery-taskset-meta-g.j", True),
        ("chord-unlock-1", True),
        ("1.reply.celery.pidbox", True),
        ("celeryev.1", True),
        ("session:unacked:1", False),
        ("session:celery", False),
        (":1:django.contrib.sessions.cacheabc", False),
    ],
)
def test_is_own_name(key, own):
    assert kombu.is_own_name(key) is own
