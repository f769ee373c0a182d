# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tasks real workers register, and what of them waits in a real Redis."""

from __future__ import annotations

import os
import time

import pytest
from compose_project import wait_for
from notes import Notes

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import move as broker_move
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.connection import Broker
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import inspect_container
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.journal import NullJournal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import registered_tasks, unknown_tasks

CELERY = ["python3", "-m", "celery"]
# Some of the demo's.
SHOP = {"shop.tick", "shop.work", "shop.work_late"}
NOWHERE = "REDIS_URL=redis://nowhere.invalid:6379/0"


def registered(project, *containers):
    names = registered_tasks.of_containers(project.host, NullJournal(), containers)
    assert project.others() == []
    return None if names is None else set(names)


@pytest.mark.parametrize(
    "command",
    [
        [*CELERY, "--app=shop.tasks", "worker", "--queues=celery"],
        ["sh", "-c", "sleep 0; cd /srv/app && exec python3 -m celery -A shop.${NAME} worker -Q celery"],
    ],
    ids=["list", "shell"],
)
def test_a_container_that_never_ran_tells_its_tasks(project, command):
    worker = project.create("worker", command, [NOWHERE, "NAME=tasks"], RestartPolicy={"Name": "always"})
    assert registered(project, worker) > SHOP
    assert project.engine.inspect(worker.id)["State"]["Status"] == "created"


@pytest.mark.parametrize(
    "script, seconds",
    [("until redis-cli -h nowhere.invalid ping; do sleep 1; done", 15), ("export NEEDED=1", 30)],
    ids=["it waits for ever", "it sets what the app needs"],
)
def test_a_script_that_the_image_runs_first(project, tmp_path, script, seconds):
    os.chmod(tmp_path, 0o755)
    needed = "import os\nos.environ['NEEDED']\n" if "NEEDED" in script else ""
    (tmp_path / "more.py").write_text(f"{needed}from shop.tasks import app\n")
    (tmp_path / "entry.sh").write_text(f'#!/bin/sh\n{script}\nexec "$@"\n')
    os.chmod(tmp_path / "entry.sh", 0o755)
    command = ["/more/entry.sh", *CELERY, "-A", "more", "worker"]
    worker = project.create("worker", command, [NOWHERE, "PYTHONPATH=/more"], Binds=[f"{tmp_path}:/more:ro"])
    begun = time.monotonic()
    assert registered(project, worker) >= SHOP
    assert time.monotonic() - begun < seconds


def test_celerys_own_tasks_are_among_them(project):
    worker = project.create("worker", [*CELERY, "-A", "shop.tasks", "worker"], [NOWHERE])
    assert "celery.chord_unlock" in registered_tasks.of_containers(project.host, NullJournal(), [worker])


def test_it_sees_the_mounts_the_user_and_what_is_included(project, tmp_path):
    os.chmod(tmp_path, 0o755)
    (tmp_path / "more.py").write_text("from shop.tasks import app\n\n@app.task(name='more.mail')\ndef mail(): pass\n")
    command = [*CELERY, "-A", "shop.tasks", "worker", "-I", "more"]
    worker = project.create("worker", command, [NOWHERE, "PYTHONPATH=/more"], Binds=[f"{tmp_path}:/more:ro"])
    assert registered(project, worker) > {"more.mail", *SHOP}


def test_workers_that_differ_in_their_queues_are_loaded_once(project):
    workers = [project.create("worker", [*CELERY, "-A", "shop.tasks", "worker", "-Q", q], [NOWHERE]) for q in "ab"]
    assert registered(project, *workers) > SHOP
    assert len(loaded_aside(project)) == 1


def test_a_script_is_looked_up_in_the_processes_of_the_live_worker(project):
    script = ["sh", "-c", "echo 'exec python3 -m celery -A shop.tasks worker --concurrency 1' > w.sh; sh w.sh"]
    live = project.start("worker", script, [NOWHERE])
    wait_for(lambda: registered_tasks._shell(live, [live]))
    created = project.create("worker", ["/start-worker"], [NOWHERE])
    assert registered_tasks.of_containers(project.host, NullJournal(), [created]) is None
    names = registered_tasks.of_containers(project.host, NullJournal(), [created], like=[live])
    assert SHOP < set(names)


