# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import (
    file_schemas,
    schema as journal_schema,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.create import create_journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import close, history_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.schema import STEPS, problems
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.strict_json import Unreadable
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import (
    CONTAINER,
    Scene,
    facts,
    whole_journal,
)

DOCS = Path(__file__).parents[5] / "docs"
INJECTION = "127.0.0.1:80; } server { listen 24999"
ALWAYS = {"Name": "always", "MaximumRetryCount": 0}


@pytest.fixture
def scene(monkeypatch, tmp_path):
    return Scene(monkeypatch, tmp_path)


@pytest.fixture
def whole():
    return whole_journal()


def at(data, path):
    """``(mapping, key)`` of the place that a path with dots leads to."""
    *above, key = path.split(".")
    for name in above:
        data = data[name] if isinstance(data, dict) else data[int(name)]
    return data, key if isinstance(data, dict) else int(key)


# What nobody tampered with


def test_a_journal_with_everything_in_it_passes(whole):
    assert problems(whole, "shop") == []


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("done", [True, False])
def test_every_deployment_of_the_tests_passes(scene, step, done):
    scene.color("blue")
    scene.color("green")
    journal = scene.deployment(step, done)
    assert problems(journal.data, "shop") == []
    assert scene.store.load().data == journal.data


def test_a_first_deployment_passes(scene):
    journal = create_journal(scene.store, "dep-1", "ada", facts(**{"from": "", "release_from": "", "release": ""}))
    assert problems(journal.data, "shop") == []


def test_a_journal_of_version_1_is_read(whole):
    """An upgrade of the collection may find a deployment open."""
    old = {**whole, "version": 1, "back": whole["rolling_back"], "cutover": dict(whole["cutover"])}
    del old["rolling_back"]
    old["cutover"]["backup"] = old["cutover"].pop("backup")
    old["cutover"]["children"] = old["cutover"].pop("nginx_workers")
    assert journal_schema.journal(json.dumps(old).encode(), "shop") == whole
    del old["cutover"]
    assert "cutover" not in journal_schema.journal(json.dumps(old).encode(), "shop")


def test_what_a_later_version_adds_is_let_pass(whole):
    whole["weather"] = {"sun": [1, None]}
    for path in ("settings.flags", "settings.nginx.http3", "cutover.proof", "workers.pool", "lease.node"):
        place, key = at(whole, path)
        place[key] = {"any": "thing"}
    assert problems(whole, "shop") == []


def test_a_file_of_nginx_behind_a_link_may_have_a_name_that_nobody_gives_in_a_variable(whole):
    whole["cutover"].update(file="/srv/my site/shop.conf", backup="/srv/my site/.shop.conf.before-dep-1")
    assert problems(whole, "shop") == []


# What is refused


@pytest.mark.parametrize("key", sorted(journal_schema.REQUIRED))
def test_nothing_may_be_missing(whole, key):
    del whole[key]
    assert problems(whole, "shop")[0] in (f"{key} is missing", "version is neither 1 nor 2, which this release reads")


@pytest.mark.parametrize("key", sorted({**journal_schema.REQUIRED, **journal_schema.OPTIONAL}))
@pytest.mark.parametrize("value", [[[]], {"a": {"b": []}}, True, 1.5, "\n", -1, 10**30], ids=repr)
def test_a_value_of_the_wrong_kind_is_found_or_does_no_harm(whole, key, value):
    whole[key] = value
    found = problems(whole, "shop")
    # What is left of the values are kinds that the key may have.
    if not found:
        assert (type(value), key) in {
            *((bool, key) for key in ("done", "rolling_back", "remove_volumes", "armed", "watch", "guard", "to_kept")),
            *((float, key) for key in NUMBERS),
            *((str, key) for key in ("who", "approved_by", "reason")),
            *((int, key) for key in (*NUMBERS, *WHOLE)),
            # Of these mappings no key is a must.
            *((dict, key) for key in ("workers", "task_names")),
        }
    else:
        assert found[0].startswith(key)


NUMBERS = ("opened_at", "live_at", "drain_timeout", "worker_gap")
WHOLE = ("keep_images", "revert_after", "tasks_moved", "approval_timeout")


