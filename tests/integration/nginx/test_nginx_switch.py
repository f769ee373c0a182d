# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch, its proof and its undoing with a real Nginx, above all where a reload succeeds and changes nothing."""

from __future__ import annotations

import socket
import time

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    drain as nginx_drain,
    preflight as nginx_preflight,
    public_requests,
    switch as nginx_switch,
)


def failure(host, journal, lab, color="green"):
    with pytest.raises(BluegreenError) as raised:
        nginx_switch.switch(host, journal, lab.settings, color, "2")
    return raised.value.message


def names(lab):
    return sorted(path.name for path in lab.owned.parent.iterdir())


def test_there_and_back(host, journal, lab):
    before = lab.owned.read_text()
    assert nginx_preflight.preflight(host, lab.settings) == []
    assert public_requests.served_color(host, lab.settings) == "blue"
    there = nginx_switch.switch(host, journal, lab.settings, "green", "2")
    assert (there.changed, there.previous, there.live) == (True, "blue", "green")
    assert lab.serves("green")
    assert not nginx_switch.switch(host, journal, lab.settings, "green", "2").changed
    assert public_requests.served_color(host, lab.settings) == "green"
    assert nginx_switch.switch(host, journal, lab.settings, "blue", "1").changed
    assert lab.serves("blue")
    assert lab.owned.read_text() == before
    nginx_switch.forget_backup(lab.settings)
    assert names(lab) == ["bluegreen-shop.conf", "site.conf"]


def test_a_long_request_holds_the_drain_and_is_named(host, journal, lab):
    client = lab.begin_slow_request()
    nginx_switch.switch(host, journal, lab.settings, "green", "2")
    assert lab.serves("green")
    held = nginx_drain.wait_drained(host, journal, timeout=0.5)
    assert not held.drained
    assert f"a websocket or long request of 127.0.0.1:{client.getsockname()[1]} since" in held.held_by[0]
    lab.colors["blue"].release.set()
    assert client.recv(4096).endswith(b"blue")
    client.close()
    assert nginx_drain.wait_drained(host, journal, timeout=10).drained


def test_a_request_to_a_worker_process_that_another_reload_started_holds_the_drain(host, journal, lab):
    begun = []

    def reload_and_ask():
        lab.reload()
        begun.append(lab.begin_slow_request())

    nginx_switch.switch(host, journal, lab.settings, "green", "2", before_rename=reload_and_ask)
    assert lab.serves("green")
    held = nginx_drain.wait_drained(host, journal, timeout=0.5)
    assert f"of 127.0.0.1:{begun[0].getsockname()[1]} since" in held.held_by[0]
    lab.colors["blue"].release.set()
    assert begun[0].recv(4096).endswith(b"blue")
    begun[0].close()
    assert nginx_drain.wait_drained(host, journal, timeout=10).drained


def test_a_port_that_another_process_holds(host, journal, lab):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        lab.write("other", f"server {{ listen 127.0.0.1:{port}; return 200; }}\n")
        message = failure(host, journal, lab)
    assert f"(Nginx says: bind() to 127.0.0.1:{port} failed (98: Address already in use))" in message
    assert "The previous file is back, and Nginx was verified to serve blue." in message
    assert lab.serves("blue")


def test_a_web_that_ends_right_before_the_switch_costs_visitors_only_a_moment(host, journal, lab):
    ended = []

    def end():
        lab.colors["green"].shutdown()
        lab.colors["green"].server_close()
        ended.append(time.monotonic())

    with pytest.raises(BluegreenError) as raised:
        nginx_switch.switch(host, journal, lab.settings, "green", "2", before_rename=end)
    assert time.monotonic() - ended[0] < nginx_switch.PROOF_TIMEOUT
    assert f"nothing accepts connections at {lab.settings.servers['green']} any more" in raised.value.message
    assert "The previous file is back, and Nginx was verified to serve blue." in raised.value.message
    assert lab.serves("blue")


def test_a_zone_whose_key_was_changed(host, journal, lab):
    lab.write("zone", "limit_req_zone $uri zone=z:1m rate=1000r/s;\n")
    lab.reload()
    lab.write("zone", "limit_req_zone $server_name zone=z:1m rate=1000r/s;\n")
    assert 'while previously it used the "$uri" key' in failure(host, journal, lab)
    assert lab.serves("blue")


def test_another_file_that_is_broken(host, journal, lab):
    lab.write("other", "nonsense;\n")
    assert 'nginx -t says: unknown directive "nonsense"' in failure(host, journal, lab)
    assert "-s reload" not in " ".join(host.commands)
    assert lab.serves("blue")
    assert "is invalid already, before anything was changed" in nginx_preflight.preflight(host, lab.settings)[0]


