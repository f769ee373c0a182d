# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release is deployed as it was typed, or it is refused: by Ansible itself, up to the first look at a host."""

from __future__ import annotations

import json
import os
import sys

import pytest
import yaml
from ansible.release import __version__ as core

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), *[".."] * 4))
sys.path.insert(0, os.path.join(ROOT, "tests", "system", "awx"))

from extra_variables import written  # noqa: E402  pylint: disable=wrong-import-position

CORE = tuple(int(part) for part in core.split(".")[:2])
TYPED = ("1.10", "0123", "on", "12:30", "2026-11-29", "1e3")
# Left to the long run, because each starts ansible-playbook. test__labels.py tries the same labels without it.
MORE = ("null", "~", "0x1F", "1_000", ".5", "yes", "True", "1.0e+3", "1.4.2")
APP = {"bluegreen_app": "shop", "bluegreen_project_src": "/srv/shop"}
CHECK = {"ansible.builtin.include_role": {"name": "smallfleet.bluegreen.bluegreen", "tasks_from": "check"}}
# As a user's own variables have it, too.
TELL = {
    "ansible.builtin.copy": {
        "dest": "{{ told }}", "content": "{{ [bluegreen_release | string, wrapped.tag | string, 'x'] | to_json }}",
    },
    "vars": {"wrapped": {"tag": "shop:{{ bluegreen_release }}"}},
}
OWN = ({"hosts": "all", "gather_facts": False, "vars": APP, "tasks": [CHECK, TELL]},)
# What loads the collection's playbooks loads what belongs to them, though nothing of this one is run.
OURS = ({"ansible.builtin.import_playbook": "smallfleet.bluegreen.recover", "when": False}, *OWN)


class Run:
    def __init__(self, folder, ansible_playbook):
        self._folder, self._ansible_playbook = folder, ansible_playbook
        self.text = ""

    def release(self, *options, plays=OURS, inventory="", **environment):
        """The release that would be deployed; ``None`` where it is refused."""
        hosts = inventory or "all: {hosts: {pi: {}}}"
        files = {"play.yml": yaml.safe_dump(list(plays)), "inventory.yml": hosts, "told": ""}
        for name, content in files.items():
            (self._folder / name).write_text(content, encoding="utf-8")
        argv = ["-i", "inventory.yml", "-c", "local", "play.yml"]
        argv += ["-e", json.dumps({"ansible_python_interpreter": sys.executable, "told": str(self._folder / "told")})]
        argv += [part for option in options for part in ("-e", option)]
        ran = self._ansible_playbook(self._folder, *argv, ANSIBLE_REMOTE_TEMP=str(self._folder / "tmp"), **environment)
        self.text = ran.stdout + ran.stderr
        assert "Traceback" not in self.text and "WARNING" not in self.text, self.text
        told = (self._folder / "told").read_text(encoding="utf-8")
        assert bool(told) == (ran.returncode == 0), self.text
        if not told:
            return None
        release, wrapped, dummy = json.loads(told)
        assert wrapped == f"shop:{release}"
        return release

    def file(self, content):
        (self._folder / "extravars").write_text(content, encoding="utf-8")
        return f"@{self._folder / 'extravars'}"


@pytest.fixture
def run(tmp_path, ansible_playbook):
    return Run(tmp_path, ansible_playbook)


@pytest.mark.parametrize("typed", [*TYPED, "", *(pytest.param(each, marks=pytest.mark.long) for each in MORE)])
def test_awx_deploys_what_was_typed(run, typed):
    assert run.release(run.file(written({"bluegreen_release": typed}))) == typed, run.text


@pytest.mark.parametrize(
    "option, typed",
    [
        ("{bluegreen_release: '1.10'}", "1.10"),
        ('{"bluegreen_release": "on"}', "on"),
        ("bluegreen_release=1.10", "1.10"),
        ("bluegreen_release=2026-11-29", "2026-11-29"),
    ],
)
def test_text_on_the_command_line_stays_text(run, option, typed):
    assert run.release(option) == typed, run.text


@pytest.mark.parametrize("typed", ["1.10", "on", "null"])
def test_what_the_template_in_awx_says_itself_is_text(run, typed):
    variables = run.file(written({"bluegreen_release": typed}, trusted=["bluegreen_release"]))
    assert run.release(variables) == typed, run.text


@pytest.mark.parametrize("typed", ["1.10", "0123", "on", "2026-11-29", "1e3", "null"])
def test_without_quotes_it_is_text_or_refused(run, typed):
    got = run.release(run.file(f"bluegreen_release: {typed}"))
    assert got == (typed if typed == "1e3" else None)
    # Before ansible-core 2.19 it has a sentence of its own for nothing at all.
    if got is None and not (typed == "null" and CORE < (2, 19)):
        said = " ".join(run.text.replace('\\"', '"').split())
        assert f'not text. Nothing was done. Write it in quotes, bluegreen_release: "{typed}", or' in said


@pytest.mark.parametrize("option", ['{"bluegreen_release": 1.10}', "{bluegreen_release: 1.10}"])
def test_a_number_is_refused_also_after_text(run, option):
    assert run.release(run.file(written({"bluegreen_release": "1.10"})), option) is None
    assert "bluegreen_release is 1.1 (a number), not text. Nothing was done." in run.text


