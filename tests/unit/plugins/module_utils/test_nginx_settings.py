# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._settings import nginx_settings

PARAMS = {
    "app": "shop",
    "upstream": "",
    "file": "",
    "container": "",
    "ports": {"blue": 18001, "green": 18002},
    "servers": None,
    "public_url": "http://127.0.0.1/",
    "public_host": "",
    "validate_certs": True,
    "backup": False,
}
NAMES = {"blue": "web-blue:80", "green": "web-green:80"}


def test_settings_follow_from_app_and_ports():
    nginx = nginx_settings(PARAMS)
    assert nginx.upstream == "shop"
    assert nginx.file == "/etc/nginx/conf.d/bluegreen-shop.conf"
    assert nginx.servers == {"blue": "127.0.0.1:18001", "green": "127.0.0.1:18002"}


def test_settings_as_given():
    nginx = nginx_settings(
        {**PARAMS, "upstream": "web", "file": "/srv/n.conf", "servers": NAMES, "container": "proxy"}
    )
    assert (nginx.upstream, nginx.file, nginx.servers, nginx.container) == ("web", "/srv/n.conf", NAMES, "proxy")


@pytest.mark.parametrize(
    "params, words",
    [
        ({"upstream": "a;b"}, "upstream is 'a;b'"),
        ({"file": "../x"}, "file is '../x'"),
        ({"file": "/srv/n"}, "file is '/srv/n', but its name must end in .conf"),
        ({"ports": {"blue": 80, "green": 81}}, "ports.blue is 80"),
        ({"ports": {"blue": 18001, "green": 18001}}, "ports gives both colors 18001"),
        ({"servers": {"blue": "a:1", "green": None}}, "servers has no green"),
        ({"servers": {"blue": "a:1", "green": "10.0.0.1:1"}}, "servers.green is '10.0.0.1:1'"),
        ({"public_url": "127.0.0.1"}, "public_url is '127.0.0.1'"),
        ({"public_host": "a b"}, "public_host is 'a b'"),
    ],
)
def test_settings_that_are_refused(params, words):
    with pytest.raises(BluegreenError) as refusal:
        nginx_settings({**PARAMS, **params})
    assert words in refusal.value.message
