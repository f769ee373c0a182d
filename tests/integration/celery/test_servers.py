# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks of a real Celery, moved from one version of Redis to another, and done by a real Celery there."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from compose_project import IMAGE, wait_for

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.connection import connect
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.kept_keys import keep_keys
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.move import move
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.settings import BrokerSettings
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import inspect_container
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.journal import NullJournal

REDIS_6, REDIS_7, REDIS_8, VALKEY = "bluegreen-redis:6", "bluegreen-redis:7", IMAGE, "bluegreen-redis:valkey"
USER = [*"--user shop on >s3cret ~* &* +@all".split(), "--user", "default", "off"]


class Way(NamedTuple):
    """How an app reaches its Redis: options of the server, and what the app's URL has before and behind the host."""

    options: list
    login: str = ""
    database: str = "/0"
    prefix: str = ""


PASSWORD = Way(["--requirepass", "s3cret"], ":s3cret@", "/1")
ACL = Way(USER, "shop:s3cret@", "/0", "shop:")
PREFIX = Way([], "", "/3", "shop_")

# Both ways between neighbors, because a rollback goes back.
PAIRS = [(REDIS_6, REDIS_7, PASSWORD), (REDIS_7, REDIS_8, ACL), (REDIS_8, VALKEY, PREFIX), (VALKEY, REDIS_6, PASSWORD)]


@pytest.fixture
def out(lab_setup, tmp_path):
    lab_setup("redis", or_skip=True)
    os.chmod(tmp_path, 0o755)
    shutil.copy(Path(__file__).with_name("app.py"), tmp_path)
    return tmp_path


class Side:
    """A Redis in a container, and an app of Celery's beside it."""

    def __init__(self, project, name, image, way, out, env=()):
        self.project, self.name, self.out = project, name, out
        command = ["redis-server", "--save", "", "--protected-mode", "no", *way.options]
        self.redis = project.start(f"redis-{name}", command, image=image)
        url = f"redis://{way.login}{self.redis.addresses['bridge']}:6379{way.database}"
        self.env = [f"URL={url}", f"PREFIX={way.prefix}", "PYTHONDONTWRITEBYTECODE=1", *env]
        # As the project sees it, by the name of the service.
        url = f"redis://{way.login}{self.redis.service}:6379{way.database}"
        self.broker = connect(project.host, [self.redis], BrokerSettings("color", self.redis.service, url))
        wait_for(self.broker.answers)
        self.number = int(way.database[1:])

    def run(self, *argv, env=()):
        """A container of the app."""
        return self.project.start(
            f"app-{self.name}", ["python3", *argv], [*self.env, "PYTHONPATH=/out", *env], Binds=[f"{self.out}:/out"]
        )

    def publish(self, what):
        engine, publisher = self.project.engine, self.run("/out/app.py", what)
        wait_for(lambda: inspect_container(engine, publisher.id).status == "exited")
        assert inspect_container(engine, publisher.id).exit_code == 0, engine.logs(publisher.id)

    def worker(self, *options, env=()):
        command = ["-m", "celery", "-A", "app", "worker", "--concurrency=1", "-Q", "celery,mails,everybody"]
        return self.run(*command, *options, env=env)


def done(out):
    path = out / "done"
    return Counter(path.read_text().splitlines()) if path.exists() else Counter()


def name_of(value):
    return value.rpartition("-")[2].replace("demo:1", "redis:8") if isinstance(value, str) else ""


@pytest.mark.parametrize("before, after, way", PAIRS, ids=name_of)
def test_each_task_is_done_once_after_a_move(project, out, before, after, way):
    old, new = Side(project, "old", before, way, out), Side(project, "new", after, way, out)
    # A worker has taken what is due later, and dies of it.
    old.publish("publish_later")
    worker = old.worker()
    unacked = f"{way.prefix}unacked"
    wait_for(lambda: old.broker.database(old.number).call("HLEN", unacked) == 2)
    project.engine.kill(worker.id, "SIGKILL")
    old.publish("publish")
    wait_for(lambda: not old.broker.has_live_worker(old.number))
    moved = move(project.host, NullJournal(), old.broker, new.broker)
    assert (moved.moved, moved.left, moved.parked) == (14, {}, {})
    assert moved.queues == {f"{way.prefix}celery": 12, f"{way.prefix}mails": 2}
    new.worker()
    expected = [f"plain {n}" for n in range(5)] + [f"priority {n}" for n in (0, 3, 5, 9)]
    expected += ["topic", "a", "b", "chord of ab", "later", "topic later"]
    wait_for(lambda: len(done(out)) == len(expected), seconds=40)
    assert done(out) == Counter(expected)
    wait_for(lambda: not new.broker.database(new.number).call("HLEN", unacked))


@pytest.mark.parametrize("before, after, taken", [(REDIS_6, REDIS_8, True), (REDIS_8, REDIS_6, False)], ids=name_of)
def test_keys_to_keep_go_between_versions_a_stream_only_where_its_dump_is_read(project, out, before, after, taken):
    way = Way([])
    old, new = Side(project, "old", before, way, out), Side(project, "new", after, way, out)
    here, there = old.broker.database(0), new.broker.database(0)
    here.call("SET", "session:1", "a", "PX", 60_000)
    here.call("ZADD", "session:2", 1, "b")
    here.call("HSET", "session:3", "c", "d")
    here.call("XADD", "session:4", "1-1", "e", "f")
    assert keep_keys(project.host, NullJournal(), old.broker, new.broker, ["session:*"]) == (3 + taken, 1 - taken)
    assert there.scan() == [b"session:1", b"session:2", b"session:3"] + [b"session:4"] * taken
    assert 50_000 < there.call("PTTL", "session:1") <= 60_000
    assert len(project.host.warnings) == 1 - taken
