# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Removal of ``bluegreen_env`` values and passwords from the output of other programs, before it is shown or kept.

The collection itself never writes them into a sentence. But Compose quotes a value that it cannot read, and an app the
URL that it cannot reach; such a text may become the reason of a rollback, which the history keeps for years.
"""

from __future__ import annotations

import re
from typing import Any, Iterable
from urllib.parse import unquote, urlsplit

HIDDEN = "(hidden)"

# Shorter values are common words and numbers, not secrets.
SHORTEST = 6

_LINE = re.compile(r"^(\w+)=(?:'([^']*)'|\"((?:[^\"\\]|\\.)*)\")$", re.ASCII | re.MULTILINE | re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_PLAIN = {"n": "\n", "r": "\r"}


def texts_in(value: Any) -> set[str]:
    """All texts in a value of any kind, such as that of a dict option, and each line of a text that has several."""
    if isinstance(value, dict):
        return {text for item in value.values() for text in texts_in(item)}
    if isinstance(value, (list, tuple)):
        return {text for item in value for text in texts_in(item)}
    text = str(value)
    return {text, *text.splitlines(), *_passwords(text)}


def in_env_text(text: str) -> set[str]:
    """The same for an env file of :func:`_compose.cli.env_text`, without the role's own variables (``BG_``)."""
    found: set[str] = set()
    for name, literal, escaped in _LINE.findall(text):
        if not name.startswith("BG_"):
            found |= texts_in(literal or _ESCAPE.sub(lambda match: _PLAIN.get(match.group(1), match.group(1)), escaped))
    return found


def hide(text: str, secrets: Iterable[str], known: str = "") -> str:
    """The text with :data:`HIDDEN` in place of each secret.

    :param known: a text that is shown or kept anyway; values in it are not secret, and hiding them would only confuse.
    """
    # The longest first, because one secret may be a part of another.
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST and secret not in known:
            text = text.replace(secret, HIDDEN)
    return text


def hide_in(value: Any, secrets: Iterable[str], known: str = "") -> Any:
    """The same for every text in a value of dicts and lists."""
    if isinstance(value, dict):
        return {key: hide_in(item, secrets, known) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [hide_in(item, secrets, known) for item in value]
    return hide(value, secrets, known) if isinstance(value, str) else value


def _passwords(text: str) -> set[str]:
    if "://" not in text:
        return set()
    try:
        password = urlsplit(text).password or ""
    except ValueError:
        return set()
    return {password, unquote(password)}
