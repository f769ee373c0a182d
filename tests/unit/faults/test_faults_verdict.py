"""tests/system/faults/verdict.py: what is whole, and what is counted."""

from __future__ import annotations

import copy

import pytest
import verdict
from load import Record
from matrix import AWAITING, COMMITTED, ROLLED_BACK


def container(color, service, status="running", policy="unless-stopped"):
    return {"id": f"{color}-{service}", "color": color, "service": service, "status": status, "policy": policy}


def look(**fields):
    whole = {
        "t": 100.0,
        "journal": {},
        "journals": [],
        "containers": [container("blue", service) for service in verdict.DEMO.services]
        + [container("green", "web", "exited", "no"), container("green", "worker", "exited", "no")],
        "answer": {"status": 200, "color": "blue", "release": "1"},
        "servers": ["127.0.0.1:18001"],
        "lock_is_free": True,
        "last": {"id": "x"},
        "units": {},
    }
    return {**copy.deepcopy(whole), **fields}


def pending(**fields):
    containers = [container("green", service) for service in verdict.DEMO.services]
    containers += [container("blue", service) for service in ("web", "redis")]
    containers += [container("blue", service, "exited", "no") for service in ("worker", "beat")]
    journal = {"step": "awaiting_approval", "done": True, "result": "", "rolling_back": False, "id": "x", "epoch": 1}
    return look(**{
        "containers": containers, "journal": journal, "journals": ["deployment.json"],
        "answer": {"status": 200, "color": "green", "release": "2"}, "servers": ["127.0.0.1:18002"], **fields,
    })


def test_one_color_whole_and_nothing_open_is_whole():
    assert verdict.whats_missing(look()) == []


def test_a_release_that_awaits_approval_is_whole_with_the_old_web_beside_it():
    assert verdict.whats_missing(pending()) == []
    assert verdict.whats_missing(pending(units={"bluegreen-shop-guard.service": "running"})) == []


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (look(containers=None), "Docker does not answer"),
        (look(answer={"status": 502}), "visitors get 502"),
        (look(answer={"status": 0, "error": "refused"}), "visitors get refused"),
        (look(servers=["127.0.0.1:18002"]), "blue answers, and Nginx's file names 127.0.0.1:18002"),
        (look(journal={"step": "health", "done": True, "result": ""}), "a deployment is open: step health"),
        (look(journal={"torn": True}), "a deployment is open"),
        (look(journals=["deployment.json.previous"]), "was left behind"),
        (look(lock_is_free=False), "the lock is held"),
        (look(units={"bluegreen-shop-guard.timer": "waiting"}), "bluegreen-shop-guard.timer is armed"),
        (look(units={"bluegreen-shop-guard.service": "failed"}), "bluegreen-shop-guard.service failed"),
    ],
)
def test_a_host_is_not_whole_while(seen, why):
    assert any(why in sentence for sentence in verdict.whats_missing(seen))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("blue", "worker", "exited", "unless-stopped"), "worker of blue is exited"),
        (("blue", "beat", "running", "no"), "beat of blue has the restart policy no"),
        (("green", "worker", "running", "no"), "worker of green is running too"),
        (("green", "web", "restarting", "no"), "web of green is restarting too"),
        (("green", "worker", "exited", "unless-stopped"), "worker of green would come back at a boot"),
    ],
)
def test_each_container_counts(change, why):
    kept = [each for each in look()["containers"] if (each["color"], each["service"]) != change[:2]]
    assert any(why in sentence for sentence in verdict.whats_missing(look(containers=[*kept, container(*change)])))


def test_a_live_service_that_is_gone_is_missed():
    kept = [each for each in look()["containers"] if each["service"] != "beat"]
    assert verdict.whats_missing(look(containers=kept)) == ["beat of blue is gone"]


def test_an_old_web_that_is_stopped_until_the_approval_must_be_stopped():
    seen = pending()
    seen["journal"]["old_web"] = "stopped"
    assert verdict.whats_missing(seen) == ["web of blue is running too"]
    (web,) = [each for each in seen["containers"] if (each["color"], each["service"]) == ("blue", "web")]
    web.update(status="exited", policy="no")
    assert verdict.whats_missing(seen) == []


def test_the_restart_policy_of_the_compose_file_has_to_be_back():
    kept = [each for each in look()["containers"] if (each["color"], each["service"]) != ("blue", "worker")]
    seen = look(containers=[*kept, container("blue", "worker", policy="always")])
    assert verdict.whats_missing(seen) == ["worker of blue has the restart policy always"]
    assert verdict.whats_missing(seen, verdict.App(policies={"worker": "always"})) == []
    assert verdict.whats_missing(look(), verdict.App(policies={"worker": "always"})) == [
        "worker of blue has the restart policy unless-stopped"
    ]


