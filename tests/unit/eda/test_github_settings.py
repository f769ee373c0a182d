# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from github_settings import settings_of

SECRET = "0123456789abcdef"


@pytest.fixture
def args(tmp_path):
    path = tmp_path / "secret"
    path.write_text(SECRET)
    path.chmod(0o600)
    return {"port": 5000, "secret_file": str(path), "state_folder": "/var/lib/bluegreen-webhook"}


def test_defaults(args):
    assert settings_of(args) == {
        "host": "127.0.0.1", "port": 5000, "path": "/github", "branch": "main", "repository": "",
        "state_folder": "/var/lib/bluegreen-webhook", "interval": 60, "answer_timeout": 7200, "secret": SECRET.encode(),
    }


def test_a_secret_from_the_environment(args, monkeypatch):
    monkeypatch.setenv("GITHUB_SECRET", SECRET)
    assert settings_of({**args, "secret_file": "", "secret_env": "GITHUB_SECRET"})["secret"] == SECRET.encode()


def test_numbers_may_come_as_text(args):
    assert settings_of({**args, "port": "5001"})["port"] == 5001


@pytest.mark.parametrize("changes, sentence", [
    ({"port": None}, "port None has to be a whole number from 1 to 65535."),
    ({"port": 65536}, "port 65536 has to be a whole number from 1 to 65535."),
    ({"port": "http"}, "port 'http' has to be a whole number from 1 to 65535."),
    ({"interval": 0}, "interval 0 has to be a whole number from 1 to 86400."),
    ({"answer_timeout": -1}, "answer_timeout -1 has to be a whole number from 0 to 604800."),
    ({"branch": "refs heads"}, "branch 'refs heads' has to be a branch's name, such as main or release/2."),
    ({"repository": "shop"}, "repository 'shop' has to be owner/name, or empty."),
    ({"path": "github"}, "path 'github' has to be / and then letters, digits, dots, dashes and slashes."),
    ({"path": "/{x}"}, "path '/{x}' has to be / and then letters, digits, dots, dashes and slashes."),
    ({"state_folder": "state"}, "state_folder 'state' has to be an absolute path."),
    ({"state_folder": None}, "state_folder '' has to be an absolute path."),
    ({"secret_file": None}, "github_push needs secret_file or secret_env, one of the two."),
    ({"secret_env": "X"}, "github_push needs secret_file or secret_env, one of the two."),
    ({"secret_file": None, "secret_env": "BLUEGREEN_NOT_SET"},
     "secret_env BLUEGREEN_NOT_SET has a secret of 0 characters; it needs 16 or more, such as `openssl rand -hex 32` prints."),
])
def test_a_mistake_is_one_sentence(args, changes, sentence):
    with pytest.raises(ValueError) as refused:
        settings_of({**args, **changes})
    assert str(refused.value) == sentence


def test_an_option_that_there_is_not_is_named(args):
    with pytest.raises(ValueError, match=r"github_push has no option token; it has host, port, "):
        settings_of({**args, "token": "x"})
