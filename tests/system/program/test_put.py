# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""bg_program puts the program on a host, and is done by it from then on."""

from __future__ import annotations

import json

import pytest
from test_both_ways import WAYS, settled
from ways import PROGRAM

SHORT = ("ssh",)
# The module itself, although the program is there.
SENT = {"ANSIBLE_KEEP_REMOTE_FILES": "1"}


@pytest.mark.parametrize("way", [pytest.param(way, id=way.name, marks=[pytest.mark.long] * (way.name not in SHORT)) for way in WAYS])
def test_the_program_is_put_there_once_and_answers_from_then_on(hosts, way):
    host = hosts(way.image)
    host.exec(f"rm {PROGRAM}")
    said, log = played(host, way, f"{way.name}.put-first")
    assert [said[name]["changed"] for name in ("would_put", "put", "put_again")] == [True, True, False]
    assert said["would_put"]["diff"] == said["put"]["diff"]
    assert (said["would_put"]["commands"], said["put"]["commands"]) == ([], [f"write {PROGRAM}"])
    assert log.count(f"Done by {PROGRAM}") == 1
    by_program, log = played(host, way, f"{way.name}.put-program")
    assert log.count(f"Done by {PROGRAM}") == 3
    as_module, log = played(host, way._replace(environment=SENT), f"{way.name}.put-module")
    assert "Done by" not in log
    assert settled(by_program) == settled(as_module)
    assert not any(answer["changed"] for answer in by_program.values())


def played(host, way, label):
    """What the module answers, and the log."""
    results = host.folder / f"{label}.json"
    log, rc = host.played("put.yml", way, label, results=str(results))
    assert rc == 0, log[-3000:]
    return json.loads(results.read_text(encoding="utf-8")), log
