# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os

import pytest
from fakes import FakeHost

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _remembered
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import Store


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
    assert _remembered.of_color(store, "blue") is None
    assert _remembered.kept_color(store) is None
    _remembered.forget(store, "blue")
    assert not exists(store)


def test_a_color_is_remembered_and_not_kept(store):
    _remembered.put(store, "blue", ONE)
    assert _remembered.of_color(store, "blue") == ONE
    assert _remembered.kept_color(store) is None
    assert os.stat(store.path("containers.json")).st_mode & 0o777 == 0o600


def test_the_kept_color_stays_beside_the_live_one_and_no_other_does(store):
    _remembered.put(store, "blue", ONE)
    _remembered.keep(store, "blue", ["worker"])
    assert _remembered.kept_color(store) == {"color": "blue", **ONE, "workers": ["worker"]}
    _remembered.put(store, "green", TWO)
    assert _remembered.kept_color(store) == {"color": "blue", **ONE, "workers": ["worker"]}
    _remembered.keep(store, "green", ["worker"])
    assert _remembered.kept_color(store) == {"color": "green", **TWO, "workers": ["worker"]}
    assert _remembered.of_color(store, "blue") is None


def test_a_color_that_is_forgotten_leaves_the_kept_one(store):
    _remembered.put(store, "blue", ONE)
    _remembered.keep(store, "blue", ["worker"])
    _remembered.put(store, "green", TWO)
    _remembered.forget(store, "green")
    assert _remembered.of_color(store, "green") is None
    assert _remembered.kept_color(store) == {"color": "blue", **ONE, "workers": ["worker"]}
    _remembered.forget(store, "blue")
    assert not exists(store)


@pytest.mark.parametrize("text", ["{", "[]", "", json.dumps({"version": 2, "kept": "blue", "colors": {"blue": {**ONE, "workers": ["worker"]}}})])
def test_what_cannot_be_read_is_nothing(store, text):
    with open(store.path("containers.json"), "w", encoding="utf-8") as target:
        target.write(text)
    assert _remembered.kept_color(store) is None
    _remembered.put(store, "green", TWO)
    assert _remembered.of_color(store, "green") == TWO


def test_the_schema_that_is_documented(store):
    _remembered.put(store, "blue", ONE)
    _remembered.keep(store, "blue", ["worker"])
    with open(store.path("containers.json"), encoding="utf-8") as source:
        assert json.load(source) == {"version": 1, "kept": "blue", "colors": {"blue": {**ONE, "workers": ["worker"]}}}


def test_a_full_disk_keeps_no_deployment_open(store, monkeypatch):
    _remembered.put(store, "blue", ONE)
    _remembered.keep(store, "blue", ["worker"])
    _remembered.put(store, "green", TWO)

    def full(*_given, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_remembered, "write_atomically", full)
    _remembered.forget(store, "green")
    assert _remembered.kept_color(store) == {"color": "blue", **ONE, "workers": ["worker"]}