@pytest.mark.parametrize(
    "command, why",
    [
        (["/start-worker"], "its command does not show a celery worker"),
        ([*CELERY, "-A", "shop.nothing", "worker"], "celery shell printed no task names"),
        (["celery", "-A", "shop.tasks", "worker"], "executable file not found"),
    ],
)
def test_what_cannot_be_told_is_a_warning(project, command, why):
    worker = project.create("worker", command, [NOWHERE])
    assert registered(project, worker) is None
    [warning] = project.host.warnings
    assert why in warning and worker.name in warning


def test_an_app_that_hangs_while_it_loads_is_given_up(project, tmp_path, monkeypatch):
    monkeypatch.setattr(registered_tasks, "LOAD_SECONDS", 2)
    (tmp_path / "hang.py").write_text("import time\ntime.sleep(600)\n")
    os.chmod(tmp_path, 0o755)
    command = [*CELERY, "-A", "hang", "worker"]
    worker = project.create("worker", command, ["PYTHONPATH=/more"], Binds=[f"{tmp_path}:/more:ro"])
    assert registered(project, worker) is None
    assert "it had not ended after 2 s" in project.host.warnings[0]


def test_what_a_killed_module_left_is_removed(project):
    left = project.create("left", ["sleep", "60"])
    project.engine.remove_by_force(left.id)
    body = {"Image": left.image, "Cmd": ["sleep", "60"], "Labels": {registered_tasks.LABEL: project.name}}
    project.engine.request("POST", "/containers/create", {"name": f"{project.name}-task-names"}, body=body)
    worker = project.create("worker", [*CELERY, "-A", "shop.tasks", "worker"], [NOWHERE])
    assert registered(project, worker) > SHOP


def start_redis(project):
    """A Redis, and the variable that leads an app to it."""
    redis = project.start("redis", ["redis-server", "--save", "", "--protected-mode", "no"])
    return redis, f"REDIS_URL=redis://{redis.addresses['bridge']}:6379/0"


@pytest.fixture
def live(project):
    """A Redis and a worker that reads it."""
    redis, url = start_redis(project)
    address = redis.addresses["bridge"]
    worker = project.start("worker", [*CELERY, "-A", "shop.tasks", "worker", "--concurrency=1"], [url])
    with Broker("blue/redis", address, container=redis, clients=[worker], engine=project.engine) as broker:
        wait_for(lambda: broker.answers() and broker.has_live_worker(0) and broker.consumers(0))
        wait_for(lambda: registered_tasks.of_live_workers(project.host, broker, [worker]))
        yield worker, broker, url


def test_a_live_worker_tells_the_same_as_its_container(project, live):
    worker, broker, _url = live
    names = registered_tasks.of_live_workers(project.host, broker, [worker])
    assert names == registered_tasks.of_containers(project.host, NullJournal(), [worker])
    # One of two did not answer: what it knows is not known.
    busy = project.start("worker", ["sleep", "60"])
    assert registered_tasks.of_live_workers(project.host, broker, [worker, busy]) is None


def test_the_worker_of_another_app_at_the_same_redis_is_not_asked(project, live, tmp_path):
    worker, broker, url = live
    (tmp_path / "blog.py").write_text(
        "import os\nfrom celery import Celery\napp = Celery(broker=os.environ['REDIS_URL'])\n\n"
        "@app.task(name='blog.render')\ndef render(): pass\n"
    )
    os.chmod(tmp_path, 0o755)
    blog = project.start(
        "blog", [*CELERY, "-A", "blog", "worker"], [url, "PYTHONPATH=/more"], Binds=[f"{tmp_path}:/more:ro"]
    )
    names = wait_for(lambda: registered_tasks.of_live_workers(project.host, broker, [blog]))
    assert "blog.render" in names and not SHOP & set(names)
    for _again in range(5):
        assert "blog.render" not in registered_tasks.of_live_workers(project.host, broker, [worker])


