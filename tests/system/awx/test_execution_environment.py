# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""awx/execution-environment.yml, read by ansible-builder: the build context, and what it means to other images."""

from __future__ import annotations

import subprocess

import pytest
from job import ROOT, RUNNER


def builder(*arguments):
    return subprocess.run(
        [RUNNER.with_name("ansible-builder"), *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    folder = tmp_path_factory.mktemp("context")
    made = builder(
        "create", "--file", "awx/execution-environment.yml", "--context", folder, "--output-filename", "Containerfile"
    )
    assert made.returncode == 0, made.stdout
    assert "outdated base image" not in made.stdout
    return folder


def test_the_image_is_built_on_the_one_that_is_given(context):
    lines = (context / "Containerfile").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("FROM ") and "FROM base" not in line] == ["FROM $EE_BASE_IMAGE AS base"]
    # What is there without one can be nobody's image.
    assert lines[0] == 'ARG EE_BASE_IMAGE="localhost/no-base-image-given:see-awx-readme"'


def test_it_has_what_a_job_needs(context):
    text = (context / "Containerfile").read_text(encoding="utf-8")
    assert 'ARG ANSIBLE_INSTALL_REFS="ansible-core>=2.16 ansible-runner>=2.4"' in text
    assert "RUN $PKGMGR install -y openssh-clients" in text
    assert not (context / "_build/requirements.yml").exists()


def test_an_image_with_the_collection_in_it_needs_nothing_more():
    found = builder("introspect", "playbooks/collections")
    assert found.returncode == 0, found.stdout
    assert "python: []" in found.stdout and "system: []" in found.stdout
