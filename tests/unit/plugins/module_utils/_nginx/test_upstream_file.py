# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import upstream_file


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "shop.conf"
    path.write_text("old")
    return path


@pytest.fixture
def owned(path):
    return upstream_file.OwnedFile(str(path), "dep-1")


def names(path):
    return sorted(os.listdir(path.parent))


def test_replaced_and_put_back(path, owned):
    owned.replace("new")
    assert path.read_text() == "new"
    owned.put_back()
    assert path.read_text() == "old"
    assert names(path) == ["shop.conf"]


def test_replaced_for_good(path, owned):
    owned.replace("new")
    owned.discard_undo()
    assert path.read_text() == "new"
    assert names(path) == ["shop.conf"]


def test_nginx_includes_nothing_that_lies_beside_it(path, owned):
    owned.backup()
    owned.replace("new")
    assert [name for name in names(path) if not name.startswith(".")] == ["shop.conf"]
    assert len(names(path)) == 3


def test_the_first_backup_stays(path, owned):
    assert owned.read_backup() is None
    owned.backup()
    owned.replace("new")
    owned.backup()
    assert owned.read_backup() == "old"


def test_an_edit_in_place_does_not_change_the_backup(path, owned):
    owned.backup()
    path.write_text("edited")
    assert owned.read_backup() == "old"


def test_going_back_needs_no_space_on_the_disk(path, owned, monkeypatch):
    owned.backup()
    owned.replace("new")
    owned.discard_undo()

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(owned, "_write", full)
    owned.replace("old")
    assert path.read_text() == "old"
    assert owned.read_backup() == "old"
    with pytest.raises(
        BluegreenError, match="shop.conf cannot be written .no space left on device.: Nginx was not changed"
    ):
        owned.replace("newer")
    assert path.read_text() == "old"


def test_the_backup_is_restored_and_stays(path, owned):
    assert owned.restore_backup() is False
    owned.backup()
    assert owned.restore_backup() is False
    owned.replace("new")
    assert owned.restore_backup() is True
    assert path.read_text() == "old"
    assert owned.restore_backup() is False
    assert owned.read_backup() == "old"
    owned.replace("newer")
    assert owned.restore_backup() is True
    assert path.read_text() == "old"


def test_the_backup_of_another_deployment_is_not_restored(path, owned):
    owned.backup()
    owned.replace("new")
    assert upstream_file.OwnedFile(str(path), "dep-2").restore_backup() is False
    assert path.read_text() == "new"


def test_leftovers_of_an_interrupted_switch_do_not_hinder_a_restoration(path, owned):
    owned.backup()
    owned.replace("new")
    (path.parent / ".shop.conf.tmp").write_text("torn")
    assert owned.restore_backup() is True
    assert path.read_text() == "old"


def test_a_restoration_needs_no_space_on_the_disk(path, owned, monkeypatch):
    owned.backup()
    owned.replace("new")
    monkeypatch.setattr(owned, "_write", None)
    assert owned.restore_backup() is True
    assert path.read_text() == "old"


def test_a_file_that_somebody_removed_is_put_back(path, owned):
    owned.backup()
    path.unlink()
    assert owned.restore_backup() is True
    assert path.read_text() == "old"


def test_a_link_stays_a_link_when_its_file_is_put_back(path, tmp_path):
    link = tmp_path / "enabled.conf"
    link.symlink_to(path)
    owned = upstream_file.OwnedFile(str(link), "dep-1")
    owned.backup()
    owned.replace("new")
    assert owned.restore_backup() is True
    assert link.is_symlink()
    assert path.read_text() == "old"


def test_a_disk_that_does_not_take_it_back_is_one_sentence(path, owned, monkeypatch):
    def refuse(*args):
        raise OSError(errno.EROFS, "Read-only file system")

    owned.backup()
    owned.replace("new")
    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(
        BluegreenError, match="shop.conf cannot be written .read-only file system.: Nginx was not changed"
    ):
        owned.restore_backup()
    assert path.read_text() == "new"


def test_leftovers_of_an_interrupted_switch_do_not_hinder_a_switch(path, owned):
    for name in (".shop.conf.tmp", ".shop.conf.undo"):
        (path.parent / name).write_text("torn")
    owned.replace("new")
    owned.put_back()
    assert path.read_text() == "old"


def test_backups_and_leftovers_are_removed_and_nothing_else(path, owned):
    owned.backup()
    owned.replace("new")
    for name in (".shop.conf.before-dep-0", ".shop.conf.tmp", ".other.conf.tmp", "shop.conf.bak"):
        (path.parent / name).write_text("x")
    owned.remove_backups()
    assert names(path) == [".other.conf.tmp", "shop.conf", "shop.conf.bak"]


def test_mode_is_kept(path, owned):
    path.chmod(0o640)
    owned.replace("new")
    assert path.stat().st_mode & 0o7777 == 0o640


def test_a_link_stays_a_link(path, tmp_path):
    link = tmp_path / "enabled.conf"
    link.symlink_to(path)
    upstream_file.OwnedFile(str(link)).replace("new")
    assert link.is_symlink()
    assert path.read_text() == "new"


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(
        BluegreenError, match="none.conf, the file that tells Nginx which color is live, does not exist"
    ):
        upstream_file.OwnedFile(str(tmp_path / "none.conf")).read()


def test_a_folder_that_cannot_be_written_to_is_one_sentence(path, owned, monkeypatch):
    def refuse(*args):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(owned, "_write", refuse)
    for attempt in (owned.backup, lambda: owned.replace("new")):
        with pytest.raises(BluegreenError, match="cannot be written .permission denied.: Nginx was not changed"):
            attempt()
    assert path.read_text() == "old"


def test_without_the_folder_there_is_nothing_to_remove(tmp_path):
    upstream_file.OwnedFile(str(tmp_path / "gone" / "shop.conf")).remove_backups()
    assert os.listdir(tmp_path) == []