def test_what_a_shape_calls_its_services_counts():
    app = verdict.App(("queue", "site", "celery"), ("site",), ("queue",), ("filebeat",))
    containers = [container("blue", service) for service in app.services] + [container("green", "filebeat")]
    assert verdict.whats_missing(look(containers=containers), app) == []
    assert verdict.whats_missing(look(containers=[*containers, container("green", "site")]), app) == ["site of green is running too"]


def test_the_way_back_of_a_pending_release_needs_the_old_web():
    kept = [each for each in pending()["containers"] if each["id"] != "blue-web"]
    seen = pending(containers=[*kept, container("blue", "web", "exited", "no")])
    assert verdict.whats_missing(seen) == ["web of blue is exited, and the way back needs it"]


def test_an_end_is_told_by_the_color_that_answers():
    assert verdict.end_of(look(), "blue") == ROLLED_BACK
    assert verdict.end_of(look(), "green") == COMMITTED
    assert verdict.end_of(pending(), "blue") == AWAITING


def test_a_container_that_was_made_anew_is_a_stranger():
    after = look()
    after["containers"][2]["id"] = "another"
    assert verdict.strangers(look(), look(), "blue") == []
    assert verdict.strangers(look(), after, "blue") == ["worker"]


def test_two_beats_are_seen():
    both = look(containers=[container("blue", "beat"), container("green", "beat")])
    assert verdict.beats_at_once([look(), both, look(containers=None)]) == 2
    assert verdict.beats_at_once([]) == 0


def test_a_host_is_whole_since_the_last_time_that_it_was_not():
    streak = verdict.Streak()
    for seen in (look(t=1.0), look(t=2.0, lock_is_free=False), look(t=3.0), look(t=7.0)):
        streak.add(seen)
    assert streak.since == 3.0
    assert streak.seconds() == 4.0


def records(*failed, until=60):
    return [Record(float(t), 10.0, "GET", "/", status=502 if t in failed else 200) for t in range(until)]


def test_requests_that_fail_are_counted():
    counted = verdict.count_requests(records(10, 30), 9.5, 9.5, down=False)
    assert (counted["requests"], counted["failed"], counted["failed_while_down"]) == (60, 2, 0)
    assert counted["failures"][0] == "GET / at +0.5 s: 502"


def test_those_that_fail_while_the_fault_keeps_the_host_down_are_counted_apart():
    counted = verdict.count_requests(records(10, 11, 12), 9.5, 11.5, down=True)
    assert (counted["failed"], counted["failed_while_down"]) == (0, 3)


@pytest.mark.parametrize("when", [5, 40])
def test_one_that_fails_before_or_after_that_is_a_failure(when):
    counted = verdict.count_requests(records(10, 11, when), 9.5, 11.5, down=True)
    assert (counted["failed"], counted["failed_while_down"]) == (1, 2)


def test_a_burst_of_answers_is_not_enough_to_be_back():
    burst = [Record(20 + number / 1000, 10.0, "GET", "/", status=200) for number in range(30)]
    later = [Record(20.1, 10.0, "GET", "/", status=502), *records(until=60)[21:]]
    counted = verdict.count_requests(burst + later, 19.5, 20.0, down=True)
    assert (counted["failed"], counted["failed_while_down"]) == (0, 1)


def test_what_does_not_come_back_in_time_counts_as_failed():
    counted = verdict.count_requests(records(*range(20, 100), until=100), 19.5, 20.0, down=True)
    assert (counted["failed"], counted["failed_while_down"]) == (35, 45)


def event(name, task, t=1.0):
    return {"event": name, "id": task, "kind": "sleep", "time": t}


def test_tasks_are_lost_unless_the_fault_killed_the_worker_that_ran_them():
    events = [event("accepted", "a"), event("accepted", "b"), event("started", "b")]
    assert verdict.count_tasks(events, killed=False, redelivered=False)["lost"] == 2
    counted = verdict.count_tasks(events, killed=True, redelivered=False)
    assert (counted["lost"], counted["lost_running"], counted["lost_ids"]) == (1, 1, ["a"])


def test_tasks_that_a_killed_worker_had_in_hand_are_counted_apart():
    events = [event("accepted", "a"), event("accepted", "b")]
    counted = verdict.count_tasks(events, killed=True, redelivered=False, in_hand={"b"})
    assert (counted["lost"], counted["lost_in_hand"], counted["lost_ids"]) == (1, 1, ["a"])


def test_a_task_that_was_done_twice_is_doubled_unless_celery_was_given_it_twice():
    events = [event("accepted", "a"), event("done", "a"), event("done", "a")]
    assert verdict.count_tasks(events, killed=False, redelivered=False)["doubled"] == 1
    counted = verdict.count_tasks(events, killed=False, redelivered=True)
    assert (counted["doubled"], counted["doubled_by_celery"]) == (0, 1)


def test_what_is_being_undone_is_not_whole_although_approval_was_pending():
    journal = {**pending()["journal"], "rolling_back": True}
    assert verdict.whats_missing(pending(journal=journal))[0].startswith("a deployment is open: ")
