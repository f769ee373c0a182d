# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The settings of an app on one host: the options of bg_deployment and bg_info, checked and completed.

The values come from the role's variables, so a refusal names the variable (``bluegreen_ports``) and not the option
(``colors.blue.port``), which the user did not write.
"""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping, NamedTuple, Tuple

from ._broker.settings import BrokerSettings, settle
from ._docker.containers import started_services
from ._errors import BluegreenError
from ._module.settings import AUTO, AUTO_ROLES, SETTINGS_OPTIONS
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

# The longest wait for a color, in seconds.
DAY = 86400

DEFAULT_PORTS = {"blue": 18001, "green": 18002}


class Nginx(NamedTuple):
    """The Nginx in front of the colors.

    ``servers`` maps a color to ``address:port`` as Nginx sees it; ``container`` is empty for an Nginx on the host.
    """

    upstream: str
    file: str
    container: str
    servers: dict[str, str]
    public_url: str
    public_host: str
    validate_certs: bool = True
    backup: bool = False


class HealthCheck(NamedTuple):
    """The health check of a color: ``successes`` answers in a row with a good ``status``, each within ``timeout``.

    ``host`` is the Host header, empty for the host of the URL; ``interval`` is the pause between two attempts and
    ``deadline`` the end of all of them. All three times are in seconds.
    """

    path: str = "/"
    host: str = ""
    status: Tuple[int, ...] = (200,)
    timeout: float = 2.0
    interval: float = 0.3
    successes: int = 2
    deadline: float = 60.0


class Settings(NamedTuple):
    """The properties of an app on one host that deployments do not change.

    ``projects`` and ``ports`` have a value for each color; ``services`` maps a role (and ``ignored``) to a list of
    services. The list of a role in ``auto`` is empty until the services are found.
    """

    app: str
    projects: dict[str, str]
    ports: dict[str, int]
    services: dict[str, list[str]]
    nginx: Nginx
    broker: BrokerSettings
    health: HealthCheck = HealthCheck()
    auto: Tuple[str, ...] = ()

    @property
    def given(self) -> dict[str, Any]:
        """The lists of services that the user gave, by role; ``None`` for one that is left to the Compose file."""
        return {role: None if role in self.auto else names for role, names in self.services.items()}

    def journaled(self) -> dict[str, Any]:
        """The settings in the journal's form, without secrets."""
        return {
            **{name: value for name, value in self._asdict().items() if name != "auto"},
            "nginx": self.nginx._asdict(),
            "broker": {**self.broker._asdict(), "url": ""},
            "health": {**self.health._asdict(), "status": list(self.health.status)},
        }


def other(color: str) -> str:
    """The color that is not ``color``."""
    return COLORS[1 - COLORS.index(color)]


def settings_of(params: Mapping[str, Any]) -> Settings:
    """Check a module's parameters, and complete them with defaults that follow from the app's name.

    :param params: ``app``, the options of :data:`~_module.settings.SETTINGS_OPTIONS` and perhaps ``health``.
    :raises BluegreenError: names the first value that cannot be used, and the way out.
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
    services, auto = _services(params["services"] or {})
    return Settings(
        app=app,
        projects=projects,
        ports=ports,
        services=services,
        nginx=_nginx(params["nginx"] or {}, app, ports),
        broker=_broker(params["broker"] or {}, services, auto),
        health=health_of(params),
        auto=auto,
    )


def with_broker(settings: Settings, params: Mapping[str, Any]) -> Settings:
    """The settings with their broker, once the services of each role are found: it may be one of these.

    :param params: as for :func:`settings_of`.
    :raises BluegreenError: the broker is set to one that is not possible with these services.
    """
    return settings._replace(broker=_broker(params["broker"] or {}, settings.services, settings.auto))


def variable_of(role: str) -> str:
    """The role variable that lists the services of a role, or those that are ``ignored``."""
    return f"bluegreen_{'worker' if role == 'workers' else role}_services"


def from_journal(data: Mapping[str, Any], broker_url: str = "") -> Settings:
    """The settings that an open deployment was begun with.

    :param data: the journal's data.
    :param broker_url: the secret that the journal does not have.
    """
    known = _known(data["settings"], [name for name in Settings._fields if name != "auto"])
    return Settings(**{
        **known,
        "nginx": Nginx(**_known(known["nginx"], Nginx._fields)),
        "broker": BrokerSettings(**{**_known(known["broker"], BrokerSettings._fields), "url": broker_url}),
        "health": _health_check(known["health"]),
    })


def _known(given: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Without keys that another release wrote and this one does not know."""
    return {name: value for name, value in given.items() if name in names}


def _with_defaults(given: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: option["default"] if given.get(name) is None else given[name] for name, option in options.items()}


def _services(given: Mapping[str, Any]) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """``(services by role, roles that are left to the Compose file)``."""
    listed = _with_defaults(given, SETTINGS_OPTIONS["services"]["options"])
    auto = tuple(role for role in AUTO_ROLES if listed[role] == AUTO)
    # Ansible splits a text such as "worker, beat" at the commas.
    services = {role: [] if role in auto else [name.strip() for name in names] for role, names in listed.items()}
    seen: dict[str, str] = {}
    for role, names in services.items():
        for name in names:
            variable = variable_of(role)
            check_service(variable, name)
            if name in AUTO and len(names) > 1:
                raise BluegreenError(
                    f"{variable} is [{', '.join(names)}], but auto cannot stand beside other names: name all "
                    "services of that role, or write auto alone."
                )
            if seen.get(name) == variable:
                raise BluegreenError(f"{variable} names {name!r} twice: remove one.")
            if name in seen:
                raise BluegreenError(
                    f"Service {name!r} is in both {seen[name]} and {variable}, but each service has one role: remove "
                    "it from one of them."
                )
            seen[name] = variable
    if not services["web"] and "web" not in auto:
        raise BluegreenError(
            "bluegreen_web_services is [], but Nginx has to send requests somewhere: name the service that answers "
            "HTTP, or write auto."
        )
    return services, auto


