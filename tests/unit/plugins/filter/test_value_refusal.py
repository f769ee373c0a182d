# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.smallfleet.bluegreen.plugins.filter.value_refusal import FilterModule

GOOD = {
    "app": ["shop", "shop-2_x"],
    "upstream": ["web"],
    "nginx_file": ["/etc/nginx/conf.d/a.conf", "/a.conf"],
    # A template of Ansible makes a text of a number.
    "port": [18001, "18001"],
    "server": ["127.0.0.1:18001", "[::1]:8001", "web-blue:80"],
    "container": ["", "nginx"],
    "server_name": ["", "shop.example.org", "*.example.org www"],
    "listen": [["80"], [80], ["80 default_server"], ["127.0.0.1:8080"], ["[::]:80", "80"]],
    "repository": ["https://download.docker.com/linux", "http://10.0.0.5:8080/a~b/%7E"],
    "repository_key": ["", "https://download.docker.com/linux/debian/gpg"],
}
BAD = {
    "app": ["", "Shop", "localhost", "a;b", "a\n", 7, None],
    "upstream": ["web{}", "localhost"],
    "nginx_file": ["/etc/nginx/conf.d/a", "a.conf", "/etc/../a.conf", "/etc/a;.conf", ""],
    "port": [80, "", "x", "18001\n", "\u0661\u0668\u0660\u0660\u0661", None, True],
    "server": ["web-blue:", ":80", "localhost:80", "127.0.0.1:80;", "web\n:80", "10.0.0.5:80", ""],
    "container": ["--privileged", "a b", "nginx\n", "a/b"],
    "server_name": ["a;b", "a{", "a\n", "\u00e9", "$host", "~^(.*)$", "a\tb", None],
    "listen": [
        [], ["80;"], ["80 ssl"], ["80\n"], ["\u0668\u0660"], ["unix:/x"], ["80", ""], ["80 default_server; }"], "80",
    ],
    "repository": ["", "https://a/\nTrusted: yes", "https://a/ [trusted=yes]", "file:///etc", "https://a/\n", None],
    "repository_key": ["https://a/\n", "file:///etc", None],
}  # fmt: skip


def cases(table):
    return [(check, value) for check, values in table.items() for value in values]


@pytest.fixture
def refusal():
    return FilterModule().filters()["value_refusal"]


@pytest.mark.parametrize("check, value", cases(GOOD))
def test_what_is_accepted(refusal, check, value):
    assert refusal(value, check, "bluegreen_x") == ""


@pytest.mark.parametrize("check, value", cases(BAD))
def test_what_is_refused(refusal, check, value):
    assert refusal(value, check, "bluegreen_x").startswith(f"bluegreen_x is {value!r}, but ")


@pytest.mark.parametrize(
    "value, check, option, sentence",
    [
        (
            "Shop", "app", "bluegreen_app",
            "bluegreen_app is 'Shop', but it must be a lower-case letter, followed by up to 47 lower-case letters, "
            "digits, - or _.",
        ),
        (
            "a; include /etc/passwd", "server_name", "bluegreen_prepare_server_name",
            "bluegreen_prepare_server_name is 'a; include /etc/passwd', but it must be host names, separated by "
            "spaces.",
        ),
        (
            ["http"], "listen", "bluegreen_prepare_listen",
            "bluegreen_prepare_listen is ['http'], but it must be a list of ports, each with an optional address "
            "before it and an optional default_server after it, such as ['80'], ['[::]:80'] or ['80 default_server'].",
        ),
        (
            "ftp://a", "repository", "bluegreen_prepare_docker_url",
            "bluegreen_prepare_docker_url is 'ftp://a', but it must be an http or https URL of letters, digits and "
            ". _ ~ : / @ % + -.",
        ),
    ],
)  # fmt: skip
def test_the_sentence_names_option_value_and_way_out(refusal, value, check, option, sentence):
    assert refusal(value, check, option) == sentence


def test_a_check_that_does_not_exist_is_refused(refusal):
    with pytest.raises(AnsibleFilterError, match="value_refusal knows no check 'path'"):
        refusal("/a", "path", "x")
