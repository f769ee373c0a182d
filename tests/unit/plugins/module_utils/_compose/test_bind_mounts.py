# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import bind_mounts

ROLES = {"web": ["web"], "support": ["redis"], "init": [], "workers": ["worker"], "ignored": ["db"]}


def bind(source, target="/app"):
    return {"type": "bind", "source": source, "target": target}


def found(release="1.4.2", green=None, code=lambda path: True, **mounts):
    blue = {name: {"volumes": volumes} for name, volumes in mounts.items()}
    both = {"blue": {"services": blue}, "green": {"services": green or blue}}
    return bind_mounts.warnings(both, ROLES, "/srv/shop", release, code)


def test_the_sentence_names_services_and_path():
    mount = [bind("/srv/shop/src")]
    assert found(web=mount, worker=mount) == [
        "/srv/shop/src holds code and is mounted into web and worker: a container of the old color would run the new "
        "code when it is started again, so a rollback would not bring the old code back. Build the code into the "
        "image, or give each release a folder of its own (./releases/${BG_RELEASE})."
    ]


@pytest.mark.parametrize("source", ["/srv/shop", "/srv/shop/", "/srv/shop/src/shop", "/srv/shop/celeryconfig.py"])
def test_at_or_below_the_project(source):
    assert len(found(web=[bind(source)])) == 1


@pytest.mark.parametrize(
    "mount",
    [
        bind("/srv/shopping"),
        bind("/srv"),
        bind("/srv/ledger"),
        bind("/srv/shop/releases/1.4.2"),
        bind("/srv/shop/shop-1.4.2/src"),
        {"type": "volume", "source": "src", "target": "/app"},
        {"type": "tmpfs", "target": "/tmp"},
    ],
)
def test_what_is_elsewhere_or_belongs_to_one_release(mount):
    assert found(web=[mount]) == []


def test_part_of_another_name_is_not_the_release():
    assert len(found(release="1", web=[bind("/srv/shop/app1")])) == 1
    assert len(found(release="", web=[bind("/srv/shop/src")])) == 1


def test_a_folder_for_each_color_is_not_shared():
    green = {"web": {"volumes": [bind("/srv/shop/green")]}}
    assert found(web=[bind("/srv/shop/blue")], green=green) == []


def test_a_service_outside_of_the_colors_may_do_as_it_likes():
    assert found(db=[bind("/srv/shop/src")]) == []


def test_only_code_counts(tmp_path):
    asked = []
    assert found(code=asked.append, web=[bind("/srv/shop/media")]) == []
    assert asked == ["/srv/shop/media"]


@pytest.mark.parametrize(
    "path, code",
    [("main.py", True), ("shop/tasks.py", True), ("a/b/c/deep.py", True), ("a/b/c/d/deeper.py", False),
     (".git/hooks/x.py", False), ("photo.jpg", False)],
)
def test_holds_code(tmp_path, path, code):
    file = tmp_path / "src" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("")
    assert bind_mounts.holds_code(str(tmp_path / "src")) is code


def test_a_file_is_code_by_its_name(tmp_path):
    (tmp_path / "nginx.conf").write_text("")
    (tmp_path / "settings.py").write_text("")
    assert bind_mounts.holds_code(str(tmp_path / "settings.py")) is True
    assert bind_mounts.holds_code(str(tmp_path / "nginx.conf")) is False
    assert bind_mounts.holds_code(str(tmp_path / "missing")) is False


def test_a_large_folder_of_data_ends_the_look(tmp_path, monkeypatch):
    monkeypatch.setattr(bind_mounts, "_ENTRIES", 5)
    for number in range(6):
        (tmp_path / f"{number}.jpg").write_text("")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x.py").write_text("")
    assert bind_mounts.holds_code(str(tmp_path)) is False
