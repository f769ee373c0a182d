# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import queues
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis import RedisError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery import task_names
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import inspect_container
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux import memory as host_memory
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources.disk import MIB
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import registered_tasks, unknown_tasks
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost, record
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.workers import Notes, WorkerBroker

WORKER = {"Path": "celery", "Args": ["-A", "shop", "worker"]}


class Scene:
    """Blue's worker runs, green's was created; ``waiting`` are the tasks in blue's broker."""

    def __init__(self, monkeypatch):
        self.host = FakeHost()
        self.journal = Notes(self.host)
        self.asked = []
        self.waiting, self.old, self.candidate = {}, ["shop.work"], ["shop.new"]
        self.parked, self.unreachable = 0, None
        self.host.engine.add("worker", color="blue", **WORKER)
        self.host.engine.add("worker", color="green", status="created", **{**WORKER, "Image": "sha256:worker-2"})
        ids = {"blue-worker": lambda: self.old, "green-worker": lambda: self.candidate}
        record(monkeypatch, self.asked, registered_tasks, "of_live_workers", "live", lambda given: self._answer())
        record(
            monkeypatch,
            self.asked,
            registered_tasks,
            "of_containers",
            lambda given: [each.id for each in given["containers"]],
            lambda given: ids[given["containers"][0].id](),
        )
        monkeypatch.setattr(queues, "waiting_tasks", self._waiting)
        monkeypatch.setattr(queues, "count_messages", self._count)
        self.live, self.answers_at = ["shop.work"], 0

    def _answer(self):
        return self.live if self.host.clock.now >= self.answers_at else None

    def _waiting(self, broker):
        if self.unreachable:
            raise RedisError(self.unreachable)
        return self.waiting

    def _count(self, broker):
        counts = {"celery": sum(self._waiting(broker).values()), "held": self.parked}
        return {queue: count for queue, count in counts.items() if count}

    def check(self, policy="fail", broker=WorkerBroker(), old=("blue-worker",), candidate=("green-worker",)):
        self.checked(policy, broker, old, candidate)
        return self.journal.data.get("task_names")

    def checked(
        self,
        policy="fail",
        broker=WorkerBroker(),
        old=("blue-worker",),
        candidate=("green-worker",),
        has_room=True,
        asks_later=False,
    ):
        engine = self.host.engine
        return unknown_tasks.check(
            self.host,
            self.journal,
            [inspect_container(engine, each) for each in old],
            [inspect_container(engine, each) for each in candidate],
            broker,
            policy,
            has_room,
            asks_later,
        )

    def left_open(self, policy="fail"):
        """As after a check that left the names of the new worker open, with that worker started since."""
        self.journal.note(task_names={"old": ["shop.work"]}, unknown_tasks=policy, memory_budget={"app": 30 * MIB})
        self.host.engine.start("green-worker")
        self.live = ["shop.new"]

    def ask(self, *workers):
        """What the journal has of the new color's names afterwards; ``None`` where it has nothing."""
        found = [inspect_container(self.host.engine, each) for each in workers or ("green-worker",)]
        unknown_tasks.ask_new_workers(self.host, self.journal, found, WorkerBroker())
        names = self.journal.data["task_names"]
        return names.get("candidate", "open")


@pytest.fixture
def scene(monkeypatch):
    return Scene(monkeypatch)


def test_waiting_tasks_that_the_candidate_does_not_register_stop_the_deployment(scene):
    scene.live = ["shop.work", "shop.old"]
    # The last is of another app that uses the same broker.
    scene.waiting = {"shop.work": 3, "shop.new": 1, "shop.old": 5, "blog.mail": 7}
    with pytest.raises(BluegreenError, match=r"shop.old \(5\), shop.work \(3\)\.") as caught:
        scene.check()
    assert caught.value.details["unknown_tasks"] == {"shop.old": 5, "shop.work": 3}
    assert scene.journal.data["task_names"] == {"old": ["shop.work", "shop.old"], "candidate": ["shop.new"]}


def test_where_the_old_workers_do_not_tell_every_unknown_name_counts(scene):
    scene.live = scene.old = None
    scene.waiting = {"shop.gone": 1}
    with pytest.raises(BluegreenError, match=r"shop.gone \(1\)"):
        scene.check()


def test_waiting_tasks_that_it_registers_do_not(scene):
    scene.waiting = {"shop.new": 1}
    assert scene.check() == {"old": ["shop.work"], "candidate": ["shop.new"]}


def test_with_hold_the_names_are_kept_and_nothing_is_refused(scene):
    scene.waiting = {"shop.old": 5}
    assert scene.check("hold") == {"old": ["shop.work"], "candidate": ["shop.new"]}


def test_workers_that_do_not_answer_are_looked_at_like_the_candidate(scene):
    scene.live, scene.old = None, ["shop.slow"]
    assert scene.check()["old"] == ["shop.slow"]


