# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""bg_program puts the program on a host, and is done by it from then on."""

from __future__ import annotations

import json

from ways import PROGRAM, Way

SSH = Way("ssh")
# The module itself, although the program is there.
SENT = Way("ssh", environment={"ANSIBLE_KEEP_REMOTE_FILES": "1"})


def test_the_program_is_put_there_once_and_answers_from_then_on(hosts):
    host = hosts(SSH.image)
    host.exec(f"rm {PROGRAM}")
    said, log = played(host, SSH, "put-first")
    assert [said[name]["changed"] for name in ("would_put", "put", "put_again")] == [True, True, False]
    assert said["would_put"]["diff"] == said["put"]["diff"]
    assert (said["would_put"]["commands"], said["put"]["commands"]) == ([], [f"write {PROGRAM}"])
    assert log.count(f"Done by {PROGRAM}") == 1
    by_program, log = played(host, SSH, "put-program")
    assert log.count(f"Done by {PROGRAM}") == 3
    as_module, log = played(host, SENT, "put-module")
    assert "Done by" not in log
    assert by_program == as_module
    assert not any(answer["changed"] for answer in by_program.values())


def played(host, way, label):
    """What the module answers, and the log."""
    results = host.folder / f"{label}.json"
    log, rc = host.played("put.yml", way, label, results=str(results))
    assert rc == 0, log[-3000:]
    return json.loads(results.read_text(encoding="utf-8")), log
