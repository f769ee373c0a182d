# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import types

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.error_log import ErrorLog


def on_host(folder):
    return types.SimpleNamespace(container="", prefix=str(folder), build="")


def test_it_is_read_from_the_moment_on(tmp_path):
    log = tmp_path / "error.log"
    log.write_text("2026/11/23 17:00:00 [emerg] 1#1: earlier\n")
    watched = ErrorLog(on_host(tmp_path), "# configuration file /n.conf:\nerror_log error.log notice;\n")
    assert watched.reason() == ""
    with log.open("a") as target:
        target.write("2026/11/23 17:00:01 [emerg] 1#1: bind() failed\n")
    assert watched.reason() == "bind() failed"


def test_without_a_file_there_is_no_reason(tmp_path):
    assert ErrorLog(on_host(tmp_path), "# configuration file /n.conf:\nerror_log stderr;\n").reason() == ""
