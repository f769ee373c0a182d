# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._snapshot import file as snapshot_file
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost


def described(name):
    return {
        "id": name,
        "name": f"shop-blue-{name}-1",
        "service": name,
        "image": "sha256:1",
        "config_hash": "",
        "ran": False,
        "body": {"Image": "shop:1", "HostConfig": {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}}},
        "endpoints": {},
        "volumes": [],
    }


ONE = {"release": "1", "containers": [described("web")], "networks": []}
TWO = {"release": "2", "containers": [described("api")], "networks": []}


@pytest.fixture
def store(tmp_path):
    made = Store("shop", FakeHost(), root=str(tmp_path / "lib"), run_root=str(tmp_path / "run"))
    made.create()
    return made


def exists(store):
    return os.path.exists(store.path("containers.json"))


def test_nothing_is_remembered_at_first(store):
    assert snapshot_file.of_color(store, "blue") is None
    assert snapshot_file.kept_color(store) is None
    snapshot_file.forget(store, "blue")
    assert not exists(store)


def test_a_color_is_remembered_and_not_kept(store):
    snapshot_file.put(store, "blue", ONE)
    assert snapshot_file.of_color(store, "blue") == ONE
    assert snapshot_file.kept_color(store) is None
    assert os.stat(store.path("containers.json")).st_mode & 0o777 == 0o600


def test_the_kept_color_stays_beside_the_live_one_and_no_other_does(store):
    snapshot_file.put(store, "blue", ONE)
    snapshot_file.keep(store, "blue", ["worker"])
    assert snapshot_file.kept_color(store) == {"color": "blue", **ONE, "workers": ["worker"]}
    snapshot_file.put(store, "green", TWO)
    assert snapshot_file.kept_color(store) == {"color": "blue", **ONE, "workers": ["worker"]}
    snapshot_file.keep(store, "green", ["worker"])
    assert snapshot_file.kept_color(store) == {"color": "green", **TWO, "workers": ["worker"]}
    assert snapshot_file.of_color(store, "blue") is None


def test_a_color_that_is_forgotten_leaves_the_kept_one(store):
    snapshot_file.put(store, "blue", ONE)
    snapshot_file.keep(store, "blue", ["worker"])
    snapshot_file.put(store, "green", TWO)
    snapshot_file.forget(store, "green")
    assert snapshot_file.of_color(store, "green") is None
    assert snapshot_file.kept_color(store) == {"color": "blue", **ONE, "workers": ["worker"]}
    snapshot_file.forget(store, "blue")
    assert not exists(store)


OF_A_LATER_VERSION = {"version": 2, "kept": "blue", "colors": {"blue": {**ONE, "workers": ["worker"]}}}


@pytest.mark.parametrize("text", ["{", "[]", "", json.dumps(OF_A_LATER_VERSION)])
def test_what_cannot_be_read_is_nothing(store, text):
    with open(store.path("containers.json"), "w", encoding="utf-8") as target:
        target.write(text)
    assert snapshot_file.kept_color(store) is None
    snapshot_file.put(store, "green", TWO)
    assert snapshot_file.of_color(store, "green") == TWO


def test_the_schema_that_is_documented(store):
    snapshot_file.put(store, "blue", ONE)
    snapshot_file.keep(store, "blue", ["worker"])
    with open(store.path("containers.json"), encoding="utf-8") as source:
        assert json.load(source) == {"version": 1, "kept": "blue", "colors": {"blue": {**ONE, "workers": ["worker"]}}}


def test_a_full_disk_keeps_no_deployment_open(store, monkeypatch):
    snapshot_file.put(store, "blue", ONE)
    snapshot_file.keep(store, "blue", ["worker"])
    snapshot_file.put(store, "green", TWO)

    def full(*_given, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(snapshot_file, "write_atomically", full)
    snapshot_file.forget(store, "green")
    assert snapshot_file.kept_color(store) == {"color": "blue", **ONE, "workers": ["worker"]}
