# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which service has which role, and what is said where the Compose file does not show it."""

from __future__ import annotations

import re
import socket

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery import script
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import (
    roles_of_file,
    traits_of_files,
)

PORT = 18001
APP = "registry/shop:1"
DATABASE = "it stores data, and as a service of each color it would exist twice, with different data"


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
    return roles_of_file.find(found, given, known)


def depends(on, condition="service_started"):
    return {"depends_on": {on: {"condition": condition}}}


def and_cache(**more):
    """The usual app with a service on which the web depends."""
    return {**USUAL, "web": {**WEB, **depends("cache")}, "cache": service("memcached:1", **more)}


UNPUBLISHED = service(command=["gunicorn", "shop.wsgi"])
FLOWER = service(command=["celery", "-A", "shop", "flower"])
SEEMS = "it seems to answer HTTP"

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
    # The app's own web, and not a tool with a port.
    ({**USUAL, "web": UNPUBLISHED, "adminer": service("adminer:4", ports=published(8080))}, "web", "web", SEEMS),
    ({**USUAL, "web": {**WEB, "ports": published(8000)}, "db": service("pgvector/pgvector", ports=published(5432))},
     "web", "web", SEEMS),
    ({**USUAL, "web": {**WEB, "ports": published(8000)}, "mail": service("mailhog", ports=published(8025))},
     "web", "web", SEEMS),
    ({**USUAL, "web": {**WEB, "ports": published(8000)}, "flower": {**FLOWER, "ports": published(5555)}},
     "web", "web", SEEMS),
    ({"web": service("acme/flask-postgres:1", ports=published(8000))}, "web", "web", SEEMS),
    ({"site": service("acme/site:1", ports=published(8000)), "backup": service(None, build={"context": "."})},
     "site", "web", SEEMS),
    ({"our-db": service(None, ["uvicorn", "x"], build={"context": "."}, ports=published(80))}, "our-db", "web", SEEMS),
    ({"flower": service(None, ["./serve"], build={"context": "."}, ports=published(8000))}, "flower", "web", SEEMS),
    ({**USUAL, "redis": service("acme/shop-redis:1")}, "redis", "support", "it runs Redis or Valkey"),
    ({"web": service("acme/site:1", ports=published(8000)), "ws": service("acme/site:1", ["daphne", "x"])},
     "web", "web", SEEMS),
    ({"flower-shop": service("acme/flower:1", ["gunicorn", "x"], ports=published(8000))}, "flower-shop", "web", SEEMS),
    ({"web": service("acme/flask-redis:1", ports=published(8000))}, "web", "web", SEEMS),
    ({"web": WEB, "cache": service("acme/shop-redis:1", ["redis-server", "/r.conf"])}, "cache", "support",
     "it runs Redis or Valkey"),
]  # fmt: skip


