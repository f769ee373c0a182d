# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any bytes in a file or a message are refused with a sentence, or do no harm.

The bytes are random, and the same in every run.
"""

from __future__ import annotations

import copy
import json

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _settings, _validation
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import remote_control
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.url import parse_url
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery import kombu
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import status as deployment_status
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment.finish import finish_deployment
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment.may_open import require_none_open
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError, Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import schema as journal_schema
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.counting import (
    Moment,
    count,
    gap_ends,
    workers_consume,
    workers_told,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.fencing import require_owner
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.figures import figures, sentence
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import history_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.journal import Journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.step import Step
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.strict_json import Unreadable
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery import (
    decide as recovery_decide,
    recover as recovery,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery.request import Request
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._snapshot.file import kept_color
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.deployment_states import keep_new_color
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import (
    Scene,
    whole_journal,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.nasty import (
    NASTY,
    changed,
    mutations,
    places,
)


@pytest.fixture
def scene(monkeypatch, tmp_path):
    made = Scene(monkeypatch, tmp_path)
    for color in ("blue", "green"):
        made.color(color)
    made.folder = tmp_path / "lib" / "shop"
    return made


@pytest.fixture
def whole():
    return whole_journal()


def put(scene, raw, name="deployment.json"):
    for each in ("deployment.json", "deployment.json.previous"):
        (scene.folder / each).unlink(missing_ok=True)
    (scene.folder / name).write_bytes(raw)
    (scene.folder / name).chmod(0o640)


def of_bytes(raw):
    """What the reader makes of some bytes: a journal, or ``None``."""
    try:
        return journal_schema.journal(raw, "shop")
    except Unreadable as error:
        assert error.problems and all(problem.isprintable() and len(problem) < 1000 for problem in error.problems)
        return None


def use(scene, data):
    """Everything that reads a journal, up to the first effect. No error but one for people."""
    journal = Journal(scene.store, copy.deepcopy(data))
    settings = _settings.from_journal(journal.data)
    nginx = settings.nginx
    written = nginx.upstream + nginx.file + nginx.container + "".join(nginx.servers.values())
    assert set("\n\r;{}\"'` $\\#").isdisjoint(written)
    assert set(settings.ports) == set(settings.projects) == set(nginx.servers) == {"blue", "green"}
    assert data["release"].isascii() and " " not in data["release"]
    if settings.health:
        _validation.check_url("url", _settings.health_url(settings, journal["to"]))
    for served in ("blue", "green", ""):
        for prefer in ("", "rollback"):
            recovery_decide.decide(journal.data, recovery_decide.HostState(served, True, True), prefer)
    assert isinstance(journal.describe(), str) and journal.lease_is_live() in (True, False)
    workers = {journal["settings"]["projects"][color] for color in ("blue", "green")}
    for facts in (
        workers_told(journal.data, workers, True),
        workers_consume(journal.data, workers),
        gap_ends(journal.data, True),
    ):
        journal.data.update(facts)
        count(journal.data, "health", Moment("boot-1", 1013.0, 1795435213.0))
    sentence(figures(journal))
    assert json.dumps(figures(journal), allow_nan=False)
    for step in journal_schema.STEPS:
        for identity in (("dep-1", 1), ("dep-2", 1), ("", 0)):
            try:
                require_owner("shop", journal, *identity, Step(step))
            except Fenced as refusal:
                assert refusal.message
    try:
        require_none_open(scene.store, journal)
    except Fenced as refusal:
        assert refusal.message
    return journal


# The journal


def test_a_journal_cut_off_after_any_byte_is_unreadable(whole):
    raw = json.dumps(whole, indent=1, sort_keys=True).encode()
    assert of_bytes(raw) == whole
    for length in range(len(raw)):
        assert of_bytes(raw[:length]) is None, length


def test_flipped_bits_make_it_unreadable_or_do_no_harm(scene, whole, rng):
    raw = json.dumps(whole, sort_keys=True).encode()
    read = 0
    for dummy in range(1500):
        spoiled = bytearray(raw)
        for dummy in range(rng.choice((1, 1, 1, 2, 8))):
            spoiled[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        data = of_bytes(bytes(spoiled))
        if data is not None:
            read += 1
            use(scene, data)
    assert read > 50


def test_garbage_is_unreadable(rng):
    for dummy in range(1000):
        assert of_bytes(rng.randbytes(rng.randrange(200)) if hasattr(rng, "randbytes") else b"\xff") is None
        text = "".join(rng.choice('{}[]",:0123456789eE+-.\\u truefalsn') for dummy in range(rng.randrange(200)))
        assert of_bytes(text.encode()) is None


def test_any_value_anywhere_is_refused_or_does_no_harm(scene, whole):
    refused = passed = 0
    for path in list(places(whole))[1:]:
        for value in NASTY:
            data = of_bytes(json.dumps(changed(whole, path, value)).encode())
            if data is None:
                refused += 1
            else:
                passed += 1
                use(scene, data)
    # Both happen: neither is everything refused nor does everything pass.
    assert refused > 3000 and passed > 100


def test_a_key_that_is_missing_anywhere_is_refused_or_does_no_harm(scene, whole):
    for path in list(places(whole))[1:]:
        data = copy.deepcopy(whole)
        place = data
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]
        data = of_bytes(json.dumps(data).encode())
        if data is not None:
            use(scene, data)


UNREADABLE = [
    b"",
    b"{",
    b"\x00" * 100,
    b"[" * 200000,
    b"9" * 200000,
    b'{"version": 1}',
    b'{"version": 2}',
    b"null",
    b'"text"',
]


@pytest.mark.parametrize("raw", [*UNREADABLE, "other app"], ids=range(len(UNREADABLE) + 1))
def test_a_journal_that_cannot_be_used_has_no_effect(scene, whole, raw):
    if raw == "other app":
        raw = json.dumps({**whole, "app": "blog", "settings": {**whole["settings"], "app": "blog"}}).encode()
    put(scene, raw)
    scene.calls.clear()
    before = sorted((path.name, path.read_bytes()) for path in scene.folder.iterdir())
    params = {"deployment_id": "", "epoch": 0, "release": ""}
    for act in (
        scene.store.load,
        lambda: recovery.recover(scene.host, scene.store, Request(prefer="rollback"), False),
        lambda: finish_deployment(scene.host, scene.store, params, False, keep_new_color),
    ):
        with pytest.raises(BluegreenError) as failure:
            act()
        assert "damaged" in failure.value.message and "\n" not in failure.value.message
    assert deployment_status._journal(scene.host, scene.store) is None and len(scene.host.warnings) == 1
    assert scene.effects() == []
    assert sorted((path.name, path.read_bytes()) for path in scene.folder.iterdir()) == before


def test_the_copy_before_is_used_whatever_became_of_the_journal(scene, whole, rng):
    raw = json.dumps(whole).encode()
    put(scene, raw, "deployment.json.previous")
    for dummy in range(50):
        (scene.folder / "deployment.json").write_bytes(raw[: rng.randrange(len(raw))])
        assert scene.store.load().data == whole


# The other files


@pytest.mark.parametrize("name", ["containers.json", "history.jsonl"])
def test_garbage_in_the_other_files_is_passed_over(scene, rng, name):
    kept = {"version": 1, "kept": "blue", "colors": {"blue": {"release": "1", "containers": [], "networks": []}}}
    line = {"id": "dep-0", "result": "committed", "release": "1", "ended": "", "images": {"sha256:1": "a"}}
    line["seconds"] = {"a": 1}
    costs = {"memory": {"before": 1, "peak": 2}, "took": 4, "waited": 1, "worker_gap": None, "live_at": ""}
    good = kept if name == "containers.json" else {**line, **costs}
    read = 0
    for path in list(places(good))[1:]:
        for value in NASTY:
            put(scene, json.dumps(changed(good, path, value)).encode(), name)
            found = kept_color(scene.store)
            assert found is None or found["color"] in ("blue", "green")
            for entry in history_of(scene.store):
                read += 1
                assert sentence(entry) is not None
                assert f"{entry['id']} {entry['result']} {entry['release']} {entry['ended']}".strip()
            (scene.folder / name).unlink()
    assert bool(read) is (name == "history.jsonl")
    for dummy in range(200):
        spoiled = bytes(rng.randrange(256) for dummy in range(rng.randrange(100)))
        put(scene, spoiled, name)
        assert kept_color(scene.store) is None and history_of(scene.store) == []


def test_garbage_in_the_url_of_the_broker_is_one_sentence_or_passed_over(scene, rng):
    url = "redis://:p%40ss@redis:6379/0"
    spoiled = [value.encode("utf-8", "surrogatepass") for value in mutations(rng, url, 300)]
    spoiled += [bytes(rng.randrange(256) for dummy in range(rng.randrange(100))) for dummy in range(300)]
    for raw in spoiled:
        put(scene, raw, "broker.url")
        text = scene.store.broker_url()
        assert text.isprintable()
        try:
            parse_url(text or url)
        except BluegreenError as refusal:
            assert "\n" not in refusal.message


# What an app's Redis holds

MESSAGE = {
    "body": "W10=",
    "headers": {"task": "shop.mail", "id": "1"},
    "properties": {"delivery_tag": "tag-1", "priority": 3, "body_encoding": "base64"},
}


def test_messages_that_an_app_puts_into_its_redis_are_told_or_not(rng):
    """They are made by the app, so by whoever has its container."""
    deep = "[" * 100000
    texts = [json.dumps(changed(MESSAGE, path, value)) for path in list(places(MESSAGE))[1:] for value in NASTY]
    texts += [texts[0].replace('"priority": 3', f'"priority": {odd}') for odd in ("Infinity", "NaN", "1e999")]
    texts += [json.dumps(value) for value in NASTY] + [deep, '{"a": ' + deep, f'{{"body": "{deep}"}}', "9" * 10000]
    texts += [json.dumps(MESSAGE)[: rng.randrange(100)] for dummy in range(100)]
    for text in texts:
        for payload in (text.encode("utf-8", "replace"), f'[{text}, "exchange", "key"]'.encode("utf-8", "replace")):
            assert kombu.tag_of(payload) is None or isinstance(kombu.tag_of(payload), str)
            assert kombu.task_of(payload) is None or isinstance(kombu.task_of(payload), str)
            assert kombu.id_of(payload) is None or isinstance(kombu.id_of(payload), str)
            assert 0 <= kombu.priority_of(payload) <= 9
            assert kombu.unpack_unacked(payload) is None or len(kombu.unpack_unacked(payload)) == 3
            assert remote_control.answer(payload) is None or len(remote_control.answer(payload)) == 2
