# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which broker an app uses."""

from __future__ import annotations

from typing import Collection, NamedTuple

from .._errors import BluegreenError
from .url import PLAIN, parse_url

MODES = ("color", "shared", "none")


class BrokerSettings(NamedTuple):
    """Which broker an app uses.

    ``mode`` is ``color`` (each color has its own), ``shared`` (both use one) or ``none``; ``service`` is the Compose
    service of the broker; ``url`` is the broker's URL as seen inside the project, empty for all databases of the
    service.
    """

    mode: str
    service: str = "redis"
    url: str = ""


def settle(broker: str, service: str, url: str, support: Collection[str] | None) -> BrokerSettings:
    """The settings that follow from the options alone, without the Compose files.

    ``auto`` is ``color`` when the host of the URL, or without one the service, is a support service.

    :param broker: one of :data:`MODES`, or ``auto``.
    :param support: names of the support services.
    :raises BluegreenError: an option has a value that is not possible.
    """
    if broker not in (*MODES, "auto"):
        raise BluegreenError(f"bluegreen_broker is {broker!r}, which is not possible: write auto, {', '.join(MODES)}.")
    scheme, host = "redis", service
    if url:
        parsed = parse_url(url)
        scheme, host = parsed.scheme, parsed.host
    if broker == "auto":
        broker = "color" if host in (support or ()) else "shared"
    if broker == "color" and scheme not in PLAIN:
        raise BluegreenError(
            f"bluegreen_broker_url begins with {scheme}://, but tasks can be moved from one color to the other only "
            "over redis://: give such a URL, or use one broker outside both colors (bluegreen_broker: shared)."
        )
    return BrokerSettings(broker, service, url)
