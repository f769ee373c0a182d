# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""look_at_host.py, with a `docker` on the PATH that the test plays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LOOK = Path(__file__).resolve().parents[3] / "molecule/common/files/look_at_host.py"
STAYS = {
    "Id": "a" * 64,
    "Name": "/shop-blue-web-1",
    "Config": {"Labels": {"com.docker.compose.project": "shop-blue", "com.docker.compose.service": "web"}, "Image": "shop:1"},
    "State": {"OOMKilled": False, "Status": "running", "StartedAt": "1", "FinishedAt": "0", "ExitCode": 0},
    "RestartCount": 0,
    "HostConfig": {"RestartPolicy": {"Name": "unless-stopped"}, "CpuShares": 0},
}
PLAYED = """#!{python}
import sys
if sys.argv[1] == "ps":
    print("{stays} {goes}")
if sys.argv[1] == "inspect":
    print('''{found}''')
    print({error!r}, file=sys.stderr)
    sys.exit(1)
"""


@pytest.fixture
def look(tmp_path):
    def look(error):
        docker = tmp_path / "docker"
        docker.write_text(PLAYED.format(
            python=sys.executable, stays=STAYS["Id"], goes="b" * 64, found=json.dumps([STAYS]), error=error))
        docker.chmod(0o755)
        return subprocess.run(
            [sys.executable, str(LOOK)], env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, text=True)
    return look


@pytest.mark.parametrize("error", ["Error: No such object: " + "b" * 64, "error: no such object: " + "b" * 64])
def test_a_container_that_goes_between_the_two_questions_is_not_there(look, error):
    seen = look(error)
    assert seen.returncode == 0, seen.stderr
    assert list(json.loads(seen.stdout)["containers"]) == [STAYS["Id"]]


def test_an_engine_that_does_not_answer_is_no_empty_host(look):
    seen = look("Cannot connect to the Docker daemon")
    assert seen.returncode == 1
    assert seen.stderr == "Cannot connect to the Docker daemon\n"
