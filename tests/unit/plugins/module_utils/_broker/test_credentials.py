# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import tarfile
from types import SimpleNamespace

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.credentials import credentials_of, reader_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.url import Credentials
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError

# What lies in the containers.
FILES = {
    ("redis", "/run/secrets/redis"): "s3cret\n",
    ("web", "/run/secrets/app"): "s3cret\r\nmore",
    ("redis", "/etc/redis.conf"): "# requirepass no\nport 6379\nrequirepass \"s3cret\"\n",
    ("redis", "/start.sh"): "#!/bin/sh\nexec redis-server --requirepass \"$PW\" --save ''\n",
}
SECRET = {"REDIS_PASSWORD": "s3cret"}


def container(service="redis", command=("redis-server",), aliases=(), **environment):
    return SimpleNamespace(
        service=service,
        name=f"shop-blue-{service}-1",
        command=list(command),
        environment=environment,
        aliases=aliases,
    )


def read(where, path):
    return FILES.get((where.service, path))


def found(server, *clients):
    return credentials_of(server, clients, read)


def sh(script, **environment):
    return container(command=["sh", "-c", script], **environment)


OPTION = "--requirepass of service redis"


@pytest.mark.parametrize(
    "server, source",
    [
        (container(command=["redis-server", "--requirepass", "s3cret"]), OPTION),
        (sh("exec redis-server --requirepass s3cret --save ''"), OPTION),
        (sh("redis-server --requirepass='s3cret';"), OPTION),
        (sh('exec redis-server --requirepass "$REDIS_PASSWORD"', **SECRET), OPTION),
        (sh("redis-server --requirepass ${PW}", PW="s3cret"), OPTION),
        (sh('redis-server --requirepass "${PW:-s3cret}"'), OPTION),
        (sh('redis-server --requirepass "s3$END"', END="cret"), OPTION),
        (sh("redis-server --requirepass $(cat /run/secrets/redis)"), OPTION),
        (sh('redis-server --requirepass "$(cat $PW_FILE)"', PW_FILE="/run/secrets/redis"), OPTION),
        (sh('redis-server --requirepass "$(< /run/secrets/redis)"'), OPTION),
        (sh("redis-server --requirepass `cat /run/secrets/redis`"), OPTION),
        (
            container(command=["redis-stack-server"], REDIS_ARGS="--save '' --requirepass s3cret"),
            "REDIS_ARGS of service redis",
        ),
        (container(command=["redis-server", "/etc/redis.conf"]), "/etc/redis.conf in service redis"),
        (container(command=["run"], **SECRET), "REDIS_PASSWORD of service redis"),
        (container(command=["run"], REDIS_PASSWORD_FILE="/run/secrets/redis"), "REDIS_PASSWORD_FILE of service redis"),
        (container(command=["sh", "/start.sh"], PW="s3cret"), "--requirepass in /start.sh of service redis"),
    ],
)
def test_the_password_that_a_redis_is_given(server, source):
    assert found(server) == Credentials(password="s3cret", source=source)


@pytest.mark.parametrize(
    "web, credentials",
    [
        ({"BROKER": "redis://u:s3cret@redis:6379/0"}, Credentials("u", "s3cret", "BROKER of service web")),
        ({"BROKER": "valkey://:s3cret@tasks/0"}, Credentials("", "s3cret", "BROKER of service web")),
        # Another Redis' password is not this one's; a URL that is none is passed over.
        ({"A": "redis://:p@cache/0", "B": "redis://[x"}, Credentials()),
        ({"REDIS_PASSWORD": "s3cret"}, Credentials("", "s3cret", "REDIS_PASSWORD of service web")),
        ({"CELERY_BROKER_PASSWORD": "s3cret"}, Credentials("", "s3cret", "CELERY_BROKER_PASSWORD of service web")),
        ({"REDIS_PASSWORD_FILE": "/run/secrets/app"}, Credentials("", "s3cret", "REDIS_PASSWORD_FILE of service web")),
        ({"REDIS_PASSWORD_FILE": "/run/secrets/none"}, Credentials(unread="REDIS_PASSWORD_FILE of service web")),
        ({"DATABASE_PASSWORD": "p"}, Credentials()),
    ],
)
def test_the_password_that_the_app_is_given(web, credentials):
    assert found(container(aliases=("tasks",)), container("web", **web)) == credentials


@pytest.mark.parametrize(
    "script",
    ["--requirepass $(vault read x)", "--requirepass `date`", "--requirepass $NOWHERE", '--requirepass "$(cat /none)"'],
)
def test_what_cannot_be_read_is_no_password(script):
    assert found(sh(f"redis-server {script}")) == Credentials(unread=OPTION)
    # Another place may have it.
    assert found(sh(f"redis-server {script}", **SECRET)).password == "s3cret"


def archive(name, content):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as members:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        members.addfile(member, io.BytesIO(content))
    return packed.getvalue()


class Engine:
    def __init__(self, answer):
        self.answer = answer

    def archive(self, _container, _path):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    "answer, text",
    [
        (archive("redis", b"s3cret\n"), "s3cret\n"),
        (None, None),
        (b"no tar", None),
        (archive("large", b"x" * 300_000), None),
        (EngineError("container is gone", 500), None),
    ],
)
def test_a_file_is_read_out_of_a_container(answer, text):
    assert reader_of(Engine(answer))(SimpleNamespace(id="1"), "/run/secrets/redis") == text
