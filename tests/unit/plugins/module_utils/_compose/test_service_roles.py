# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which service has which role, and what is said where the Compose file does not show it."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import (
    service_roles,
    traits,
    traits_of_files,
)

PORT = 18001
APP = "registry/shop:1"
DATABASE = "it is a database, and each color would have a database of its own with its own data"


def service(image=APP, command=(), **more):
    return {"image": image, "restart": "unless-stopped", **({"command": list(command)} if command else {}), **more}


def published(port):
    return [{"target": 8000, "published": str(port), "host_ip": "127.0.0.1"}]


WEB = service(command=["gunicorn", "shop.wsgi"], ports=published(PORT))
WORKER = service(command=["celery", "-A", "shop", "worker"])
BEAT = service(command=["celery", "-A", "shop", "beat"])
REDIS = service("redis:8")
USUAL = {"web": WEB, "worker": WORKER, "beat": BEAT, "redis": REDIS}
HERE = {
    APP: {"Config": {"Entrypoint": None, "Cmd": ["python3"]}},
    "registry/worker:1": {"Config": {"Entrypoint": ["/entry.sh"], "Cmd": ["celery", "-A", "shop", "worker", "-B"]}},
    "registry/flag:1": {"Config": {"Entrypoint": ["celery", "-A", "shop"], "Cmd": None}},
    "registry/script:1": {"Config": {"Entrypoint": ["/start.sh"], "Cmd": []}},
    "memcached:1": {"Config": {"Entrypoint": ["docker-entrypoint.sh"], "Cmd": ["memcached"]}},
    "postgres:16": {"Config": {"Cmd": ["postgres"], "Volumes": {"/var/lib/postgresql/data": {}}}},
    "rabbitmq:4": {"Config": {"Cmd": ["rabbitmq-server"], "Volumes": {"/var/lib/rabbitmq": {}}}},
    "gotenberg:8": {"Config": {"Cmd": ["gotenberg"]}},
}


def decide(services, known=None, networks=None, images=HERE, color_volumes=(), **lists):
    given = {**dict.fromkeys(("web", "support", "init", "workers")), "ignored": [], **lists}
    rendered = {"name": "shop-blue", "services": services, "networks": networks or {}}
    listed = {name for names in given.values() for name in names or ()}
    found = traits_of_files.of_rendering(rendered, PORT, images.get, color_volumes, listed)
    return service_roles.find(found, given, known)


def depends(on, condition="service_started"):
    return {"depends_on": {on: {"condition": condition}}}


def and_cache(**more):
    """The usual app with a service on which the web depends."""
    return {**USUAL, "web": {**WEB, **depends("cache")}, "cache": service("memcached:1", **more)}


# Each: services, the role and the reason of one of them.
SHOWN = [
    (USUAL, "web", "web", "it publishes ${BG_PORT}"),
    (USUAL, "worker", "workers", "its command is a Celery worker"),
    (USUAL, "beat", "workers", "its command is a Celery beat"),
    (USUAL, "redis", "support", "it runs Redis or Valkey"),
    # Only the image shows it.
    (
        {**USUAL, "jobs": service("registry/worker:1")},
        "jobs",
        "workers",
        "its command is a Celery worker and a Celery beat",
    ),
    ({**USUAL, "jobs": service("registry/flag:1", ["worker"])}, "jobs", "workers", "its command is a Celery worker"),
    # An entry point of the file leaves out the command of the image.
    ({**USUAL, "q": service(APP, entrypoint=["valkey-server"])}, "q", "support", "it runs Redis or Valkey"),
    (and_cache(), "cache", "support", "web depends on it, and nothing else reaches it"),
    (
        {**and_cache(), "cache": service("memcached:1", **depends("pdf")), "pdf": service("gotenberg:8")},
        "pdf",
        "support",
        "cache depends on it, and nothing else reaches it",
    ),
    (
        {**USUAL, "web": {**WEB, **depends("migrate", "service_completed_successfully")}, "migrate": service()},
        "migrate",
        "init",
        "web waits until it has completed",
    ),
    # It is wrong in another way, about which there is another sentence.
    ({**USUAL, "web": {**WEB, "ports": published(8000)}}, "web", "web", "it seems to answer HTTP"),
    ({**USUAL, "web": {**WEB, "ports": []}}, "web", "web", "it seems to answer HTTP"),
    ({**USUAL, "web": {**service(), "network_mode": "host"}}, "web", "web", "it seems to answer HTTP"),
    ({**USUAL, "web": {**WORKER, "ports": published(PORT)}}, "web", "web", "it publishes ${BG_PORT}"),
]


@pytest.mark.parametrize("services, name, role, reason", SHOWN)
def test_a_role_that_shows(services, name, role, reason):
    found = decide(services)
    assert found.findings == []
    assert (name in found.services[role], found.reasons[name]) == (True, reason)


