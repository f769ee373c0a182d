"""bench/settings.py, bench/mix.py and bench/compose_file.py: what is measured."""

from __future__ import annotations

from pathlib import Path

import compose_file
import mix
import pytest
import settings
import yaml
from shop import order

DEMO = Path(__file__).resolve().parents[3] / "demo"


@pytest.mark.parametrize("wanted", ["plain, script,plain", "script,plain,"])
def test_ways_come_in_the_known_order_and_once(wanted):
    assert settings.chosen("WAYS", wanted, settings.WAYS) == ["script", "plain"]


@pytest.mark.parametrize("wanted", ["plane", ",", "plain,ours"])
def test_an_unknown_way_is_refused_with_those_that_there_are(wanted):
    with pytest.raises(settings.BenchError) as error:
        settings.chosen("WAYS", wanted, settings.WAYS)
    assert f"WAYS={wanted}" in str(error.value)
    assert "ours-stop" in str(error.value)


def test_each_round_has_every_way_and_begins_with_another():
    order_of_ways = settings.rounds(["a", "b", "c"], 4)
    rounds = [[way for number, way in order_of_ways if number == run] for run in (1, 2, 3, 4)]
    assert rounds == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]


@pytest.mark.parametrize(("way", "strategy"), [("ours-stop", "stop"), ("ours-throttle", "throttle"), ("plain", "")])
def test_only_our_ways_have_a_strategy(way, strategy):
    assert settings.strategy(way) == strategy


def test_the_burst_is_one_that_the_app_takes_and_has_every_kind_in_it():
    tasks = [order.parse(task) for task in mix.burst()]
    assert len(tasks) >= 300
    for delayed in (False, True):
        kinds = {(task.queue, task.ack) for task in tasks if bool(task.countdown) == delayed}
        assert kinds == {(queue, ack) for queue in ("celery", "reports") for ack in ("early", "late")}
    assert {task.priority for task in tasks} == {0, 3, 6, 9}
    assert max(task.countdown for task in tasks) == mix.LAST_DUE


def test_the_delayed_tasks_of_the_burst_lie_between_the_others():
    countdowns = [bool(task.get("countdown")) for task in mix.burst()]
    assert all(any(countdowns[at : at + 10]) for at in range(0, len(countdowns), 10))


@pytest.fixture
def demo():
    return yaml.safe_load((DEMO / "app/compose.yml").read_text(encoding="utf-8"))


def test_no_release_changes_the_image_of_a_colors_redis(demo):
    made = compose_file.with_own_redis(demo)
    assert "BG_RELEASE" in demo["services"]["redis"]["image"]
    assert made["services"]["redis"]["image"] == compose_file.REDIS_IMAGE
    assert made["services"]["web"] == demo["services"]["web"]


def test_a_shared_redis_is_in_no_color_and_nothing_waits_for_it(demo):
    made = compose_file.with_shared_redis(demo)
    assert set(made["services"]) == {"web", "worker", "beat"}
    assert all(service["depends_on"] == [] for service in made["services"].values())
    assert made["networks"]["default"] == {"name": compose_file.SHARED_NETWORK, "external": True}
    assert "redis" in demo["services"]
