# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError, Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.step import Step
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    switch as nginx_switch,
    upstream_text,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.drain import Drained
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.switch import Switched
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps import bg_switch

PORTS = {"blue": 18001, "green": 18002}
SERVERS = {"blue": "127.0.0.1:18001", "green": "127.0.0.1:18002"}


@pytest.fixture
def params(tmp_path):
    path = tmp_path / "shop.conf"
    path.write_text(upstream_text.render("shop", "blue", SERVERS))
    defaults = {name: option.get("default") for name, option in bg_switch.ARGUMENTS.items()}
    return {
        "app": "shop", "deployment_id": "", "epoch": 0, **defaults, "color": "green", "ports": PORTS, "file": str(path)
    }


@pytest.fixture
def calls(host, monkeypatch, store):
    """What the module had its libraries do."""
    calls = []

    def switch(host, journal, nginx, color, release, before_rename):
        calls.append(("switch", nginx.upstream, color, release, journal.get("step"), journal.get("done")))
        before_rename()
        return Switched(True, "blue", color, {"before": "a", "after": "b"}, 0.3, [[10, 100]])

    def wait_drained(host, journal, nginx_workers, timeout):
        calls.append(("drain", nginx_workers, timeout))
        return Drained(False, ["10 holds"], 5.0)

    monkeypatch.setattr(nginx_switch, "switch", switch)
    monkeypatch.setattr(bg_switch, "wait_drained", wait_drained)
    monkeypatch.setattr(bg_switch, "of_project", lambda engine, project, services: [f"{project} {services}"])
    monkeypatch.setattr(
        bg_switch,
        "require_still_healthy",
        lambda host, journal, settings, color, found: calls.append(("healthy", settings.app, color, found)),
    )
    monkeypatch.setattr(
        bg_switch, "restore_restart_policies", lambda host, journal, found: calls.append(("policies", found))
    )
    return calls


OURS = {"deployment_id": "dep-1", "epoch": 1, "project": "shop-green"}


def test_by_itself(host, params, calls):
    result = bg_switch.switch({**params, "release": "2"}, host, False)
    assert calls == [("switch", "shop", "green", "2", None, None)]
    assert result == {
        "changed": True,
        "live": "green",
        "previous": "blue",
        "diff": {"before": "a", "after": "b"},
        "seconds": 0.3,
        "children": [[10, 100]],
        "drained": False,
        "held_by": [],
    }


def test_within_a_deployment_it_is_a_step_that_asks_the_color_last_of_all(host, params, calls, deployment):
    bg_switch.switch({**params, **OURS}, host, False)
    assert calls == [
        ("switch", "shop", "green", "", "cutover", False),
        ("policies", ["shop-green ['redis', 'web']"]),
        ("healthy", "shop", "green", ["shop-green ['redis', 'web']"]),
    ]
    assert (deployment.store.load()["step"], deployment.store.load()["done"]) == ("cutover", True)


def test_a_failure_leaves_the_step_undone(host, params, calls, deployment, monkeypatch):
    def fail(*args, **options):
        raise BluegreenError("not moved")

    monkeypatch.setattr(nginx_switch, "switch", fail)
    with pytest.raises(BluegreenError):
        bg_switch.switch({**params, **OURS}, host, False)
    assert (deployment.store.load()["step"], deployment.store.load()["done"]) == ("cutover", False)


@pytest.mark.parametrize("step", ["handover", "start_workers", "settle", "awaiting_approval"])
def test_the_drain_is_waited_for_in_a_later_step(host, params, calls, deployment, step):
    deployment.begin(Step(step))
    result = bg_switch.switch({**params, **OURS, "drain": True, "drain_timeout": 5.0}, host, False)
    assert calls[-1] == ("drain", [[10, 100]], 5.0)
    assert (result["drained"], result["held_by"]) == (False, ["10 holds"])
    assert deployment.store.load()["step"] == step
    with pytest.raises(Fenced):
        bg_switch.switch({**params, **OURS}, host, False)


def test_drain_in_the_same_run_as_the_switch(host, params, calls, deployment):
    bg_switch.switch({**params, **OURS, "drain": True}, host, False)
    assert [call[0] for call in calls] == ["switch", "policies", "healthy", "drain"]
    assert (deployment.store.load()["step"], deployment.store.load()["done"]) == ("cutover", True)


def test_by_itself_it_keeps_off_an_open_deployment(host, params, calls, deployment):
    with pytest.raises(Fenced, match="Deployment dep-1 by me"):
        bg_switch.switch(params, host, False)
    assert calls == []


def test_check_mode_shows_the_plan_and_changes_nothing(host, params, calls, tmp_path):
    before = open(params["file"]).read()
    result = bg_switch.switch({**params, "drain": True}, host, True)
    assert calls == []
    assert (result["changed"], result["live"], result["previous"], result["drained"]) == (True, "green", "blue", False)
    assert result["diff"]["before"] == before == open(params["file"]).read()
    assert "server 127.0.0.1:18002;" in result["diff"]["after"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shop.conf"]
    assert not bg_switch.switch({**params, "color": "blue"}, host, True)["changed"]


def test_no_live_color_before(host, params, calls):
    with open(params["file"], "w") as target:
        target.write(upstream_text.render("shop", None, SERVERS))
    assert bg_switch.switch(params, host, True)["previous"] == ""


@pytest.mark.parametrize(
    "change, message",
    [
        ({"app": "Shop"}, "app is 'Shop'"),
        ({"release": "a b"}, "release is 'a b'"),
        ({"project": "A"}, "project is 'A'"),
        ({"drain_timeout": -1.0}, "drain_timeout is -1, but it must not be less than 0."),
        ({"ports": {"blue": 18001, "green": 18001}}, "ports gives both colors 18001"),
        ({"servers": {"blue": "x:1", "green": None}}, "servers has no green"),
        (
            {"file": "/nowhere/shop.conf"},
            "/nowhere/shop.conf, the file that tells Nginx which color is live, does not exist",
        ),
    ],
)
def test_bad_input_is_one_sentence(host, params, calls, change, message):
    with pytest.raises(BluegreenError) as refusal:
        bg_switch.switch({**params, **change}, host, True)
    assert refusal.value.message.startswith(message)
