# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import Container
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._health import gate as health_gate
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._health.gate import HealthSettings
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._http import Answer
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._settings import settings_of
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import HEALTH
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import LISTS

GOOD, BAD, REFUSED, HUNG = (
    Answer(200, "", 0.01),
    Answer(500, "", 0.01),
    Answer(0, "connection refused", 0.0),
    Answer(0, "timed out after 2 s", 2.0),
)
URL = "http://127.0.0.1:18002/health/"


def container(name):
    facts = dict.fromkeys(Container._fields)
    facts.update(
        id=name,
        name=name,
        status="running",
        health="",
        restart_count=0,
        exit_code=0,
        oom_killed=False,
        started_at="2026-1",
    )
    return Container(**facts)


WEB, REDIS = container("web-1"), container("redis-1")


@pytest.fixture
def color(host, monkeypatch):
    """A color: what it answers in turn, and what its containers look like in turn (the last stays)."""

    class Color:
        answers = [GOOD]
        looks = {}
        asked = []

    color = Color()
    color.asked = []

    def ask(clock, url, name, timeout, validate_certs):
        answer = color.answers[min(len(color.asked), len(color.answers) - 1)]
        color.asked.append((url.host, url.port, url.path, name, timeout))
        clock.sleep(answer.seconds)
        return answer

    def inspect_container(engine, container_id):
        looks = color.looks.get(container_id) or [{"web-1": WEB, "redis-1": REDIS}[container_id]]
        seen = looks.pop(0) if len(looks) > 1 else looks[0]
        if seen is None:
            raise EngineError("No such container", 404)
        return seen

    class Engine:
        def logs(self, container_id, tail):
            return [f"last of {tail}"]

    host.engine = Engine()
    monkeypatch.setattr(health_gate._http, "ask", ask)
    monkeypatch.setattr(health_gate, "inspect_container", inspect_container)
    return color


def wait(where, journal, **settings):
    return health_gate.wait_healthy(where, journal, HealthSettings(url=URL, **settings), [WEB, REDIS])


def test_healthy_after_so_many_good_answers_in_a_row(host, journal, color, reported):
    color.answers = [REFUSED, REFUSED, GOOD, BAD, GOOD, GOOD, GOOD]
    health = wait(host, journal, successes=3, host="shop.example.org")
    assert (health.attempts, health.status, health.latency_ms) == (7, 200, 10)
    assert health.seconds == pytest.approx(6 * 0.3 + 5 * 0.01)
    assert color.asked[0] == ("127.0.0.1", 18002, "/health/", "shop.example.org", 2.0)
    assert journal.lives == 6
    assert list(reported)[0] == f"attempt 1 at {URL} ended with: connection refused"


def test_other_statuses_can_be_healthy(host, journal, color):
    color.answers = [Answer(302, "", 0.01)]
    assert wait(host, journal, status=(200, 302)).status == 302


@pytest.mark.parametrize(
    "answer, words",
    [
        (BAD, "answered with status 500, not 200."),
        (Answer(404, "", 0.0), "answered with status 404, not 200."),
        (REFUSED, "ended with: connection refused."),
        (HUNG, "ended with: timed out after 2 s."),
    ],
)
def test_at_the_deadline_the_last_thing_seen_is_named(host, journal, color, answer, words):
    color.answers = [answer]
    with pytest.raises(BluegreenError) as failure:
        wait(host, journal, deadline=10)
    assert failure.value.message.startswith(f"{URL} did not become healthy within 10 s (bluegreen_health_deadline); ")
    assert words in failure.value.message
    assert failure.value.message.endswith(
        " Look at the log of the web service, or raise bluegreen_health_deadline. The last log lines follow."
    )
    assert failure.value.details["failure"].endswith(words)
    assert failure.value.details["logs"] == {"web-1": ["last of 20"], "redis-1": ["last of 20"]}
    assert failure.value.details["status"] == answer.status
    assert 10 <= failure.value.details["seconds"] <= 12.5


