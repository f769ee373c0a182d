# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Where a broker's URL leads, without the secrets in it. Pure."""

from __future__ import annotations

from typing import NamedTuple, Sequence
from urllib.parse import urlsplit

TASK_SCHEMES = ("redis", "rediss", "valkey", "valkeys", "sentinel", "amqp", "amqps", "pyamqp", "librabbitmq", "sqs")
# Other schemes of kombu. Such a URL is a broker only under a name of Celery's.
OTHER_SCHEMES = (
    *("azureservicebus", "azurestoragequeues", "confluentkafka", "consul", "etcd", "filesystem", "gcpubsub", "kafka"),
    *("memory", "mongodb", "pyro", "qpid", "slmq", "sqla", "sqlalchemy", "zookeeper"),
)

_PORTS = {"redis": 6379, "rediss": 6379, "valkey": 6379, "valkeys": 6379, "sentinel": 26379, "amqps": 5671}
_PORTS.update(dict.fromkeys(("amqp", "pyamqp", "librabbitmq"), 5672))


class Address(NamedTuple):
    """A URL without user, password and query string, any of which may be secret; ``port`` is 0 if the URL has none."""

    scheme: str
    host: str
    port: int
    path: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{host}{port}{self.path}"

    @property
    def place(self) -> tuple[str, int]:
        """Host and port, or the whole address where there is no host."""
        if not self.host:
            return str(self), 0
        return self.host, self.port or _PORTS.get(self.scheme.lower(), 0)

    @property
    def is_this_machine(self) -> bool:
        """Whether a program that is given this address connects to its own network namespace."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


def address_of(url: str) -> Address | None:
    """The address in a URL, or ``None`` when it is not certain where the password ends."""
    try:
        parts = urlsplit(url)
        port = parts.port or 0
    except ValueError:
        return None
    if "@" in parts.path + parts.query + parts.fragment:
        return None
    return Address(parts.scheme, parts.hostname or "", port, parts.path)


def first_url(text: str, schemes: Sequence[str]) -> str:
    """The first URL of a text that is one URL, or several with ``;`` between, of one of these schemes; else empty."""
    scheme, found, dummy = text.partition("://")
    kind = scheme.lower()
    if found and (kind.partition("+")[0] in schemes or ("redis" in kind and "cluster" in kind)):
        return text.partition(";")[0].strip()
    return ""
