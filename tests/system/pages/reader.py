# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The blocks of a page as its reader uses them: files, commands, and the output that the page shows. All pure."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import yaml

# Where a command of a page runs.
CONTROLLER, HOST = "controller", "host"


class Way(NamedTuple):
    """How commands that begin so are run: at one of the places above, or by another test."""

    begin: str
    place: str
    # A word of that test by which it runs the command.
    word: str = ""


WAYS = (
    Way("ansible-playbook ", CONTROLLER),
    Way("docker network ", HOST),
    Way("make demo", "tests/system/demo/test_demo.py", 'make("demo")'),
    # The test is a part of it.
    Way("make test", ".ci/run", "make test"),
    Way("pip install ansible-core", "tests/system/artifact/test_artifact.py", '"pip", "install"'),
    # The archive that Galaxy gets, by its path instead of by its name.
    Way("ansible-galaxy collection install ", "tests/system/artifact/test_artifact.py", '"ansible-galaxy", "collection", "install"'),
)


class Block(NamedTuple):
    kind: str
    text: str

    @property
    def commands(self) -> list[str]:
        """Those of a console, without their comments; what they print is left out."""
        if self.kind != "console":
            return []
        return [re.sub(r"\s+#\s.*$", "", line[2:]).strip() for line in self.text.splitlines() if line.startswith("$ ")]

    @property
    def data(self) -> dict[str, Any]:
        """Of YAML."""
        found = yaml.safe_load(self.text) if self.kind == "yaml" else None
        return found if isinstance(found, dict) else {}

    @property
    def is_variables(self) -> bool:
        """Whether it is lines for the inventory's variables."""
        return bool(self.data) and all(name.startswith("bluegreen_") for name in self.data)


def blocks_of(page: str) -> list[Block]:
    """Up to the last command that is done for the page; later ones tell of other situations."""
    found = _all_blocks(page)
    done = [number for number, block in enumerate(found) if any(way_of(each).place in (CONTROLLER, HOST) for each in block.commands)]
    return found[:done[-1] + 1] if done else []


def commands_of(page: str) -> list[str]:
    """All of a page."""
    return [command for block in _all_blocks(page) for command in block.commands]


def _all_blocks(page: str) -> list[Block]:
    return [Block(kind, text) for kind, text in re.findall(r"(?m)^```(\w+)\n(.*?)^```$", page, re.DOTALL)]


def way_of(command: str) -> Way:
    for way in WAYS:
        if command.startswith(way.begin):
            return way
    raise ValueError(f"No test runs this command of a page: {command}. Add it to WAYS in tests/system/pages/reader.py.")


def sides_of(diff: str) -> tuple[str, str]:
    """The file before a diff and after it, where the diff has all of its lines."""
    rows = diff.splitlines()
    before, after = ([row[1:] for row in rows if row[:1] != sign] for sign in "+-")
    return "\n".join(before) + "\n", "\n".join(after) + "\n"


def before_of(blocks: list[Block]) -> str:
    """The Compose file with which a page begins."""
    for block in blocks:
        if block.kind == "diff":
            return sides_of(block.text)[0]
        if "services" in block.data:
            return block.text
    raise ValueError("The page has no Compose file.")


def missing_in(output: str, shown: str) -> list[str]:
    """The parts of a page's output that a playbook did not print. An … stands for lines that the page leaves out.

    The lines of a plan are items of a list in YAML; other sentences are broken into lines anywhere.
    """
    said = " ".join(output.replace("''", "'").split())
    is_plan = shown.startswith("plan:")
    parts = [line for line in shown.splitlines() if line != "…"] if is_plan else re.split(r"(?m)^…$", shown)
    return [part for part in (" ".join(each.split()) for each in parts) if part not in said]
