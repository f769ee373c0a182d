# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _settings
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.settings import BrokerSettings
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import HEALTH
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import LISTS


def given(**changes):
    """Parameters as Ansible hands them over when nothing but the app is written down."""
    empty = {"colors": {}, "nginx": {}, "broker": {}, "health": dict(HEALTH)}
    return {"app": "shop", **empty, **changes, "services": {**LISTS, **(changes.get("services") or {})}}


def port(blue=None, green=None):
    return {"colors": {"blue": {"port": blue}, "green": {"port": green}}}


def project(blue=None, green=None):
    return {"colors": {"blue": {"project": blue}, "green": {"project": green}}}


def health(**changes):
    return {"health": {**HEALTH, **changes}}


def services(**lists):
    return {"services": lists}


def nginx(**changes):
    return {"nginx": changes}


REFUSED = [
    (
        {"app": "Shop"},
        "bluegreen_app is 'Shop', but it must be a lower-case letter, followed by up to 47 lower-case letters, "
        "digits, - or _.",
    ),
    (
        {"app": "localhost"},
        "bluegreen_app is 'localhost', but that name means this machine to other programs. Choose another one.",
    ),
    *(
        (params, f"bluegreen_ports gives both colors {value}: blue and green run side by side, so each needs its own.")
        for params, value in ((port(18001, 18001), 18001), (port(blue=18002), 18002))
    ),
    (port(blue=80), "bluegreen_ports.blue is 80, but it must be a port from 1024 to 65535."),
    (port(green=70000), "bluegreen_ports.green is 70000, but it must be a port from 1024 to 65535."),
    (
        project(blue="Shop"),
        "bluegreen_projects.blue is 'Shop', but the name of a Compose project must begin with a lower-case letter or "
        "a digit, followed by lower-case letters, digits, - and _, at most 63 characters in all.",
    ),
    (
        project("shop", "shop"),
        "bluegreen_projects gives both colors 'shop': blue and green run side by side, so each needs its own.",
    ),
    (
        services(web=[]),
        "bluegreen_web_services is [], but Nginx has to send requests somewhere: name the service that answers HTTP, "
        "or write auto.",
    ),
    (
        services(support=["auto", "cache"]),
        "bluegreen_support_services is [auto, cache], but auto cannot stand beside other names: name all "
        "services of that role, or write auto alone.",
    ),
    (
        services(ignored=["auto"], init=["auto", "auto"]),
        "bluegreen_init_services is [auto, auto], but auto cannot stand beside other names: name all services of "
        "that role, or write auto alone.",
    ),
    (
        services(web=["web"], workers=["worker", "web"]),
        "Service 'web' is in both bluegreen_web_services and bluegreen_worker_services, but each service has one "
        "role: remove it from one of them.",
    ),
    (
        services(web=["web", "web"]),
        "bluegreen_web_services names 'web' twice: remove one.",
    ),
    (
        services(ignored=["redis"]),
        "Service 'redis' is in both bluegreen_support_services and bluegreen_ignored_services, but each service has "
        "one role: remove it from one of them.",
    ),
    (
        nginx(upstream="a}b"),
        "bluegreen_nginx_upstream is 'a}b', but it must be a lower-case letter, followed by up to 47 lower-case "
        "letters, digits, - or _.",
    ),
    (
        nginx(upstream="localhost"),
        "bluegreen_nginx_upstream is 'localhost', but that name means this machine to other programs. Choose another "
        "one.",
    ),
    (
        nginx(file="conf.d/shop.conf"),
        "bluegreen_nginx_file is 'conf.d/shop.conf', but it must be an absolute path of letters, digits, . _ / and -, "
        "without .. and without a / at the end.",
    ),
    (
        nginx(file="/etc/nginx/conf.d/shop"),
        "bluegreen_nginx_file is '/etc/nginx/conf.d/shop', but its name must end in .conf, because Nginx includes "
        "only such files.",
    ),
    (
        nginx(servers={"blue": "web-blue:8000"}),
        "bluegreen_nginx_servers has no green: it must name both colors, blue and green.",
    ),
    (
        nginx(servers={"blue": "web:8000", "green": "web:8000"}),
        "bluegreen_nginx_servers gives both colors 'web:8000': blue and green run side by side, so each needs its own.",
    ),
    (
        nginx(servers={"blue": "10.0.0.5:8000", "green": "web:8000"}),
        "bluegreen_nginx_servers.blue is '10.0.0.5:8000', but it must be 127.0.0.1, [::1] or a container's name, "
        "and a port, such as 127.0.0.1:18001 or web-blue:8000.",
    ),
    (
        nginx(public_url="localhost/"),
        "bluegreen_public_url is 'localhost/', but it must be http:// or https://, a host, optionally a port, and a "
        "path, such as http://127.0.0.1/health/.",
    ),
    (
        nginx(public_host="a b"),
        "bluegreen_public_host is 'a b', but it must be a host name, optionally with a port, such as app.example.org "
        "or app.example.org:8080.",
    ),
    (
        health(path="health/"),
        "bluegreen_health_path is 'health/', but it must begin with / and consist of ASCII characters without spaces, "
        "such as /health/.",
    ),
    (
        health(host="http://a"),
        "bluegreen_health_host is 'http://a', but it must be a host name, optionally with a port, such as "
        "app.example.org or app.example.org:8080.",
    ),
    (health(timeout=0.0), "bluegreen_health_timeout is 0, but it must be more than 0."),
    (health(interval=-1.0), "bluegreen_health_interval is -1, but it must be more than 0."),
    (health(deadline=0.0), "bluegreen_health_deadline is 0, but it must be more than 0."),
    (health(timeout=float("nan")), "bluegreen_health_timeout is nan, but it must be more than 0."),
    (
        health(deadline=1e9),
        "bluegreen_health_deadline is 1000000000, but it must be at most 86400 seconds, which is a day.",
    ),
    (health(successes=0), "bluegreen_health_successes is 0, but it must be more than 0."),
    (
        health(timeout=90.0),
        "bluegreen_health_timeout is 90 s and bluegreen_health_deadline is 60 s, but one attempt must fit into the "
        "deadline: lower the timeout, or raise the deadline.",
    ),
    (
        health(status=[]),
        "bluegreen_health_status is [], but at least one HTTP status has to count as healthy: name it, such as 200.",
    ),
    (health(status=[200, 20]), "bluegreen_health_status contains 20, but an HTTP status is from 100 to 599."),
    (health(status=[600]), "bluegreen_health_status contains 600, but an HTTP status is from 100 to 599."),
]