@pytest.mark.parametrize(
    "path, value, problem",
    [
        ("version", 3, "version is neither 1 nor 2, which this release reads"),
        ("version", True, "version is neither 1 nor 2, which this release reads"),
        ("version", 1.0, "version is neither 1 nor 2, which this release reads"),
        ("app", "blog", "settings.app is not app"),
        ("id", "../dep", "id is not a valid value"),
        ("epoch", "1", "epoch is not a whole number"),
        ("epoch", True, "epoch is not a whole number"),
        ("epoch", 0, "epoch is out of range"),
        ("opened_at", 1e15, "opened_at is out of range"),
        ("step", "cutover\n", f"step is not one of {', '.join(json.dumps(step) for step in STEPS)}"),
        ("done", 1, "done is neither true nor false"),
        ("result", "fine", 'result is not one of "", "committed", "rolled_back", "failed"'),
        ("to", "red", 'to is not one of "blue", "green"'),
        ("to", "blue", "from and to are the same color"),
        ("release", "2; }", "release is not a valid value"),
        ("release_from", "2\n", "release_from is not a valid value"),
        ("settings.app", "blog", "settings.app is not app"),
        ("settings.projects.blue", "shop_blue;rm", "settings.projects.blue is not a valid value"),
        ("settings.projects", {"blue": "shop-blue"}, "settings.projects.green is missing"),
        ("settings.ports.green", 80, "settings.ports.green is not a valid value"),
        ("settings.ports.red", 18003, "settings.ports names more than blue and green"),
        ("settings.services.web", [], "settings.services.web is empty"),
        ("settings.services.web", ["--volumes"], "settings.services.web[0] is not a valid value"),
        ("settings.nginx.upstream", "shop {", "settings.nginx.upstream is not a valid value"),
        ("settings.nginx.file", "/etc/nginx/../passwd.conf", "settings.nginx.file is not a valid value"),
        ("settings.nginx.file", "/etc/passwd", "settings.nginx.file is not a valid value"),
        ("settings.nginx.container", "--privileged", "settings.nginx.container is not a valid value"),
        ("settings.nginx.servers.green", INJECTION, "settings.nginx.servers.green is not a valid value"),
        ("settings.nginx.public_url", "file:///etc/shadow", "settings.nginx.public_url is not a valid value"),
        ("settings.nginx.public_host", "a\r\nX: y", "settings.nginx.public_host is not a valid value"),
        ("settings.broker.mode", "color;", 'settings.broker.mode is not one of "color", "shared", "none", "auto"'),
        ("settings.broker.url", "redis://:secret@redis", 'settings.broker.url is not one of ""'),
        ("settings.health.path", "/\r\nHost: x", "settings.health.path is not a valid value"),
        ("settings.health.successes", 0, "settings.health.successes is out of range"),
        ("settings.health.status", [200, 9999], "settings.health.status[1] is out of range"),
        ("policies", {"../info": ALWAYS}, "a key of policies is not a valid value"),
        (f"policies.{CONTAINER}.Name", "yes", f"policies.{CONTAINER}.Name is not one of "),
        ("signalled", ["a/b"], "signalled[0] is not a valid value"),
        ("cpu_shares", {"a?force=1": 2}, "a key of cpu_shares is not a valid value"),
        ("workers.on_timeout", "now", "workers.on_timeout is not one of "),
        ("old_color", "gone", 'old_color is not one of "removed", "stopped"'),
        ("cutover.color", "red", 'cutover.color is not one of "blue", "green"'),
        ("cutover.file", "etc/shop.conf", "cutover.file is not an absolute path without .."),
        ("cutover.file", "/etc/../srv/shop.conf", "cutover.file is not an absolute path without .."),
        ("cutover.file", "/etc/a\nb", "cutover.file is not a path"),
        ("cutover.backup", "/home/ada/.ssh/authorized_keys", "cutover.backup does not lie beside cutover.file"),
        ("cutover.backup", "/etc/nginx/conf.d/evil.conf", "cutover.backup does not lie beside cutover.file"),
        ("cutover.nginx_workers", [["1", 2]], "cutover.nginx_workers[0][0] is not a whole number"),
        ("task_names.old", [1], "task_names.old[0] is not a string"),
        ("hops.0.n", "1", "hops[0].n is not a whole number"),
        ("lease", {"boot_id": "x"}, "lease.until is missing"),
        ("lease.until", "soon", "lease.until is not a number"),
    ],
)
def test_what_would_be_acted_upon_is_checked(whole, path, value, problem):
    place, key = at(whole, path)
    place[key] = value
    assert [found for found in problems(whole, "shop") if found.startswith(problem)]


def test_another_apps_journal_is_refused(whole):
    assert problems(whole, "blog") == ["app is not blog"]


@pytest.mark.parametrize("data", [None, [], "text", 1, True, [{"version": 1}]])
def test_what_is_no_mapping_is_refused(data):
    assert problems(data, "shop") == ["it is not a mapping"]


# From bytes


def raw(data):
    return json.dumps(data).encode()


def test_a_whole_file_is_read(whole):
    assert journal_schema.journal(raw(whole), "shop") == whole


