# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.filter.approval_message import approval_message
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._commands import command
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._job_templates import in_result, named

OF_OTHER_NAMES = ("", "Roll out the shop", "deployment of the shop")


@pytest.mark.parametrize(
    "text, in_awx",
    [
        (f"Run {command('finish')} again.", 'Run the template "shop finish" again.'),
        (f"undo it with {command('rollback')}", 'undo it with the template "shop rollback"'),
        (f"({command('status')} shows both)", '(the template "shop status" shows both)'),
        (f"({command('finish', '1.4.2')}).", '(the template "shop finish" with release 1.4.2).'),
        (f"{command('deploy', '1.4.2')} again", 'the template "shop release" with release 1.4.2 again'),
        (
            f"{command('finish', '1.4.2')} --limit pi-1,pi-2.",
            'the template "shop finish" with release 1.4.2 and the limit pi-1,pi-2.',
        ),
        # No template asks for these.
        (command("rollback", "1.4.2"), command("rollback", "1.4.2")),
        (command("prepare"), command("prepare")),
    ],
)
def test_sentences(text, in_awx):
    for own in ("deploy", "finish", "rollback", "recover", "status", "needs approval", "not approved"):
        assert named(text, f"shop {own}") == in_awx
    for own in OF_OTHER_NAMES:
        assert named(text, own) == text


def test_the_names_of_the_hosts_that_await_approval():
    hosts = [{"inventory_hostname": name, "_bluegreen_awaits": True} for name in ("pi-1", "pi-2.local")]
    assert named(approval_message(hosts), "shop deploy") == (
        "pi-1, pi-2.local have the new release and await approval. "
        'To approve it there: the template "shop finish" with the limit pi-1,pi-2.local. '
        'To go back there: the template "shop rollback" with the limit pi-1,pi-2.local.'
    )


def test_only_what_a_result_says_is_changed():
    text = f"Run {command('status')}."
    result = {"msg": text, "warnings": [text], "reason": text, "changed": False, "plan": None}
    said = 'Run the template "shop status".'
    assert in_result(result, "shop deploy") == {**result, "msg": said, "warnings": [said]}