@pytest.mark.parametrize("changes, sentence", REFUSED, ids=[str(changes)[:60] for changes, dummy in REFUSED])
def test_a_value_that_cannot_be_used_is_refused_by_the_roles_name(changes, sentence):
    with pytest.raises(BluegreenError) as refusal:
        _settings.settings_of(given(**changes))
    assert refusal.value.message == sentence


@pytest.mark.parametrize("url", ["redis://redis:port/0", "redis://redis/celery", "redis"])
def test_a_broker_url_that_cannot_be_read_is_refused_without_its_password(url):
    with pytest.raises(BluegreenError) as refusal:
        _settings.settings_of(given(broker={"url": url.replace("//", "//:hunter2@")}))
    assert "hunter2" not in refusal.value.message


def test_everything_follows_from_the_app():
    settings = _settings.settings_of(given())
    assert settings.projects == {"blue": "shop-blue", "green": "shop-green"}
    assert settings.ports == {"blue": 18001, "green": 18002}
    assert settings.services == {
        "web": ["web"],
        "support": ["redis"],
        "init": [],
        "workers": ["worker", "beat"],
        "ignored": [],
    }
    assert settings.nginx == _settings.Nginx(
        upstream="shop",
        file="/etc/nginx/conf.d/bluegreen-shop.conf",
        container="",
        servers={"blue": "127.0.0.1:18001", "green": "127.0.0.1:18002"},
        public_url="http://127.0.0.1/",
        public_host="",
        validate_certs=True,
        backup=False,
    )
    assert settings.broker == BrokerSettings("color", "redis", "")
    assert _settings.health_url(settings, "green") == "http://127.0.0.1:18002/health/"
    assert _settings.color_services(settings) == ["redis", "web", "worker", "beat"]


