# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The URL of a broker."""

from __future__ import annotations

from typing import NamedTuple, NoReturn
from urllib.parse import unquote, urlsplit

from .._errors import BluegreenError

DEFAULT_PORT = 6379
# URL schemes of a single server without TLS: no Sentinel, no cluster.
PLAIN = ("redis", "valkey")


class Credentials(NamedTuple):
    """User and password of a Redis. They are never part of a message, a command line or a result.

    ``source`` says where the password was found, ``unread`` where a password stands that could not be read; both are
    text for the user, such as ``REDIS_PASSWORD of service redis``.
    """

    user: str = ""
    password: str = ""
    source: str = ""
    unread: str = ""


class Url(NamedTuple):
    """A parsed broker URL; ``database`` is ``None`` when the URL names none."""

    scheme: str
    host: str
    port: int
    database: int | None
    credentials: Credentials


def parse_url(url: str, option: str = "bluegreen_broker_url") -> Url:
    """Parse the URL of a broker.

    :param option: the option that has the URL, for the error.
    :raises BluegreenError: it is not a URL. The message does not show it, because it may hold a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        _refuse_url(option)
    # SQS and others need no host; a Redis does.
    if "://" not in url or (parts.scheme.startswith(PLAIN) and not parts.netloc):
        _refuse_url(option)
    path = parts.path.strip("/")
    if parts.scheme in ("redis", "rediss", *PLAIN) and path and not path.isdigit():
        raise BluegreenError(
            f"{option} names the database {path!r}, but Redis numbers its databases: write the number instead, as in "
            "redis://redis:6379/0."
        )
    return Url(
        scheme=parts.scheme,
        host=parts.hostname or "",
        port=port or DEFAULT_PORT,
        database=int(path) if path.isdigit() else None,
        credentials=Credentials(unquote(parts.username or ""), unquote(parts.password or "")),
    )


def _refuse_url(option: str) -> NoReturn:
    raise BluegreenError(
        f"{option} is not a URL (its text is not shown because it may hold a password): write it as the app does, such "
        "as redis://redis:6379/0."
    )