def _nginx(given: Mapping[str, Any], app: str, ports: Mapping[str, int]) -> Nginx:
    def named(option: str) -> str:
        return f"bluegreen_{option}" if option.startswith("public_") else f"bluegreen_nginx_{option}"

    return checked_nginx(_with_defaults(given, SETTINGS_OPTIONS["nginx"]["options"]), app, ports, named)


def checked_nginx(given: Mapping[str, Any], app: str, ports: Mapping[str, int], named: Callable[[str], str]) -> Nginx:
    """The options of Nginx, checked and completed.

    :param given: an option for each field of :class:`Nginx`; empty ones follow from the app and the ports.
    :param named: returns the name under which the user knows an option.
    :raises BluegreenError: names the first value that cannot be used.
    """
    upstream = check_upstream(named("upstream"), given["upstream"] or app)
    file = check_nginx_file(named("file"), given["file"] or f"/etc/nginx/conf.d/bluegreen-{app}.conf")
    container = check_container(named("container"), given["container"])
    servers = given["servers"] or {color: f"127.0.0.1:{ports[color]}" for color in COLORS}
    check_both_colors(named("servers"), servers)
    for color in COLORS:
        check_server(f"{named('servers')}.{color}", servers[color])
    check_url(named("public_url"), given["public_url"])
    return Nginx(
        upstream=upstream,
        file=file,
        container=container,
        servers=servers,
        public_url=given["public_url"],
        public_host=check_host(named("public_host"), given["public_host"]),
        validate_certs=given["validate_certs"],
        backup=given["backup"],
    )


def nginx_settings(params: Mapping[str, Any]) -> Nginx:
    """The settings of Nginx in the parameters of bg_switch: ``app``, ``ports`` and an option for each field.

    :raises BluegreenError: names the first value that cannot be used.
    """
    ports = check_both_colors("ports", params["ports"])
    for color in COLORS:
        check_port(f"ports.{color}", ports[color])
    return checked_nginx(params, params["app"], ports, str)


def _broker(
    given: Mapping[str, Any], services: Mapping[str, list[str]], auto: tuple[str, ...]
) -> BrokerSettings:
    broker = _with_defaults(given, SETTINGS_OPTIONS["broker"]["options"])
    if not services["workers"] and "workers" not in auto:
        return BrokerSettings(**{**broker, "mode": "none"})
    check_service("bluegreen_broker_service", broker["service"])
    return settle(broker["mode"], broker["service"], broker["url"], services["support"])


def health_of(params: Mapping[str, Any]) -> HealthCheck:
    """The health check in a module's parameters.

    :raises BluegreenError: names the first value that cannot be used.
    """
    given = params.get("health") or {}
    if not given:
        return HealthCheck()
    check_url_path("bluegreen_health_path", given["path"])
    check_health(given, "bluegreen_health_{}".format)
    return _health_check(given)


def _health_check(given: Mapping[str, Any]) -> HealthCheck:
    health = HealthCheck(**_known(given, HealthCheck._fields))
    return health._replace(status=tuple(health.status))


def check_health(given: Mapping[str, Any], named: Callable[[str], str]) -> None:
    """Check the options of a health gate.

    :param given: ``host``, ``status``, ``successes``; ``timeout``, ``interval`` and ``deadline`` in seconds.
    :param named: returns the name under which the user knows an option.
    :raises BluegreenError: names the first value that cannot be used.
    """
    check_host(named("host"), given["host"])
    for name in ("timeout", "interval", "deadline", "successes"):
        value = given[name]
        # Compared this way round, NaN is refused too.
        if not 0 < value:
            raise BluegreenError(f"{named(name)} is {value:.12g}, but it must be more than 0.")
        if value > DAY:
            seconds = "" if name == "successes" else " seconds, which is a day"
            raise BluegreenError(f"{named(name)} is {value:.12g}, but it must be at most {DAY}{seconds}.")
    if given["timeout"] > given["deadline"]:
        raise BluegreenError(
            f"{named('timeout')} is {given['timeout']:.12g} s and {named('deadline')} is {given['deadline']:.12g} s, "
            "but one attempt must fit into the deadline: lower the timeout, or raise the deadline."
        )
    if not given["status"]:
        raise BluegreenError(
            f"{named('status')} is [], but at least one HTTP status has to count as healthy: name it, such as 200."
        )
    for status in given["status"]:
        if not 100 <= status <= 599:
            raise BluegreenError(f"{named('status')} contains {status}, but an HTTP status is from 100 to 599.")


def health_url(settings: Settings, color: str) -> str:
    """The URL at which the web of a color answers by itself, without Nginx."""
    return f"http://127.0.0.1:{settings.ports[color]}{settings.health.path}"


def color_services(settings: Settings) -> list[str]:
    """All services that a color starts."""
    return started_services(settings.services)
