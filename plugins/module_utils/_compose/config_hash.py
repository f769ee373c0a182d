# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The hash with which Compose labels a container, computed again from the configuration of a service. Pure.

The same hash proves that the container has this very configuration, without starting Compose. A different hash proves
nothing, because versions of Compose differ in what they hash: then Compose has to be asked.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Collection, Optional

# Keys that no version hashes.
_NEVER = ("build", "pull_policy", "scale")
# Keys that some versions do not hash.
_RARELY = ("depends_on", "profiles")
# Characters that Go escapes in JSON and Python does not.
_ESCAPED = (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029"))


def is_proved(service: dict[str, Any], label: Optional[str]) -> bool:
    """Whether a container with this hash on its label was made from this very configuration.

    :param service: as Compose rendered it, in its order, with references to other containers resolved.
    """
    return any(_hash(service, left_out) == label for left_out in ((*_NEVER, *_RARELY), _NEVER))


def _hash(service: dict[str, Any], left_out: Collection[str]) -> str:
    kept = {key: value for key, value in service.items() if key not in left_out}
    if kept.get("deploy"):
        kept["deploy"] = {key: value for key, value in kept["deploy"].items() if key != "replicas"}
    text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
    for plain, escaped in _ESCAPED:
        text = text.replace(plain, escaped)
    # The rendered text is a Compose file again, in which a dollar is written twice.
    return hashlib.sha256(text.replace("$$", "$").encode("utf-8", "surrogatepass")).hexdigest()
