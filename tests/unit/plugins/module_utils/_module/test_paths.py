# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module import paths

SPEC = {
    "app": {"type": "str"},
    "project_src": {"type": "path"},
    "env_files": {"type": "list", "elements": "path"},
    "nginx": {"type": "dict", "options": {"file": {"type": "path", "default": ""}, "upstream": {"type": "str"}}},
}


def test_paths_are_texts_where_their_place_is_not_known():
    spec = paths.paths_as_text(SPEC)
    assert (spec["project_src"]["type"], spec["nginx"]["options"]["file"]) == ("str", {"type": "str", "default": ""})
    assert spec["env_files"] == {"type": "list", "elements": "str"}
    assert spec["app"] is SPEC["app"]


def test_paths_are_those_of_this_host(monkeypatch):
    monkeypatch.setenv("SHOP", "shop")
    params = {
        "app": "~/$SHOP",
        "project_src": "~/$SHOP",
        "env_files": ["/srv/$SHOP", "/$"],
        "nginx": {"file": "/etc/$SHOP.conf", "upstream": "$SHOP"},
    }
    assert paths.expand_paths(SPEC, params) == {
        "app": "~/$SHOP",
        "project_src": os.path.expanduser("~/shop"),
        "env_files": ["/srv/shop", "/$"],
        "nginx": {"file": "/etc/shop.conf", "upstream": "$SHOP"},
    }


def test_what_was_not_given_stays_away():
    nothing = {"project_src": None, "env_files": None, "nginx": None}
    assert paths.expand_paths(SPEC, nothing) == nothing
