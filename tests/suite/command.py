# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of the test suite: run without a terminal, with a time limit and a log."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import signal
import subprocess
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOGS = os.path.join(ROOT, ".test-logs")
CACHE = os.path.join(ROOT, ".cache")
COLLECTIONS = os.path.join(CACHE, "collections")
RUNNING = set()
STOPPED = threading.Event()


def environment(venv=".venv", **more):
    """The tools of one virtual environment first, then real interpreters, and nothing of the caller's Ansible."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "MOLECULE_"))}
    path = [os.path.join(ROOT, venv, "bin"), *_pythons()]
    # A version manager's shims claim interpreters that they do not run, and ansible-test believes them.
    path += [folder for folder in env["PATH"].split(os.pathsep) if not folder.endswith("/shims")]
    env.update(
        PATH=os.pathsep.join(path),
        LC_ALL="C.UTF-8",
        ANSIBLE_COLLECTIONS_PATH=COLLECTIONS,
        ANSIBLE_FORCE_COLOR="0",
        NO_COLOR="1",
        PY_COLORS="0",
        # The checkout is read by several tools at once; none of them leaves byte code in it.
        PYTHONDONTWRITEBYTECODE="1",
    )
    env.update(more)
    return env


def _pythons():
    """Folders of further interpreters that a version manager keeps; ansible-test uses all that it finds."""
    found = glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin"))
    return sorted(found, key=lambda folder: [int(n) for n in re.findall(r"\d+", folder.split("versions/")[1])])


def run(argv, log, cwd=ROOT, env=None, timeout=900):
    """Leaves what the command prints in .test-logs/<log>.log; returns its return code (124: out of time)."""
    if STOPPED.is_set():  # what was next must not begin while the rest is being ended
        return 130
    with open(log_file(log), "w", encoding="utf-8") as output:
        output.write(f"$ {' '.join(argv)}\n")
        output.flush()
        with subprocess.Popen(
            argv, cwd=cwd, env=env or environment(), stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True,
        ) as process:
            RUNNING.add(process)
            try:
                rc = process.wait(timeout)
            except subprocess.TimeoutExpired:
                end(process)
                output.write(f"\nended after {timeout} s, its time limit\n")
                rc = 124
            finally:
                RUNNING.discard(process)
        output.write(f"= {rc}\n")
    return rc


def end(process):
    """Ends a command with all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def end_all(*_signal):
    """Somebody stopped the suite: what it runs side by side must not go on without it."""
    STOPPED.set()
    for process in list(RUNNING):
        end(process)
    os._exit(130)


def log_file(log):
    return os.path.join(LOGS, f"{log}.log")


def read_log(log):
    with open(log_file(log), encoding="utf-8", errors="replace") as text:
        return text.read()
