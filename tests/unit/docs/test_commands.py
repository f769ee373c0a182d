# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each command of README and of "Your app in an hour" is run by a test, and the reader of these pages reads them as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import reader
import yaml

ROOT = Path(__file__).resolve().parents[3]

PAGES = ("README.md", "docs/your-app.md")
COMMANDS = [(page, command) for page in PAGES for command in reader.commands_of((ROOT / page).read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page, command", COMMANDS, ids=[f"{page}-{command[:60]}" for page, command in COMMANDS])
def test_a_test_runs_it(page, command):
    way = reader.way_of(command)
    if way.place not in (reader.CONTROLLER, reader.HOST):
        assert way.word in (ROOT / way.place).read_text(encoding="utf-8")


def test_a_new_command_without_a_test_is_named():
    with pytest.raises(ValueError, match="No test runs this command of a page: rm -rf /srv"):
        reader.way_of("rm -rf /srv")


@pytest.mark.parametrize("page", PAGES)
def test_a_reader_has_all_that_the_page_needs(page):
    blocks = reader.blocks_of((ROOT / page).read_text(encoding="utf-8"))
    assert yaml.safe_load(reader.before_of(blocks))["services"]
    assert [block for block in blocks if "all" in block.data]
    commands = [command for block in blocks for command in block.commands]
    assert re.search(r"\.prepare$", "\n".join(commands), re.MULTILINE) and ".deploy -e bluegreen_release=1.4.2" in commands[-1]


def test_every_playbook_command_of_the_pages_is_in_the_story_of_molecule():
    story = yaml.safe_load((ROOT / "molecule/docs/converge.yml").read_text(encoding="utf-8"))[0]["vars"]
    known = {each["command"].replace("{{ play }}", story["play"]) for each in story["story"]}
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    written = {command for page in pages for command in reader.commands_of(page.read_text(encoding="utf-8"))}
    assert {command for command in written if command.startswith("ansible-playbook ")} - known == set()


# The pure parts of the reader

DIFF = " services:\n   web:\n-    image: shop:1\n+    image: shop:2\n     restart: always\n"


def test_a_diff_has_two_sides():
    before, after = reader.sides_of(DIFF)
    assert before == "services:\n  web:\n    image: shop:1\n    restart: always\n"
    assert after == "services:\n  web:\n    image: shop:2\n    restart: always\n"


def test_a_page_begins_with_the_file_before_its_diff():
    page = f"```console\n$ docker network ls  # all\nbridge\n```\n```diff\n{DIFF}```\n```console\n$ docker network rm a\n```\n```yaml\na: 1\n```\n"
    blocks = reader.blocks_of(page)
    assert [block.kind for block in blocks] == ["console", "diff", "console"]
    assert blocks[0].commands == ["docker network ls"]
    assert reader.before_of(blocks) == reader.sides_of(DIFF)[0]


@pytest.mark.parametrize(
    "output, shown, missing",
    [
        ("  msg: |-\n    Service 'a' is\n    wrong. Write b.\n    More.", "Service 'a' is wrong.\nWrite b.\n…\nMore.\n", []),
        ("Service 'a' is wrong.", "Service 'a' is wrong.\nWrite b.\n", ["Service 'a' is wrong. Write b."]),
        ("- 'plan: web: it''s one'\n- 'plan: b'", "plan: web: it's one\n…\nplan: b\n", []),
        ("- 'plan: web: it''s one'", "plan: web: it's one\nplan: b\n", ["plan: b"]),
    ],
)
def test_what_a_page_shows_is_compared_without_its_line_ends(output, shown, missing):
    assert reader.missing_in(output, shown) == missing
