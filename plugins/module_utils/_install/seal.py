# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""How the program on the host is recognized: by the code that it is made of, and by being whole."""

from __future__ import annotations

import zlib
from typing import Mapping

# In the app's folder on the host.
NAME = "guard.pyz"

# What the program writes before the result of a step. Until then it has touched nothing.
BEGUN = "smallfleet.bluegreen: begun"
# What it ends with instead where it is not the code that was asked for, or not to be trusted.
NOT_THIS_ONE = 4

# Eight hexadecimal digits, which show damage. Only root can write the file, so no forgery has to be shown.
_SEAL = 8


def code_of(sources: Mapping[str, str]) -> str:
    """The digest of module utils, from their texts by path (:func:`sources.sources`).

    The controller and the host each compute it from what they have, so an equal one is the very same code.
    """
    # On the host only needed where a program is written, and OpenSSL, which comes with it, holds 4 MiB of each step.
    import hashlib

    digest = hashlib.sha256()
    for path, text in sorted(sources.items()):
        for part in (path, text):
            content = part.encode()
            digest.update(b"%d:" % len(content) + content)
    return digest.hexdigest()


def seal(content: bytes) -> bytes:
    """A program with its own checksum in its last bytes, which have to be free for it."""
    content = content[:-_SEAL]
    return content + _checksum(content)


def is_whole(content: bytes) -> bool:
    """Whether a sealed program is as it was written."""
    return _checksum(content[:-_SEAL]) == content[-_SEAL:]


def _checksum(content: bytes) -> bytes:
    return b"%08x" % zlib.crc32(content)


def comment(code: str, magic: bytes) -> bytes:
    """What a program of some code, with bytecode of some Python, has in its comment, with room for the seal."""
    return f"{code} {magic.hex()} {'-' * _SEAL}".encode()


def is_made_of(content: bytes, interpreter: str, code: str, magic: bytes) -> bool:
    """Whether a program is whole, of this code, and for this Python."""
    wanted = comment(code, magic)
    return (
        content.startswith(f"#!{interpreter} -I\n".encode())
        and content[-len(wanted):-_SEAL] == wanted[:-_SEAL]
        and is_whole(content)
    )
