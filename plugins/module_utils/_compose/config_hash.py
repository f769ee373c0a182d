# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The hash with which Compose labels a container, made again from the service that it was made of. Pure.

Where it comes out the same, that is proof: the container has this very configuration, and Compose need not be started to
say so. Where it does not, nothing is known, because versions differ in what they hash: then Compose is asked.
"""

from __future__ import annotations

import hashlib
import json

# What no version hashes: a container is the same without them.
_NEVER = ("build", "pull_policy", "scale")
# What some versions do not.
_RARELY = ("depends_on", "profiles")
# What Go writes otherwise than Python.
_ESCAPED = (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029"))


def is_proved(service: dict, label: str) -> bool:
    """Whether a container with this hash on its label was made of this very service.

    :param service: as Compose rendered it, in the order in which it did, references to other containers resolved.
    """
    return any(_hash(service, left_out) == label for left_out in ((*_NEVER, *_RARELY), _NEVER))


def _hash(service: dict, left_out: tuple) -> str:
    kept = {key: value for key, value in service.items() if key not in left_out}
    if kept.get("deploy"):
        kept["deploy"] = {key: value for key, value in kept["deploy"].items() if key != "replicas"}
    text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
    for plain, escaped in _ESCAPED:
        text = text.replace(plain, escaped)
    # What is rendered may be read as a Compose file again, in which a dollar is written twice.
    return hashlib.sha256(text.replace("$$", "$").encode("utf-8", "surrogatepass")).hexdigest()
