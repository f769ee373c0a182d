# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each module answers the same whether it is sent to the host or done by the program that is there.

    .venv/bin/pytest tests/system/program
"""

from __future__ import annotations

import json
import re

import pytest
from ways import PROGRAM, Way

SECRET = "s3cret-and-long-enough"
OLDEST = "/opt/python3.9/bin/python3"
# Figures that differ from one second to the next.
VARYING = {"seconds", "latency_ms", "attempts", "delta", "start", "end", "ansible_job_id", "results_file", "memory", "available",
           "free", "total", "rss", "uptime", "used", "peak", "queue_depth"}
# In what was done, and in what is said: times, figures, processes and containers that were started anew.
TEXTS = [(re.compile(pattern), new) for pattern, new in (
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "(time)"),
    (r"\d+(\.\d+)? (s|ms|MiB|GiB|attempts?)\b", r"(figure) \2"),
    (r"\b(process|kill -s SIG[A-Z]+) \d+", r"\1 (number)"),
)]


WAYS = [
    Way("ssh"),
    Way("ssh-pipelining", pipelining=True),
    Way("sudo-password", user="ada"),
    Way("sudo-password-pipelining", user="ada", pipelining=True),
    Way("docker", connection="docker"),
    Way("docker-pipelining", connection="docker", pipelining=True),
    Way("ssh-2.16", venv=".venv-2.16"),
    Way("sudo-password-2.16", venv=".venv-2.16", user="ada", pipelining=True),
    Way("docker-2.16", venv=".venv-2.16", connection="docker"),
    Way("ssh-python3.9", image="bluegreen-host:python3.9", python=OLDEST),
    Way("ssh-python3.9-2.16", image="bluegreen-host:python3.9", python=OLDEST, venv=".venv-2.16", pipelining=True),
]
SHORT = ("sudo-password",)
# All but those that go another way: arguments that do not validate, apps without a program, one in the background.
DONE_BY_PROGRAM = 27 - 3 - 2 - 1


@pytest.mark.parametrize("way", [pytest.param(way, id=way.name, marks=[pytest.mark.long] * (way.name not in SHORT)) for way in WAYS])
def test_every_module_answers_the_same(hosts, way):
    host = hosts(way.image)
    host.exec(f"test -x {PROGRAM}")
    by_program, log = answers(host, way, "program")
    assert log.count(f"Done by {PROGRAM}") == DONE_BY_PROGRAM
    host.exec(f"mv {PROGRAM} {PROGRAM}.away")
    try:
        as_module, log = answers(host, way, "module")
    finally:
        host.exec(f"mv {PROGRAM}.away {PROGRAM}")
    assert "Done by" not in log
    assert list(differences(settled(by_program), settled(as_module))) == []


def answers(host, way, label):
    """What every module answers, and the log."""
    results = host.folder / f"{way.name}.{label}.json"
    log, rc = host.played("every_module.yml", way, f"{way.name}.{label}", results=str(results))
    assert rc == 0, log[-4000:]
    assert SECRET not in log
    return json.loads(results.read_text(encoding="utf-8")), log


def settled(value):
    """A result without what is another one each time."""
    if isinstance(value, dict):
        # Older versions of Ansible leave warnings out of a module's result if there are none.
        return {key: settled(item) for key, item in value.items() if key not in VARYING and (key, item) != ("warnings", [])}
    if isinstance(value, list):
        return [settled(item) for item in value]
    if isinstance(value, str):
        for pattern, new in TEXTS:
            value = pattern.sub(new, value)
    return value


def differences(one, other, path=""):
    """Where two results differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            yield from differences(one.get(key, "(missing)"), other.get(key, "(missing)"), f"{path}.{key}")
    elif one != other:
        yield f"{path[1:]}: {one!r} by the program, {other!r} as a module"
