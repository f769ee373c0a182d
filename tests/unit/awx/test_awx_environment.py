# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every playbook of a job template, with the environment and the project that AWX gives a job, up to a host that is off."""

from __future__ import annotations

import re
import subprocess

import awx_container
import pytest
from extra_variables import written

# Where nobody answers.
OFF = {"pi": {"ansible_host": "127.0.0.1", "ansible_port": 1}}
SHARED = {"bluegreen_app": "shop", "bluegreen_project_src": "/srv/shop"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("job")
    awx_container.clone(made / "project")
    for name in ("cp", "home"):
        (made / name).mkdir()
    inventory = made / "hosts"
    inventory.write_text(awx_container.inventory(OFF, SHARED), encoding="utf-8")
    inventory.chmod(0o700)
    return made


@pytest.fixture
def run(folder):
    def one(playbook, **variables):
        """Its exit code and its output, without line breaks and colors."""
        given = folder / "extravars"
        given.write_text(written({**variables, **awx_container.variables(1)}), encoding="utf-8")
        done = subprocess.run(
            ["ansible-playbook", "-u", "root", "-i", folder / "hosts", "-e", f"@{given}", playbook],
            cwd=folder / "project", env=awx_container.environment(folder, 1), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )
        return done.returncode, " ".join(re.sub(r"\x1b\[[0-9;]*m", "", done.stdout).split())

    return one


@pytest.mark.parametrize("name", ["deploy", "finish", "rollback", "recover", "status", "not approved"])
def test_a_playbook_finds_the_collection_in_the_project(configured, run, name):
    rc, text = run(configured.named("job_template", f"shop {name}")["playbook"], bluegreen_release="1.10")
    # It comes as far as the host.
    assert "UNREACHABLE!" in text, text
    assert "was not found" not in text and "No module named" not in text, text
    assert rc == 4, text


@pytest.mark.parametrize(
    "variables, sentence",
    [
        # The text that was typed, which ansible-core 2.19 would make a number.
        ({}, "Release 1.10 of shop is not approved: somebody denied it, nobody answered in time, or the deployment failed before "
             "anybody was asked. This job changed nothing. No host said that the release awaits approval there; the table above "
             "shows each host."),
        ({"bluegreen_pending": {name: {"id": name, "release": "1.10"} for name in ("pi-1", "pi-2")}},
         "It is live and awaits approval on pi-1,pi-2. To approve it after all, launch \"shop finish\" with this release and the "
         "limit pi-1,pi-2. To go back, launch \"shop rollback\" with the limit pi-1,pi-2."),
    ],
    ids=["nothing is pending", "two hosts are pending"],
)
def test_a_release_that_is_not_approved_is_named_with_what_to_launch(run, variables, sentence):
    assert sentence in run("awx/not_approved.yml", bluegreen_release="1.10", **variables)[1]


def test_only_a_release_that_awaits_approval_needs_one(run):
    rc, text = run("awx/needs_approval.yml", bluegreen_release="1.10")
    assert rc == 2 and "No release of shop awaits approval: there was none before this one" in text
    rc, text = run("awx/needs_approval.yml", bluegreen_release="1.10", bluegreen_pending={"pi-1": {"id": "1", "release": "1.10"}})
    assert rc == 0 and "A release of shop awaits approval on pi-1." in text