def test_a_number_in_the_inventory_is_refused_unless_text_is_given(run):
    inventory = "all: {hosts: {pi: {bluegreen_release: 1.10}}}"
    assert run.release(inventory=inventory) is None
    assert 'bluegreen_release is 1.1 (a number), not text. Nothing was done. Write it in quotes' in run.text
    assert run.release(run.file(written({"bluegreen_release": "1.10"})), inventory=inventory) == "1.10"


# Where nobody answers.
OFF = "all: {hosts: {pi: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}}}"


@pytest.mark.parametrize("playbook", ["deploy", "finish", "rollback"])
def test_every_playbook_that_takes_a_release_refuses_a_number(run, playbook):
    ours = [{"ansible.builtin.import_playbook": f"smallfleet.bluegreen.{playbook}", "vars": APP}]
    assert run.release("{bluegreen_release: 1.10}", plays=ours, inventory=OFF) is None
    assert "bluegreen_release is 1.1 (a number), not text. Nothing was done." in run.text


@pytest.mark.parametrize("entry_point", ["main", "plan", "deploy", "finish", "undo", "rollback"])
def test_every_entry_point_that_takes_a_release_refuses_a_number(run, entry_point):
    role = {"name": "smallfleet.bluegreen.bluegreen", "tasks_from": entry_point}
    plays = [{**OWN[0], "tasks": [{"ansible.builtin.include_role": role}]}]
    assert run.release("{bluegreen_release: 1.10}", plays=plays, inventory=OFF) is None
    assert "bluegreen_release is 1.1 (a number), not text. Nothing was done." in run.text


VARIABLES = os.path.join(ROOT, "roles", "bluegreen", "vars", "main.yml")
NAMED = (
    {
        "ansible.builtin.copy": {
            "dest": "{{ told }}", "content": "{{ [_bluegreen_named, 'shop:' ~ _bluegreen_named, 'x'] | to_json }}",
        },
    },
)  # fmt: skip


@pytest.mark.parametrize(
    "given, inventory, named",
    [
        (["bluegreen_release=1.10"], "'3'", "1.10"),
        (['{"bluegreen_release": "0.9"}'], "1.10", "0.9"),
        # It stands there for deployments: the release that is live, or the next one.
        ([], "'2'", ""),
        (["unrelated=2"], "'2'", ""),
        ([], "1.10", ""),
        (["bluegreen_release="], "'2'", ""),
    ],
)
def test_a_rollback_goes_by_the_release_that_its_command_names(run, given, inventory, named):
    tasks = [{"ansible.builtin.include_vars": VARIABLES}, *NAMED]
    plays = [{"hosts": "all", "gather_facts": False, "vars": APP, "tasks": tasks}]
    inventory = f"all: {{hosts: {{pi: {{bluegreen_release: {inventory}}}}}}}"
    assert run.release(*given, plays=plays, inventory=inventory) == named, run.text


def test_what_awx_was_given_names_it_too(run):
    tasks = [{"ansible.builtin.include_vars": VARIABLES}, *NAMED]
    plays = [OURS[0], {"hosts": "all", "gather_facts": False, "vars": APP, "tasks": tasks}]
    assert run.release(run.file(written({"bluegreen_release": "1.10"})), plays=plays) == "1.10"


@pytest.mark.parametrize("entry_point", ["undo", "rollback"])
def test_a_way_back_is_not_refused_for_a_release_that_is_no_text(run, entry_point):
    role = {"name": "smallfleet.bluegreen.bluegreen", "tasks_from": entry_point}
    plays = [{**OWN[0], "tasks": [{"ansible.builtin.include_role": role}]}]
    inventory = OFF.replace("{ansible_connection", "{bluegreen_release: 1.10, ansible_connection")
    assert run.release(plays=plays, inventory=inventory) is None
    assert "UNREACHABLE" in run.text and "not text" not in run.text


@pytest.mark.parametrize("prefer, refused", [("rollback", False), ("", True)])
def test_the_plan_of_a_way_back_is_not_refused_for_it_either(run, prefer, refused):
    labels = os.path.join(ROOT, "roles", "bluegreen", "tasks", "parts", "check_labels.yml")
    prepared = {"ansible.builtin.include_vars": VARIABLES}
    tasks = [prepared, {"ansible.builtin.include_tasks": labels, "vars": {"_bluegreen_prefer": prefer}}, TELL]
    plays = [{"hosts": "all", "gather_facts": False, "vars": APP, "tasks": tasks}]
    got = run.release(plays=plays, inventory="all: {hosts: {pi: {bluegreen_release: 1.10}}}")
    assert got == (None if refused else "1.1"), run.text


def test_the_app_is_a_label_too(run):
    # It takes the place of the play's own.
    assert run.release('{"bluegreen_app": true}') is None
    assert "bluegreen_app is true (a boolean), not text" in run.text


def test_a_playbook_of_ones_own_deploys_what_was_typed_or_refuses_it(run):
    got = run.release(run.file(written({"bluegreen_release": "1.10"})), plays=OWN)
    assert got == ("1.10" if CORE < (2, 19) else None)
    assert got or "AWX passed it as text, but only the collection's own playbooks keep it as it was typed" in run.text


@pytest.mark.skipif(CORE >= (2, 19), reason="It cannot be set any more.")
def test_templates_that_change_text_are_refused(run):
    assert run.release("bluegreen_release=1.10", ANSIBLE_JINJA2_NATIVE="True") is None
    assert "bluegreen_release is '1.10', but jinja2_native turns it into 1.1 (a number) in each template" in run.text
    assert run.release("bluegreen_release=1.4.2", ANSIBLE_JINJA2_NATIVE="True") == "1.4.2"
