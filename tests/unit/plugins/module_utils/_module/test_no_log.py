# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.module_utils.common.parameters import _list_no_log_values, remove_values

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module import no_log as module_no_log

SPEC = {
    "app": {"type": "str"},
    "broker": {"type": "dict", "options": {"url": {"type": "str", "no_log": True}, "service": {"type": "str"}}},
    "token": {"type": "str", "no_log": True},
    "keep_keys": {"type": "list", "no_log": False},
}
URL = "redis://:hunter2@redis:6379/0"


@pytest.mark.parametrize(
    "params",
    [
        {"app": "shop"},
        {"app": "shop", "broker": None, "token": None},
        {"app": "shop", "broker": {"url": "", "service": "redis"}, "token": ""},
        {"app": "shop", "broker": {"url": URL, "service": "redis"}},
        {"app": "shop", "broker": {"url": URL}, "token": "hunter2", "keep_keys": ["session:*"]},
        {"app": "shop", "token": "12"},
    ],
)
def test_the_same_is_taken_out_that_ansible_takes_out(params):
    result = {
        "changed": True,
        "nothing": None,
        "msg": f"{URL} does not answer, nor does hunter2.",
        "invocation": {"module_args": params},
        "lines": [URL, "hunter2", 12, 3.12, 7, ("hunter2", {"deep": "no hunter2 here"})],
    }
    values = module_no_log.values_of_no_log(SPEC, params)
    assert values == _list_no_log_values(SPEC, params)
    # Where one is a part of another, ansible-core 2.16 left it to chance which of them goes first.
    longest_first = sorted(values, key=len, reverse=True)
    assert as_lists(module_no_log.without(values, result)) == as_lists(remove_values(result, longest_first))


def as_lists(value):
    """Without the difference between lists and tuples, which JSON does not know."""
    if isinstance(value, dict):
        return {key: as_lists(item) for key, item in value.items()}
    return [as_lists(item) for item in value] if isinstance(value, (list, tuple)) else value
