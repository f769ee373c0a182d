# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
from types import SimpleNamespace

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import remote_control
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.node_names import Host, Nodes
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis import RedisError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery.kombu import SEPARATOR as SEP
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeClock


def reply(node, content, base64_body=True):
    body = json.dumps({node: content})
    if base64_body:
        body = base64.b64encode(body.encode()).decode()
    return json.dumps({"body": body, "properties": {"body_encoding": "base64"} if base64_body else {}}).encode()


def nodes(*hostnames, names=()):
    return Nodes(Host((hostname,), tuple(frozenset([name]) for name in names)) for hostname in hostnames)


def body_of(message):
    return json.loads(base64.b64decode(json.loads(message)["body"]))


def test_request_is_what_a_worker_understands():
    text = remote_control.request("active", "me", "ticket", 1000.0)
    message, body = json.loads(text), body_of(text)
    assert body["method"] == "active"
    assert body["reply_to"] == {"exchange": "reply.celery.pidbox", "routing_key": "me"}
    assert message["headers"]["expires"] == 1060.0
    assert message["properties"]["delivery_tag"] == "ticket"
    assert message["properties"]["delivery_info"]["exchange"] == "celery.pidbox"
    assert body["arguments"] == {}


def test_a_question_can_have_arguments():
    assert body_of(remote_control.request("registered", "me", "ticket", 1000.0, {"builtins": True}))["arguments"] == {
        "builtins": True
    }


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
    assert remote_control.answer(payload) == expected


class Workers:
    """A broker with workers that answer each question in the same way.

    :param replies: for each channel, what comes back.
    :param bindings: members of the bindings of mailboxes.
    """

    def __init__(self, replies, listening=True, refuses=False, bindings=None):
        self.replies = replies if isinstance(replies, dict) else {"/0.celery.pidbox": replies}
        self.listening, self.refuses, self.left, self.asked, self.waiting = listening, refuses, set(), [], {}
        members = [f"{SEP}{SEP}celery@{name}.celery.pidbox" for name in "ab"]
        self.bindings = {"_kombu.binding.celery.pidbox": members} if bindings is None else bindings

    def database(self, _number):
        return self

    def message_databases(self):
        return [0]

    def has_live_worker(self, _number):
        return self.listening

    def scan(self, match, kind):
        assert (match, kind) == ("*_kombu.binding.*.pidbox", "set")
        return [key.encode() for key in self.bindings]

    def call(self, *words):
        if self.refuses:
            raise RedisError("Redis refused a command: NOPERM.", "NOPERM")
        if words[0] == "SMEMBERS":
            return [member.encode() for member in self.bindings.get(words[1], ())]
        if words[0] == "SADD":
            self.left.add(words[1])
            self.member = words[2]
        if words[0] == "RPOP":
            waiting = self.waiting.get(words[1].partition("_")[0] if words[1].startswith("shop_") else "", [])
            return waiting.pop(0) if waiting else None
        if words[0] == "PUBLISH":
            self.asked.append(words[1])
            self.destination = body_of(words[2])["destination"]
            prefix = "shop" if words[1].startswith("shop_") else ""
            self.waiting[prefix] = list(self.replies.get(words[1], ()))
            return len(self.waiting[prefix])
        return 0

    def pipeline(self, commands):
        self.left -= {words[1] for words in commands}


ACTIVE = [
    {"id": "1", "name": "shop.work", "time_start": 5.0, "worker_pid": 17},
    {"id": "2", "name": "shop.mail", "time_start": None},
]


@pytest.fixture
def host():
    return SimpleNamespace(clock=FakeClock())


@pytest.mark.parametrize(
    "broker, tasks",
    [
        (
            Workers([reply("celery@a", ACTIVE), reply("celery@b", [])]),
            [("1", "shop.work", 17), ("2", "shop.mail", None)],
        ),
        (Workers([reply("celery@a", [])]), []),
        (Workers([]), None),
        (Workers([b"noise", reply("celery@a", {"error": "x"})]), []),
        (Workers([reply("celery@a", ACTIVE)], listening=False), None),
        (Workers([reply("celery@a", ACTIVE)], refuses=True), None),
        # Of another app at the same broker.
        (Workers([reply("celery@blog", ACTIVE)]), None),
    ],
)
def test_active_tasks(host, broker, tasks, monkeypatch):
    monkeypatch.setattr(remote_control, "nodes_of", lambda _host, containers: nodes(*containers))
    found = remote_control.active_tasks(host, broker, ["a", "b"])
    assert (None if found is None else [(task.id, task.name, task.worker_pid) for task in found]) == tasks
    assert broker.left == set()


def test_nobody_is_asked_where_no_worker_runs(host, monkeypatch):
    monkeypatch.setattr(remote_control, "nodes_of", lambda _host, _containers: nodes())
    assert remote_control.active_tasks(host, None, []) is None


def test_it_waits_for_slow_workers_but_not_for_ever(host):
    assert remote_control.ask(host, Workers([reply("celery@a", 1)]), 0, "ping", nodes("a", "b")) == {"celery@a": 1}
    assert host.clock.now - 1000.0 == pytest.approx(remote_control.ANSWER_SECONDS, abs=0.05)


def test_only_its_own_workers_are_told(host):
    """What gives up a queue is not for the workers of another app that has the same one."""
    broker = Workers([reply("celery@a", {"ok": "no longer consuming"})])
    remote_control.ask(host, broker, 0, "cancel_consumer", nodes("a"), {"queue": "celery"})
    assert broker.destination == ["celery@a"]


def test_it_does_not_wait_for_others(host):
    replies = [reply("celery@blog", 2), reply("celery@a", 1), reply("celery@shop", 3)]
    assert remote_control.ask(host, Workers(replies), 0, "ping", nodes("a")) == {"celery@a": 1}
    assert host.clock.now == 1000.0


@pytest.mark.parametrize(
    "binding, member, channel, separator",
    [
        ("_kombu.binding.celery.pidbox", f"{SEP}{SEP}celery@a.celery.pidbox", "/0.celery.pidbox", SEP),
        ("_kombu.binding.celery.pidbox", "::celery@a.celery.pidbox", "/0.celery.pidbox", ":"),
        ("shop__kombu.binding.celery.pidbox", "::celery@a.celery.pidbox", "shop_/0.celery.pidbox", ":"),
        # control_exchange, and fanout_prefix: false
        ("_kombu.binding.shop.pidbox", f"{SEP}{SEP}celery@a.shop.pidbox", "shop.pidbox", SEP),
    ],
)
def test_it_finds_the_mailbox_of_its_own_workers(host, binding, member, channel, separator):
    bindings = {"blog__kombu.binding.celery.pidbox": [f"{SEP}{SEP}celery@blog.celery.pidbox"], binding: [member]}
    broker = Workers({channel: [reply("celery@a", 1)]}, bindings=bindings)
    assert remote_control.ask(host, broker, 0, "ping", nodes("a")) == {"celery@a": 1}
    assert broker.asked[-1] == channel and "blog_/0.celery.pidbox" not in broker.asked
    # A reply finds its way by a binding that the worker can read.
    assert broker.member.count(separator) == 2 and broker.left == set()
