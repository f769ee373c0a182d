# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys

import pytest
from github_delivery import Push
from github_files import Folder, read_secret
from github_turns import Host, Kept

KEPT = Kept(3, 200, Push("id", "s", "example/shop", "main", "c" * 40, 200), None, (("id", "s"),))


@pytest.fixture
def folder(tmp_path):
    made = Folder(str(tmp_path / "state"))
    yield made
    made.close()


def answer(folder, content):
    with open(folder.answer, "w", encoding="utf-8") as file:
        file.write(content if isinstance(content, str) else json.dumps(content))


def test_what_is_stored_is_loaded_and_is_nobody_elses(folder):
    assert folder.load() == Kept()
    folder.store(KEPT)
    assert folder.load() == KEPT
    assert stat.S_IMODE(os.stat(folder.path).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(os.path.join(folder.path, "state.json")).st_mode) == 0o600
    assert sorted(os.listdir(folder.path)) == ["lock", "state.json"]


@pytest.mark.parametrize("content", ["", "{", "null", "[]", '{"version": 99}', "\x00"])
def test_a_damaged_state_stops_the_start(folder, content):
    with open(os.path.join(folder.path, "state.json"), "w", encoding="utf-8") as file:
        file.write(content)
    with pytest.raises(ValueError, match=r"state\.json is damaged\. Remove it"):
        folder.load()


def test_two_rulebooks_do_not_share_a_folder(folder):
    with pytest.raises(ValueError, match="is in use by another rulebook"):
        Folder(folder.path)


def test_a_playbook_that_goes_on_does_not_keep_the_folder(tmp_path):
    first = Folder(str(tmp_path))
    program = "import time; print('runs', flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", program], close_fds=False, stdout=subprocess.PIPE)
    try:
        child.stdout.readline()
        first.close()
        Folder(str(tmp_path)).close()
    finally:
        child.kill()
        child.wait()


def test_a_folder_that_others_can_write_is_refused(tmp_path):
    os.chmod(tmp_path, 0o777)
    with pytest.raises(ValueError, match="can be written by others; run: chmod 700"):
        Folder(str(tmp_path))


def test_a_folder_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"state_folder .*/file/state cannot be used: Not a directory\."):
        Folder(str(tmp_path / "file" / "state"))


def test_an_answer_is_taken_once(folder):
    assert folder.take_answer(4) is None
    hosts = {"pi1": {"state": "open", "release": "c", "result": ""}, "pi2": {"state": "unknown", "release": "", "result": ""}}
    answer(folder, {"turn": 4, "hosts": hosts})
    assert folder.take_answer(4) == [Host("pi1", "open", "c"), Host("pi2", "unknown")]
    assert folder.take_answer(4) is None


def test_an_answer_to_another_turn_is_none(folder):
    answer(folder, {"turn": 3, "hosts": {}})
    assert folder.take_answer(4) is None
    assert not os.path.exists(folder.answer)


def test_a_host_in_a_state_unheard_of_is_not_free(folder):
    answer(folder, {"turn": 4, "hosts": {"pi1": {"state": "fine", "release": "", "result": ""}}})
    assert folder.take_answer(4) == [Host("pi1", "unknown")]


@pytest.mark.parametrize("content", ["", "{", "null", "5", "[]", {}, {"turn": 4}, {"turn": 4, "hosts": []}, {"turn": 4, "hosts": {"a": 5}}])
def test_what_is_no_answer_is_left_out_once(folder, content):
    answer(folder, content)
    with pytest.raises(ValueError, match="is not what the rulebook's last action writes"):
        folder.take_answer(4)
    assert folder.take_answer(4) is None


def secret(tmp_path, text="0123456789abcdef", mode=0o600):
    path = tmp_path / "secret"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_the_secret_comes_without_its_newline(tmp_path):
    assert read_secret(secret(tmp_path, "0123456789abcdef\n")) == b"0123456789abcdef"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_secret_that_others_can_read_is_refused(tmp_path, mode):
    path = secret(tmp_path, mode=mode)
    with pytest.raises(ValueError, match=f"secret_file {path} can be read by others; run: chmod 600 {path}"):
        read_secret(path)


@pytest.mark.parametrize("text", ["", "\n", "0123456789abcde\n"])
def test_a_short_secret_is_refused_and_not_shown(tmp_path, text):
    with pytest.raises(ValueError, match="it needs 16 or more, such as `openssl rand -hex 32`") as refused:
        read_secret(secret(tmp_path, text))
    assert not text.strip() or text.strip() not in str(refused.value)


def test_a_secret_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"secret_file /.*/none cannot be read: No such file or directory\."):
        read_secret(f"{tmp_path}/none")