def test_a_file_that_is_not_included(host, journal, lab):
    main = lab.folder / "nginx.conf"
    main.write_text(main.read_text().replace("conf.d/*.conf", "conf.d/site.conf"))
    blue = lab.settings.servers["blue"]
    lab.write("site", f"upstream shop {{ server {blue}; }}\n" + (lab.folder / "conf.d" / "site.conf").read_text())
    assert "no include of the Nginx configuration names it" in failure(host, journal, lab)
    assert lab.serves("blue")
    assert "The upstream shop is defined in" in nginx_preflight.preflight(host, lab.settings)[0]


def test_a_hard_coded_port(host, journal, lab):
    lab.site(f"location / {{ proxy_pass http://{lab.settings.servers['blue']}; }}")
    sentence = f"sends requests to {lab.settings.servers['blue']} and not to the upstream shop"
    assert sentence in failure(host, journal, lab)
    assert lab.serves("blue")
    assert sentence in nginx_preflight.preflight(host, lab.settings)[0]


def test_a_hard_coded_port_that_only_the_connections_show(host, journal, lab):
    blue = lab.settings.servers["blue"]
    lab.site(f'if ($uri ~ "(/)") {{ set $where "http:$1/{blue}"; }} location / {{ proxy_pass $where; }}')
    assert nginx_preflight.preflight(host, lab.settings) == []
    message = failure(host, journal, lab)
    assert "requests through the public URL reached blue and not green" in message
    assert "Nginx was verified to serve blue" in message
    assert lab.serves("blue")


def test_other_ways_to_a_color_are_named_before_anything_is_changed(host, lab):
    blue = lab.settings.servers["blue"]
    lab.write(
        "ways",
        f"upstream shop_ws {{ server {blue}; }}\n"
        f"server {{ listen 127.0.0.1:{lab.port}; server_name api; set $up http://{blue};\n"
        "location / { proxy_pass $up; }\nlocation /ws/ { proxy_pass http://shop_ws; }\n"
        f"location /only-here/ {{ allow 127.0.0.1; deny all; proxy_pass http://{blue}; }} }}\n",
    )
    first, second = nginx_preflight.preflight(host, lab.settings)
    assert f"conf.d/ways.conf:3 sends requests to {blue} (by $up) and not to the upstream shop" in first
    assert "conf.d/ways.conf:4 sends requests to the upstream shop_ws, whose server at" in second
    (warning,) = host.warnings
    assert f"conf.d/ways.conf:5 sends requests to {blue}, which is always blue" in warning


def test_a_pass_with_a_variable_that_is_right(host, journal, lab):
    lab.site("set $where http://shop; location / { proxy_pass $where; }")
    assert nginx_switch.switch(host, journal, lab.settings, "green", "2").changed
    assert lab.serves("green")


@pytest.mark.parametrize(
    "directive", ["keepalive 8", "keepalive 8; keepalive_timeout 1s", "zone shop 64k; least_conn; keepalive 8"]
)
def test_connections_that_nginx_keeps_are_a_proof_too(host, journal, lab, directive):
    lab.owned.write_text(lab.owned.read_text().replace("    server", f"    {directive};\n    server"))
    lab.site('location / { proxy_pass http://shop; proxy_http_version 1.1; proxy_set_header Connection ""; }')
    lab.reload()
    assert nginx_switch.switch(host, journal, lab.settings, "green", "2").changed
    assert "keepalive 8;" in lab.owned.read_text()
    assert not nginx_switch.switch(host, journal, lab.settings, "green", "2").changed


@pytest.mark.parametrize(
    "written, words",
    [
        ("", "is missing or empty"),
        ("4194305", "says 4194305, which is not a running process"),
        ("1", "names process 1, which is"),
    ],
)
def test_a_pid_file_that_is_wrong(host, journal, lab, written, words):
    path = lab.folder / "nginx.pid"
    right = path.read_text()
    path.write_text(written)
    message = failure(host, journal, lab)
    assert words in message
    assert "so it cannot be reloaded: restart it" in message
    assert host.commands == []
    path.write_text(right)


def test_a_public_url_that_another_program_answers(host, journal, lab):
    elsewhere = lab.settings._replace(public_url=f"http://{lab.settings.servers['green']}/")
    assert "answers there. Set it to a URL" in nginx_preflight.preflight(host, elsewhere)[0]
    with pytest.raises(BluegreenError, match="does not reach this Nginx"):
        nginx_switch.switch(host, journal, elsewhere, "green", "2")
    assert names(lab) == ["bluegreen-shop.conf", "site.conf"]


def test_a_server_block_that_only_answers_by_name(host, journal, lab):
    lab.site("server_name other; return 404;")
    lab.write(
        "z", f"server {{ listen 127.0.0.1:{lab.port}; server_name s.org; location / {{ proxy_pass http://shop; }} }}"
    )
    lab.reload()
    named = lab.settings._replace(public_host="s.org")
    assert "is answered by the server block at" in nginx_preflight.preflight(host, lab.settings)[0]
    assert nginx_preflight.preflight(host, named) == []
    assert nginx_switch.switch(host, journal, named, "green", "2").changed
    assert public_requests.served_color(host, named) == "green"
