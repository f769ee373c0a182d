# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of the guard, and what it does before Nginx starts."""

from __future__ import annotations

import errno
import os
import sys

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._guard import main as guard
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._guard.main import PACE, main, restore
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.step import Step
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import upstream_file
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.upstream_file import OwnedFile
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils._guard.guarded import (
    DOCKER_HOST,
    ROLLED_BACK,
    SILENT,
)

BEFORE, AFTER = "upstream shop { server 127.0.0.1:18001; }\n", "upstream shop { server 127.0.0.1:18002; }\n"


# Before Nginx starts


def cut_off(scene, proved="", kept=True, **facts):
    """A switch to the new color of which nobody knows whether Nginx read it."""
    scene.file.write_text(BEFORE)
    owned = OwnedFile(str(scene.file), "dep-1")
    files = {"file": str(scene.file), "backup": owned.backup_path}
    cutover = {"color": "green", **files, "nginx_workers": [], "proved": proved}
    journal = scene.deployment("cutover", done=False, cutover=cutover, **facts)
    if kept:
        owned.backup()
    owned.replace(AFTER)
    return journal


def test_a_switch_that_was_cut_off_is_undone_before_nginx_reads_it(scene):
    cut_off(scene)
    assert restore(scene.store) is True
    assert scene.file.read_text() == BEFORE
    assert restore(scene.store) is False


def test_so_is_one_on_the_way_back(scene):
    journal = cut_off(scene)
    journal.note(rolling_back=True, cutover={**journal["cutover"], "color": "blue"})
    assert restore(scene.store) is True
    assert scene.file.read_text() == BEFORE


@pytest.mark.parametrize("proved", ["green", "blue"])
def test_what_was_proved_stays(scene, proved):
    cut_off(scene, proved=proved)
    assert restore(scene.store) is False
    assert scene.file.read_text() == AFTER


def test_at_the_end_only_the_backup_leaves_the_file(scene):
    # That of before names the color that goes.
    cut_off(scene).begin(Step.FINISH)
    assert restore(scene.store) is False
    assert scene.file.read_text() == AFTER


def test_where_nothing_was_kept_nothing_is_put_back(scene):
    cut_off(scene, kept=False)
    assert restore(scene.store) is False
    assert scene.file.read_text() == AFTER


@pytest.mark.parametrize("step", ["open", "stop_workers", "health"])
def test_before_the_cutover_the_file_is_not_ours(scene, step):
    scene.deployment(step)
    scene.file.write_text("edited by somebody\n")
    assert restore(scene.store) is False
    assert scene.file.read_text() == "edited by somebody\n"


def test_without_a_deployment_nothing_is_put_back(scene):
    assert restore(scene.store) is False


def test_a_damaged_journal_puts_nothing_back(scene):
    cut_off(scene)
    for name in ("deployment.json", "deployment.json.previous"):
        with open(scene.store.path(name), "w", encoding="utf-8") as target:
            target.write("{torn")
    assert restore(scene.store) is False
    assert scene.file.read_text() == AFTER


def test_a_file_that_is_gone_comes_back(scene):
    cut_off(scene)
    scene.file.unlink()
    assert restore(scene.store) is True
    assert scene.file.read_text() == BEFORE


# The program


@pytest.fixture
def program(scene, monkeypatch, tmp_path):
    """Calls the program on the scene's host with a command; the exit code."""
    python = tmp_path / "python3"
    python.write_text("")
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(guard, "Host", lambda docker_host: scene.host)
    monkeypatch.setattr(guard, "Store", lambda app, host: scene.store)
    (tmp_path / "lib" / "shop" / "guard.pyz").write_bytes(b"")
    return lambda command: main([command, "shop", DOCKER_HOST])


def test_the_guard_stays_until_the_deployment_has_ended(scene, program, capsys):
    scene.deployment("health")
    assert program("guard") == 0
    assert scene.reason() == f"guard: {SILENT}"
    assert capsys.readouterr().out == f"{SILENT}. {ROLLED_BACK}\n"
    assert max(scene.host.clock.slept) == PACE


def test_the_guard_ends_where_there_is_nothing_to_do(scene, program, capsys):
    assert program("guard") == 0
    assert scene.host.clock.slept == []
    assert capsys.readouterr().out == ""


def test_restore_says_what_it_did(scene, program, capsys):
    cut_off(scene)
    assert program("restore") == 0
    assert capsys.readouterr().out == "A switch of Nginx was interrupted: the previous file is back.\n"
    assert program("restore") == 0
    assert capsys.readouterr().out == ""


def test_restore_leaves_the_rest_to_the_guard(scene, program):
    cut_off(scene)
    program("restore")
    assert scene.effects() == []
    assert scene.store.load()["epoch"] == 1


def test_a_selftest_touches_nothing(scene, program, capsys):
    cut_off(scene)
    scene.boot()
    assert program("selftest") == 0
    assert scene.file.read_text() == AFTER
    assert scene.store.load()["epoch"] == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("command", ["restore", "guard"])
@pytest.mark.parametrize("name", ["guard.pyz", *guard.TRUSTED])
def test_what_somebody_else_could_have_written_is_not_gone_by(scene, program, capsys, command, name):
    cut_off(scene)
    scene.boot()
    path = scene.store.path(name)
    with open(path, "ab"):
        os.chmod(path, 0o666)
    assert program(command) == guard.DISTRUSTED
    assert capsys.readouterr().out == (
        f"{path} can be written by others, so another user may have written it: look at it, remove that permission "
        f"(chmod go-w {path}), and run this again.\n"
    )
    assert scene.file.read_text() == AFTER
    assert scene.effects() == []


def test_a_python_that_somebody_else_can_write_does_nothing(scene, program, capsys):
    cut_off(scene)
    os.chmod(sys.executable, 0o777)
    assert program("restore") == guard.DISTRUSTED
    assert scene.file.read_text() == AFTER
    assert capsys.readouterr().out.startswith(f"{sys.executable} can be written by others")


def test_a_file_that_cannot_be_put_back_is_one_sentence(scene, program, capsys, monkeypatch):
    def refuse(*args):
        raise OSError(errno.EROFS, "Read-only file system")

    cut_off(scene)
    monkeypatch.setattr(upstream_file.os, "link", refuse)
    assert program("restore") == 1
    assert capsys.readouterr().out == (
        f"{scene.file} cannot be written (read-only file system): Nginx was not changed. Remove the cause, and run "
        "this again as root.\n"
    )
