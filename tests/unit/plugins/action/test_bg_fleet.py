# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook status.yml, as a user runs it, on hosts that need no Docker Engine because none can be looked at."""

from __future__ import annotations

import json
import sys

import pytest
import yaml

# Nothing listens on this port.
NOBODY = {"ansible_host": "127.0.0.1", "ansible_port": 1}
# Its module runs here and refuses the app's name before it looks at anything.
REFUSED = {"ansible_connection": "local", "bluegreen_app": "Shop"}
VARIABLES = {
    "bluegreen_app": "shop",
    "bluegreen_project_src": "/srv/shop",
    "ansible_become": False,
    "ansible_python_interpreter": sys.executable,
}


@pytest.fixture
def play(tmp_path, ansible_playbook):
    def run(hosts, *arguments, playbook="smallfleet.bluegreen.status"):
        inventory = tmp_path / "inventory.yml"
        inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": VARIABLES}}), encoding="utf-8")
        return ansible_playbook(tmp_path, "-i", str(inventory), playbook, *arguments, COLUMNS="500")

    return run


def test_hosts_that_cannot_be_looked_at_are_shown_and_the_exit_code_is_4(play, tmp_path):
    ran = play({"pi-1": NOBODY, "pi-2": REFUSED}, "-e", "bluegreen_report=fleet.json")
    assert ran.returncode == 4, ran.stdout + ran.stderr
    lines = [line.split() for line in ran.stdout.splitlines()]
    assert ["pi-1", "shop", "unreachable", *["-"] * 10] in lines
    assert ["pi-2", "Shop", "degraded", *["-"] * 10] in lines
    assert "2 hosts: 0 healthy, 0 in progress, 2 degraded." in ran.stdout.splitlines()
    first, second = json.loads((tmp_path / "fleet.json").read_text(encoding="utf-8"))["hosts"]
    assert first["unreachable"] and not second["unreachable"]
    assert second["reasons"][0].startswith("bluegreen_app is 'Shop', but")


def test_a_page_also_has_the_host_whose_variables_are_refused(play, tmp_path):
    hosts = {"pi-1": NOBODY, "pi-2": {**REFUSED, "bluegreen_revert_after": "soon"}}
    ran = play(hosts, "-e", "bluegreen_report=fleet.html")
    assert ran.returncode == 4
    told = "pi-2: its state could not be read; the error is shown above."
    assert told in ran.stdout.splitlines()
    page = (tmp_path / "fleet.html").read_text(encoding="utf-8")
    assert "pi-1" in page and told.partition(": ")[2] in page


def test_a_report_that_differs_only_in_its_time_is_written_and_not_a_change(play, tmp_path):
    report, changes = ("-e", "bluegreen_report=fleet.json"), []
    for arguments in (("--check",), (), (), ("--check",)):
        changes.append("changed=1" in play({"pi-1": NOBODY}, *report, *arguments).stdout)
    assert changes == [True, True, False, False]
    assert (tmp_path / "fleet.json").exists()


def test_check_mode_writes_no_report(play, tmp_path):
    assert play({"pi-1": NOBODY}, "-e", "bluegreen_report=fleet.html", "--check").returncode == 4
    assert not (tmp_path / "fleet.html").exists()


def test_a_report_that_cannot_be_written_hides_nothing(play):
    ran = play({"pi-1": NOBODY}, "-e", "bluegreen_report=nowhere/fleet.html")
    assert ran.returncode == 4
    assert "1 host: 0 healthy, 0 in progress, 1 degraded." in ran.stdout
    assert "cannot be written (No such file or directory): name a file in a folder" in ran.stdout + ran.stderr


def test_a_report_of_another_kind_is_refused_before_a_host_is_asked(play):
    ran = play({"pi-1": NOBODY}, "-e", "bluegreen_report=fleet.pdf")
    assert ran.returncode == 2
    assert "bluegreen_report is 'fleet.pdf', but its extension chooses the format: use a name that" in ran.stdout
    assert "Read the state of the host" not in ran.stdout


def test_a_variable_that_the_role_does_not_know(play):
    ran = play({"pi-1": NOBODY}, "-e", "bluegreen_reprot=fleet.html")
    assert ran.returncode == 2
    assert "There is no variable bluegreen_reprot: did you mean bluegreen_report?" in ran.stdout


@pytest.mark.parametrize(
    "playbook, arguments, told",
    [
        ("status", ["-e", "bluegreen_hosts=pi-1", "-l", "pi-2"], "matches it within --limit pi-2. Nothing was done."),
        ("deploy", ["-e", "bluegreen_hosts=pis"], "bluegreen_hosts is 'pis', but no host of the inventory matches it."),
    ],
)
def test_a_pattern_that_matches_no_host_is_an_error(play, playbook, arguments, told):
    ran = play({"pi-1": NOBODY, "pi-2": NOBODY}, *arguments, playbook=f"smallfleet.bluegreen.{playbook}")
    assert ran.returncode in (1, 4)
    assert told in " ".join((ran.stdout + ran.stderr).split())
    assert "TASK" not in ran.stdout


def test_within_a_playbook_of_ones_own(play, tmp_path):
    """Which need not have a host for each of its plays, and may set the exit code as status.yml does."""
    site = [
        {"hosts": "nobody", "tasks": []},
        {"import_playbook": "smallfleet.bluegreen.recover", "when": False},
        {
            "hosts": "all",
            "gather_facts": False,
            "tasks": [{"ansible.builtin.set_stats": {"data": {"bluegreen_status": {"exit_code": "{{ 1 + 2 }}"}}}}],
        },
    ]
    (tmp_path / "site.yml").write_text(yaml.safe_dump(site), encoding="utf-8")
    ran = play({"pi-1": {"ansible_connection": "local"}}, playbook="site.yml")
    assert ran.returncode == 3, ran.stdout + ran.stderr
    assert "PLAY RECAP" in ran.stdout