OPEN = "Service {!r} of the Compose file has no role, because {}: write {}."
# Each: services, the lists of the user, and the sentences.
REFUSED = [
    # A Celery app behind a script.
    (
        {**USUAL, "worker": service(command=["/start.sh", "jobs"])},
        {},
        [
            OPEN.format(
                "worker",
                "its command start.sh does not show whether it starts Celery",
                "bluegreen_worker_services: [beat, worker] if it is a worker service, or "
                "bluegreen_ignored_services: [worker] if no color is to start it",
            )
        ],
    ),
    (
        {**USUAL, "jobs": service("registry/script:1", build={"context": "."})},
        {},
        [
            OPEN.format(
                "jobs",
                "its command start.sh does not show whether it starts Celery",
                "bluegreen_worker_services: [worker, beat, jobs] if it is a worker service, or "
                "bluegreen_ignored_services: [jobs] if no color is to start it",
            )
        ],
    ),
    # Two of them are decided by one line.
    (
        {**USUAL, "worker": service(command=["/start.sh"]), "beat": service(command=["/start.sh"])},
        {},
        [
            OPEN.format(
                name,
                "its command start.sh does not show whether it starts Celery",
                "bluegreen_worker_services: [beat, worker] if it is a worker service, or "
                f"bluegreen_ignored_services: [{name}] if no color is to start it",
            )
            for name in ("beat", "worker")
        ],
    ),
    # Two web candidates.
    (
        {**USUAL, "api": {**WEB, "ports": [{**published(PORT)[0], "host_ip": "10.0.0.1"}]}},
        {},
        [
            "api and web publish ${BG_PORT}, but Nginx sends requests to one service: name it first, and write "
            "bluegreen_web_services: [api, web], or bluegreen_web_services: [web, api]."
        ],
    ),
    (
        {**USUAL, "web": {**WEB, "ports": published(8000)}, "api": {**WEB, "ports": published(8001)}},
        {},
        [
            "No service publishes ${BG_PORT}, and api and web may each be the one that answers HTTP: write ports: "
            '["127.0.0.1:${BG_PORT}:<port of the app>"] in that service.'
        ],
    ),
    (
        {"worker": WORKER, "redis": REDIS},
        {},
        [
            "No service publishes ${BG_PORT}, but Nginx has to send requests somewhere: write ports: "
            '["127.0.0.1:${BG_PORT}:<port of the app>"] in the service that answers HTTP.'
        ],
    ),
    # A list of the user's counts for the whole of its role.
    (
        USUAL,
        {"workers": ["worker"]},
        [
            OPEN.format(
                "beat",
                "its command is a Celery beat, but bluegreen_worker_services does not name it",
                "bluegreen_worker_services: [worker, beat] if it is a worker service, or "
                "bluegreen_ignored_services: [beat] if no color is to start it",
            )
        ],
    ),
    (
        USUAL,
        {"support": []},
        [
            OPEN.format(
                "redis",
                "bluegreen_support_services does not name it",
                "bluegreen_support_services: [redis] if it is a support service, or bluegreen_ignored_services: "
                "[redis] if no color is to start it",
            )
        ],
    ),
    (
        {**USUAL, "site": WEB},
        {"web": ["web"]},
        [
            OPEN.format(
                "site",
                "bluegreen_web_services does not name it",
                "bluegreen_web_services: [web, site] if it is a web service, or bluegreen_ignored_services: [site] "
                "if no color is to start it",
            )
        ],
    ),
    (
        {**USUAL, "flower": service(command=["celery", "-A", "shop", "flower"], ports=published(5555))},
        {},
        [
            OPEN.format(
                "flower",
                "its command celery may answer HTTP, but it does not publish ${BG_PORT}",
                "bluegreen_web_services: [web, flower] if it is a web service, or bluegreen_ignored_services: "
                "[flower] if no color is to start it",
            )
        ],
    ),
    (
        {**USUAL, "migrate": {**service(command=["./manage.py", "migrate"]), "restart": "no"}},
        {},
        [
            OPEN.format(
                "migrate",
                "no service waits until it has completed, and its command manage.py does not show what it is",
                "bluegreen_init_services: [migrate] if it is an init service, or bluegreen_ignored_services: "
                "[migrate] if no color is to start it",
            )
        ],
    ),
]


@pytest.mark.parametrize("services, lists, findings", REFUSED)
def test_what_does_not_show_is_refused_with_the_lines_that_decide_it(services, lists, findings):
    assert decide(services, **lists).findings == findings


# Each: a service on which the web depends, and why no color may have one of its own.
NOT_OWN = [
    (service("postgres:16"), DATABASE),
    (service("bitnami/postgresql"), DATABASE),
    (service("rabbitmq:4"), "it keeps data, and each color would have its own"),
    (service("elasticsearch:8"), "its image elasticsearch:8 is not on this host yet, so its command is unknown"),
]