def test_options_that_were_left_out_entirely_are_the_same():
    nothing = {**given(colors=None, nginx=None, broker=None), "services": None}
    auto = {role: ["auto"] for role in ("web", "support", "init", "workers")}
    assert _settings.settings_of(nothing) == _settings.settings_of(given(services=auto))


def test_services_are_left_to_the_compose_file():
    params = {**given(), "services": {"workers": ["worker"]}}
    settings = _settings.settings_of(params)
    assert settings.auto == ("web", "support", "init")
    assert settings.given == {"web": None, "support": None, "init": None, "workers": ["worker"], "ignored": []}
    assert settings.services["web"] == []
    found = settings._replace(services={**settings.services, "web": ["web"], "support": ["redis"]}, auto=())
    # The broker may be one of the services that were found.
    assert (settings.broker.mode, _settings.with_broker(found, params).broker.mode) == ("shared", "color")
    # Guard, rollback and recovery see lists only.
    assert "auto" not in found.journaled()
    assert _settings.from_journal({"settings": {**found.journaled(), "auto": ["web"]}}).auto == ()


def test_a_list_that_was_written_as_a_text_has_no_spaces():
    found = _settings.settings_of(given(services={"workers": ["worker", " beat"]}))
    assert found.services["workers"] == ["worker", "beat"]


def test_what_is_written_down_counts():
    settings = _settings.settings_of(
        given(
            colors={"blue": {"project": "blue-app", "port": 8001}, "green": {"project": "green-app"}},
            services={"web": ["api", "admin"], "workers": []},
            nginx={"upstream": "app", "file": "/etc/nginx/app.conf", "servers": {"blue": "b:80", "green": "g:80"}},
            health=None,
        )
    )
    assert settings.projects == {"blue": "blue-app", "green": "green-app"}
    assert settings.ports == {"blue": 8001, "green": 18002}
    assert settings.nginx.upstream == "app"
    assert settings.nginx.servers == {"blue": "b:80", "green": "g:80"}
    assert settings.services["web"] == ["api", "admin"]
    assert settings.health == _settings.HealthCheck()


@pytest.mark.parametrize(
    "broker, lists, mode",
    [
        ({}, {}, "color"),
        ({"mode": "auto"}, {"support": []}, "shared"),
        ({"mode": "auto", "service": "rabbit"}, {}, "shared"),
        ({"mode": "shared"}, {}, "shared"),
        ({"mode": "none"}, {}, "none"),
        # Without workers nobody takes tasks.
        ({"mode": "color"}, {"workers": []}, "none"),
    ],
)
def test_where_tasks_wait(broker, lists, mode):
    assert _settings.settings_of(given(broker=broker, services=lists)).broker.mode == mode


def test_the_journal_has_no_password_and_gives_the_same_settings_back():
    url = "redis://:hunter2@redis:6379/0"
    settings = _settings.settings_of(given(broker={"url": url}))
    journaled = settings.journaled()
    assert "hunter2" not in str(journaled)
    assert _settings.from_journal({"settings": journaled}, url) == settings


def test_settings_of_another_release_are_read():
    journaled = _settings.settings_of(given()).journaled()
    journaled["nginx"]["http3"] = journaled["later"] = True
    settings = _settings.from_journal({"settings": {**journaled, "health": {}}})
    assert settings == _settings.settings_of(given(health=None))


def test_nothing_of_the_user_is_changed():
    params = given(nginx={"servers": {}}, services={"web": ["web"]}, colors={"blue": {"port": 8001}})
    before = copy.deepcopy(params)
    _settings.settings_of(params)
    assert params == before


def test_the_other_color():
    assert (_settings.other("blue"), _settings.other("green")) == ("green", "blue")
