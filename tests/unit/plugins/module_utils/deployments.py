# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app of two colors in the middle of a deployment, for tests of what ends one."""

from __future__ import annotations

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _settings
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import (
    connection as broker_connection,
    move as broker_move,
    queues,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.move import Moved
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import old_web, transfer
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._health import gate as health_gate
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.create import create_journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.schema import STEPS
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.step import Step
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    preflight as nginx_preflight,
    public_requests,
    switch as nginx_switch,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.drain import Drained
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import (
    start as workers_start,
    stop as workers_stop,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import (
    ALWAYS,
    LISTS,
    NO_RESTART,
    FakeBroker,
    FakeHost,
    record,
)

PORTS = {"18001": "blue", "18002": "green"}

CONTAINER = "4f" * 32

HEALTH = {
    "path": "/health/",
    "host": "",
    "status": [200],
    "timeout": 2.0,
    "interval": 0.3,
    "successes": 2,
    "deadline": 60.0,
}


def facts(services=None, broker=None, **changes):
    """What a journal is opened with, green taking over from blue."""
    lists = {**LISTS, **(services or {})}
    given = {"app": "shop", "colors": {}, "services": lists, "broker": broker or {}, "nginx": {}}
    return {
        "release": "2",
        "release_from": "1",
        "from": "blue",
        "to": "green",
        "settings": _settings.settings_of({**given, "health": HEALTH}).journaled(),
        "policies": {},
        "workers": {},
        "drain_timeout": 30,
        "old_color": "removed",
        "remove_volumes": False,
        "keep_images": 3,
        "revert_after": 900,
        **changes,
    }


def whole_journal():
    """The data of a journal with everything in it that one can have, in the middle of the cutover."""
    return {
        "version": 2,
        "app": "shop",
        "id": "dep-1",
        "epoch": 1,
        "who": "ada@laptop",
        "opened_at": 1795435200.0,
        "step": "cutover",
        "done": False,
        "counted": {"boot_id": "boot-1", "boottime": 1012.5, "wall": 1795435212.5},
        "live_at": 1795435212.5,
        "rolling_back": False,
        "result": "",
        "reason": "",
        "seconds": {"open": 0.0, "health": 1.2},
        "memory": {"before": 188743680, "peak": 267386880},
        "lease": {"boot_id": "boot-1", "until": 1912.5},
        **facts(),
        "old_containers": [{"id": CONTAINER, "name": "shop-blue-web-1", "service": "web"}],
        "policies": {CONTAINER: {"Name": "always", "MaximumRetryCount": 0}},
        "signalled": [CONTAINER],
        "cpu_shares": {CONTAINER: 0},
        "worker_strategy": "throttle",
        "old_web": "stopped",
        "memory_budget": dict.fromkeys(("free", "web", "support", "workers", "app", "oom_kills"), 1024),
        "unknown_tasks": "fail",
        "keep_keys": ["session:*"],
        "workers": {"stop_timeout": None, "on_timeout": "leave", "strategy": "auto"},
        "task_names": {"old": ["shop.mail"], "candidate": None},
        "hops": [{"n": 1, "source": "shop-blue/redis", "destination": "shop-green/redis", "done": False}],
        "progress": {"moved": 7, "of": 12},
        "held_by": ["worker process 812 of Nginx"],
        "tasks_moved": 7,
        "armed": True,
        "watch": True,
        "approval_timeout": 3600,
        "on_timeout": "keep",
        "approve_until": {"boot_id": "boot-1", "until": 4612.5},
        "not_taken_back": "the old color blue does not answer: connection refused",
        "working": [],
        "worker_gap": 2.0,
        "cutover": {
            "color": "green",
            "previous": "blue",
            "file": "/etc/nginx/conf.d/bluegreen-shop.conf",
            "backup": "/etc/nginx/conf.d/.bluegreen-shop.conf.before-dep-1",
            "sha256": "0" * 64,
            "nginx_workers": [[812, 4711]],
            "at": 1012.5,
            "proved": "",
        },
    }


class Scene:
    """Blue is live with release 1 and green becomes it with release 2.

    :ivar calls: what was done, in order: effects on containers as ``(verb, container)``, calls of other parts as words.
    :ivar brokers: the broker of each color.
    :ivar served: the color that the running Nginx is proved to serve.
    :ivar unhealthy: colors that do not become healthy.
    :ivar held_by: what still holds the drain.
    :ivar pace: seconds that workers take to stop, and to consume again.
    """

    def __init__(self, monkeypatch, folder):
        self.host = FakeHost()
        self.engine = self.host.engine
        self.calls = self.host.calls
        self.store = Store("shop", self.host, root=str(folder / "lib"), run_root=str(folder / "run"))
        self.store.create()
        self.served = "green"
        self.nginx_problem = ""
        self.unhealthy = set()
        self.held_by = []
        self.pace = 0.0
        self.brokers = {color: FakeBroker(f"shop-{color}/redis") for color in ("blue", "green")}
        self.file = folder / "bluegreen-shop.conf"
        self.file.write_text("upstream shop { server 127.0.0.1:18002; }\n")
        self._replace_the_other_parts(monkeypatch)

    def _replace_the_other_parts(self, monkeypatch):
        def replace(module, name, label=None, does=None):
            record(monkeypatch, self.calls, module, name, label, does)

        replace(
            health_gate,
            "wait_healthy",
            lambda given: f"wait for {PORTS[given['settings'].url.split(':')[2][:5]]}",
            self._become_healthy,
        )
        replace(nginx_switch, "switch", lambda given: f"switch to {given['color']}", self._switch)
        replace(workers_stop, "stop_workers", "stop workers", self._stop_workers)
        replace(workers_start, "restart_workers", "restart workers", self._restart_workers)
        replace(
            broker_move,
            "move",
            lambda given: f"move {given['source'].name} to {given['destination'].name}",
            self._move,
        )
        replace(old_web, "wait_drained", "drain", lambda given: Drained(not self.held_by, self.held_by, 0.1))
        replace(transfer, "wait_drained", "drain", lambda given: Drained(not self.held_by, self.held_by, 0.1))
        replace(public_requests, "served_color", "ask nginx", lambda given: self.served)
        monkeypatch.setattr(broker_move, "take_back", self._take_back)
        # Questions, not effects.
        monkeypatch.setattr(nginx_preflight, "cannot_switch", lambda host, nginx: self.nginx_problem)
        for module in (broker_move, queues):
            monkeypatch.setattr(module, "count_messages", lambda broker: dict(broker.tasks))
        monkeypatch.setattr(broker_connection, "connect", self._connect)

    # What the other parts do

    def _become_healthy(self, given):
        color = PORTS[given["settings"].url.split(":")[2][:5]]
        down = [each.name for each in given["containers"] if self.engine.state(each.id) != "running"]
        nobody = not any(each.service == "web" for each in given["containers"])
        if color in self.unhealthy or down or nobody:
            raise BluegreenError(f"{color} is not healthy.")

    def _switch(self, given):
        self.served = given["color"]

    def _stop_workers(self, given):
        given["journal"].note_told(given["containers"], True)
        self.host.clock.now += self.pace
        for container in given["containers"]:
            self.engine.stop(container.id)

    def _restart_workers(self, given):
        self.host.clock.now += self.pace
        for container in given["containers"]:
            self.engine.start(container.id)
            self.engine.set_restart_policy(container.id, given["journal"].policy_of(container))
        given["journal"].note_consuming(given["containers"])

    def _move(self, given):
        source, destination = given["source"], given["destination"]
        moved = sum(source.tasks.values())
        for queue, count in source.tasks.items():
            destination.tasks[queue] = destination.tasks.get(queue, 0) + count
        source.tasks.clear()
        return Moved(moved, {}, {}, 0, 1)

    def _take_back(self, host, journal, broker):
        if broker.staged:
            self.calls.append(f"take back in {broker.name}")
            broker.tasks.update(broker.staged)
            broker.staged.clear()

    def _connect(self, host, containers, settings, workers=None):
        for container in containers:
            if container.service == settings.service:
                broker = self.brokers[container.project.rpartition("-")[2]]
                if broker is not None:
                    broker.container = container
                return broker
        return None

    # The host

    def color(self, name, status="running", **by_service):
        """The containers of a color; ``by_service`` gives some of them a status of their own."""
        for service in ("redis", "web", "worker", "beat"):
            self.engine.add(service, color=name, status=by_service.get(service, status))

    def deployment(self, step, done=True, **changes):
        """Open a deployment and bring its journal to a step; old workers were stopped from their step on."""
        settings = _settings.settings_of(
            {"app": "shop", "colors": {}, "services": LISTS, "broker": {}, "health": HEALTH, "nginx": {}}
        )
        settings = settings._replace(nginx=settings.nginx._replace(file=str(self.file)))
        given = facts(**{"settings": settings.journaled(), "watch": True, **changes})
        journal = create_journal(self.store, "dep-1", "ada@laptop", given)
        if STEPS.index(step) >= STEPS.index("stop_workers"):
            for worker in ("blue-worker", "blue-beat"):
                if worker in self.engine.inspected:
                    journal.data["policies"][worker] = dict(ALWAYS)
                    self.engine.inspected[worker]["HostConfig"]["RestartPolicy"] = dict(NO_RESTART)
        journal.begin(Step(step))
        if done:
            journal.done(Step(step))
        return journal

    # What happened

    def effects(self):
        """The calls without those that only ask or change restart policies, as words."""
        return [
            call if isinstance(call, str) else " ".join(call)
            for call in self.calls
            if not call[0].startswith("policy") and call != "ask nginx"
        ]

    def states(self):
        return {container: self.engine.state(container) for container in self.engine.inspected}

    def policies(self):
        return {container: self.engine.policy(container) for container in self.engine.inspected}