def test_a_database_is_for_both_colors_or_one_for_each():
    (finding,) = decide({**and_cache(), "cache": service("postgres:16")}).findings
    assert finding == (
        f"Service 'cache' of the Compose file has no role, because {DATABASE}. Write bluegreen_ignored_services: "
        "[cache] if both colors are to use the same cache; then no color starts it. Write bluegreen_support_services: "
        "[redis, cache] if each color is to have its own cache."
    )


@pytest.mark.parametrize("cache, why", NOT_OWN)
def test_what_may_keep_data_gets_no_role(cache, why):
    (finding,) = decide({**and_cache(), "cache": cache}).findings
    assert why in finding
    assert "bluegreen_ignored_services: [cache]" in finding
    assert "bluegreen_support_services: [redis, cache]" in finding


REACHED = [
    ({"volumes": [{"type": "volume", "source": "data", "target": "/data"}]}, "it keeps data"),
    ({"volumes": [{"type": "bind", "source": "/srv/data", "target": "/data"}]}, "it keeps data"),
    ({"ports": published(11211)}, "it publishes a port of the host"),
    ({"networks": {"lan": None}}, "it is on a network on which other projects can be"),
]


@pytest.mark.parametrize("more, why", REACHED)
def test_what_others_may_reach_gets_no_role(more, why):
    (finding,) = decide(and_cache(**more), networks={"lan": {"name": "lan", "external": True}}).findings
    assert why in finding


def test_what_only_reads_or_has_a_volume_of_its_color_keeps_nothing():
    mounts = [
        {"type": "bind", "source": "/srv/conf", "target": "/etc/conf", "read_only": True},
        {"type": "volume", "source": "cache", "target": "/data"},
        {"type": "volume", "target": "/tmp"},
        {"type": "tmpfs", "target": "/run"},
    ]
    assert decide(and_cache(volumes=mounts), color_volumes=["cache"]).findings == []


def test_what_an_ignored_service_needs_too_gets_no_role():
    services = {**and_cache(), "db": service("postgres:16", **depends("cache"))}
    (finding,) = decide(services, ignored=["db"]).findings
    assert "because db depends on it" in finding


def test_an_image_that_is_not_here_yet_leaves_the_role_of_the_last_deployment():
    services = {**USUAL, "jobs": service("registry/worker:2")}
    known = {"jobs": "workers", "redis": "init"}
    found = decide(services, known)
    assert found.services["workers"] == ["jobs", "worker", "beat"]
    assert found.reasons["jobs"] == (
        "as in the last deployment, because its image registry/worker:2 is not here yet"
    )
    # What shows by itself is not asked of the last deployment.
    assert found.services["support"] == ["redis"]
    assert "jobs" in decide(services).findings[0]


def test_init_services_run_in_the_order_in_which_they_need_each_other():
    done = "service_completed_successfully"
    services = {
        **USUAL,
        "web": {**WEB, "depends_on": {name: {"condition": done} for name in ("assets", "migrate", "wait")}},
        "assets": {**service(), **depends("migrate", done)},
        "migrate": {**service(), **depends("wait", done)},
        "wait": service(),
    }
    assert decide(services).services["init"] == ["wait", "migrate", "assets"]


def test_images_are_asked_for_only_where_the_file_is_silent():
    asked = []

    class Images(dict):
        def get(self, name):
            asked.append(name)

    services = {**USUAL, "jobs": service("registry/worker:1"), "listed": service("x:1")}
    decide(services, images=Images(), ignored=["listed"])
    assert asked == ["registry/worker:1"]


def test_the_users_lists_are_as_they_are():
    lists = {"web": ["web", "api"], "workers": ["beat", "worker"], "support": ["redis"], "init": ["migrate"]}
    services = {**USUAL, "api": service(), "migrate": service(), "db": service("postgres:16")}
    found = decide(services, ignored=["db"], **lists)
    assert found.services == {**lists, "ignored": ["db"]}
    assert found.findings == []
    assert found.lines()[0] == "redis: support service, bluegreen_support_services names it"
    assert found.lines()[-1] == "db: ignored, bluegreen_ignored_services names it"


@pytest.mark.parametrize(
    "body, role",
    [
        ({"Cmd": ["run"], "HostConfig": {"PortBindings": {"8000/tcp": [{"HostPort": "18001"}]}}}, "web"),
        ({"Entrypoint": ["celery"], "Cmd": ["-A", "x", "worker"], "HostConfig": {}}, "workers"),
        ({"Image": "valkey/valkey:8", "HostConfig": {"PortBindings": None}}, "support"),
        ({"Cmd": ["run"], "HostConfig": {"PortBindings": {"8000/tcp": None}}}, ""),
    ],
)
def test_containers_show_roles_too(body, role):
    given = {**dict.fromkeys(("web", "support", "init", "workers")), "ignored": []}
    services = service_roles.of_containers({"it": traits.of_container(body, PORT)}, given, {"gone": "workers"})
    assert {each for each, names in services.items() if "it" in names} == ({role} if role else set())
    # A service of the last deployment that has no container any more is one that is missing.
    assert "gone" in services["workers"]
