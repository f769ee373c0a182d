# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the README, docs/ and the example inventory tell a reader to write has to exist."""

from __future__ import annotations

import glob
import os
import re

import pytest
import yaml

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
SITE = re.compile(r"https://github\.com/smallfleet/smallfleet\.bluegreen/(blob|raw)/main/")
# Names that begin as the role's variables do and are none: stats for AWX, and the other role.
STATISTICS = {"bluegreen_pending", "bluegreen_status"}
OTHERS = STATISTICS | {"bluegreen_prepare"}


def found(*patterns):
    paths = [path for pattern in patterns for path in glob.glob(os.path.join(ROOT, pattern), recursive=True)]
    return sorted(os.path.relpath(path, ROOT) for path in paths)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as source:
        return source.read()


TASKS = found("docs/*.md", "docs/results/what-works.md")
PAGES = [*found("README.md", "CONTRIBUTING.md", "roles/*/README.md", "awx/README.md"), *TASKS]
INVENTORY = found("inventory.example/**/*.yml")


@pytest.fixture(scope="module")
def variables():
    known = set()
    for path in found("roles/*/meta/argument_specs.yml"):
        for entry_point in yaml.safe_load(read(path))["argument_specs"].values():
            known.update(entry_point["options"])
    return known


@pytest.mark.parametrize("path", PAGES + INVENTORY)
def test_every_variable_is_one_of_a_role(path, variables):
    named = set(re.findall(r"\bbluegreen_[a-z_]*[a-z]\b(?!\*)", read(path)))
    assert named - variables - OTHERS == set()


def slug(heading):
    """The anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def links_of(path):
    text = re.sub(r"```.*?```", "", read(path), flags=re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"(?m)^\[[^\]]+\]: (\S+)$", text)


def anchors(path):
    text = re.sub(r"```.*?```", "", read(path), flags=re.DOTALL)
    return {slug(heading) for heading in re.findall(r"(?m)^#+ (.*)$", text)}


@pytest.mark.parametrize("path", PAGES)
def test_every_link_within_the_project_leads_somewhere(path):
    lost = []
    for link in links_of(path):
        target, _, anchor = link.partition("#")
        if SITE.match(target):
            there = SITE.sub("", target)
        elif "://" in target:
            continue
        else:
            there = os.path.normpath(os.path.join(os.path.dirname(path), target)) if target else path
        if not os.path.exists(os.path.join(ROOT, there)) or anchor and anchor not in anchors(there):
            lost.append(link)
    assert lost == []


def test_links_of_the_readme_work_on_galaxy():
    """Galaxy shows it alone, without the files beside it."""
    text = read("README.md")
    assert set(re.findall(r"\]\[([^\]]+)\]", text)) == set(re.findall(r"(?m)^\[([^\]]+)\]: ", text))
    assert [link for link in links_of("README.md") if not link.startswith(("https://", "#"))] == []


@pytest.mark.parametrize("path", PAGES)
def test_every_playbook_exists(path):
    named = set(re.findall(r"ansible-playbook [^\n]*smallfleet\.bluegreen\.([a-z_]+)", read(path)))
    assert named - {os.path.splitext(os.path.basename(playbook))[0] for playbook in found("playbooks/*.yml")} == set()


# docs/failure.md is about nothing else.
@pytest.mark.parametrize("path", [path for path in TASKS if path != "docs/failure.md"])
def test_every_page_says_what_happens_if_it_fails(path):
    assert "## What happens if it fails" in read(path)


def test_the_app_of_another_shape_is_the_one_that_is_tested():
    (block,) = [block for block in re.findall(r"```yaml\n(.*?)```", read("docs/nginx.md"), re.DOTALL) if "press" in block]
    tested = yaml.safe_load(read("molecule/another_app/inventory/group_vars/all.yml"))
    # Nobody is asked in a test.
    assert yaml.safe_load(block) == {
        name: value for name, value in tested.items() if name.startswith("bluegreen_") and name != "bluegreen_approval"
    }
