# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""How the program on the host is recognized: by the code that it is made of, and by being whole."""

from __future__ import annotations

import zlib
from typing import Mapping

# In the app's folder on the host.
NAME = "guard.pyz"

# The line that the program writes before the result of a step. Until then it has changed nothing.
BEGUN = "smallfleet.bluegreen: begun"
# Exit code of a program that is made of other code than was asked for, or that is not trusted.
NOT_THIS_ONE = 4

# Length of a checksum, in hexadecimal digits. It shows damage; forgery is ruled out, as only root can write the file.
_SEAL = 8


def code_of(sources: Mapping[str, str]) -> str:
    """The digest of module utils, from their texts by path (:func:`sources.sources`).

    The controller and the host each compute it from their own files, so equal digests mean the same code.
    """
    # Imported here, because only the writing of a program needs it, and OpenSSL, which it loads, takes 4 MiB of memory.
    import hashlib

    digest = hashlib.sha256()
    for path, text in sorted(sources.items()):
        for part in (path, text):
            content = part.encode()
            digest.update(b"%d:" % len(content) + content)
    return digest.hexdigest()


def seal(content: bytes) -> bytes:
    """A program with its own checksum in its last bytes, where :func:`comment` left room for it."""
    content = content[:-_SEAL]
    return content + _checksum(content)


def is_whole(content: bytes) -> bool:
    """Whether a sealed program is as it was written."""
    return _checksum(content[:-_SEAL]) == content[-_SEAL:]


def _checksum(content: bytes) -> bytes:
    return b"%08x" % zlib.crc32(content)


def comment(code: str, magic: bytes) -> bytes:
    """The comment of the archive: the digest of its code and the version of its bytecode, with room for the seal."""
    return f"{code} {magic.hex()} {'-' * _SEAL}".encode()


def is_made_of(content: bytes, interpreter: str, code: str, magic: bytes) -> bool:
    """Whether a program is whole, of this code, and for this Python."""
    wanted = comment(code, magic)
    return (
        content.startswith(f"#!{interpreter} -I\n".encode())
        and content[-len(wanted):-_SEAL] == wanted[:-_SEAL]
        and is_whole(content)
    )
