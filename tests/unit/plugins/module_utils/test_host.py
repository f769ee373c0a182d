# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import sys

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _host
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import KEPT, Completed, Host


@pytest.fixture
def host():
    return Host("unix:///nowhere.sock")


def test_a_program_that_ends(host):
    done = host.run(["sh", "-c", "cat; echo bad >&2; exit 3"], stdin="gr\u00fc\u00df\n")
    assert done == Completed(3, "gr\u00fc\u00df\n", "bad\n")


def test_a_program_without_input_reads_none_of_the_modules(host):
    assert host.run(["cat"]).out == ""


def test_output_that_is_no_text_is_no_failure(host):
    assert host.run(["printf", "\\377"]).out == "\ufffd"


def test_the_environment_is_the_modules_own_and_speaks_english(host, monkeypatch, tmp_path):
    monkeypatch.setenv("KEPT", "1")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    done = host.run(["sh", "-c", "echo $KEPT $LC_ALL $MORE; pwd"], env={"MORE": "2"}, cwd=str(tmp_path))
    assert done.out == f"1 C 2\n{tmp_path}\n"


def test_a_program_that_takes_too_long_is_killed(host):
    done = host.run(["sh", "-c", "echo begun; exec sleep 60"], timeout=0.1)
    assert (done.code, done.err) == (-1, "killed after 0.1 s")


def test_a_program_that_is_not_there_is_one_sentence(host):
    with pytest.raises(BluegreenError) as refusal:
        host.run(["no-such-program"])
    assert refusal.value.message == (
        "The program no-such-program is not on this host: run ansible-playbook smallfleet.bluegreen.prepare, or "
        "install it."
    )


def test_what_changes_the_host_is_written_down(host):
    host.run(["true", "--read"])
    host.run(["true", "--write"], changes=True)
    assert host.commands == ["true --write"]
    assert host.engine.commands is host.commands


def test_programs_inherit_the_lock_and_nothing_else(host, tmp_path):
    lock, other = (os.open(tmp_path / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC) for name in ("lock", "other"))
    program = [
        sys.executable,
        "-S",
        "-c",
        f"import os\nfor fd in {lock}, {other}: print(os.path.exists(f'/proc/self/fd/{{fd}}'))",
    ]
    try:
        host.keep_open.add(lock)
        assert host.run(program).out.split() == ["True", "False"]
    finally:
        os.close(lock)
        os.close(other)


def test_a_warning_is_given_once(host):
    host.warn("once")
    host.warn("once")
    assert host.warnings == ["once"]


def test_a_program_that_cannot_be_run_is_one_sentence(host, tmp_path):
    path = tmp_path / "program"
    path.write_bytes(b"\x7fELF")
    path.chmod(0o755)
    for way in (host.run, lambda argv: host.follow(argv, None, 1)):
        with pytest.raises(BluegreenError) as refusal:
            way([str(path)])
        assert (
            refusal.value.message
            == f"The program {path} does not run on this host (Exec format error): install it again."
        )


# A program that may take long


def test_the_end_of_what_a_long_program_writes_is_kept(host):
    done = host.follow(["sh", "-c", f"yes | head -c {KEPT}; echo out; echo bad >&2; exit 3"], None, 60)
    assert (done.code, len(done.out), done.out[-8:]) == (3, KEPT, "out\nbad\n")


def test_a_long_program_is_looked_after(host):
    turns = []
    host.follow(["sleep", "0.3"], lambda: turns.append(1), 0.05)
    assert 2 <= len(turns) <= 6


def test_a_long_program_ends_with_its_reason(host, monkeypatch, tmp_path):
    monkeypatch.setattr(_host, "END_TIMEOUT", 0.2)
    file = tmp_path / "pid"

    def turn():
        if file.exists() and file.read_text():
            raise BluegreenError("taken over")

    with pytest.raises(BluegreenError, match="taken over"):
        host.follow(["sh", "-c", f"trap '' TERM; echo $$ > {file}; while :; do sleep 0.05; done"], turn, 0.05)
    assert not os.path.exists(f"/proc/{file.read_text().strip()}")


def test_a_long_program_holds_no_lock(host, tmp_path):
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    host.keep_open.add(lock)
    program = [sys.executable, "-S", "-c", f"import os; print(os.path.exists('/proc/self/fd/{lock}'))"]
    assert host.follow(program, None, 60).out == "False\n"
    os.close(lock)