def test_a_candidate_that_does_not_tell_stops_nothing(scene):
    scene.waiting, scene.candidate = {"shop.old": 1}, None
    assert scene.check() == {"old": ["shop.work"], "candidate": None}


def test_a_broker_that_fails_meanwhile_stops_nothing(scene):
    scene.unreachable = "Redis does not answer at 10.0.0.2:6379."
    scene.check()
    assert scene.host.warnings == [
        "The names of the waiting tasks could not be read: Redis does not answer at 10.0.0.2:6379."
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"policy": "move"},
        {"broker": None},
        {"old": ()},
        {"candidate": ()},
        # A beat is no worker.
        {"candidate": ("green-beat",)},
        {"candidate": ("blue-worker",)},
    ],
)
def test_nothing_is_asked_where_nothing_can_differ(scene, given):
    scene.host.engine.add("beat", color="green", status="created", Path="celery", Args=["-A", "shop", "beat"])
    assert scene.check(**given) is None
    assert scene.asked == []


@pytest.mark.parametrize(
    "changes, same",
    [
        ({"Config__Env": ["BG_COLOR=green", "BG_RELEASE=2", "A=1"]}, True),
        ({"Config__Env": ["BG_COLOR=green", "A=2"]}, False),
        ({"Args": ["-A", "other", "worker"], "Config__Env": ["A=1"]}, False),
        # The same code may be mounted, and a worker that runs has loaded what it was before.
        ({"Mounts": [{"Type": "bind"}], "Config__Env": ["A=1"]}, False),
    ],
)
def test_the_same_code_in_both_colors(scene, changes, same):
    scene.host.engine.add("worker", color="blue", **WORKER, Config__Env=["BG_COLOR=blue", "A=1"])
    scene.host.engine.add("worker", color="green", status="created", **{**WORKER, **changes})
    scene.check()
    assert (scene.asked == []) is same


def test_without_room_the_live_workers_are_asked_at_once_and_the_app_is_loaded_later(scene):
    scene.waiting = {"shop.work": 1}
    checked = scene.checked(has_room=False)
    assert (scene.asked, checked.same, "task_names" in scene.journal.data) == (["live"], False, False)
    with pytest.raises(BluegreenError, match=r"shop.work \(1\)"):
        checked.later()
    assert scene.asked == ["live", ["green-worker"]]
    assert scene.journal.data["task_names"] == {"old": ["shop.work"], "candidate": ["shop.new"]}


def test_how_an_app_is_asked_is_found_out_while_the_old_workers_run(scene, monkeypatch):
    """A script hides it in what was only created, and the processes are gone once they have stopped."""
    found = []
    monkeypatch.setattr(
        registered_tasks, "shells_of", lambda containers, like: found.append([each.id for each in like]) or {}
    )
    checked = scene.checked(has_room=False)
    assert found == [["blue-worker"]]
    scene.host.engine.stop("blue-worker")
    assert checked.later() is False
    assert found == [["blue-worker"]]


def test_where_nothing_can_differ_nothing_is_left_for_later(scene):
    assert scene.checked(policy="move", has_room=False) == (False, None)
    scene.host.engine.add("worker", color="green", status="created", **WORKER)
    assert scene.checked(has_room=False) == (True, None)


LEFT_OPEN = {"old": ["shop.work"]}


@pytest.mark.parametrize(
    "case, left_open",
    [
        ({}, True),
        ({"waiting": {"shop.work": 1}}, False),
        ({"parked": 3}, True),
        ({"policy": "hold"}, True),
        ({"policy": "hold", "waiting": {"shop.work": 190}, "parked": 10}, True),
        ({"policy": "hold", "waiting": {"shop.work": 190}, "parked": 11}, False),
        ({"parked": 201}, False),
        # A busy solo pool, or no remote control: the new workers would not tell either.
        ({"live": None}, False),
        ({"unreachable": "Redis does not answer."}, False),
        ({"asks_later": False}, False),
    ],
)
@pytest.mark.parametrize("has_room", [True, False])
def test_the_app_is_not_loaded_where_the_new_workers_can_be_asked_in_time(scene, case, left_open, has_room):
    given = {"asks_later": True, "has_room": has_room, "policy": "hold"}
    for key, value in {"policy": "fail", **case}.items():
        (given.update if key in given else vars(scene).update)({key: value})
    if "waiting" in case and given["policy"] == "fail":
        scene.candidate = ["shop.work"]
    checked = scene.checked(**given)
    assert (scene.journal.data.get("task_names") == LEFT_OPEN) is left_open
    assert checked.same is False or not left_open
    if left_open:
        assert (scene.asked, checked.later, scene.host.warnings) == (["live"], None, [])
    else:
        assert bool(checked.later) is not has_room


def test_new_workers_that_run_are_asked_once(scene):
    scene.left_open()
    assert (scene.ask(), scene.ask()) == (["shop.new"], ["shop.new"])
    assert scene.asked == ["live"]
    assert "shop.new" in unknown_tasks.known(scene.journal, True) and "shop.work" not in unknown_tasks.known(
        scene.journal, True
    )


