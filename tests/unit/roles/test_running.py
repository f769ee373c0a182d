# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role bluegreen_prepare's files/running.sh: which color it finds live, on what Docker lists."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SCRIPT = os.path.join(os.path.dirname(__file__), "..", "..", "..", "roles", "bluegreen_prepare", "files", "running.sh")
OWNED = """# Written by smallfleet.bluegreen.
# Nginx reads here which color is live.
upstream shop {
    server 127.0.0.1:18001 down;
}
"""
# docker ps as far as it is asked here: every filter has to hold.
DOCKER = """#!{python}
import json, sys
words = sys.argv[1:]
wanted = [words[i + 1].split("=", 1) for i, word in enumerate(words) if word == "--filter"]
assert words[0] == "ps" and words[words.index("--format") + 1] == '{{{{.Label "com.docker.compose.project"}}}}', words
for each in json.load(open({containers!r})):
    labels = [f"com.docker.compose.{{name}}={{each[name]}}" for name in each]
    labels += [f"com.docker.compose.{{name}}" for name in each]
    published = [f"{{each['port']}}/tcp", "1-65535/tcp"] if each["port"] else []
    values = {{"status": [each["status"]], "publish": published, "label": labels}}
    if all(value in values[name] for name, value in wanted):
        print(each["project"])
"""


def container(project, port, **changes):
    given = {"project": project, "port": port, "service": "web", "status": "running", "oneoff": "False"}
    return {**given, "project.working_dir": "/srv/shop", **changes}


def run(folder, containers, file=OWNED, is_open=False, web="web"):
    (folder / "containers.json").write_text(json.dumps(containers))
    program = folder / "docker"
    program.write_text(DOCKER.format(python=sys.executable, containers=str(folder / "containers.json")))
    program.chmod(0o755)
    if file is not None:
        (folder / "shop.conf").write_text(file)
    if is_open:
        (folder / "deployment.json").write_text("{}")
    files = [str(folder / "deployment.json"), str(folder / "shop.conf")]
    arguments = [*files, "/srv/shop", web, "shop", "8000", "shop-green", "8001"]
    with open(SCRIPT, encoding="utf-8") as script:
        done = subprocess.run(
            ["/bin/sh", "-s", "--", *arguments],
            stdin=script,
            env={"PATH": f"{folder}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stderr == ""
    return done.stdout.split()


BLUE, GREEN = container("shop", 8000), container("shop-green", 8001)


@pytest.mark.parametrize(
    "containers, printed",
    [
        ([], ["unadopted="]),
        ([BLUE], ["live=blue"]),
        ([GREEN], ["live=green"]),
        ([BLUE, BLUE], ["live=blue"]),
        # Only Nginx could tell.
        ([BLUE, GREEN], ["unadopted=shop"]),
        # What runs is the app, but no color by what the variables say.
        ([container("prod", 8000)], ["unadopted=prod"]),
        ([container("shop", 9000)], ["unadopted=shop"]),
        ([container("prod", 8000, **{"project.working_dir": "/home/pi"})], ["unadopted="]),
        # What does not answer requests is not live.
        ([{**BLUE, "status": "exited"}], ["unadopted="]),
        ([{**BLUE, "service": "worker"}], ["unadopted="]),
        ([{**BLUE, "oneoff": "True"}], ["unadopted="]),
    ],
)
def test_what_runs(tmp_path, containers, printed):
    assert run(tmp_path, containers) == printed


@pytest.mark.parametrize(
    "containers, printed",
    [
        ([{**BLUE, "service": "site"}, container("shop", 0)], ["live=blue"]),
        ([container("prod", 0), container("prod", 8000, service="site")], ["unadopted=prod"]),
        # Nothing that answers requests.
        ([container("prod", 0)], ["unadopted="]),
    ],
)
def test_without_a_name_the_web_is_what_publishes_a_port(tmp_path, containers, printed):
    assert run(tmp_path, containers, web="") == printed


@pytest.mark.parametrize(
    "file, printed",
    [
        (None, ["live=blue"]),
        (OWNED, ["live=blue"]),
        (OWNED.replace("bluegreen.", "bluegreen for release 1 (deployment dep-1)."), ["live=blue"]),
        # It names a live color, or is not ours.
        (OWNED.replace(" down", ""), []),
        (OWNED.partition("\n")[2], []),
        ("", []),
    ],
)
def test_what_the_file_says(tmp_path, file, printed):
    assert run(tmp_path, [BLUE], file) == printed


def test_the_candidate_of_an_open_deployment_is_not_live_yet(tmp_path):
    assert run(tmp_path, [BLUE], is_open=True) == []
