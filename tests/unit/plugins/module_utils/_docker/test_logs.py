# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import inspect_container
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.logs import last_lines
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost


def test_lines_keep_their_indentation_and_lose_what_a_terminal_obeys():
    host = FakeHost()
    web = inspect_container(host.engine, host.engine.add("web"))
    host.engine.log_lines["blue-web"] = ["Traceback:", "  File \x1b[2Jshop.py", "\x1b]0;title\x07end"]
    assert last_lines(host, [web]) == {"shop-blue-web-1": ["Traceback:", "  File  [2Jshop.py", " ]0;title end"]}
