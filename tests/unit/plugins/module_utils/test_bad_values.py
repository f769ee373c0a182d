# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any value of an option is refused with a sentence, or it is valid wherever it is used later.

The values are random, and the same in every run.
"""

from __future__ import annotations

import json
import string

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _settings, _validation
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import schema as journal_schema
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import (
    HEALTH,
    whole_journal,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.nasty import (
    NASTY,
    WORDS,
    changed,
    mutations,
    places,
)


@pytest.fixture
def whole():
    return whole_journal()


NAMES = string.ascii_lowercase + string.digits + "_-"
PRINTED = string.ascii_letters + string.digits + string.punctuation


def named(check):
    return lambda value: check("option", value)


# Which check, what it accepts as an example, all characters that may ever pass it, and how many.
CHECKS = [
    (named(lambda option, value: _validation.check_app(value, option)), "shop-1", NAMES, 48),
    (named(_validation.check_upstream), "shop_web", NAMES, 48),
    (named(_validation.check_project), "shop-blue", NAMES, 63),
    (named(_validation.check_service), "web.1", WORDS + "._-", 128),
    (named(_validation.check_reference), "4f" * 32, WORDS + "._-", 128),
    (named(_validation.check_color), "blue", "bluegren", 5),
    (named(_validation.check_container), "nginx", WORDS + "._-", 128),
    (named(_validation.check_server), "[::1]:18001", WORDS + "._-[]:", 140),
    (named(_validation.check_path), "/etc/nginx/conf.d/shop.conf", WORDS + "._-/", 1024),
    (named(lambda option, value: _validation.check_release(value, option)), "1.4.2+b@c:d/e", WORDS + "._:/@+-", 128),
    (named(_validation.check_deployment_id), "20261123T170739Z-4f2a9c", WORDS + "._-", 64),
    (named(_validation.check_env_name), "BG_PORT", WORDS + "_", 255),
    (named(_validation.check_url), "https://app.example.org:8443/health/?deep=1", PRINTED, 2048),
    (named(_validation.check_host), "app.example.org:80", WORDS + "._-[]:", 255),
    (named(_validation.check_url_path), "/health/?deep=1", PRINTED, 2048),
    (named(_validation.check_docker_host), "unix:///run/docker.sock", WORDS + "._-/:", 1024),
]


@pytest.mark.parametrize("check, example, letters, longest", CHECKS, ids=[each[1][:20] for each in CHECKS])
def test_nothing_passes_that_is_outside_of_the_grammar(rng, check, example, letters, longest):
    check(example)
    passed = refused = 0
    for value in [*NASTY, *mutations(rng, example, 500)]:
        try:
            check(value)
        except BluegreenError as refusal:
            refused += 1
            assert len(refusal.message) < 1000 and "\n" not in refusal.message
            continue
        passed += 1
        assert isinstance(value, str)
        assert set(value) <= set(letters), value
        assert len(value) <= longest
        assert ".." not in value or "/" not in letters or letters is PRINTED, value
    assert refused > 100 and passed >= (0 if example == "blue" else 1)


def test_ports_are_whole_numbers():
    for value in NASTY:
        with pytest.raises(BluegreenError):
            _validation.check_port("port", value)


def test_both_colors_take_any_mapping(rng):
    for value in NASTY:
        for mapping in (value, {"blue": value, "green": 1}, {"blue": value}, {"blue": [value], "green": value}):
            try:
                _validation.check_both_colors("option", mapping)
            except BluegreenError as refusal:
                assert "option" in refusal.message


def test_free_text_is_one_line(rng):
    for value in [*NASTY, *mutations(rng, "ada@laptop", 500)]:
        line = _validation.one_line(value, 50)
        assert line.isprintable() and len(line) <= 50
        line.encode()


OPTIONS = {
    "app": "shop",
    "colors": {"blue": {"project": "shop-blue", "port": 18001}, "green": {"project": "shop-green", "port": 18002}},
    "services": {"web": ["web"], "support": ["redis"], "init": [], "workers": ["worker"], "ignored": []},
    "nginx": {
        "upstream": "shop",
        "file": "/etc/nginx/conf.d/shop.conf",
        "container": "",
        "servers": {"blue": "127.0.0.1:18001", "green": "127.0.0.1:18002"},
        "public_url": "http://127.0.0.1/",
        "public_host": "",
    },
    "broker": {"mode": "auto", "service": "redis", "url": ""},
    "health": HEALTH,
}


def test_an_option_is_refused_or_makes_a_journal_that_can_be_read_again(whole):
    """Text anywhere, as Ansible lets it through; and any kind of value where it lets that through."""
    passed = 0
    for path in list(places(OPTIONS))[1:]:
        example = OPTIONS
        for key in path:
            example = example[key]
        free = path[:2] == ("nginx", "servers")
        if isinstance(example, (dict, list)) and not free:
            continue
        for value in NASTY:
            if not free and type(value) is not type(example):
                continue
            try:
                settings = _settings.settings_of(changed(OPTIONS, path, value))
            except BluegreenError as refusal:
                assert "\n" not in refusal.message
                continue
            passed += 1
            journal = {**whole, "app": settings.app, "settings": settings.journaled()}
            assert journal_schema.problems(json.loads(json.dumps(journal)), settings.app) == [], (path, value)
    assert passed > 20
