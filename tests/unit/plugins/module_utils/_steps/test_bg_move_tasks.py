# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import connection as broker_connection
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.move import Moved
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError, Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.create import create_journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.step import Step
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps import bg_move_tasks
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import facts


def side(project):
    return {"project": project, "service": "redis", "url": ""}


PARAMS = {
    "app": "shop",
    "deployment_id": "",
    "epoch": 0,
    "source": side("shop-blue"),
    "destination": side("shop-green"),
    "hop": 0,
    "empty": False,
}
OURS = {**PARAMS, "deployment_id": "dep-1", "epoch": 1}


class Calls(list):
    """The moves, and in ``known`` the names of tasks that each of them was given."""

    def __init__(self):
        super().__init__()
        self.known = []


@pytest.fixture
def calls(host, monkeypatch, store):
    calls = Calls()
    for color in ("blue", "green"):
        host.engine.add("redis", color=color, Path="redis-server")

    def move(host, journal, source, destination, hop, known):
        calls.append((source.name, destination.name, hop, journal.get("step")))
        calls.known.append(known)
        return Moved(3, {"celery": 3}, {"unacked": 1}, 2, 1, {"shop.new": 2})

    monkeypatch.setattr(bg_move_tasks, "move", move)
    monkeypatch.setattr(broker_connection.Broker, "run_id", lambda broker: broker.name)
    return calls


@pytest.fixture
def deployment(store):
    store.create()
    return create_journal(store, "dep-1", "me", facts(unknown_tasks="fail"))


def test_by_itself(host, calls):
    result = bg_move_tasks.move_tasks(PARAMS, host, False)
    assert calls == [("shop-blue/redis", "shop-green/redis", 0, None)]
    assert (result["changed"], result["moved"], result["queues"], result["left"], result["hop"]) == (
        True,
        3,
        {"celery": 3},
        {"unacked": 1},
        1,
    )
    assert result["diff"] == {"before": {"celery": 3, "unacked": 1}, "after": {"unacked": 1}}


@pytest.mark.parametrize(
    "now, step",
    [("open", "fetch"), ("fetch", "fetch"), ("cutover", "handover"), ("handover", "handover"), ("settle", "settle")],
)
def test_the_step_it_belongs_to(host, calls, store, deployment, now, step):
    deployment.begin(Step(now))
    bg_move_tasks.move_tasks(OURS, host, False)
    assert calls[0][3] == store.load()["step"] == step
    assert store.load()["tasks_moved"] == 3


@pytest.mark.parametrize("destination, names", [("shop-green", {"shop.new"}), ("shop-blue", {"shop.old"})])
def test_what_the_workers_of_the_destination_do_not_know_is_held(host, calls, deployment, destination, names):
    deployment.note(task_names={"old": ["shop.old"], "candidate": ["shop.new"]})
    source = {"shop-green": "shop-blue", "shop-blue": "shop-green"}[destination]
    result = bg_move_tasks.move_tasks({**OURS, "source": side(source), "destination": side(destination)}, host, False)
    assert calls.known == [names]
    assert result["held"] == {"shop.new": 2}
    assert len(host.warnings) == 1 and "parked in shop-" in host.warnings[0] and "shop.new (2)" in host.warnings[0]


def test_nothing_is_held_where_nobody_told_or_the_user_says_so(host, calls, deployment):
    bg_move_tasks.move_tasks(PARAMS | OURS, host, False)
    deployment.note(unknown_tasks="move", task_names={"old": [], "candidate": []})
    bg_move_tasks.move_tasks(OURS, host, False)
    assert calls.known[0] is None and "whatever" in calls.known[1]


def test_a_stranger_moves_nothing(host, calls, deployment):
    for params in (PARAMS, {**OURS, "epoch": 2}, {**OURS, "deployment_id": "dep-2"}):
        with pytest.raises(Fenced):
            bg_move_tasks.move_tasks(params, host, False)
    assert calls == []


def test_check_mode_counts(host, calls, monkeypatch, tmp_path):
    monkeypatch.setattr(bg_move_tasks, "count_messages", lambda _broker: {"celery": 5})
    result = bg_move_tasks.move_tasks(PARAMS, host, True)
    assert (result["changed"], result["moved"], calls) == (True, 5, [])
    assert result["diff"] == {"before": {"celery": 5}, "after": {}}
    assert not (tmp_path / "lib").exists()


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"source": side("")}, "source names no broker"),
        ({"destination": side("shop-purple")}, "destination.service is 'redis', but project shop-purple"),
        ({"source": {**side("shop-blue"), "url": "amqp://rabbit//"}}, "source.url begins with amqp://, .* not a plain"),
        ({"source": {**side(""), "url": "sentinel://:s3cret@a:26379/0"}}, "source.url .* with sentinel,.*shared"),
        ({"destination": {**side(""), "url": "redis+cluster://a:6379"}}, "destination.url .*with cluster,.*shared"),
        ({"app": "Shop"}, "app"),
    ],
)
def test_bad_input(host, calls, changes, sentence):
    with pytest.raises(BluegreenError, match=sentence) as caught:
        bg_move_tasks.move_tasks({**PARAMS, **changes}, host, False)
    assert "s3cret" not in caught.value.message
    assert calls == []


def test_a_redis_that_is_down(host, calls):
    host.engine.add("redis", color="blue", status="exited", Path="redis-server")
    with pytest.raises(
        BluegreenError, match="source is shop-blue/redis, whose container shop-blue-redis-1 is exited"
    ):
        bg_move_tasks.move_tasks(PARAMS, host, False)


def test_what_is_to_be_empty_and_is_not_stops_the_deployment(host, calls):
    with pytest.raises(
        BluegreenError, match=r"shop-blue/redis still holds tasks .*\(1 in unacked\).*deploy again"
    ) as caught:
        bg_move_tasks.move_tasks({**PARAMS, "empty": True}, host, False)
    assert caught.value.details == {"failure": "not_empty", "left": {"unacked": 1}}


def test_a_worker_that_still_runs_may_hold_what_no_key_shows(host, calls, monkeypatch):
    monkeypatch.setattr(bg_move_tasks, "move", lambda *_args: bg_move_tasks.NOTHING)
    params = {**PARAMS, "empty": True}
    bg_move_tasks.move_tasks(params, host, False)
    host.engine.add("worker", Path="celery", Args=["-A", "shop", "worker"])
    with pytest.raises(BluegreenError, match="shop-blue-worker-1 still runs and may hold tasks of shop-blue/redis"):
        bg_move_tasks.move_tasks(params, host, False)
    host.engine.add("mails", Path="celery", Args=["-A", "shop", "worker"])
    stop = r"\(docker stop shop-blue-mails-1 shop-blue-worker-1\)"
    with pytest.raises(BluegreenError, match=f"shop-blue-mails-1 and shop-blue-worker-1 still run and may .* {stop}"):
        bg_move_tasks.move_tasks(params, host, False)
