# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host on which workers finish, crash and boot as a test says."""

from __future__ import annotations

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.connection import Consumer
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis import RedisError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.journal import NullJournal
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeEngine, FakeHost

WORKER = {"Path": "celery", "Args": ["-A", "shop", "worker"]}
BEAT = {"Path": "celery", "Args": ["-A", "shop", "beat"]}


def workers_of(host):
    """The containers of the color blue."""
    return of_project(host.engine, "shop-blue")


class Notes(NullJournal):
    """A journal that is kept in memory, and notes what it is told among the calls of the host."""

    def __init__(self, host):
        self.data = {"id": "d1"}
        self.policies = {}
        self.signs_of_life = 0
        self._calls = host.calls

    def get(self, key, default=None):
        return self.data.get(key, default)

    def note(self, **facts):
        self.data.update(facts)
        self._calls.extend(("note", key) for key in sorted(facts))

    def note_told(self, containers, ran, **facts):
        self.note(told_projects=sorted({container.project for container in containers}) if ran else [], **facts)

    def note_consuming(self, containers):
        self.note(consuming_projects=sorted({container.project for container in containers}))

    def note_policy(self, container):
        self.policies.setdefault(container.id, container.restart_policy)

    def policy_of(self, container):
        return self.policies.get(container.id, container.restart_policy)

    def renew_lease(self):
        self.signs_of_life += 1


class LivingEngine(FakeEngine):
    """An engine whose containers do something of their own as time passes.

    :ivar finishes_after: seconds from a signal to the exit, by container; 2 for others, ``None`` for never.
    :ivar ends: when a container ends and with which code.
    :ivar refuse: containers that do not start.
    :ivar crashes_after: seconds from a start to an exit with code 1, by container.
    """

    def __init__(self, clock, calls):
        super().__init__(clock, calls)
        self.refuse = set()
        self.finishes_after = {}
        self.crashes_after = {}
        self.ends = {}

    def inspect(self, container):
        data = super().inspect(container)
        at, code = self.ends.get(container, (None, 0))
        if at is not None and self.clock.now >= at and data["State"]["Status"] == "running":
            data["State"].update(Status="exited", Pid=0, ExitCode=code)
        return data

    def kill(self, container, signal):
        data = self.inspect(container)
        if data["State"]["Status"] not in ("running", "paused"):
            raise EngineError(f"Cannot kill container: {container}: Container {container} is not running", 409)
        self.calls.append((f"kill {signal}", container))
        if signal == "SIGKILL":
            data["State"].update(Status="exited", Pid=0, ExitCode=137)
            return
        seconds = self.finishes_after.get((container, signal), self.finishes_after.get(container, 2))
        if seconds is not None:
            self.ends[container] = (self.clock.now + seconds, 0)

    def unpause(self, container):
        self.calls.append(("unpause", container))
        self.inspect(container)["State"].update(Status="running")

    def start(self, container):
        if container in self.refuse:
            raise EngineError("error while creating mount source path", 500)
        if self.inspect(container)["State"]["Status"] == "running":
            # The engine says "not modified", and does nothing.
            self.calls.append(("start", container))
            return
        self.ends.pop(container, None)
        super().start(container)
        if container in self.crashes_after:
            self.ends[container] = (self.clock.now + self.crashes_after[container], 1)


class WorkerHost(FakeHost):
    def __init__(self):
        super().__init__()
        self.engine = LivingEngine(self.clock, self.calls)


class WorkerBroker:
    """A broker that workers of a host consume from some seconds after their start.

    :param consumes: containers whose address waits for messages.
    """

    name = "shop-blue/redis"
    port = 6379
    container = None

    def __init__(self, consumes=(), tells=True, down=False):
        self.consumes, self.tells, self.down = consumes, tells, down

    def message_databases(self):
        if self.down:
            raise RedisError("Redis does not answer at 10.0.0.5:6379 (Connection refused).")
        return [0]

    def consumers(self, _number):
        return [Consumer(address, 40001, True) for address in self.consumes] if self.tells else None

    def has_live_worker(self, _number):
        return False
