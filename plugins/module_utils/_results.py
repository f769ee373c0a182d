# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Results of tasks and the state of chords.

A chord's body runs when the last of its tasks finds the others' results: without them it never runs.
"""

from __future__ import annotations

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _kombu
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._copying import copy_keys


def copy_results(journal, here, there, replace):
    """Copy them.

    :param replace: whether the source's state counts where both have a key. True only before the destination's workers
        start: afterwards the destination knows better.
    :returns: how many keys were written.
    """
    keys = set()
    for mark in _kombu.RESULTS:
        keys.update(here.scan(match=f"*{mark}*"))
    return copy_keys(journal, here, there, sorted(keys), replace)[0]
