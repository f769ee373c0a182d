# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Names in a Compose file, and suggestions for misspelt ones."""

from __future__ import annotations

import difflib
from typing import Iterable


def nearest(name: str, candidates: Iterable[str], word: str = "") -> str:
    """The end of a sentence about an unknown name: the candidate that is most like it, or else all candidates.

    :param word: a word that may be meant, too, though it is not a candidate.
    """
    known = sorted(candidates)
    close = difflib.get_close_matches(name, [*known, *filter(None, [word])], n=1, cutoff=0.5)
    if close:
        return f": did you mean {close[0]!r}?"
    return f" (it has {', '.join(known) or 'none'}): correct the name."
