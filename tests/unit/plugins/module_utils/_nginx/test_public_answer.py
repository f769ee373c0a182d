# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import public_answer
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.location import MAYBE, NO, YES, Location
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.public_answer import Answered
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._settings import Nginx
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._validation import check_url

SERVERS = {"blue": "127.0.0.1:18001", "green": "127.0.0.1:18002"}
APP = Location("/s:2", YES)
PAGE = Location("/s:2", NO)
EITHER = Location("/s:2", MAYBE)
CACHED = APP._replace(cache="/s:3")
REACHED = Answered(200, reached=True)


def findings(answered, where, live="blue", url="http://127.0.0.1/"):
    nginx = Nginx("shop", "/f", "", SERVERS, url, "")
    return public_answer.findings(nginx, check_url("public_url", url), answered, where, live)


@pytest.mark.parametrize(
    "answered, where, live",
    [
        (REACHED, APP, "blue"),
        (REACHED, EITHER, "blue"),
        (REACHED, Location(), "blue"),
        # The app itself may answer with any status.
        (Answered(401, reached=True), APP, "blue"),
        (Answered(302, target="/login/", reached=True), APP, "blue"),
        (Answered(404, reached=True), APP, "blue"),
        (Answered(0, "timed out after 2 s", reached=True), APP, "blue"),
        # A live color that is down is a reason to deploy.
        (Answered(502), APP, "blue"),
        (Answered(504), EITHER, "blue"),
        (Answered(200), APP._replace(own_errors=True), "blue"),
        (Answered(404), APP._replace(error_page=True), "blue"),
        (Answered(429), APP, "blue"),
        # The app itself was asked for the login.
        (Answered(401, reached=True), APP._replace(login="/s:4", login_passes=True), "blue"),
        (Answered(401, reached=True, sure=False), APP._replace(login="/s:4", login_passes=True), "blue"),
        (Answered(500), APP._replace(login="/s:4", login_passes=True), None),
        # No color yet.
        (Answered(502), APP, None),
        (Answered(503), Location(), None),
        (Answered(0, "timed out after 2 s"), APP, None),
    ],
)
def test_nothing_stands_against_it(answered, where, live):
    assert findings(answered, where, live) == ([], [])


@pytest.mark.parametrize("live", ["blue", None])
@pytest.mark.parametrize(
    "answered, where, words",
    [
        (
            Answered(200),
            PAGE,
            "is answered with 200 by Nginx itself (/s:2), a static page for example, so requests there",
        ),
        (
            Answered(200),
            EITHER,
            "is answered with 200 by Nginx itself (/s:2), a static page for example, so requests there",
        ),
        (
            Answered(200),
            Location(),
            "is answered with 200 by Nginx itself, a static page for example, so requests there",
        ),
        (Answered(429), PAGE, "is answered with 429 by Nginx itself (/s:2), and not by the app, so requests there"),
        (Answered(404), APP, "is answered with 404 by Nginx itself (/s:2), and not by the app, so requests there"),
        (
            Answered(500),
            APP._replace(login="/s:4"),
            "is answered with 500 by Nginx itself (/s:2), and not by the app, so",
        ),
        (
            Answered(401),
            APP._replace(login="/s:4", login_passes=True),
            "is answered with 401, because /s:4 asks for a login, so",
        ),
        (Answered(404), PAGE, "is answered with 404 by Nginx itself (/s:2), and not by the app, so requests there"),
        (Answered(503), PAGE, "is answered with 503 by Nginx itself (/s:2), and not by the app, so requests there"),
        (
            Answered(301, target="https://a.org/?t=1"),
            PAGE,
            "is answered with 301, a redirect to https://a.org/ (/s:2), and not by",
        ),
        (
            Answered(308),
            EITHER,
            "is answered with 308, a redirect to elsewhere (/s:2), and not by the app, so requests there",
        ),
        (Answered(401), APP, "is answered with 401, a login (/s:2), and not by the app, so requests there"),
        (
            Answered(401),
            APP._replace(login="/s:4"),
            "is answered with 401, because /s:4 asks for a login, so requests there",
        ),
        (Answered(403), APP, "is answered with 403 by Nginx (/s:2), which denies this host, so requests there"),
        (Answered(200), CACHED, "is answered with 200 from the cache of Nginx (/s:3), so requests there"),
        (
            Answered(0, "the connection was closed without an answer"),
            APP,
            "was not answered (the connection was closed without",
        ),
        (
            Answered(400),
            APP._replace(client_certificate="/s:1"),
            "cannot be asked, because /s:1 demands a client certificate: write",
        ),
        (
            Answered(0, "its certificate is not valid for 127.0.0.1 (IP address mismatch)"),
            APP,
            "cannot be asked: its certificate is not valid for 127.0.0.1 (IP address mismatch). Set "
            "bluegreen_public_host to",
        ),
    ],
)
def test_what_would_prove_nothing_is_refused(answered, where, words, live):
    (refusal,), warnings = findings(answered, where, live)
    assert refusal.startswith(f"bluegreen_public_url http://127.0.0.1/ {words}")
    assert warnings == []


