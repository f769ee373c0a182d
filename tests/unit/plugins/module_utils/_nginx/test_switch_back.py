# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback of Nginx succeeds without the proof by requests if only the public URL no longer shows anything."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    switch as nginx_switch,
    upstream_text,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.proof import Verdict
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils._nginx.fake_nginx import (
    HARD_CODED,
    SERVERS,
    SITE,
    FakeRequests,
    color_in,
)

MOVED = "server { listen 80; return 301 /; }\nserver { listen 81; location / { proxy_pass http://shop; } }\n"


@pytest.fixture
def unasked(nginx, monkeypatch):
    """Requests through the public URL show nothing."""
    class Nothing(FakeRequests):
        reached = None

        def verdict(self, color):
            return Verdict(
                color == self.reached, "" if color == self.reached else f"none opened a connection to {color}"
            )

    monkeypatch.setattr(nginx_switch.public_requests, "PublicRequests", Nothing)
    return Nothing


@pytest.mark.parametrize("site", [SITE, MOVED])
def test_a_rollback_succeeds_if_only_the_url_shows_nothing(move, nginx, path, journal, host, unasked, site):
    path.write_text(upstream_text.render("shop", "green", SERVERS, "2"))
    nginx.loaded, nginx.site = path.read_text(), site
    journal.note(rolling_back=True)
    assert move("blue").changed
    assert color_in(path) == "blue"
    assert nginx.served == "blue"
    assert journal.data["cutover"]["proved"] == "blue"
    assert host.warnings == [
        f"Nginx is back at blue: its new worker processes have read {path}, and no request went to green. But "
        "requests to bluegreen_public_url http://127.0.0.1/ could not prove it (none opened a connection to blue): "
        "remove that cause before the next deployment."
    ]


@pytest.mark.parametrize(
    "facts, spoil",
    [
        # A switch forward needs the proof by requests.
        ({"rolling_back": False}, lambda nginx, asked: None),
        # Requests still reach the other color.
        ({"rolling_back": True}, lambda nginx, asked: setattr(asked, "reached", "green")),
        # Nginx did not read the file, or uses another one.
        ({"rolling_back": True}, lambda nginx, asked: setattr(nginx, "reload_ignored", True)),
        ({"rolling_back": True}, lambda nginx, asked: setattr(nginx, "included", False)),
        ({"rolling_back": True}, lambda nginx, asked: setattr(nginx, "invalid", "no")),
        ({"rolling_back": True}, lambda nginx, asked: setattr(nginx, "site", "server { listen 81; }")),
        ({"rolling_back": True}, lambda nginx, asked: setattr(nginx, "site", HARD_CODED)),
    ],
)
def test_everything_else_has_to_be_proved(move, nginx, path, journal, host, unasked, facts, spoil):
    path.write_text(upstream_text.render("shop", "green", SERVERS, "2"))
    nginx.loaded = path.read_text()
    journal.note(**facts)
    spoil(nginx, unasked)
    with pytest.raises(BluegreenError, match="Nginx was not moved to blue"):
        move("blue")
    assert host.warnings == []


@pytest.mark.parametrize("back", [True, False])
def test_a_url_that_does_not_reach_nginx_any_more(move, nginx, path, journal, host, monkeypatch, unasked, back):
    def elsewhere(running):
        raise BluegreenError("does not reach this Nginx")

    monkeypatch.setattr(nginx_switch.public_requests, "public_side", elsewhere)
    path.write_text(upstream_text.render("shop", "green", SERVERS, "2"))
    nginx.loaded = path.read_text()
    journal.note(rolling_back=back)
    if back:
        assert move("blue").changed
        assert len(host.warnings) == 2
    else:
        with pytest.raises(BluegreenError, match="does not reach this Nginx"):
            move("blue")
    assert color_in(path) == ("blue" if back else "green")
