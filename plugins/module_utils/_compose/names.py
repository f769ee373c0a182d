# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Names in a Compose file, and suggestions for misspelt ones."""

from __future__ import annotations

import difflib
from typing import Iterable


def nearest(name: str, candidates: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the candidate that is most like it, or else all candidates."""
    known = sorted(candidates)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f": did you mean {close[0]!r}?"
    return f" (it has {', '.join(known) or 'none'}): correct the name."
