# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a service probably is, by the names of its image, its programs and itself. Pure.

A name gives no role to a service: it only chooses which line is suggested, and keeps a data store out of the colors.
"""

from __future__ import annotations

import os
import re

from .._broker.redis_by_name import SERVICE_NAME, TOOLS
from .._celery.roles import Roles, roles_of_listed
from .._celery.script import simple_commands
from .traits import Traits

_DATABASES = "postgres|postgresql|postgis|timescaledb|pgvector|mysql|mariadb|percona|mongo|mongodb|cockroach|couchdb"
_STORES = (
    rf"{_DATABASES}|couchbase|cassandra|scylla|clickhouse|influxdb|neo4j|arangodb|surrealdb|mssql|mssql/server|minio|"
    "azure-sql-edge|rabbitmq|lavinmq|elasticsearch|opensearch|meilisearch|typesense|solr|qdrant|weaviate|milvus|chroma|etcd"
)
_STORE_IMAGE = re.compile(rf"(^|/)({_STORES})([_-][^/:@]*)?([:@]|$)")
# Programs that only read such a store.
_STORE_TOOL = re.compile(rf"[_-]({TOOLS}|express|client|tools|dashboards|head|web|rest|meta)([_-][^/]*)?([:@]|$)")
_STORE_NAME = re.compile(rf"(^|[_-])({_DATABASES}|db|database)$")
_STORE_PROGRAMS = ("postgres", "mysqld", "mariadbd", "mongod", "elasticsearch")
_FLOWER_WORD = re.compile(r"(^|[_-])flower([_.-]|$)")
_INIT_WORD = re.compile(
    r"(^|[_-])(makemigrations|migrate|migrations?|collectstatic|createsuperuser|loaddata|fixtures|seed|init|setup)"
    r"([_-]|$)"
)
# Programs that answer HTTP, and the first words of commands that do.
_SERVERS = ("gunicorn", "uvicorn", "daphne", "hypercorn", "granian", "waitress-serve", "uwsgi", "runserver")
_SERVER_COMMANDS = ("flask run", "fastapi run", "fastapi dev", "-m http.server")


def stores_data(name: str, traits: Traits) -> bool:
    """Whether a service is a data store: by its image; by its program or its own name where the file builds that."""
    if traits.is_built:
        return bool(_STORE_NAME.search(name)) or any(word in _STORE_PROGRAMS for word in _words(traits))
    return bool(_STORE_IMAGE.search(traits.image_name)) and not _STORE_TOOL.search(traits.image_name)


def is_likely_redis(name: str, traits: Traits) -> bool:
    """Whether a service is named like a Redis, and its image is not here to show what it is."""
    return not traits.is_known and bool(SERVICE_NAME.search(name))


def serves(traits: Traits) -> bool:
    """Whether the command starts the web server of an app."""
    words = _words(traits)
    text = " ".join(words)
    return any(word in _SERVERS for word in words) or any(each in text for each in _SERVER_COMMANDS)


def is_flower(name: str, traits: Traits) -> bool:
    """Whether a service is Celery's dashboard, which answers HTTP and is never the app's web."""
    image = os.path.basename(traits.image_name).partition(":")[0]
    return not serves(traits) and any(_FLOWER_WORD.search(word) for word in (name, image, *_words(traits)))


def role_by_name(name: str, traits: Traits) -> str:
    """The role that the names of a service and its programs suggest; empty if they suggest none."""
    if any(_INIT_WORD.search(word.partition(".")[0]) for word in (name, *_words(traits))):
        return "init"
    if "exporter" not in name and ("celery" in name or roles_of_listed(name, traits.command) != Roles()):
        return "workers"
    return ""


def _words(traits: Traits) -> list[str]:
    """The words of all commands, programs without their folders."""
    return [os.path.basename(word) for command in simple_commands(traits.command) for word in command]