def test_no_attempt_goes_far_beyond_the_deadline(host, journal, color):
    color.answers = [HUNG]
    with pytest.raises(BluegreenError):
        wait(host, journal, deadline=3)
    assert [timeout for *rest, timeout in color.asked] == pytest.approx([2.0, 0.7])


def test_an_attempt_that_the_deadline_cut_short_does_not_hide_what_came_before(host, journal, color):
    cut_short = Answer(0, "timed out after 0.1 s", 0.1)
    color.answers = [BAD, BAD, cut_short]
    with pytest.raises(BluegreenError, match="; the last of 3 attempts answered with status 500, not 200"):
        wait(host, journal, deadline=0.65)


def test_good_answers_do_not_count_across_a_bad_one(host, journal, color):
    color.answers = [GOOD, BAD] * 50
    with pytest.raises(BluegreenError):
        wait(host, journal, deadline=5)


@pytest.mark.parametrize(
    "looks, words",
    [
        ([WEB, WEB, WEB._replace(status="exited", exit_code=3)], "Container web-1 exited with code 3 before"),
        ([WEB, WEB, WEB._replace(restart_count=1, exit_code=3)], "Container web-1 restarted (exit code 3) before"),
        ([WEB, WEB, WEB._replace(health="unhealthy")], "Container web-1 is unhealthy"),
        ([WEB, WEB, None], "Container web-1 was removed before"),
        ([WEB._replace(status="exited", exit_code=3)], "Container web-1 exited with code 3 before"),
    ],
)
def test_a_container_that_fails_ends_the_wait_at_once(host, journal, color, looks, words):
    color.answers = [REFUSED]
    color.looks = {"web-1": list(looks)}
    with pytest.raises(BluegreenError) as failure:
        wait(host, journal, deadline=60)
    assert words in failure.value.message
    assert failure.value.details["logs"] == {"web-1": ["last of 20"]}
    assert failure.value.details["seconds"] < 2


def test_good_answers_of_a_container_that_died_right_after_do_not_count(host, journal, color):
    color.looks = {"redis-1": [REDIS, REDIS, REDIS, REDIS._replace(status="exited", exit_code=1)]}
    with pytest.raises(BluegreenError, match="Container redis-1 exited with code 1"):
        wait(host, journal)


def test_a_log_that_cannot_be_read_hides_nothing(host, journal, color):
    def unreadable(container_id, tail):
        raise EngineError("configured logging driver does not support reading")

    host.engine.logs = unreadable
    color.looks = {"web-1": [WEB, None]}
    with pytest.raises(BluegreenError, match="web-1 was removed") as failure:
        wait(host, journal)
    assert failure.value.details["logs"] == {"web-1": ["(no logs: configured logging driver does not support reading)"]}


def test_bad_url_is_refused_before_anything_is_asked(host, journal, color):
    with pytest.raises(BluegreenError, match="url is '/health/'"):
        health_gate.wait_healthy(host, journal, HealthSettings(url="/health/"), [WEB])
    assert color.asked == []


@pytest.fixture
def settings():
    health = {**HEALTH, "successes": 5}
    return settings_of(
        {"app": "shop", "colors": {}, "services": LISTS, "broker": {}, "nginx": {}, "health": health}
    )


def test_one_good_answer_shows_that_a_color_is_healthy_still(host, journal, color, settings):
    color.answers = [HUNG, GOOD]
    health_gate.require_still_healthy(host, journal, settings, "green", [WEB])
    assert color.asked == [("127.0.0.1", 18002, "/health/", "", 2.0)] * 2


@pytest.mark.parametrize("answer", [BAD, HUNG])
def test_a_color_that_fell_ill_is_not_waited_for_long(host, journal, color, settings, answer):
    color.answers = [answer]
    begun = host.clock.monotonic()
    with pytest.raises(BluegreenError, match=r"http://127\.0\.0\.1:18002/health/ did not become healthy within 6\.9 s"):
        health_gate.require_still_healthy(host, journal, settings, "green", [WEB])
    # The attempt that had begun before it was over is the last one.
    assert host.clock.monotonic() - begun < 6.9 + 2.1