def test_a_login_refuses_even_while_visitors_make_connections():
    (refusal,), warnings = findings(Answered(401, reached=True), APP._replace(login="/s:4"), url="https://[::1]:8443/x")
    assert refusal.endswith(
        "serves: add location = /health/ { auth_basic off; proxy_pass http://shop; } to the server block of this app "
        "(instead of /health/ any path that the app answers), and set bluegreen_public_url: https://[::1]:8443/health/."
    )


@pytest.mark.parametrize(
    "where, refused",
    [(PAGE, True), (CACHED._replace(caches=True), True), (CACHED, False), (EITHER, False), (APP, False)],
)
def test_among_many_visitors_the_configuration_decides(where, refused):
    refusals, _warnings = findings(REACHED._replace(sure=False), where)
    assert bool(refusals) is refused
    assert findings(REACHED, where)[0] == []


def test_a_rule_against_this_host():
    (refusal,), _warnings = findings(Answered(403, reached=True), APP._replace(denied="/s:5"))
    assert refusal.startswith(
        "bluegreen_public_url http://127.0.0.1/ is answered with 403 by Nginx (/s:5), which denies this"
    )
    assert "add location = /health/ { allow all; proxy_pass http://shop; }" in refusal


def test_the_proxy_protocol():
    nginx = Nginx("shop", "/f", "", SERVERS, "https://127.0.0.1/x", "")
    assert public_answer.expects_proxy_protocol(nginx, check_url("public_url", nginx.public_url), "/s:1") == (
        "bluegreen_public_url https://127.0.0.1/x cannot be asked, because /s:1 expects the PROXY protocol there, "
        "which only the proxy in front speaks: add listen 127.0.0.1:8081; to that server block, and set "
        "bluegreen_public_url: http://127.0.0.1:8081/x."
    )


def test_a_cache_that_did_not_answer_is_a_warning():
    refusals, (warning,) = findings(REACHED, CACHED)
    assert refusals == []
    assert warning.startswith("bluegreen_public_url http://127.0.0.1/ may be answered from a cache of Nginx (/s:3).")


@pytest.mark.parametrize("status", [200, 302, 404])
def test_a_cache_that_holds_answers_for_a_moment_is_a_warning(status):
    refusals, (warning,) = findings(Answered(status), CACHED._replace(brief=True))
    assert refusals == []
    assert warning.startswith(
        "bluegreen_public_url http://127.0.0.1/ may be answered from a cache of Nginx (/s:3). Such an"
    )
    assert findings(Answered(403), CACHED._replace(brief=True))[0] != []


def test_a_slow_answer_is_a_warning():
    refusals, (warning,) = findings(Answered(0, "timed out after 2 s"), APP)
    assert refusals == []
    assert warning.startswith(
        "bluegreen_public_url http://127.0.0.1/ was not answered (timed out after 2 s): if it is not answered"
    )
