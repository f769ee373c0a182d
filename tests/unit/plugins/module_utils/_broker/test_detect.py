# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.detect import (
    choose,
    of_containers,
    of_rendering,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.broker_case import (
    INSIDE,
    OUTSIDE,
    ROLES,
    app,
    celery,
    chosen,
    refused,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost

# What is found


@pytest.mark.parametrize(
    "url, mode, service, said",
    [
        (INSIDE, "color", "queue", "redis://queue:6379/0, and queue is a support service"),
        (OUTSIDE, "shared", "redis", "redis://redis.lan/3, which is outside both colors"),
        ("redis://host.docker.internal:6379", "shared", "redis", "redis://host.docker.internal:6379, which is outside"),
        ("redis://192.168.0.7/0", "shared", "redis", "redis://192.168.0.7/0, which is outside"),
        ("redis://[fd00::7]:6379/0", "shared", "redis", "redis://[fd00::7]:6379/0, which is outside"),
        ("amqp://shop:hunter2@rabbit.lan:5672//", "shared", "redis", "amqp://rabbit.lan:5672//, which is outside"),
        ("amqp://a.lan//;amqp://u:hunter2@b.lan//", "shared", "redis", "amqp://a.lan//, which is outside"),
        ("sqs://AKIA:hunter2@", "shared", "redis", "sqs://, which is outside"),
        (
            "sentinel://a.lan:26379;sentinel://b.lan:26379",
            "shared",
            "redis",
            "sentinel://a.lan:26379, which is outside",
        ),
        # A service of the file that no color starts.
        ("redis://db/0", "shared", "redis", "redis://db/0, which is outside"),
    ],
)
def test_the_url_of_the_workers_tells(url, mode, service, said):
    choice = chosen(worker=celery(url))
    assert (choice.mode, choice.service) == (mode, service)
    assert choice.reason.startswith(f"CELERY_BROKER_URL of service worker is {said}")
    assert "hunter2" not in choice.reason


@pytest.mark.parametrize(
    "name",
    ["CELERY_BROKER_URL", "BROKER_URL", "CELERY_BROKER", "celery_broker_url", "SHOP_CELERY_BROKER_URL",
     "AIRFLOW__CELERY__BROKER_URL", "REDIS_URL", "AMQP_URL", "RABBITMQ_URL", "SHOP_REDIS_URL", "WHATEVER"],
)
def test_names_of_the_broker(name):
    assert chosen(worker={name: INSIDE}).reason.startswith(f"{name} of service worker is redis://queue:6379/0")


def test_what_only_the_web_is_given_counts_too():
    assert chosen(web=celery(INSIDE)).reason.startswith("CELERY_BROKER_URL of service web")


@pytest.mark.parametrize(
    "environment",
    [
        {"CELERY_BROKER_URL": INSIDE, "REDIS_URL": OUTSIDE, "CACHES": OUTSIDE},
        {"REDIS_URL": INSIDE, "EVENTS": "redis://events.lan/0"},
        {"CELERY_BROKER_URL": INSIDE, "CELERY_RESULT_BACKEND": OUTSIDE},
        {"REDIS_URL": INSIDE, "CELERY_RESULT_BACKEND": OUTSIDE, "REDIS_CACHE_URL": OUTSIDE, "SESSION_REDIS": OUTSIDE},
        {"REDIS_URL": INSIDE, "MQTT_BROKER_URL": "mqtt://mqtt.lan", "DATABASE_URL": "postgres://db/shop"},
        {"REDIS_URL": INSIDE, "CELERY_BROKER": "redis", "BROKER_URL": None},
    ],
)
def test_the_better_name_wins(environment):
    assert chosen(worker=environment).service == "queue"


@pytest.mark.parametrize(
    "command",
    [
        ["celery", "-A", "shop", "-b", INSIDE, "worker"],
        ["celery", "--broker", INSIDE, "worker"],
        ["python3", "-m", "celery", f"--broker={INSIDE}", "worker"],
        ["sh", "-c", f"sleep 1 && exec celery -b '{INSIDE}' worker"],
        ["sh", "-c", "exec celery -b $$QUEUE worker"],
        ["sh", "-c", "exec celery -b $${QUEUE} worker"],
    ],
)
def test_the_option_of_the_command_overrules_the_environment(command):
    choice = chosen(command=command, worker={"CELERY_BROKER_URL": OUTSIDE, "QUEUE": INSIDE})
    assert choice.reason == "--broker of service worker is redis://queue:6379/0, and queue is a support service"


def test_dollars_of_a_password_are_read_as_compose_means_them():
    choice = chosen(worker=celery("redis://:a$$b@redis.lan/0"))
    assert choice.url == "redis://:a$b@redis.lan/0"


@pytest.mark.parametrize(
    "host, changes",
    [
        ("tasks", {"queue": {"networks": {"default": {"aliases": ["tasks"]}, "other": None}}}),
        ("tasks", {"queue": {"hostname": "tasks"}}),
        ("localhost", {"worker": {"network_mode": "service:queue"}}),
    ],
)
def test_other_names_of_a_support_service(host, changes):
    environment = changes.get("worker", {})
    parts = {"queue": changes["queue"]} if "queue" in changes else {}
    colors = {}
    for color in ("blue", "green"):
        rendered = app(color, worker=celery(f"redis://{host}/0"), **parts)
        rendered["services"]["worker"].update(environment)
        colors[color] = of_rendering(rendered)
    choice = choose({"mode": "auto", "service": "redis", "url": ""}, ROLES, colors)
    assert (choice.mode, choice.service) == ("color", "queue")


def test_each_color_may_name_its_own_container():
    choice = chosen(worker=celery("redis://shop-blue-queue-1/0"), green={"worker": celery("redis://shop-green-queue-1/0")})
    assert (choice.mode, choice.service) == ("color", "queue")


def test_each_color_may_have_a_container_name_of_its_own():
    def parts(color):
        return {"worker": celery(f"redis://tasks-{color}/0"), "queue": {"container_name": f"tasks-{color}"}}

    choice = chosen(**parts("blue"), green=parts("green"))
    assert (choice.mode, choice.service) == ("color", "queue")


def test_localhost_is_the_host_only_in_its_network():
    rendered = {color: app(color, worker=celery("redis://localhost:6379/0")) for color in ("blue", "green")}
    colors = {color: of_rendering(each) for color, each in rendered.items()}
    assert choose({"mode": "auto", "service": "queue", "url": ""}, ROLES, colors).mode == "color"
    for each in rendered.values():
        each["services"]["worker"]["network_mode"] = "host"
    colors = {color: of_rendering(each) for color, each in rendered.items()}
    assert choose({"mode": "auto", "service": "queue", "url": ""}, ROLES, colors).mode == "shared"


# Where nothing is found


@pytest.mark.parametrize(
    "parts, mode, service, reason",
    [
        ({"service": "queue"}, "color", "queue", "bluegreen_broker_service queue is a support service"),
        ({}, "shared", "redis", "bluegreen_broker_service redis is not a support service"),
        ({"queue": {"image": "redis:8"}}, "color", "queue", "queue is a support service that runs a Redis"),
        ({"roles": {"workers": []}, "worker": celery(INSIDE)}, "none", "redis", "there are no worker services"),
        ({"mode": "none"}, "none", "redis", "bluegreen_broker is none"),
        ({"mode": "shared"}, "shared", "redis", "bluegreen_broker is shared"),
        ({"mode": "color", "service": "queue"}, "color", "queue", "bluegreen_broker is color"),
    ],
)
def test_without_a_url(parts, mode, service, reason):
    assert chosen(**parts)[:4] == (mode, service, "", reason)


@pytest.mark.parametrize(
    "url", ["redis://:hun/ter2@queue/0", "redis://:12#hunter2@queue/0", "redis://:hunter2/@queue:x/0", "redis://:1?2@queue"]
)
def test_a_url_whose_password_cannot_be_told_from_the_rest_is_warned_of(url):
    choice = chosen(service="queue", worker=celery(url))
    assert choice.mode == "color" and choice.reason.startswith("bluegreen_broker_service")
    (warning,) = choice.warnings
    assert warning.startswith("CELERY_BROKER_URL of service worker cannot be read as a URL (its text is not shown")
    assert "ter2" not in warning and "12" not in warning


# What the user says


@pytest.mark.parametrize(
    "parts, mode, service, reason",
    [
        (
            {"url": "redis://:hunter2@queue/1"},
            "color",
            "queue",
            "bluegreen_broker_url leads to queue, which is a support",
        ),
        ({"url": OUTSIDE}, "shared", "redis", "bluegreen_broker_url leads to redis.lan, outside both colors"),
        ({"url": OUTSIDE, "mode": "shared"}, "shared", "redis", "bluegreen_broker is shared"),
        # A service that the user has named stays; the default gives way.
        ({"worker": celery(INSIDE), "mode": "color"}, "color", "queue", "bluegreen_broker is color"),
        (
            {"worker": celery(INSIDE), "mode": "color", "service": "queue"},
            "color",
            "queue",
            "bluegreen_broker is color",
        ),
        # Only Celery's own names are strong enough to contradict.
        ({"worker": {"REDIS_URL": INSIDE}, "mode": "shared"}, "shared", "redis", "bluegreen_broker is shared"),
        (
            {"worker": {"REDIS_URL": OUTSIDE}, "mode": "color", "service": "queue"},
            "color",
            "queue",
            "bluegreen_broker is",
        ),
        (
            {"worker": {"AMQP_URL": "amqp://queue"}, "mode": "color", "service": "queue"},
            "color",
            "queue",
            "bluegreen_broker is",
        ),
        (
            {"worker": celery("redis+socket:///run/redis.sock"), "mode": "color", "service": "queue"},
            "color",
            "queue",
            "",
        ),
    ],
)
def test_what_the_user_says_counts(parts, mode, service, reason):
    choice = chosen(**parts)
    assert (choice.mode, choice.service) == (mode, service)
    assert choice.reason.startswith(reason)
    assert "hunter2" not in choice.reason


@pytest.mark.parametrize(
    "parts, url",
    [
        ({"worker": celery(OUTSIDE)}, OUTSIDE),
        ({"worker": celery(OUTSIDE), "mode": "shared"}, OUTSIDE),
        ({"url": "redis://queue.lan/0", "worker": celery(OUTSIDE)}, "redis://queue.lan/0"),
        # Each service logs in as somebody else: nobody's word stands for all.
        ({"worker": celery(OUTSIDE), "web": celery("redis://:other@redis.lan/3")}, ""),
        # What a color brings is found in all of its databases.
        ({"worker": celery(INSIDE)}, ""),
        ({"url": INSIDE}, INSIDE),
    ],
)
def test_the_url_that_is_used(parts, url):
    assert chosen(**parts).url == url


REDIS = {"image": "redis:7"}


@pytest.mark.parametrize(
    "parts, service, reason",
    [
        ({"worker": {"REDIS_BROKER_HOST": "cache"}}, "cache", "REDIS_BROKER_HOST of service worker is redis://cache"),
        (
            {"worker": {"CELERY_BROKER_HOST": "queue", "CELERY_BROKER_PORT": "6380", "CELERY_RESULT_HOST": "cache"}},
            "queue",
            "CELERY_BROKER_HOST of service worker is redis://queue:6380",
        ),
        # A name that says less counts for less, and so does any other URL.
        (
            {"worker": {"BROKER_HOST": "queue", "REDIS_URL": "redis://cache/0"}},
            "queue",
            "BROKER_HOST of service worker",
        ),
        (
            {"worker": {"BROKER_HOST": "cache", **celery("redis://queue/0")}},
            "queue",
            "CELERY_BROKER_URL of service worker",
        ),
    ],
)
def test_a_url_in_parts_tells_too(parts, service, reason):
    choice = chosen(cache=REDIS, queue=REDIS, **parts)
    assert (choice.mode, choice.service) == ("color", service)
    assert choice.reason.startswith(reason)


def test_parts_that_lead_out_are_not_enough_to_ask_that_broker():
    roles = {"support": []}
    assert chosen(worker={"BROKER_HOST": "redis.lan"}, roles=roles)[:3] == ("shared", "redis", "")


def test_two_redis_and_no_url_are_a_question_that_has_an_answer():
    assert refused(cache=REDIS, queue=REDIS) == (
        "Cannot tell in which Redis tasks wait: cache and queue are support services that run a Redis, and no service "
        "has a broker URL. Name the broker in bluegreen_broker_service, and set bluegreen_broker to color."
    )
    assert chosen(cache=REDIS, queue=REDIS, service="queue").service == "queue"
    assert chosen(cache=REDIS, queue=REDIS, service="queue", mode="color").service == "queue"
    # A tool that reads a Redis is not a Redis.
    assert chosen(cache={"image": "oliver006/redis_exporter"}, queue=REDIS).service == "queue"


def test_two_redis_of_which_one_goes_by_the_default_name_are_the_same_question():
    roles = {"support": ["redis", "cache"]}
    parts = {"cache": REDIS, "queue": {}, "db": {}}
    rendered = app("blue", **parts)
    rendered["services"]["redis"] = REDIS
    given = {"mode": "auto", "service": "redis", "url": ""}
    with pytest.raises(BluegreenError, match="redis and cache are support services that run a Redis"):
        choose(given, {**ROLES, **roles}, {"blue": of_rendering(rendered)})
    assert choose({**given, "mode": "color"}, {**ROLES, **roles}, {"blue": of_rendering(rendered)}).service == "redis"


@pytest.mark.parametrize(
    "backend, warned",
    [
        ("redis://cache/1", False),
        ("valkey://cache/1", False),
        ("rediss://cache/1", True),
        ("memcached://cache:11211", True),
        ("redis://results.lan", False),
        ("rpc://", False),
    ],
)
def test_results_that_stay_behind_are_warned_of(backend, warned):
    choice = chosen(worker={**celery("redis://queue/0"), "CELERY_RESULT_BACKEND": backend})
    assert bool(choice.warnings) is warned
    for sentence in choice.warnings:
        assert sentence.startswith(
            f"CELERY_RESULT_BACKEND of service worker is {backend}, and cache is a support service: results"
        )


def test_sentences_name_the_worker_and_not_the_web_that_is_given_the_same():
    blue, green = celery("redis://redis.lan/0"), celery("redis://redis.lan/1")
    assert refused(worker=blue, web=blue, green={"worker": green, "web": green}).startswith(
        "CELERY_BROKER_URL of service worker is redis://redis.lan/0 in one color"
    )
    several = {**celery("redis://redis.lan/0"), "SHOP_BROKER_URL": "redis://queue.lan/0"}
    assert "web" not in refused(worker=several, web=several)


def test_different_databases_of_one_redis_are_one_broker():
    assert chosen(worker=celery("redis://queue/0"), web=celery("redis://queue:6379/1")).service == "queue"
    assert chosen(worker=celery("redis://redis.lan/0"), web=celery("redis://redis.lan:6379/1")).mode == "shared"


def test_urls_that_differ_between_the_colors_may_lead_to_what_each_publishes():
    green = {"worker": celery("redis://host.docker.internal:6302/0")}
    choice = chosen(mode="color", service="queue", worker=celery("redis://host.docker.internal:6301/0"), green=green)
    assert (choice.mode, choice.service) == ("color", "queue")


def test_containers_tell_the_same_as_the_file():
    host = FakeHost()
    networks = {"shop-blue_default": {"IPAddress": "10.0.0.3", "Aliases": ["queue", "tasks"]}}
    host.engine.add("queue", NetworkSettings__Networks=networks)
    host.engine.add("worker", Config__Env=["CELERY_BROKER_URL=redis://:a$$b@tasks/0"])
    services = of_containers(of_project(host.engine, "shop-blue"))
    choice = choose({"mode": "auto", "service": "redis", "url": ""}, ROLES, {"blue": services})
    assert (choice.mode, choice.service) == ("color", "queue")
    # The engine has nothing to escape.
    assert services["worker"].environment["CELERY_BROKER_URL"] == "redis://:a$$b@tasks/0"
