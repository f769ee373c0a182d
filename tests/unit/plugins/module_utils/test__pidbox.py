# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
from types import SimpleNamespace

import pytest
from fakes import FakeClock

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _pidbox
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._redis import RedisError


def reply(node, content, base64_body=True):
    body = json.dumps({node: content})
    if base64_body:
        body = base64.b64encode(body.encode()).decode()
    return json.dumps({"body": body, "properties": {"body_encoding": "base64"} if base64_body else {}}).encode()


def test_request_is_what_a_worker_understands():
    channel, message = _pidbox.request("active", "me", "ticket", 3, 1000.0)
    message = json.loads(message)
    body = json.loads(base64.b64decode(message["body"]))
    assert channel == "/3.celery.pidbox"
    assert body["method"] == "active"
    assert body["reply_to"] == {"exchange": "reply.celery.pidbox", "routing_key": "me"}
    assert message["headers"]["expires"] == 1060.0
    assert message["properties"]["delivery_tag"] == "ticket"
    assert body["arguments"] == {}


def test_a_question_can_have_arguments():
    message = json.loads(_pidbox.request("registered", "me", "ticket", 0, 1000.0, {"builtins": True})[1])
    assert json.loads(base64.b64decode(message["body"]))["arguments"] == {"builtins": True}


@pytest.mark.parametrize(
    "payload, expected",
    [
        (reply("celery@a", [1]), ("celery@a", [1])),
        (reply("celery@a", {"ok": "pong"}, base64_body=False), ("celery@a", {"ok": "pong"})),
        (b"", None),
        (b"[]", None),
        (b'{"body": "x", "properties": {}}', None),
    ],
)
def test_answer(payload, expected):
    assert _pidbox.answer(payload) == expected


class Workers:
    """A broker with workers that answer each question in the same way."""

    def __init__(self, replies, listening=True, refuses=False):
        self.replies, self.listening, self.refuses, self.left = list(replies), listening, refuses, set()

    def database(self, _number):
        return self

    def message_databases(self):
        return [0]

    def has_live_worker(self, _number):
        return self.listening

    def call(self, *words):
        if self.refuses:
            raise RedisError("Redis refused a command: NOPERM.", "NOPERM")
        if words[0] == "SADD":
            self.left.add(words[1])
        if words[0] == "RPOP":
            return self.replies.pop(0) if self.replies else None
        return len(self.replies)

    def pipeline(self, commands):
        self.left -= {words[1] for words in commands}


ACTIVE = [{"id": "1", "name": "shop.work", "time_start": 5.0}, {"id": "2", "name": "shop.mail", "time_start": None}]


@pytest.mark.parametrize(
    "broker, tasks",
    [
        (Workers([reply("celery@a", ACTIVE), reply("celery@b", [])]), [("1", "shop.work"), ("2", "shop.mail")]),
        (Workers([reply("celery@a", [])]), []),
        (Workers([]), None),
        (Workers([b"noise", reply("celery@a", {"error": "x"})]), []),
        (Workers([reply("celery@a", ACTIVE)], listening=False), None),
        (Workers([reply("celery@a", ACTIVE)], refuses=True), None),
    ],
)
def test_active_tasks(broker, tasks):
    found = _pidbox.active_tasks(SimpleNamespace(clock=FakeClock()), broker, 2)
    assert (None if found is None else [(task.id, task.name) for task in found]) == tasks
    assert broker.left == set()


def test_it_waits_for_slow_workers_but_not_for_ever():
    clock = FakeClock()
    assert _pidbox.ask(SimpleNamespace(clock=clock), Workers([reply("celery@a", 1)]), 0, "ping", 2) == {"celery@a": 1}
    assert clock.now - 1000.0 == pytest.approx(_pidbox.ANSWER_SECONDS, abs=0.05)
