# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the program on the host cannot be used, the module is sent; what was cut off is said to be."""

from __future__ import annotations

import threading
import time

import pytest
from ways import PROGRAM, Way

SSH = Way("ssh")
KEPT = "/var/tmp/program"
# Whole, and of a controller that is not this one.
ANOTHER_VERSION = f"""
import hashlib, io, re, zipfile
old, new = zipfile.ZipFile("{PROGRAM}"), io.BytesIO()
new.write(open("{PROGRAM}", "rb").readline())
with zipfile.ZipFile(new, "w") as archive:
    for name in old.namelist():
        text = old.read(name)
        if name == "__main__.py":
            text = re.sub(rb'"[0-9a-f]{{64}}"', b'"' + b"0" * 64 + b'"', text)
        if name != "__main__.pyc":
            archive.writestr(name, text)
    archive.comment = old.comment
content = new.getvalue()[:-64]
open("{PROGRAM}", "wb").write(content + hashlib.sha256(content).hexdigest().encode())
"""
# What was done to the program, and why it is not used then.
BAD = {
    "gone": (f"rm {PROGRAM}", "not found"),
    "torn": (f"truncate -s 1000 {PROGRAM}", "did not do it"),
    "changed": (f"printf x | dd of={PROGRAM} bs=1 seek=$(($(stat -c %s {PROGRAM}) / 2)) conv=notrunc status=none", "did not do it"),
    "of-another-version": (f"python3 - <<'EOF'\n{ANOTHER_VERSION}\nEOF", "is of another version"),
    "not-executable": (f"chmod a-x {PROGRAM}", "ermission denied"),
    "others-may-write": (f"chmod o+w {PROGRAM}", "can be written by others"),
    "of-somebody-else": (f"chown ada {PROGRAM}", "belongs to user"),
    "without-its-python": (f"sed -i '1s,.*,#!/usr/bin/python3.0 -I,' {PROGRAM}", "did not do it"),
    "a-folder": (f"rm {PROGRAM} && mkdir {PROGRAM}", "did not do it"),
    "link-to-itself": (f"rm {PROGRAM} && ln -s {PROGRAM} {PROGRAM}", "did not do it"),
}


@pytest.fixture
def host(hosts):
    host = hosts(SSH.image)
    host.exec(f"cp -a {PROGRAM} {KEPT}")
    yield host
    host.exec(f"rm -rf {PROGRAM}; cp -a {KEPT} {PROGRAM}")


SHORT = ("gone", "changed", "of-another-version")


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.long] * (name not in SHORT)) for name in BAD])
def test_the_module_is_sent_instead(host, name):
    done, why = BAD[name]
    host.exec(done)
    log, rc = host.played("look.yml", SSH, f"bad-{name}")
    assert rc == 0, log[-3000:]
    assert why in log


@pytest.mark.long
@pytest.mark.parametrize(
    "way",
    [Way("keeps-the-modules", environment={"ANSIBLE_KEEP_REMOTE_FILES": "1"}), Way("su", user="su")],
    ids=lambda way: way.name,
)
def test_the_module_is_sent_where_no_input_is_passed_or_files_are_to_stay(host, way):
    log, rc = host.played("look.yml", way, way.name)
    assert rc == 0 and "Done by" not in log and "did not do it" not in log


def test_what_is_killed_half_way_is_a_failure(host):
    killed = threading.Thread(target=kill, args=(host,))
    killed.start()
    log, rc = host.played("wait.yml", SSH, "killed")
    killed.join()
    assert rc == 2
    assert "bg_health was killed on the host before it answered (exit code 137). To see the state of the host: " in log


def kill(host):
    """The program itself, and no shell around it, once it has begun."""
    program = "'^/usr/bin/python[^ ]* -I [^ ]* step bg_health'"
    end = time.monotonic() + 60
    while host.exec(f"pgrep -f {program}", check=False).rc and time.monotonic() < end:
        time.sleep(0.2)
    time.sleep(2)
    host.exec(f"pkill -KILL -f {program}")
