# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The schema of an app's files, which are read without trusting a byte. Pure.

Recovery follows the journal: which containers start, which file of Nginx is written, where requests are sent. So every
value that reaches Nginx, a unit, a shell, a path or the engine is checked again when it is read. Values that are only
shown, and keys that a later version added, pass. docs/journal.md describes the same schema for people.
"""

from __future__ import annotations

import os
from typing import Any, Mapping

from .. import _validation
from .._validation import COLORS
from .rules import (
    Rule,
    accepted_by,
    boolean,
    either,
    exactly,
    list_of,
    map_of,
    matching,
    number,
    one_of,
    or_null,
    record,
    text,
    whole_number,
)
from .step import Step
from .strict_json import Unreadable, loads

VERSION = 2
# A journal of version 1 has other names for some keys. An upgrade of the collection may find one that is open.
_RENAMED = {"back": "rolling_back"}
_RENAMED_OF_CUTOVER = {"kept": "backup", "children": "nginx_workers"}

STEPS = tuple(step.value for step in Step)

LONGEST_WHO = 128
LONGEST_REASON = 1000

# The last second of the year 9999: later ones are not dates.
LAST_SECOND = 253402300799


# The parts of a journal

RELEASE = accepted_by(lambda path, value: _validation.check_release(value, path))
_app = accepted_by(lambda path, value: _validation.check_app(value, path))
COLOR = one_of(*COLORS)
CONTAINER = accepted_by(_validation.check_reference)
SERVICES = list_of(accepted_by(_validation.check_service))
POLICY = record(
    {"Name": one_of("", "no", "always", "unless-stopped", "on-failure")},
    {"MaximumRetryCount": whole_number(0, 2**31)},
)
_policies = map_of(CONTAINER, POLICY)
SECONDS = number(-LAST_SECOND, LAST_SECOND)
NAMES = or_null(list_of(text()))


def _per_color(rule: Rule) -> Rule:
    return record(
        dict.fromkeys(COLORS, rule),
        also=lambda path, value: [] if set(value) == set(COLORS) else [f"{path} names more than blue and green"],
    )


def _real_path(path: str, value: Any) -> list[str]:
    """A path with its links resolved. Unlike a path that a user sets, it may hold blanks and other characters."""
    if not isinstance(value, str) or not value.isprintable() or len(value) > _validation.LONGEST_PATH:
        return [f"{path} is not a path"]
    if not value.startswith("/") or os.path.normpath(value) != value:
        return [f"{path} is not an absolute path without .."]
    return []


def _backup_beside(path: str, value: Mapping[str, str]) -> list[str]:
    """The backup of a file lies beside that file, under a name that Nginx does not include."""
    folder, name = os.path.split(value["file"])
    beside, backup = os.path.split(value["backup"])
    if beside != folder or not backup.startswith(f".{name}.before-"):
        return [f"{path}.backup does not lie beside {path}.file"]
    return []


_NGINX = {
    "upstream": accepted_by(_validation.check_upstream),
    "file": accepted_by(_validation.check_nginx_file),
    "container": accepted_by(_validation.check_container),
    "servers": _per_color(accepted_by(_validation.check_server)),
    "public_url": accepted_by(_validation.check_url),
    "public_host": accepted_by(_validation.check_host),
    "validate_certs": boolean,
    "backup": boolean,
}

_BROKER = {
    "mode": one_of("color", "shared", "none", "auto"),
    "service": text(longest=255, printable=True),
    # The URL may hold a password, so it has a file of its own.
    "url": one_of(""),
}

_HEALTH = {
    "path": accepted_by(_validation.check_url_path),
    "host": accepted_by(_validation.check_host),
    "status": list_of(whole_number(100, 599)),
    "timeout": number(0, LAST_SECOND),
    "interval": number(0, LAST_SECOND),
    "successes": whole_number(1),
    "deadline": number(0, LAST_SECOND),
}

SETTINGS = {
    "app": _app,
    "projects": _per_color(accepted_by(_validation.check_project)),
    "ports": _per_color(accepted_by(_validation.check_port)),
    "services": record(
        {role: SERVICES for role in ("web", "support", "init", "workers")},
        {"ignored": SERVICES},
        also=lambda path, value: [] if value["web"] else [f"{path}.web is empty"],
    ),
    "nginx": record(_NGINX),
    "broker": record(_BROKER),
    "health": either(exactly({}), record(_HEALTH)),
}

_CUTOVER = record(
    {
        "color": or_null(COLOR),
        "file": _real_path,
        "backup": _real_path,
        "nginx_workers": list_of(list_of(whole_number(0, 2**63))),
        "proved": one_of("", *COLORS),
    },
    {
        "previous": or_null(COLOR),
        "sha256": matching("[0-9a-f]{64}"),
        "at": number(),
    },
    also=_backup_beside,
)

# Every journal has these keys from its first write on.
REQUIRED: dict[str, Rule] = {
    "version": exactly(VERSION),
    "app": _app,
    "id": accepted_by(_validation.check_deployment_id),
    "epoch": whole_number(1, 2**31),
    "who": text(),
    "opened_at": number(0, LAST_SECOND),
    "step": one_of(*STEPS),
    "done": boolean,
    "rolling_back": boolean,
    "result": one_of("", "committed", "rolled_back", "failed"),
    "reason": text(),
    "from": one_of("", *COLORS),
    "to": COLOR,
    "release": RELEASE,
    "release_from": RELEASE,
    "settings": record(SETTINGS),
    "policies": _policies,
    "signalled": list_of(CONTAINER),
    "hops": list_of(
        record({"n": whole_number(1, 2**31), "source": text(), "destination": text(), "done": boolean})
    ),
    "lease": record({"boot_id": text(longest=64), "until": number()}),
    "seconds": map_of(text(), SECONDS),
    "workers": record(
        {},
        {
            "stop_timeout": or_null(number(0, LAST_SECOND)),
            "on_timeout": or_null(one_of("fail", "leave", "requeue", "kill")),
        },
    ),
    "drain_timeout": number(),
    "revert_after": whole_number(),
    "old_color": one_of("removed", "stopped"),
    "remove_volumes": boolean,
    "keep_images": whole_number(),
}

OPTIONAL: dict[str, Rule] = {
    "counted": or_null(record({"boot_id": text(longest=64), "boottime": SECONDS, "wall": SECONDS})),
    "live_at": or_null(number(0, LAST_SECOND)),
    "old_containers": list_of(record({"id": CONTAINER, "name": CONTAINER, "service": text()})),
    "cutover": _CUTOVER,
    "task_names": or_null(record({}, {"old": NAMES, "candidate": NAMES})),
    "celery": or_null(
        map_of(
            text(), record({"separator": text(), "steps": list_of(whole_number()), "results": or_null(text())})
        )
    ),
    "progress": or_null(record({"moved": whole_number(), "of": whole_number()})),
    "held_by": or_null(list_of(text())),
    "tasks_moved": whole_number(0),
    "memory": or_null(record({"before": whole_number(), "peak": whole_number()})),
    "working": list_of(COLOR),
    "worker_gap": or_null(SECONDS),
    "told": map_of(CONTAINER, text(64, printable=True)),
    "told_processes": map_of(CONTAINER, list_of(record({"pid": whole_number(1), "started": whole_number(0)}))),
    "old_workers": SERVICES,
    "init_before_stop": SERVICES,
    "worker_roles": map_of(accepted_by(_validation.check_service), one_of("worker", "beat", "worker+beat", "other")),
    "cpu_shares": map_of(CONTAINER, whole_number(0, 2**31)),
    "memory_budget": or_null(
        record(dict.fromkeys(("free", "web", "support", "workers", "app", "oom_kills"), whole_number(0)))
    ),
    "old_web": or_null(one_of("running", "stopped")),
    "worker_strategy": or_null(one_of("stop", "throttle", "")),
    "unknown_tasks": or_null(one_of("fail", "hold", "move")),
    "keep_keys": or_null(list_of(text())),
    "armed": boolean,
    "guard": boolean,
    "ran": list_of(CONTAINER),
    "recreated": list_of(text()),
    "to_kept": boolean,
    "watch": or_null(boolean),
    "approval_timeout": or_null(whole_number(0)),
    "on_timeout": or_null(one_of("keep", "rollback")),
    "not_taken_back": text(LONGEST_REASON, printable=True),
    "approved_by": text(),
    "approve_until": record({"boot_id": text(longest=64), "until": number()}),
}


def _two_colors(path: str, value: Mapping[str, Any]) -> list[str]:
    if value["from"] == value["to"]:
        return ["from and to are the same color"]
    if value["settings"]["app"] != value["app"]:
        return ["settings.app is not app"]
    return []


_JOURNAL = record(REQUIRED, OPTIONAL, also=_two_colors)


# Reading


def problems(data: Any, app: str) -> list[str]:
    """The problems of a journal as half sentences; none when recovery can follow it.

    :param data: the journal as ``json.loads`` returns it.
    :param app: the app that the journal must belong to.
    """
    if not isinstance(data, dict):
        return ["it is not a mapping"]
    if exactly(VERSION)("version", data.get("version")):
        return [f"version is neither 1 nor {VERSION}, which this release reads"]
    return _JOURNAL("", data) or ([] if data["app"] == app else [f"app is not {app}"])


def journal(raw: bytes, app: str) -> dict[str, Any]:
    """The data of a journal, from the bytes of its file.

    :raises Unreadable: they are not a journal of this app and version.
    """
    data = _of_this_version(loads(raw))
    return valid(data, problems(data, app))


def _of_this_version(data: Any) -> Any:
    """The data of a journal, with the keys of version 1 renamed."""
    if not isinstance(data, dict) or exactly(1)("version", data.get("version")):
        return data
    data = {**_renamed(data, _RENAMED), "version": VERSION}
    if isinstance(data.get("cutover"), dict):
        data["cutover"] = _renamed(data["cutover"], _RENAMED_OF_CUTOVER)
    return data


def _renamed(data: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in data.items()}


def valid(data: dict[str, Any], found: list[str]) -> dict[str, Any]:
    if found:
        # The path of the whole is empty, which leaves a blank at the beginning.
        raise Unreadable([problem.lstrip() for problem in found])
    return data


def tidied(data: Mapping[str, Any]) -> dict[str, Any]:
    """A journal, or an entry of the history, with its free texts cut to single lines of limited length."""
    longest = {
        **dict.fromkeys(("who", "approved_by"), LONGEST_WHO),
        **dict.fromkeys(("reason", "not_taken_back"), LONGEST_REASON),
    }
    return {key: _validation.one_line(value, longest[key]) if key in longest else value for key, value in data.items()}
