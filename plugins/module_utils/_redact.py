# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Values of ``bluegreen_env`` and passwords, taken out of what other programs said before it is shown or kept.

The collection itself never writes them into a sentence. But Compose quotes the value that it cannot read, and an app the
URL that it cannot reach; such a text may become the reason of a rollback, which the history keeps for years.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

HIDDEN = "(hidden)"

# Shorter values are words and numbers that stand everywhere, and no secrets.
SHORTEST = 6

_LINE = re.compile(r"^(\w+)=(?:'([^']*)'|\"((?:[^\"\\]|\\.)*)\")$", re.ASCII | re.MULTILINE | re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_PLAIN = {"n": "\n", "r": "\r"}


def texts_in(value):
    """Every text in a value of whatever kind, such as that of a dict option; each line of one that has several, too."""
    if isinstance(value, dict):
        return {text for item in value.values() for text in texts_in(item)}
    if isinstance(value, (list, tuple)):
        return {text for item in value for text in texts_in(item)}
    text = str(value)
    return {text, *text.splitlines(), *_passwords(text)}


def in_env_text(text):
    """The same of the text of an env file, as :func:`_compose.env_text` writes it, but for what is the role's own."""
    found = set()
    for name, literal, escaped in _LINE.findall(text):
        if not name.startswith("BG_"):
            found |= texts_in(literal or _ESCAPE.sub(lambda match: _PLAIN.get(match.group(1), match.group(1)), escaped))
    return found


def hide(text, secrets, known=""):
    """A text without the secrets.

    :param secrets: the texts that must not be in it.
    :param known: a text that is shown or kept anyway: what stands there is no secret, and to hide it would only confuse.
    """
    # The longest first: one may be a part of another.
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST and secret not in known:
            text = text.replace(secret, HIDDEN)
    return text


def hide_in(value, secrets, known=""):
    """The same in every text of a value made of dicts and lists."""
    if isinstance(value, dict):
        return {key: hide_in(item, secrets, known) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [hide_in(item, secrets, known) for item in value]
    return hide(value, secrets, known) if isinstance(value, str) else value


def _passwords(text):
    if "://" not in text:
        return set()
    try:
        password = urlsplit(text).password or ""
    except ValueError:
        return set()
    return {password, unquote(password)}
