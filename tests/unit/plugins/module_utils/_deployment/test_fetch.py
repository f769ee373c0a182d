# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With a program in Compose's place; tests/integration/compose has Compose itself."""

from __future__ import annotations

import threading
import time

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose.project import Project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import fetch as deployment_fetch
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError, Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Completed, Host
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.create import create_journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.step import Step
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.processes import is_alive
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.processes_called import called_with
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import facts

SERVICES = ["redis", "web"]


class Case:
    """An open deployment, and a program that is called as Compose is."""

    def __init__(self, monkeypatch, folder):
        self.folder = folder
        self.host = Host()
        self.store = Store("shop", self.host, str(folder / "lib"), str(folder / "run"))
        with self.store.lock("test"):
            journal = create_journal(self.store, "dep-1", "ada@laptop", facts())
            journal.done(Step.OPEN)
        self.env_file = self.store.env_file("green", "dep-1")
        with open(self.env_file, "w", encoding="utf-8") as target:
            target.write("TOKEN='topsecret'\n")
        monkeypatch.setenv("DOCKER_CONFIG", str(folder))
        monkeypatch.setattr(deployment_fetch, "PACE", 0.05)
        (folder / "cli-plugins").mkdir()

    def program(self, text):
        path = self.folder / "cli-plugins/docker-compose"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def fetch(self, pull="missing", build="policy", caller=("dep-1", 1)):
        project = Project("shop-green", str(self.folder), ["compose.yml"], ["cache"], [self.env_file])
        deployment_fetch.fetch(self.host, self.store, project, SERVICES, pull, build, caller)

    def meanwhile(self, act):
        """Act as soon as the program runs."""
        begun = self.folder / "begun"

        def wait():
            while not begun.exists():
                time.sleep(0.01)
            act()

        thread = threading.Thread(target=wait)
        thread.start()
        return thread

    def take_over(self):
        with self.store.lock("guard"):
            self.store.load().take_over()


@pytest.fixture
def case(monkeypatch, tmp_path):
    return Case(monkeypatch, tmp_path)


@pytest.mark.parametrize(
    "pull, build, words",
    [
        ("missing", "policy", "--pull missing --"),
        ("always", "policy", "--pull always --"),
        ("never", "never", "--pull never --no-build --"),
        ("missing", "always", "--pull missing --build --"),
    ],
)
def test_what_compose_is_told(case, pull, build, words):
    case.program(f'echo "$DOCKER_HOST $@" > {case.folder}/told')
    case.fetch(pull, build)
    assert (case.folder / "told").read_text() == (
        f"unix:///var/run/docker.sock compose --progress plain --ansi never --project-directory {case.folder} "
        f"--project-name shop-green --file compose.yml --profile cache --env-file {case.env_file} up --no-start "
        f"--force-recreate --no-deps --quiet-pull {words} redis web\n"
    )
    assert len(case.host.commands) == 1


def test_the_guard_knows_it_and_is_not_held_up(case):
    case.program(f"touch {case.folder}/begun; while [ ! -e {case.folder}/seen ]; do sleep 0.02; done")

    def act():
        with case.store.lock("guard"):
            if called_with("compose", case.env_file):
                (case.folder / "seen").touch()

    thread = case.meanwhile(act)
    case.fetch()
    thread.join()
    assert (case.folder / "seen").exists()


def test_it_shows_signs_of_life(case):
    with case.store.lock("test"):
        journal = case.store.load()
        journal.data["revert_after"] = 20
        journal.save()
        journal.data["lease"]["until"] -= 19
        case.store.save(journal.data)
    case.program("sleep 0.3")
    case.fetch()
    assert case.store.load().lease_left() > 15


def test_it_ends_with_the_deployment(case):
    case.program(f"echo $$ > {case.folder}/pid; touch {case.folder}/begun; exec sleep 60")
    thread = case.meanwhile(case.take_over)
    with pytest.raises(Fenced, match="taken over in the meantime"):
        case.fetch()
    thread.join()
    assert not is_alive((case.folder / "pid").read_text().strip())


def test_what_ends_while_the_deployment_is_taken_over_is_no_success(case):
    case.program(f"touch {case.folder}/begun; sleep 0.2")
    deployment_fetch.PACE = 60
    thread = case.meanwhile(case.take_over)
    with pytest.raises(Fenced, match="taken over in the meantime"):
        case.fetch()
    thread.join()


def test_nothing_is_run_for_a_deployment_that_is_over(case):
    case.program(f"touch {case.folder}/begun")
    with pytest.raises(Fenced):
        case.fetch(caller=("dep-0", 1))
    assert not (case.folder / "begun").exists()


SAID = [
    (
        " web Error toomanyrequests: You have reached your pull rate limit.\nError response from daemon: "
        "toomanyrequests: You have reached your pull rate limit.",
        "(web): toomanyrequests: You have reached your pull rate limit: log in to the registry on this host as root "
        "(sudo docker login), or deploy again later.",
    ),
    (
        "Error response from daemon: pull access denied for app, repository does not exist or may require 'docker "
        "login'",
        "pull access denied for app, repository does not exist or may require 'docker login': correct image: in the "
        "Compose file, or log in to the registry on this host as root (sudo docker login).",
    ),
    (
        "Error response from daemon: manifest for app:3 not found: manifest unknown: manifest unknown",
        "manifest for app:3 not found: manifest unknown: manifest unknown: push that image, or correct image: in the "
        "Compose file.",
    ),
    (
        "failed to register layer: write /usr/lib/x: no space left on device",
        "failed to register layer: write /usr/lib/x: no space left on device: free disk space on this host (docker "
        "system df shows its use), then deploy again.",
    ),
    (
        'Error response from daemon: Get "https://r/v2/": dial tcp 192.0.2.1:443: connect: no route to host',
        'Get "https://r/v2/": dial tcp 192.0.2.1:443: connect: no route to host: make sure that this host reaches the '
        "registry, or load the image there by hand.",
    ),
    (
        '#7 ERROR: process "/bin/sh -c false" did not complete successfully: exit code: 1\nfailed to solve: process '
        '"/bin/sh -c false" did not complete successfully: exit code: 1',
        'failed to solve: process "/bin/sh -c false" did not complete successfully: exit code: 1: correct the '
        "Dockerfile, or make sure that its build reaches the network.",
    ),
    ("something new", "something new."),
    ("couldn't use topsecret", "couldn't use (hidden)."),
    ("", "it gave no reason."),
]


@pytest.mark.parametrize("said, told", SAID)
def test_what_compose_says_is_one_sentence(case, said, told):
    (case.folder / "said").write_text(said)
    case.program(f"cat {case.folder}/said >&2; exit 1")
    with pytest.raises(BluegreenError) as refusal:
        case.fetch()
    told = f" {told}" if told.startswith("(") else f": {told}"
    assert refusal.value.message == f"Compose could not create the containers of project shop-green{told}"
    lines = refusal.value.details["logs"]["docker compose up"]
    assert lines == [line.replace("topsecret", "(hidden)") for line in said.splitlines()]


def test_a_compose_that_was_ended_from_outside(case):
    assert deployment_fetch._failure("shop-green", SERVICES, Completed(-9, "", ""), " web Pulling\n").message == (
        "Compose could not create the containers of project shop-green: it was ended by signal 9."
    )
