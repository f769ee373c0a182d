# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.smallfleet.bluegreen.plugins.filter.command import FilterModule


def test_command():
    command = FilterModule().filters()["command"]
    assert command("finish") == "ansible-playbook smallfleet.bluegreen.finish"
    assert command("rollback", "0.9") == "ansible-playbook smallfleet.bluegreen.rollback -e bluegreen_release=0.9"
