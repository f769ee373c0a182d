# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every state of the journal × what the host may show × every command: none of them is a dead end.

Each command either ends with the host on one healthy color and no deployment open, or its sentence names a command that
leads there; that is followed. Where neither color is healthy, Nginx is broken or a broker does not answer, it leads
there once somebody has repaired that, or it gives the deployment up so that the next release can be deployed.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pickle
import re
from typing import NamedTuple

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _settings
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import move as broker_move
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import (
    approval,
    finish as deployment_finish,
    open as deployment_open,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._guard import (
    main as guard_module,
    watch as guard_watch,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._guard.main import Guard
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._http import Answer
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install import guard_units
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import (
    journal as journals,
    schema as journal_schema,
    settings_file,
    store as journal_store,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.schema import STEPS
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    public_requests,
    switch as nginx_switch,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery import (
    recover as recovery,
    rollback,
    rollback_preflight,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery.request import Request
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.deployment_states import (
    keep_new_color,
    recover_abandoned,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import LISTS

# How deep advice is followed: a command, what its refusal names, and what the refusal of that names.
DEPTH = 3
CUTOVER = STEPS.index("cutover")


class State(NamedTuple):
    """One state of the journal, and what the host shows."""

    step: str
    done: bool = True
    back: bool = False
    result: str = ""
    nginx: str = "candidate"  # or old, neither, down
    old: str = "healthy"  # or ill, gone
    candidate: str = "healthy"  # or ill, gone
    brokers: bool = True  # whether they answer
    old_web: str = "running"  # or stopped
    throttled: bool = False  # whether the old workers were only slowed down
    owner: bool = False  # whether somebody showed a sign of life a moment ago
    over: bool = False  # whether the time for the approval is over, and the guard is to go back then

    def can_be_whole(self):
        """Whether a color is healthy, or becomes so when it is started, to which Nginx leads or can be led."""
        if self.nginx == "down":
            return False
        # The old color does not go before its broker is proved empty.
        forward = (
            self.candidate == "healthy"
            and self.brokers
            and self.nginx != "neither"
            and STEPS.index(self.step) >= CUTOVER
        )
        if self.step == "finish" and self.candidate != "gone":
            # An approved deployment is not undone.
            return forward
        return self.old == "healthy" or forward


class Place(NamedTuple):
    """Where a walk has got to; ``facts`` are all that decides what comes next."""

    facts: tuple
    ends_well: bool


class Command(NamedTuple):
    name: str
    release: str = ""


class MemoryStore(journal_store.Store):
    """The journal without a disk, written and read by the schema; the lock locks nobody out."""

    text = ""

    @contextlib.contextmanager
    def lock(self, purpose, wait=0):
        yield

    def load(self):
        if not self.text:
            return None
        return journals.Journal(self, journal_schema.journal(self.text.encode(), self.app))

    def save(self, data):
        self.text = json.dumps(journal_schema.tidied(data))
        self._mark_lease()

    def remove_journal(self):
        self.text = ""


class World(Scene):
    """A host in a state; it can be put back to where it was, to try another command."""

    def __init__(self, monkeypatch, folder):
        super().__init__(monkeypatch, folder)
        self.on_disk = self.store
        self.store = MemoryStore("shop", self.host, root=str(folder / "lib"), run_root=str(folder / "run"))
        self.works = self.answer = True
        self.said = []
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)
        monkeypatch.setattr(journals, "used_memory", lambda: 0)
        monkeypatch.setattr(rollback, "end_called_with", lambda *args: [])
        monkeypatch.setattr(guard_module, "called_with", lambda *args: [])
        monkeypatch.setattr(guard_units, "has_systemd", lambda: False)
        monkeypatch.setattr(guard_watch._http, "ask", self._ask)
        monkeypatch.setattr(rollback_preflight.host_memory, "available_memory", lambda: 2**40)
        monkeypatch.setattr(deployment_open, "Preflight", _Preflight)
        monkeypatch.setattr(deployment_open, "result", lambda preflight, **facts: facts)
        monkeypatch.setattr(public_requests, "served_color", self._served)
        switch = nginx_switch.switch

        def proved(host, journal, nginx, color, *args, **kwargs):
            self._require_nginx()
            if color and self._web(color) != "running":
                raise BluegreenError(f"Nginx was not moved to {color}: no request reached it.")
            switch(host, journal, nginx, color, *args, **kwargs)
            cutover = journal.get("cutover")
            if cutover:
                journal.note(cutover={**cutover, "color": color, "proved": color or ""})

        monkeypatch.setattr(nginx_switch, "switch", proved)
        move = broker_move.move

        def moved(*args, **kwargs):
            if not self.answer:
                raise BluegreenError("The broker does not answer.")
            return move(*args, **kwargs)

        monkeypatch.setattr(broker_move, "move", moved)
        for broker in self.brokers.values():
            broker.answers = lambda: self.answer

    # The host

    def _web(self, color):
        return self.engine.inspected.get(f"{color}-web", {"State": {"Status": "gone"}})["State"]["Status"]

    def _require_nginx(self):
        if not self.works:
            raise BluegreenError("Nginx does not run, or refuses its configuration: repair that first.")

    def _served(self, host, nginx):
        self._require_nginx()
        # The proof goes by requests that reach the color's port.
        return self.served if self.served and self._web(self.served) == "running" else None

    def well(self, color):
        return color and color not in self.unhealthy and self._web(color) == "running"

    def _ask(self, clock, url, *args):
        color = {18001: "blue", 18002: "green"}.get(url.port, self.served)
        return Answer(200, "", 0.01) if self.well(color) else Answer(0, "connection refused", 0.0)

    # States

    def enter(self, state):
        """Bring the host into a state from the beginning."""
        self.engine.inspected.clear()
        del self.calls[:], self.host.warnings[:], self.said[:]
        for name in os.listdir(self.store.folder):
            os.remove(self.store.path(name))
        self.store.text = ""
        self.host.clock.now = 1000.0
        self.state, self.works, self.answer = state, state.nginx != "down", state.brokers
        self.served = {"candidate": "green", "old": "blue", "down": "green"}.get(state.nginx, "")
        if state.nginx == "down" and STEPS.index(state.step) < CUTOVER:
            self.served = "blue"
        self.unhealthy = {color for color, how in (("blue", state.old), ("green", state.candidate)) if how == "ill"}
        for broker in self.brokers.values():
            broker.tasks, broker.staged = {}, {}
        reached = STEPS.index(state.step)
        # After a way back that failed the old workers work.
        failed_back = state.back and state.result == "failed"
        old_work = (
            reached < STEPS.index("stop_workers") or failed_back or state.throttled and reached < STEPS.index("settle")
        )
        if state.old != "gone":
            work = "running" if old_work else "exited"
            stopped = state.old_web == "stopped" and reached >= STEPS.index("handover")
            self.color("blue", worker=work, beat=work, **({"web": "exited"} if stopped else {}))
        if state.candidate != "gone" and reached > 0:
            up = "running" if reached >= STEPS.index("start_candidate") else "created"
            works = "created" if reached < STEPS.index("start_workers") else "exited" if failed_back else "running"
            self.color("green", up, worker=works, beat=works)
        self.brokers["green"].tasks = (
            {"celery": 2} if reached >= STEPS.index("handover") and state.candidate != "gone" else {}
        )
        self._open(state, reached)

    def _open(self, state, reached):
        facts = {"old_web": state.old_web, "on_timeout": "rollback", "approval_timeout": 600}
        if state.old_web == "stopped":
            facts["memory_budget"] = dict.fromkeys(("free", "web", "support", "workers", "app", "oom_kills"), 1)
        facts["old_containers"] = [
            {"id": f"blue-{service}", "name": f"shop-blue-{service}-1", "service": service}
            for service in ("web", "redis", "worker", "beat")
        ]
        if reached >= CUTOVER and (state.step != "cutover" or state.done):
            facts["cutover"] = {
                "color": self.served or "green",
                "nginx_workers": [],
                "proved": self.served or "green",
                "file": str(self.file),
                "backup": str(self.file.parent / f".{self.file.name}.before-dep-1"),
            }
        journal = self.deployment(state.step, state.done, **facts)
        live = of_project(self.engine, "shop-blue")
        policies = {container.service: container.restart_policy for container in live}
        settings_file.write(self.store, _settings.from_journal(journal.data).journaled(), policies, None)
        if state.step == "awaiting_approval":
            approval.begin(journal)
        if state.over:
            self.host.clock.now += 601
        if state.back or state.result:
            journal.note(rolling_back=state.back, result=state.result, reason="some reason" if state.back else "")
        if not state.owner:
            # Long gone; a deployment that awaits approval has none.
            journal.data["lease"]["until"] = 0.0
            self.store.save(journal.data)

    def kept(self):
        """All that a command may change."""
        files = {}
        for name in os.listdir(self.store.folder):
            with open(self.store.path(name), "rb") as source:
                files[name] = source.read()
        tasks = {color: (dict(each.tasks), dict(each.staged)) for color, each in self.brokers.items()}
        files[""] = getattr(self.store, "text", "")
        return (
            files,
            pickle.dumps(self.engine.inspected),
            tasks,
            self.served,
            set(self.unhealthy),
            self.works,
            self.answer,
            (self.host.clock.now),
        )

    def put_back(self, kept):
        files, inspected, tasks, self.served, unhealthy, self.works, self.answer, self.host.clock.now = kept
        files = dict(files)
        self.store.text = files.pop("")
        self.unhealthy = set(unhealthy)
        for name in os.listdir(self.store.folder):
            if name not in files:
                os.remove(self.store.path(name))
        for name, content in files.items():
            with open(self.store.path(name), "wb") as target:
                target.write(content)
        self.store._is_torn = False
        self.engine.inspected = pickle.loads(inspected)
        for color, (waiting, staged) in tasks.items():
            self.brokers[color].tasks, self.brokers[color].staged = dict(waiting), dict(staged)
        del self.calls[:], self.host.warnings[:], self.said[:]

    def repair(self):
        """Do what a sentence asks for: Nginx runs again, brokers answer, and a color that exists is healthy."""
        self.works = self.answer = True
        self.unhealthy = set()
        self.state = self.state._replace(nginx="candidate" if self.state.nginx == "down" else self.state.nginx)
        if not self.served:
            journal = None
            with contextlib.suppress(BluegreenError):
                journal = self.store.load()
            self.served = (journal and (journal.get("cutover") or {}).get("proved")) or "blue"

    # Commands

    def run(self, command):
        """The sentence that a command was refused with, or ``None`` where it did what it does."""
        try:
            return getattr(self, f"_run_{command.name}")(command.release)
        except BluegreenError as error:
            return error.message

    def _run_finish(self, release):
        params = {"deployment_id": "", "epoch": 0, "release": release, "owner": ""}
        deployment_finish.finish_deployment(self.host, self.store, params, False, keep_new_color)

    def _run_rollback(self, release):
        self._recover("rollback", release)

    def _run_recover(self, release):
        self._recover("", "")

    def _recover(self, prefer, release):
        given = Request(prefer=prefer, reason="somebody", release=release)
        recovery.recover(self.host, self.store, given, False)

    def _run_deploy(self, release):
        params = {**_Preflight.PARAMS, "release": release or "3"}
        deployment_open.open_deployment(self.host, self.store, params, False, recover_abandoned)

    def _run_guard(self, release):
        guard = Guard(self.host, self.store, self.said.append)
        for dummy in range(4):
            pause = guard.turn()
            if pause is None:
                return None
            self.host.clock.sleep(pause)
        # What it could not do it says in its log, and it goes on trying.
        refused = [sentence for sentence in self.said if "ansible-playbook" in sentence or ".yml" in sentence]
        return refused[-1] if refused else "The guard waits: status.yml."

    # Ends

    def fingerprint(self):
        journal = self.store.load()
        noted = ()
        if journal:
            noted = tuple(journal[key] for key in ("step", "done", "rolling_back", "result")) + (
                journal.get("guard"),
                journal.has_owner(),
                journal.get("not_taken_back"),
                approval.is_over(journal),
                journal.get("old_web"),
                (journal.get("cutover") or {}).get("proved"),
                tuple(sorted(journal["signalled"])),
            )
        shown = tuple(
            (each, self.engine.state(each), self.engine.policy(each)) for each in sorted(self.engine.inspected)
        )
        tasks = tuple(tuple(sorted(each.tasks.items())) for each in self.brokers.values())
        return Place(
            (noted, shown, tasks, self.served, tuple(sorted(self.unhealthy)), self.works, self.answer),
            self._ends_well(journal),
        )

    def _ends_well(self, journal):
        """No deployment is open, and one color is served and healthy, and only its workers run.

        If no color can be that, the deployment was given up, so that the next release can be deployed.
        """
        if journal:
            return False
        if not self.state.can_be_whole():
            return True
        return bool(self.well(self.served)) and self._workers_of() == {self.served}

    def _workers_of(self):
        return {
            color for color in ("blue", "green") for service in ("worker", "beat")
            if f"{color}-{service}" in self.engine.inspected and self.engine.state(f"{color}-{service}") == "running"
        }  # fmt: skip


class _Preflight:
    """A plan in which nothing else stands against a deployment."""

    PARAMS = {
        **dict.fromkeys(("deployment_id", "owner", "prefer"), ""),
        "app": "shop", "colors": {}, "services": LISTS, "broker": {}, "nginx": {}, "health": {}, "keep_keys": [],
        "revert_after": 900, "approval_timeout": 600,
    }
    kept, live, up_to_date = False, "", True

    def __init__(self, host, store, settings, params):
        self.params = params

    def is_pending(self, journal):
        return journal["release"] == self.params["release"]

    def run(self):
        pass


COMMANDS = [Command("deploy"), Command("finish"), Command("rollback"), Command("recover"), Command("guard")]
_NAMED = re.compile(r"smallfleet\.bluegreen\.(\w+)(?: -e bluegreen_release=([\w-]+(?:\.\w+)*))?|\b(\w+)\.yml")


def named_in(sentence):
    """The commands that a sentence names as a way on."""
    found = []
    for playbook, release, short in _NAMED.findall(sentence):
        command = Command(playbook or short, release)
        if command.name in ("deploy", "finish", "rollback", "recover") and command not in found:
            found.append(command)
    return found


ENDING = [Command("rollback"), Command("finish", "2")]
REPAIR = "repair"


class Walk:
    """What each command makes of each state, tried once."""

    def __init__(self, world):
        self.world = world
        self.snapshots = {}
        self.results = {}

    def enter(self, state):
        self.world.enter(state)
        return self._here()

    def _here(self):
        key = self.world.fingerprint()
        if key not in self.snapshots:
            self.snapshots[key] = self.world.kept()
        return key

    def take(self, key, command):
        """``(the sentence of the refusal or None, where that led to)``"""
        if (key, command) not in self.results:
            self.world.put_back(self.snapshots[key])
            sentence = self.world.repair() if command == REPAIR else self.world.run(command)
            self.results[key, command] = sentence, self._here()
        return self.results[key, command]

    def leads_on(self, key, commands, depth=DEPTH):
        """Whether one of the commands ends well, or names one that does."""
        for command in commands:
            sentence, there = self.take(key, command)
            if there.ends_well:
                return True
            if depth > 1 and self.leads_on(there, named_in(sentence or "") or ENDING, depth - 1):
                return True
        return False

    def repaired(self, key):
        return self.take(key, REPAIR)[1]


# All of it takes minutes; what is left out by default differs from its neighbors in what has no bearing on it.
EVERYTHING = bool(os.environ.get("BLUEGREEN_WALK_ALL"))
# Steps between which nothing decides.
ALIKE = (
    ("open", "fetch"),
    ("stop_workers", "start_candidate", "health"),
    ("handover", "start_workers", "settle"),
)


def states_of(step):
    """The states of a step that can be."""
    index = STEPS.index(step)
    dones = (False, True) if step == "cutover" else (step == "awaiting_approval",)
    backs = (False,) if step == "finish" else (False, True)
    nginxes = ("candidate", "old", "neither", "down") if index >= CUTOVER else ("old", "down")
    shows = itertools.product(nginxes, ("healthy", "ill", "gone"), ("healthy", "ill", "gone") if index else ("gone",))
    family = next((steps for steps in ALIKE if step in steps), (step,))
    number = 0
    for (nginx, old, candidate), done, back, result in itertools.product(shows, dones, backs, ("", "failed")):
        base = State(step, done, back, result, nginx, old, candidate)
        further = []
        if nginx in ("candidate", "old") and not result and old != "gone" and candidate != "gone":
            further.append(base._replace(brokers=False))
            if index >= STEPS.index("handover"):
                further.append(base._replace(old_web="stopped"))
            if index >= STEPS.index("stop_workers") and not back:
                further.append(base._replace(throttled=True))
            if not back and step != "awaiting_approval":
                further.append(base._replace(owner=True))
            if step == "awaiting_approval" and not back:
                further.append(base._replace(over=True))
        for state in [base, *further]:
            number += 1
            if EVERYTHING or number % len(family) == family.index(step):
                yield state


@pytest.fixture
def world(monkeypatch, tmp_path):
    return World(monkeypatch, tmp_path)


@pytest.mark.parametrize("step", STEPS)
def test_no_state_is_a_dead_end(world, step):
    walk, wrong = Walk(world), []
    for state in states_of(step):
        here, found = walk.enter(state), False
        for command in COMMANDS:
            sentence, there = walk.take(here, command)
            ways = named_in(sentence or "") or ENDING
            way = there.ends_well or walk.leads_on(there, ways)
            found = found or way
            if not way and not walk.leads_on(walk.repaired(there), ways):
                wrong.append((state, command.name, sentence))
        if not found and state.can_be_whole():
            wrong.append((state, "none of them", ""))
    assert not wrong, "\n".join(map(str, wrong[:12])) + f"\n{len(wrong)} in all"


def damage(world):
    for name in ("deployment.json", "deployment.json.previous"):
        with open(world.store.path(name), "w", encoding="utf-8") as target:
            target.write("{torn")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each.name)
@pytest.mark.parametrize("nginx", ["candidate", "old", "neither", "down"])
@pytest.mark.parametrize("step", ["health", "handover", "awaiting_approval", "finish"])
def test_a_damaged_journal_is_no_dead_end(world, step, nginx, command):
    """Its workers and no others run in the end, and nothing stands against the next deployment but the other web."""
    world.store = world.on_disk
    world.enter(State(step, nginx=nginx))
    damage(world)
    sentence = world.run(command)
    if sentence is None and command.name != "deploy":
        assert world.store.load() is None
    else:
        ways = named_in(sentence)
        assert ways == [Command("recover")] or command.name == "guard", sentence
        world.repair()
        assert world.run(Command("recover")) is None
    assert world.store.load() is None
    # A beat or worker that was created and never started belongs to nobody.
    assert set(world._workers_of()) == {world.served}
    assert world.run(Command("deploy")) is None


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each.name)
def test_where_nothing_is_open_nothing_is_refused(world, command):
    world.enter(State("open", candidate="gone", nginx="old"))
    world.run(Command("rollback"))
    before = world.kept()[1:]
    assert world.run(command) is None
    assert world.kept()[1:] == before