def test_a_key_that_stands_twice_is_no_journal(whole):
    text = json.dumps(whole).replace('"epoch": 1,', '"epoch": 1, "epoch": 2,')
    assert '"epoch": 2' in text
    with pytest.raises(Unreadable, match="it is not JSON"):
        journal_schema.journal(text.encode(), "shop")


# The other files


DESCRIBED = {
    "id": CONTAINER,
    "name": "shop-blue-web-1",
    "service": "web",
    "image": "sha256:1",
    "config_hash": "",
    "ran": False,
    "body": {"Image": "shop:1", "HostConfig": {"RestartPolicy": ALWAYS}},
    "endpoints": {"shop-blue_default": {}},
    "volumes": [],
}
BLUE = {"release": "1", "containers": [DESCRIBED], "networks": [{"Name": "shop-blue_default", "IPAM": {}}]}
CONTAINERS = {"version": 1, "kept": "blue", "colors": {"blue": BLUE}}


def test_what_containers_were_made_of_is_read():
    assert file_schemas.containers(raw(CONTAINERS)) == CONTAINERS


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"kept": "red"},
        {"kept": None},
        {"colors": {"red": BLUE}},
        {"colors": {"blue": {**BLUE, "release": "1; }"}}},
        {"colors": {"blue": {**BLUE, "networks": [{}]}}},
        *(
            {"colors": {"blue": {**BLUE, "containers": [{**DESCRIBED, **wrong}]}}}
            for wrong in (
                {"id": "a/b"},
                {"name": ""},
                {"body": {"Image": "shop:1", "HostConfig": {"RestartPolicy": {"Name": "x"}}}},
                {"body": {}},
                {"endpoints": []},
                {"ran": 1},
            )
        ),
    ],
)
def test_what_says_something_else_of_containers_is_unreadable(changes):
    with pytest.raises(Unreadable):
        file_schemas.containers(raw({**CONTAINERS, **changes}))


def test_what_an_app_is_made_of_is_read_without_a_journal(whole):
    data = {"settings": whole["settings"], "policies": {"web": ALWAYS}, "stop_timeout": None}
    assert file_schemas.settings_file(raw(data), "shop") == data
    for changes, app in [
        ({}, "blog"),
        ({"policies": {"web": {}}}, "shop"),
        ({"stop_timeout": "1"}, "shop"),
        ({"settings": {}}, "shop"),
    ]:
        with pytest.raises(Unreadable):
            file_schemas.settings_file(raw({**data, **changes}), app)
    data["settings"]["nginx"]["file"] = "/etc/passwd"
    with pytest.raises(Unreadable, match="settings.nginx.file is not a valid value"):
        file_schemas.settings_file(raw(data), "shop")


def test_what_another_deployment_did_not_note_is_empty():
    empty = {"result": "", "reason": "", "release": "", "from": "", "ended": ""}
    assert file_schemas.entry(b'{"id": "dep-1"}\n') == {"id": "dep-1", **empty}


@pytest.mark.parametrize(
    "line", [b"[]", b"1", b'{"id": 1}', b'{"id": "a", "result": 1}', b'{"id": "a", "seconds": []}', b"{"]
)
def test_a_line_that_is_no_entry_is_unreadable(line):
    with pytest.raises(Unreadable):
        file_schemas.entry(line)


# Free text


def test_free_texts_are_one_line_of_a_sane_length():
    tidied = journal_schema.tidied({"id": "dep-1", "who": "ada\n\x1b[2J@laptop\u202e", "reason": "no\r\n" * 1000})
    assert tidied["who"] == "ada [2J@laptop" and tidied["id"] == "dep-1"
    assert len(tidied["reason"]) <= journal_schema.LONGEST_REASON and tidied["reason"].isprintable()
    assert tidied["reason"].endswith("…")


def test_what_is_written_of_them_is_tidy_too(scene):
    journal = create_journal(scene.store, "dep-1", "ada\n@laptop" + "p" * 1000, facts())
    journal.note(reason="one\ntwo")
    written = scene.store.load()
    assert written["who"].startswith("ada @laptop") and len(written["who"]) == journal_schema.LONGEST_WHO
    assert written["reason"] == "one two"
    close(scene.store, {"id": "dep-1", "reason": "one\ntwo"})
    assert history_of(scene.store)[0]["reason"] == "one two"


# The documentation


def test_the_documentation_describes_the_same_keys():
    table = (DOCS / "journal.md").read_text(encoding="utf-8").partition("## The journal")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    documented = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
    assert documented == {*journal_schema.REQUIRED, *journal_schema.OPTIONAL}
