# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import fetch as deployment_fetch
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps import bg_fetch

GIVEN = {"app": "shop", "project": "shop-green", "project_src": "/srv/shop", "services": ["redis", "web"]}


@pytest.fixture
def calls(monkeypatch):
    calls = []
    monkeypatch.setattr(deployment_fetch, "fetch", lambda host, store, *given: calls.append((store.app, *given)))
    return calls


def run(host, check_mode=False, **params):
    defaults = {name: option.get("default") for name, option in bg_fetch.ARGUMENTS.items()}
    return bg_fetch.fetch({"deployment_id": "", "epoch": 0, **defaults, **GIVEN, **params}, host, check_mode)


def test_what_is_handed_on(host, calls):
    assert run(host, deployment_id="dep-1", epoch=2, files=["a.yml"], env_files=["/e"], build="always") == {
        "changed": True
    }
    project = ("shop-green", "/srv/shop", ["a.yml"], [], ["/e"])
    assert calls == [("shop", project, ["redis", "web"], "missing", "always", ("dep-1", 2))]


def test_check_mode_changes_nothing(host, calls):
    assert run(host, check_mode=True) == {"changed": True}
    assert calls == []


@pytest.mark.parametrize(
    "params, refusal",
    [
        ({"services": []}, "services is \\[\\], but a color has at least one: name those that get a container."),
        ({"services": ["--scale=web=2"]}, "services is '--scale=web=2', but the name of a service must begin with"),
        ({"project": "a b"}, "project is 'a b', but"),
        ({"app": "A"}, "app is 'A', but"),
    ],
)
def test_what_is_refused(host, calls, params, refusal):
    for check_mode in (True, False):
        with pytest.raises(BluegreenError, match=refusal):
            run(host, check_mode, **params)
    assert calls == []
