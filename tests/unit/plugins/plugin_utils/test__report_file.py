# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._report_file import (
    ReportError,
    check_name,
    differs,
    write,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.plugin_utils.fleets import report


def test_json(tmp_path):
    write(str(tmp_path / "fleet.json"), report())
    assert json.loads((tmp_path / "fleet.json").read_text(encoding="utf-8")) == report()


def test_a_page_takes_the_place_of_the_one_before(tmp_path):
    path = tmp_path / "fleet.html"
    path.write_text("old", encoding="utf-8")
    write(str(path), report())
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [each.name for each in tmp_path.iterdir()] == ["fleet.html"]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("name", ["fleet.html", "fleet.json"])
def test_a_report_of_another_time_is_the_same_and_one_of_another_state_is_not(tmp_path, name):
    path = tmp_path / name
    assert differs(str(path), report())
    write(str(path), {**report(), "at": "2026-11-25T20:14:00Z"})
    assert not differs(str(path), report())
    assert differs(str(path), {**report(), "hosts": report()["hosts"][1:]})


@pytest.mark.parametrize("content", [b"", b"\xff", b'{"at": "soon"}', b'{"at": "2026-99-25T20:14:00Z"}'])
def test_a_file_that_is_not_a_report_differs(tmp_path, content):
    for name in ("fleet.html", "fleet.json"):
        (tmp_path / name).write_bytes(content)
        assert differs(str(tmp_path / name), report())


def test_a_relative_path_and_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    os.mkdir(tmp_path / "home")
    write("a.json", report())
    write("~/b.json", report())
    assert (tmp_path / "a.json").exists() and (tmp_path / "home" / "b.json").exists()


@pytest.mark.parametrize("name", ["fleet", "fleet.txt", "fleet.HTML", ".html", "fleet.html/", "/dev/stdout"])
def test_the_end_of_the_name_says_what_is_written(name):
    with pytest.raises(ReportError) as caught:
        check_name(name)
    assert str(caught.value) == (
        f"bluegreen_report is {name!r}, but its extension chooses the format: use a name that ends with .html or .json."
    )


def test_a_folder_that_is_not_there(tmp_path):
    path = str(tmp_path / "reports" / "fleet.html")
    with pytest.raises(ReportError) as caught:
        write(path, report())
    assert str(caught.value) == (
        f"bluegreen_report is {path!r}, but {path} cannot be written (No such file or directory): name a file in a "
        "folder of this computer that exists and is writable."
    )


def test_a_folder_in_the_place_of_the_file_leaves_no_draft(tmp_path):
    (tmp_path / "fleet.html").mkdir()
    with pytest.raises(ReportError, match="Is a directory"):
        write(str(tmp_path / "fleet.html"), report())
    assert [each.name for each in tmp_path.iterdir()] == ["fleet.html"]
