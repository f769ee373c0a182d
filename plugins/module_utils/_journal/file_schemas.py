# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The other files in the folder of an app: what they have to hold, so that what reads them can rely on it. Pure."""

from __future__ import annotations

from typing import Any

from .._validation import COLORS
from .rules import (
    anything,
    boolean,
    exactly,
    list_of,
    map_of,
    number,
    one_of,
    or_null,
    record,
    text,
    whole_number,
)
from .schema import COLOR, CONTAINER, LAST_SECOND, NAMES, POLICY, RELEASE, SECONDS, SERVICES, SETTINGS, valid
from .strict_json import loads

CONTAINERS_VERSION = 1
_BODY = record({"Image": text(), "HostConfig": record({"RestartPolicy": POLICY})})
_DESCRIBED = record(
    {
        "id": CONTAINER,
        "name": CONTAINER,
        "service": text(),
        "image": text(),
        "config_hash": text(),
        "ran": boolean,
        "body": _BODY,
        "endpoints": map_of(text(), anything),
        "volumes": list_of(record({"Source": text()})),
    }
)
_CONTAINERS = record(
    {
        "version": exactly(CONTAINERS_VERSION),
        "kept": one_of("", *COLORS),
        "colors": map_of(
            COLOR,
            record(
                {
                    "release": RELEASE,
                    "containers": list_of(_DESCRIBED),
                    "networks": list_of(record({"Name": text(), "IPAM": record({})})),
                },
                {"workers": SERVICES},
            ),
        ),
    }
)
_SETTINGS_FILE = record(
    {
        "settings": record(SETTINGS),
        "policies": map_of(text(), POLICY),
        "stop_timeout": or_null(number(0, LAST_SECOND)),
    }
)
_FIGURES = {"before": whole_number(), "peak": whole_number()}
_ENTRY = record(
    {"id": text()},
    {
        **dict.fromkeys(("who", "approved_by", "release", "release_from"), text()),
        **dict.fromkeys(("from", "to", "result", "reason"), text()),
        **dict.fromkeys(("started", "ended"), text()),
        # Images that a later deployment may remove.
        "images": or_null(map_of(text(), text(longest=512, printable=True))),
        "init": NAMES,
        "live_at": or_null(text()),
        **dict.fromkeys(("took", "waited", "worker_gap"), or_null(SECONDS)),
        "seconds": or_null(map_of(text(), SECONDS)),
        "tasks_moved": or_null(whole_number()),
        "memory": or_null(record(_FIGURES)),
    },
)
_ENTRY_DEFAULTS = {"result": "", "reason": "", "release": "", "from": "", "ended": ""}


def containers(raw: bytes) -> dict[str, Any]:
    """The data of ``containers.json``: what is needed to create containers of the colors again.

    :raises Unreadable: the bytes are not a valid file of this kind.
    """
    data = loads(raw)
    return valid(data, _CONTAINERS("", data))


def settings_file(raw: bytes, app: str) -> dict[str, Any]:
    """The data of ``settings.json``: ``settings``, ``policies`` by service and ``stop_timeout``.

    :raises Unreadable: the bytes are not a valid file of this kind and app.
    """
    data = loads(raw)
    found = _SETTINGS_FILE("", data) or ([] if data["settings"]["app"] == app else [f"settings.app is not {app}"])
    return valid(data, found)


def entry(raw: bytes) -> dict[str, Any]:
    """An entry of the history, from its line; texts that it does not have are empty.

    :raises Unreadable: the line is not a valid entry.
    """
    data = loads(raw)
    return {**_ENTRY_DEFAULTS, **valid(data, _ENTRY("", data))}
