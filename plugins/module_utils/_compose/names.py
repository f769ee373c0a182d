# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Names of a Compose file: the one that somebody may have meant."""

from __future__ import annotations

import difflib


def nearest(name: str, candidates: object) -> str:
    """The end of a sentence: the candidate that looks like a name that is not there, or all of them."""
    close = difflib.get_close_matches(name, list(candidates), n=1, cutoff=0.5)
    if close:
        return f": did you mean {close[0]!r}?"
    return f" (it has {', '.join(sorted(candidates)) or 'none'})."