def create_candidate(project, tmp_path, url, *options):
    """A worker of a release that has lost ``shop.work_late``."""
    (tmp_path / "shop2.py").write_text(
        "import os, time\nfrom celery import Celery\napp = Celery(broker=os.environ['REDIS_URL'])\n\n"
        "@app.task(name='shop.work')\ndef work(*dummy): time.sleep(60)\n"
    )
    os.chmod(tmp_path, 0o755)
    command = [*CELERY, "-A", "shop2", "worker", "--concurrency=1", *options]
    return project.create("worker", command, [url, "PYTHONPATH=/more"], Binds=[f"{tmp_path}:/more:ro"])


def publish_later(project, worker, broker):
    """Three tasks that the worker takes because of their ETA, which is far away."""
    send = "from shop.tasks import work_late as t; [t.apply_async(('sleep', 0), countdown=600) for _ in range(3)]"
    code, _out, error = project.engine.execute(worker.id, ["python3", "-c", send])
    assert code == 0, error
    wait_for(lambda: broker.database(0).call("HLEN", "unacked") == 3)


def loaded_aside(project):
    return [line for line in project.host.commands if line.startswith("docker run")]


def test_a_waiting_task_that_the_candidate_lost_stops_the_deployment(project, live, tmp_path):
    worker, broker, url = live
    candidate = create_candidate(project, tmp_path, url)
    publish_later(project, worker, broker)
    journal = Notes()
    with pytest.raises(BluegreenError, match=r"does not register.*shop\.work_late \(3\)"):
        unknown_tasks.check(project.host, journal, [worker], [candidate], broker, "fail")
    assert "shop.work_late" in journal.data["task_names"]["old"]
    assert "shop.work_late" not in journal.data["task_names"]["candidate"]
    assert "shop.work" in journal.data["task_names"]["candidate"]
    unknown_tasks.check(project.host, journal, [worker], [candidate], broker, "hold")
    assert project.host.warnings == []


@pytest.mark.parametrize("busy, containers", [(False, 0), (True, 1)], ids=["it answers", "it is busy in the solo pool"])
def test_new_workers_are_asked_before_tasks_move_to_them(project, live, tmp_path, busy, containers):
    """Without a container that loads the app, as long as they answer; what they do not know is held either way."""
    worker, broker, _url = live
    redis, url = start_redis(project)
    candidate = create_candidate(project, tmp_path, url, "--pool=solo")
    publish_later(project, worker, broker)
    journal = Notes()
    assert unknown_tasks.check(project.host, journal, [worker], [candidate], broker, "hold", asks_later=True) == (
        False,
        None,
    )
    assert "shop.work_late" in journal.data["task_names"]["old"] and "candidate" not in journal.data["task_names"]
    project.engine.stop(worker.id)
    with Broker("green/redis", redis.addresses["bridge"], container=redis, engine=project.engine) as there:
        if busy:
            send = "from celery import Celery; import os; Celery(broker=os.environ['REDIS_URL']).send_task('shop.work')"
            assert project.engine.execute(redis.id, ["env", url, "python3", "-c", send])[0] == 0

        def start_worker():
            project.engine.start(candidate.id)
            # It takes the task in the moment in which it begins to consume.
            ready = (lambda: there.database(0).call("LLEN", "celery") == 0) if busy else (lambda: there.consumers(0))
            wait_for(ready)

        def ask():
            unknown_tasks.ask_new_workers(
                project.host, journal, [inspect_container(project.engine, candidate.id)], there
            )
            return unknown_tasks.known(journal, to_candidate=True)

        moved = broker_move.move(project.host, journal, broker, there, known=ask, before_messages=start_worker)
    assert (moved.parked, moved.left) == ({"shop.work_late": 3}, {})
    assert "shop.work_late" not in journal.data["task_names"]["candidate"]
    assert len(loaded_aside(project)) == containers
    assert project.others() == []