def test_new_workers_that_are_still_booting_are_asked_again(scene):
    scene.left_open()
    scene.answers_at = scene.host.clock.now + 1
    assert scene.ask() == ["shop.new"]
    assert set(scene.asked) == {"live"}


@pytest.mark.parametrize("runs", [True, False], ids=["it does not answer", "it does not run"])
def test_for_new_workers_that_cannot_be_asked_the_app_is_loaded(scene, runs):
    scene.left_open()
    scene.live = None
    if not runs:
        scene.host.engine.stop("green-worker")
    began = scene.host.clock.now
    assert scene.ask() == ["shop.new"]
    assert scene.asked[-1] == ["green-worker"]
    assert ("live" in scene.asked) is runs
    assert scene.host.clock.now - began <= unknown_tasks.ANSWER_SECONDS + 1


@pytest.mark.parametrize("policy, refused", [("fail", True), ("hold", False)])
def test_where_there_is_no_memory_for_that(scene, monkeypatch, policy, refused):
    scene.left_open(policy)
    scene.live = None
    monkeypatch.setattr(host_memory, "available_memory", lambda: 93 * MIB)
    if refused:
        with pytest.raises(BluegreenError, match="too little memory is free to load the app"):
            scene.ask()
        # Nothing has moved yet, and the next try asks again.
        assert scene.journal.data["task_names"] == LEFT_OPEN
    else:
        assert scene.ask() is None
        assert "So no task is parked, and the new workers would discard" in scene.host.warnings[0]
    assert ["green-worker"] not in scene.asked


@pytest.mark.parametrize(
    "answers, runs, told", [(True, True, ["shop.new"]), (False, True, "open"), (True, False, "open")]
)
def test_where_nothing_moved_new_workers_are_asked_once_and_no_app_is_loaded(scene, answers, runs, told):
    scene.left_open()
    scene.live = ["shop.new"] if answers else None
    if not runs:
        scene.host.engine.stop("green-worker")
    for _again in range(2):
        unknown_tasks.ask_working(
            scene.host, scene.journal, [inspect_container(scene.host.engine, "green-worker")], WorkerBroker()
        )
    assert scene.journal.data["task_names"].get("candidate", "open") == told
    assert scene.asked == ["live"] * (runs + (runs and not answers))
    assert scene.host.clock.slept == []


@pytest.mark.parametrize("names", [None, {"old": ["shop.work"], "candidate": None}])
def test_new_workers_are_not_asked_where_nothing_was_left_open(scene, names):
    scene.left_open()
    scene.journal.note(task_names=names)
    unknown_tasks.ask_new_workers(
        scene.host, scene.journal, [inspect_container(scene.host.engine, "green-worker")], WorkerBroker()
    )
    assert (scene.asked, scene.journal.data["task_names"]) == ([], names)


def test_a_beat_is_not_asked(scene):
    scene.left_open()
    scene.host.engine.add("beat", color="green", Path="celery", Args=["-A", "shop", "beat"])
    assert scene.ask("green-beat") == "open"


def test_on_the_way_back_what_the_old_workers_told_counts(scene):
    """Whatever else waits in the new color's own Redis, its web or workers have published."""
    scene.left_open()
    known = unknown_tasks.known(scene.journal, to_candidate=False)
    assert [task_names.is_lost(name, known) for name in ("shop.work", "shop.new")] == [False, True]


def test_a_move_by_itself_asks_them_too(scene):
    scene.left_open()
    settings = {"services": {"workers": ["worker"]}, "projects": {"blue": "shop-blue", "green": "shop-green"}}
    scene.journal.note(to="green", **{"from": "blue"}, settings=settings)
    assert unknown_tasks.known_to(scene.host, scene.journal, "shop-blue", WorkerBroker()) == {"shop.work"}
    assert scene.asked == []
    assert unknown_tasks.known_to(scene.host, scene.journal, "shop-green", WorkerBroker()) == {"shop.new"}


def test_names_by_direction_and_policy(scene):
    scene.journal.note(task_names={"old": ["a"], "candidate": ["b"]}, unknown_tasks="hold")
    assert "b" in unknown_tasks.known(scene.journal, to_candidate=True) and "a" not in unknown_tasks.known(
        scene.journal, True
    )
    assert "a" in unknown_tasks.known(scene.journal, to_candidate=False)
    scene.journal.note(unknown_tasks="move")
    assert "c" in unknown_tasks.known(scene.journal, to_candidate=False)


def test_before_the_check_the_live_workers_are_asked(scene):
    settings = {"services": {"workers": ["worker"]}}
    scene.journal.note(to="green", **{"from": "blue"}, unknown_tasks="fail", settings=settings)
    assert unknown_tasks.known_to(scene.host, scene.journal, "shop-blue", WorkerBroker()) == {"shop.work"}
    assert scene.asked == ["live"]
