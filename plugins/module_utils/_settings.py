# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The settings of an app on one host: the options shared by bg_deployment and bg_info, checked and completed.

They come from the role's variables, so what is refused is named as the role names it: who reads the sentence
wrote ``bluegreen_ports``, not ``colors.blue.port``.
"""

from __future__ import annotations

from typing import NamedTuple

from ._broker.connection import settle
from ._docker.containers import ROLES
from ._errors import BluegreenError
from ._validation import (
    COLORS,
    check_app,
    check_both_colors,
    check_container,
    check_host,
    check_nginx_file,
    check_port,
    check_project,
    check_server,
    check_service,
    check_upstream,
    check_url,
    check_url_path,
)

# Nobody waits longer than this for a color, in seconds.
DAY = 86400

DEFAULT_PORTS = {"blue": 18001, "green": 18002}

_COLOR_ARGUMENTS = {
    "project": {"type": "str"},
    "port": {"type": "int"},
    "env": {"type": "dict", "default": {}},
}

ARGUMENTS = {
    "colors": {
        "type": "dict",
        "default": {},
        "options": {color: {"type": "dict", "default": {}, "options": _COLOR_ARGUMENTS} for color in COLORS},
    },
    "services": {
        "type": "dict",
        "default": {},
        "options": {
            "web": {"type": "list", "elements": "str", "default": ["web"]},
            "support": {"type": "list", "elements": "str", "default": ["redis"]},
            "init": {"type": "list", "elements": "str", "default": []},
            "workers": {"type": "list", "elements": "str", "default": ["worker", "beat"]},
            "ignored": {"type": "list", "elements": "str", "default": []},
        },
    },
    "nginx": {
        "type": "dict",
        "default": {},
        "options": {
            "upstream": {"type": "str", "default": ""},
            "file": {"type": "path", "default": ""},
            "container": {"type": "str", "default": ""},
            "servers": {"type": "dict", "default": {}},
            "public_url": {"type": "str", "default": "http://127.0.0.1/"},
            "public_host": {"type": "str", "default": ""},
            "validate_certs": {"type": "bool", "default": True},
            "backup": {"type": "bool", "default": False},
        },
    },
    "broker": {
        "type": "dict",
        "default": {},
        "options": {
            "mode": {"type": "str", "default": "auto", "choices": ["auto", "color", "shared", "none"]},
            "service": {"type": "str", "default": "redis"},
            "url": {"type": "str", "default": "", "no_log": True},
        },
    },
}


class Settings(NamedTuple):
    """What is true of an app on one host from one deployment to the next.

    ``projects`` and ``ports`` map a color; ``services`` maps a role (and ``ignored``) to a list of services;
    ``nginx``, ``broker`` and ``health`` hold the options of the same names.
    """

    app: str
    projects: dict
    ports: dict
    services: dict
    nginx: dict
    broker: dict
    health: dict

    def journaled(self):
        """The settings as the journal keeps them: all but secrets."""
        return {**self._asdict(), "broker": {**self.broker, "url": ""}}


def other(color):
    """The color that is not ``color``."""
    return COLORS[1 - COLORS.index(color)]


def settings_of(params):
    """Check a module's parameters and fill in what follows from the app's name.

    :raises BluegreenError: the first value that cannot be used, with the way out.
    """
    app = check_app(params["app"], "bluegreen_app")
    colors = {color: (params["colors"] or {}).get(color) or {} for color in COLORS}
    projects = {color: colors[color].get("project") or f"{app}-{color}" for color in COLORS}
    ports = {color: colors[color].get("port") or DEFAULT_PORTS[color] for color in COLORS}
    for color in COLORS:
        check_project(f"bluegreen_projects.{color}", projects[color])
        check_port(f"bluegreen_ports.{color}", ports[color])
    check_both_colors("bluegreen_projects", projects)
    check_both_colors("bluegreen_ports", ports)
    services = _services(params["services"] or {})
    return Settings(
        app=app,
        projects=projects,
        ports=ports,
        services=services,
        nginx=_nginx(params["nginx"] or {}, app, ports),
        broker=_broker(params["broker"] or {}, services),
        health=_health(params.get("health") or {}),
    )


def from_journal(data, broker_url=""):
    """The settings that an open deployment was begun with."""
    settings = Settings(**_known(data["settings"], Settings._fields))
    return settings._replace(
        nginx=_known(settings.nginx, ARGUMENTS["nginx"]["options"]),
        broker={**_known(settings.broker, ARGUMENTS["broker"]["options"]), "url": broker_url},
    )


def _known(given, names):
    """What this release knows of what another one may have written."""
    return {name: value for name, value in given.items() if name in names}


def _with_defaults(given, options):
    return {name: option["default"] if given.get(name) is None else given[name] for name, option in options.items()}


def _services(given):
    services = _with_defaults(given, ARGUMENTS["services"]["options"])
    seen = {}
    for role, names in services.items():
        for name in names:
            variable = f"bluegreen_{'worker' if role == 'workers' else role}_services"
            check_service(variable, name)
            if name in seen:
                raise BluegreenError(
                    f"{variable} names {name!r}, which {'it' if seen[name] == variable else seen[name]} names already: "
                    "each service has one role, so take it out of one list."
                )
            seen[name] = variable
    if not services["web"]:
        raise BluegreenError(
            "bluegreen_web_services is [], but Nginx has to send requests somewhere: name the service that answers HTTP."
        )
    return services


def _nginx(given, app, ports):
    nginx = _with_defaults(given, ARGUMENTS["nginx"]["options"])
    nginx["upstream"] = check_upstream("bluegreen_nginx_upstream", nginx["upstream"] or app)
    nginx["file"] = check_nginx_file("bluegreen_nginx_file", nginx["file"] or f"/etc/nginx/conf.d/bluegreen-{app}.conf")
    check_container("bluegreen_nginx_container", nginx["container"])
    nginx["servers"] = nginx["servers"] or {color: f"127.0.0.1:{ports[color]}" for color in COLORS}
    check_both_colors("bluegreen_nginx_servers", nginx["servers"])
    for color in COLORS:
        check_server(f"bluegreen_nginx_servers.{color}", nginx["servers"][color])
    check_url("bluegreen_public_url", nginx["public_url"])
    check_host("bluegreen_public_host", nginx["public_host"])
    return nginx


def _broker(given, services):
    broker = _with_defaults(given, ARGUMENTS["broker"]["options"])
    if not services["workers"]:
        return {**broker, "mode": "none"}
    check_service("bluegreen_broker_service", broker["service"])
    return settle(broker["mode"], broker["service"], broker["url"], services["support"])._asdict()


def _health(given):
    health = dict(given)
    if health:
        check_url_path("bluegreen_health_path", health["path"])
        check_host("bluegreen_health_host", health["host"])
        for name in ("timeout", "interval", "deadline", "successes"):
            # Asked this way round, what is no number at all is refused too.
            if not 0 < health[name]:
                raise BluegreenError(f"bluegreen_health_{name} is {health[name]}, but it must be more than 0.")
            if health[name] > DAY:
                raise BluegreenError(f"bluegreen_health_{name} is {health[name]}, but it must be {DAY} at most, which is a day.")
        if health["timeout"] > health["deadline"]:
            raise BluegreenError(
                f"bluegreen_health_timeout is {health['timeout']} s, which is more than bluegreen_health_deadline "
                f"({health['deadline']} s): one attempt must fit into the deadline."
            )
        for status in health["status"]:
            if not 100 <= status <= 599:
                raise BluegreenError(f"bluegreen_health_status holds {status}, but an HTTP status is from 100 to 599.")
    return health


def health_url(settings, color):
    """Where the web of a color answers by itself, past Nginx."""
    return f"http://127.0.0.1:{settings.ports[color]}{settings.health['path']}"


def color_services(settings):
    """All services that a color starts."""
    return [name for role in ROLES for name in settings.services[role]]
