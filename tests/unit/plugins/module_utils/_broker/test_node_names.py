# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import node_names
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import inspect_container
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._process import Process
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost

WORKER = ["python", "/usr/bin/celery", "-A", "shop", "worker"]


@pytest.mark.parametrize(
    "argv, name",
    [
        (WORKER, "celery@web.example.org"),
        ([*WORKER, "-n", "mails@%h"], "mails@web.example.org"),
        ([*WORKER, "--hostname", "mails@%n.%d"], "mails@web.example.org"),
        ([*WORKER, "--hostname=mails"], "celery@mails"),
        ([*WORKER, "-nw%i@%%"], "w0@%"),
        ([*WORKER, "-n", "%n@%x"], "web@%x"),
        (["[celeryd: mails@web:MainProcess] -active- (worker -A shop)"], "mails@web"),
        (["python", "/usr/bin/celery", "-A", "shop", "beat"], ""),
        (["gunicorn", "--workers", "4"], ""),
    ],
)
def test_the_name_that_celery_makes(argv, name):
    assert node_names.name_of(argv, "web.example.org") == name


@pytest.fixture
def nodes(monkeypatch):
    def found(*argvs, **config):
        host = FakeHost()
        host.engine.add("worker", **{f"Config__{key}": value for key, value in config.items()})
        processes = [Process(10 + number, 1, "celery", argv) for number, argv in enumerate(argvs)]
        monkeypatch.setattr(node_names, "processes_of", lambda _pid: processes)
        return node_names.nodes_of(host, [inspect_container(host.engine, "blue-worker")])

    return found


def test_a_worker_goes_by_the_name_of_its_container(nodes):
    ours = nodes(WORKER, Hostname="1a2b")
    assert ours.owns("celery@1a2b") and not ours.owns("celery@blog") and not ours.owns("mails@1a2b")
    assert ours.all_in({"celery@1a2b": 1}) and not ours.all_in({"celery@blog": 1})


def test_several_workers_in_one_container_have_all_to_answer(nodes):
    ours = nodes([*WORKER, "-n", "a@%h"], [*WORKER, "-n", "b@%h"], Hostname="1a2b")
    assert not ours.all_in({"a@1a2b": 1}) and ours.all_in({"a@1a2b": 1, "b@1a2b": 2})


def test_with_the_network_of_the_host_only_the_names_tell(nodes):
    ours = nodes([*WORKER, "-n", "shop@%h"], Hostname="pi")
    assert ours.owns("shop@pi") and not ours.owns("blog@pi")


def test_where_its_processes_show_no_worker_the_host_does(nodes):
    ours = nodes(["python", "run.py"], Hostname="1a2b")
    assert ours.owns("celery@1a2b") and ours.owns("mails@1a2b") and not ours.owns("celery@blog")
    assert ours.all_in({"mails@1a2b": 1})


def test_engines_differ_in_what_they_make_of_a_domain(nodes):
    ours = nodes(WORKER, Hostname="web", Domainname="example.org")
    assert ours.owns("celery@web") and ours.owns("celery@web.example.org")
    assert ours.all_in({"celery@web.example.org": 1})


@pytest.mark.parametrize(
    "argvs, number",
    [
        ([["celery", "-A", "shop", "beat"]], 0),
        ([["[celery beat]"]], 0),
        ([WORKER + ["-B"]], 1),
        ([WORKER, ["celery", "-A", "shop", "beat"]], 1),
        ([["python", "run.py"]], 1),
    ],
    ids=["beat", "beat with a title", "a worker that is a beat too", "both in one container", "nobody knows"],
)
def test_nobody_waits_for_the_answer_of_a_beat(nodes, argvs, number):
    assert len(nodes(*argvs)) == number


def test_without_a_container_there_is_nobody():
    assert not node_names.Nodes([])