@pytest.mark.parametrize("services, name, role, reason", SHOWN)
def test_a_role_that_shows(services, name, role, reason):
    found = decide(services)
    assert [each for each in found.findings if not each.startswith("Service ")] == []
    assert not any(each.startswith(f"Service {name!r}") for each in found.findings)
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
            + end
            for name, end in (("beat", ""), ("worker", " Names for the same variable belong in one list."))
        ],
    ),
    # Two web candidates.
    (
        {**USUAL, "api": {**WEB, "ports": [{**published(PORT)[0], "host_ip": "10.0.0.1"}]}},
        {},
        [
            "api and web publish ${BG_PORT}, but Nginx sends requests to one service: remove the port from the others. "
            "If each publishes it on an address of its own, list them with that service first, such as "
            "bluegreen_web_services: [web, api]."
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


ANY = {"volumes": [{"type": "volume", "source": "data", "target": "/data"}]}
# Each: services beside the usual ones, one of them, the list that is suggested for it, and a part of the reason.
SUGGESTED = [
    # Names of services and scripts.
    ({"queue": {"image": APP, "command": ["/start-celeryworker"]}}, "queue", "worker: [worker, beat, queue]", "start"),
    ({"worker2": service("acme/worker:1")}, "worker2", "worker: [worker, beat, worker2]", "acme/worker:1 is not on"),
    ({"db-migrate": service(command=["/run.sh"])}, "db-migrate", "init: [db-migrate]", "run.sh"),
    ({"setup": service(command=["./manage.py", "collectstatic"])}, "setup", "init: [setup]", "manage.py does"),
    ({"flower": service("mher/flower:2")}, "flower", "web: [web, flower]", "mher/flower:2 is not on"),
    ({"f": service(command=["/start-flower"])}, "f", "web: [web, f]", "start-flower may answer HTTP"),
    # It ends when it has done its work.
    ({"once": {"image": APP, "command": ["/x"], "restart": "on-failure:5"}}, "once", "init: [once]", "until it has"),
    ({"once": {"image": APP, "command": ["/x"], "deploy": {"restart_policy": {"condition": "on-failure"}}}}, "once",
     "init: [once]", "until it has completed"),
    ({"api": {"image": APP, "command": ["/x"], "deploy": {"restart_policy": {"delay": "5s"}}}}, "api",
     "worker: [worker, beat, api]", "whether it starts Celery"),
    # Another service that answers HTTP.
    ({"api": service(command=["flask", "run", "--host=0.0.0.0"])}, "api", "web: [web, api]", "command flask may"),
    ({"ws": service(command=["python", "ws.py"], expose=["9000"])}, "ws", "web: [web, ws]", "python ws.py may answer"),
    ({"web": {**WEB, **depends("app")}, "app": service(command=["/x"])}, "app", "web: [web, app]", "may answer"),
    # Servers that the file builds.
    ({"redis": service(None, build={"context": "./redis"})}, "redis", "support: [redis]", "its image is not on"),
    ({"store": service("acme/shop-redis:1")}, "store", "support: [redis, store]", "acme/shop-redis:1 is not on"),
    ({"db": service(None, build={"context": "./db"})}, "db", "ignored: [db]", DATABASE),
    ({"store": service(None, ["postgres"], build={"context": "./x"})}, "store", "ignored: [store]", DATABASE),
    ({"rabbit": service("rabbitmq:5")}, "rabbit", "ignored: [rabbit]", DATABASE),
    ({"work-migrate": service(command=["./manage.py", "migrate"])}, "work-migrate", "init: [work-migrate]", "not"),
    ({"cli": service("redis:7", ["redis-cli", "config", "set"])}, "cli", "support: [redis, cli]", "is not on this"),
    # An image of the app with another server in its name.
    ({"cron": service("acme/shop-redis:1", ["/cron"]), "web": {**WEB, "image": "acme/shop-redis:1"}}, "cron",
     "worker: [worker, beat, cron]", "whether it starts Celery"),
    # A list may have an error of its own.
    ({"queue": service("memcached:1", **ANY)}, "queue", "ignored: [queue]", "it keeps data"),
    # Shell scripts in an option, and other commands of Celery.
    ({"purge": service(command=["celery", "-A", "shop", "purge"])}, "purge", "worker: [worker, beat, purge]",
     "its command celery starts neither a worker nor a beat"),
]  # fmt: skip


@pytest.mark.parametrize("services, name, line, why", SUGGESTED)
def test_the_line_of_the_most_likely_role_comes_first(services, name, line, why):
    named = [each for each in decide({**USUAL, **services}).findings if each.startswith(f"Service {name!r}")]
    first = next(iter(re.findall(r"bluegreen_(\w+)_services(: \[[^]]*\])", "".join(named))), ("", ""))
    assert "".join(first) == line
    assert why in named[0]


def test_an_image_that_is_not_here_may_be_pulled_first():
    (finding,) = decide({**USUAL, "pdf": service("pdf:8")}).findings
    assert ". Pull or build the image and ask again, or write bluegreen_support_services: [redis, pdf] if" in finding


def test_a_broker_of_another_protocol_is_for_both_colors():
    worker = {**WORKER, "environment": {"CELERY_BROKER_URL": "amqp://guest:guest@rabbitmq:5672//"}}
    services = {"web": {**WEB, **depends("rabbitmq")}, "worker": worker, "rabbitmq": service("rabbitmq:4")}
    assert decide(services).findings == [
        "Service 'rabbitmq' of the Compose file has no role, because tasks wait in it, and they can be moved from one "
        "color to the other only between Redis servers. Write bluegreen_ignored_services: [rabbitmq]: then both colors "
        "use the same rabbitmq, and no color starts it."
    ]


def test_what_only_an_ignored_service_waits_for_is_no_init_service():
    waits = service("pgadmin", **depends("seed", "service_completed_successfully"))
    found = decide({**USUAL, "pgadmin": waits, "seed": service(command=["/x"])}, ignored=["pgadmin"])
    assert found.services["init"] == []


def test_a_misspelt_name_is_left_out_of_the_line():
    (finding,) = decide({"web": WEB, "worker": WORKER, "redis": REDIS}, workers=["wroker"]).findings
    assert "write bluegreen_worker_services: [worker] if it is a worker service" in finding


def test_the_service_with_the_port_comes_first_in_the_line():
    (finding,) = decide({**USUAL, "api": service(command=["uvicorn", "x"])}, web=["api"]).findings
    assert "write bluegreen_web_services: [web, api] if it is a web service" in finding


def test_a_socket_and_a_file_of_the_system_are_no_data(tmp_path):
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        sources = (path, "/etc/localtime")
        mounts = [{"type": "bind", "source": source, "target": source} for source in sources]
        assert decide(and_cache(volumes=mounts)).findings == []
    (tmp_path / "file.db").touch()
    mount = {"type": "bind", "source": str(tmp_path / "file.db"), "target": "/x.db"}
    assert "it keeps data" in decide(and_cache(volumes=[mount])).findings[0]


def test_no_sentence_shows_what_may_be_a_secret():
    secrets = (
        ["celery", "--broker=redis://:hunter2@redis:6379/0", "flower"],
        ["python", "/app/cli.py", "--password", "hunter2"],
        ["sh", "-c", "export PASSWORD=hunter2\nexec ./jobs"],
        ["env", "PASSWORD=hunter2", "./jobs"],
        ["rabbitmqctl", "add_user", "shop", "hunter2"],
        ["python", "--password=hunter2"],
        [""],
        ["PASSWORD=hunter2 ./jobs"],
    )
    for command in secrets:
        (finding,) = decide({**USUAL, "it": service(command=command)}).findings
        assert "hunter2" not in finding
        assert "\n" not in finding


def test_a_script_is_read_once():
    before = script._split.cache_info().misses
    decide({**USUAL, "it": service(command=["sh", "-c", "echo once; exec /x"])})
    assert script._split.cache_info().misses == before + 1


def test_a_port_taken_over_from_the_web_makes_no_web():
    services = {
        **USUAL,
        "web": {**WEB, **depends("migrate", "service_completed_successfully")},
        "migrate": {**WEB, "command": ["./manage.py", "migrate"]},
        "worker": {**WORKER, "ports": published(PORT)},
    }
    found = decide(services)
    assert found.findings == []
    assert {role: found.services[role] for role in ("web", "init")} == {"web": ["web"], "init": ["migrate"]}
    assert "worker" in found.services["workers"]


def test_a_service_that_waits_for_an_init_service_is_no_support_service():
    done = "service_completed_successfully"
    services = {
        **USUAL,
        "web": {**service("nginx:1", ports=published(PORT)), **depends("app")},
        "app": {**service("gotenberg:8"), **depends("migrate", done)},
        "migrate": service("gotenberg:8"),
    }
    (finding,) = decide(services).findings
    assert "because its command gotenberg may answer HTTP" in finding
    assert "write bluegreen_web_services: [web, app] if" in finding


# Each: a service on which the web depends, and why no color may have one of its own.
NOT_OWN = [
    (service("postgres:16"), DATABASE),
    (service("bitnami/postgresql"), DATABASE),
    (service("pgvector/pgvector:pg17"), DATABASE),
    (service("mcr.example.com/mssql/server:2022-latest"), DATABASE),
    (service("docker.example.com/elasticsearch/elasticsearch:8"), DATABASE),
    (service("clickhouse/clickhouse-server"), DATABASE),
    (service("qdrant/qdrant"), DATABASE),
    (service("minio/minio"), DATABASE),
    (service("rabbitmq:4"), DATABASE),
    (service("pdf:8", **ANY), "its image pdf:8 is not on this host yet"),
    (service("gotenberg:8", **ANY), "it keeps data, and each color would have its own"),
    (service("elasticsearch:8"), DATABASE),
    (service("pdf:8"), "its image pdf:8 is not on this host yet, so its command is unknown"),
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
