# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What the files of an app may say, and reading them without trusting a byte. Pure.

What recovery does is decided by what the journal says: which containers start, which file of Nginx is written, whom
requests are sent to. So everything that reaches Nginx, a unit, a shell, a path or the engine has to keep to the grammar
again when it is read. What is only shown, or added by a later version, is let pass. docs/journal.md is the same schema
for people.
"""

from __future__ import annotations

import json
import math
import os
import re

from .. import _validation
from .._errors import BluegreenError
from .._validation import COLORS

VERSION = 1
# A journal has a few KiB. The names of an app's tasks are what could make it a large one.
LIMIT = 4 * 1024 * 1024

STEPS = (
    "open",
    "fetch",
    "before_stop",
    "stop_workers",
    "start_candidate",
    "health",
    "cutover",
    "handover",
    "start_workers",
    "settle",
    "awaiting_approval",
    "finish",
)

LONGEST_WHO = 128
LONGEST_REASON = 1000

# No longer than a time or a size can be; Python itself takes minutes for one of a million digits.
_LONGEST_NUMBER = 32
# The last second of the year 9999: later ones are no dates.
_LAST_SECOND = 253402300799


class Unreadable(Exception):
    """A text that cannot be used; ``problems`` is a list of half sentences."""

    def __init__(self, problems):
        super().__init__("; ".join(problems))
        self.problems = problems


# Rules. Each is a function of a path, for messages, and a value; it gives the problems.


def _any(path, value):
    return []


def _text(longest=None, printable=False):
    def rule(path, value):
        if not isinstance(value, str):
            return [f"{path} is no text"]
        if longest is not None and len(value) > longest:
            return [f"{path} has more than {longest} characters"]
        return [f"{path} holds control characters"] if printable and not value.isprintable() else []

    return rule


def _whole(lowest=None, highest=None):
    def rule(path, value):
        if isinstance(value, bool) or not isinstance(value, int):
            return [f"{path} is no whole number"]
        return _within(path, value, lowest, highest)

    return rule


def _number(lowest=None, highest=None):
    def rule(path, value):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return [f"{path} is no number"]
        return _within(path, value, lowest, highest)

    return rule


def _within(path, value, lowest, highest):
    if isinstance(value, float) and not math.isfinite(value):
        return [f"{path} is no number"]
    if (lowest is not None and value < lowest) or (highest is not None and value > highest):
        return [f"{path} is out of range"]
    return []


def _bool(path, value):
    return [] if isinstance(value, bool) else [f"{path} is neither true nor false"]


def _one_of(*choices):
    def rule(path, value):
        # 1 equals True, and is not meant.
        if any(type(value) is type(choice) and value == choice for choice in choices):
            return []
        return [f"{path} is none of {', '.join(json.dumps(choice) for choice in choices)}"]

    return rule


def _grammatical(check):
    """What a function ``check(option, value)`` of the grammar accepts."""

    def rule(path, value):
        try:
            check(path, value)
        except BluegreenError:
            return [f"{path} does not keep to the grammar"]
        return []

    return rule


def _or_null(rule):
    return lambda path, value: [] if value is None else rule(path, value)


def _matching(pattern):
    compiled = re.compile(pattern, re.ASCII)

    def rule(path, value):
        return [] if isinstance(value, str) and compiled.fullmatch(value) else [f"{path} does not keep to the grammar"]

    return rule


def _list_of(rule):
    def whole(path, value):
        if not isinstance(value, list):
            return [f"{path} is no list"]
        return [problem for number, item in enumerate(value) for problem in rule(f"{path}[{number}]", item)]

    return whole


def _map_of(key_rule, value_rule):
    def whole(path, value):
        if not isinstance(value, dict):
            return [f"{path} is no mapping"]
        found = []
        for key, item in value.items():
            wrong = key_rule(f"a key of {path}", key)
            found += wrong or value_rule(f"{path}.{key}", item)
        return found

    return whole


def _record(required, optional=None, also=None):
    """A mapping with known keys, and any others beside them.

    :param also: a rule for the whole, asked when its parts are in order.
    """

    def whole(path, value):
        if not isinstance(value, dict):
            return [f"{path} is no mapping"]
        prefix = f"{path}." if path else ""
        found = [f"{prefix}{key} is missing" for key in required if key not in value]
        for rules in (required, optional or {}):
            for key, rule in rules.items():
                if key in value:
                    found += rule(f"{prefix}{key}", value[key])
        return found or (also(path, value) if also else [])

    return whole


def _either(first, second):
    """What keeps to one of two rules; the problems of the second one when to neither."""
    return lambda path, value: second(path, value) if first(path, value) else []


def _exactly(expected):
    return lambda path, value: [] if type(value) is type(expected) and value == expected else [f"{path} is not {expected!r}"]


# The parts of a journal

_release = _grammatical(lambda option, value: _validation.check_release(value, option))
_app = _grammatical(lambda option, value: _validation.check_app(value, option))
_color = _one_of(*COLORS)
_container = _grammatical(_validation.check_reference)
_services = _list_of(_grammatical(_validation.check_service))
_policy = _record(
    {"Name": _one_of("", "no", "always", "unless-stopped", "on-failure")},
    {"MaximumRetryCount": _whole(0, 2**31)},
)
_policies = _map_of(_container, _policy)
_seconds = _number(-_LAST_SECOND, _LAST_SECOND)
_names = _or_null(_list_of(_text()))


def _per_color(rule):
    return _record(
        dict.fromkeys(COLORS, rule),
        also=lambda path, value: [] if set(value) == set(COLORS) else [f"{path} names more than blue and green"],
    )


def _real_path(path, value):
    """A path as the file system has it, which links may have led to: it may hold blanks, but no tricks."""
    if not isinstance(value, str) or not value.isprintable() or len(value) > _validation.LONGEST_PATH:
        return [f"{path} is no path"]
    if not value.startswith("/") or os.path.normpath(value) != value:
        return [f"{path} is no absolute path without .."]
    return []


def _kept_beside(path, value):
    """What is put back in the place of a file lies beside that file, hidden from Nginx."""
    folder, name = os.path.split(value["file"])
    beside, kept = os.path.split(value["kept"])
    if beside != folder or not kept.startswith(f".{name}.before-"):
        return [f"{path}.kept does not lie beside {path}.file"]
    return []


def _conf_file(path, value):
    return _grammatical(_validation.check_path)(path, value) or (
        [] if value.endswith(".conf") else [f"{path} does not end in .conf"]
    )


_NGINX = {
    "upstream": _grammatical(_validation.check_upstream),
    "file": _conf_file,
    "container": _grammatical(_validation.check_container),
    "servers": _per_color(_grammatical(_validation.check_server)),
    "public_url": _grammatical(_validation.check_url),
    "public_host": _grammatical(_validation.check_host),
    "validate_certs": _bool,
    "backup": _bool,
}

_BROKER = {
    "mode": _one_of("color", "shared", "none", "auto"),
    "service": _text(longest=255, printable=True),
    # The URL may hold a password: it has a file of its own.
    "url": _one_of(""),
}

_HEALTH = {
    "path": _grammatical(_validation.check_url_path),
    "host": _grammatical(_validation.check_host),
    "status": _list_of(_whole(100, 599)),
    "timeout": _number(0, _LAST_SECOND),
    "interval": _number(0, _LAST_SECOND),
    "successes": _whole(1),
    "deadline": _number(0, _LAST_SECOND),
}

_SETTINGS = {
    "app": _app,
    "projects": _per_color(_grammatical(_validation.check_project)),
    "ports": _per_color(_grammatical(_validation.check_port)),
    "services": _record(
        {role: _services for role in ("web", "support", "init", "workers")},
        {"ignored": _services},
        also=lambda path, value: [] if value["web"] else [f"{path}.web is empty"],
    ),
    "nginx": _record(_NGINX),
    "broker": _record(_BROKER),
    "health": _either(_exactly({}), _record(_HEALTH)),
}

_CUTOVER = _record(
    {
        "color": _or_null(_color),
        "file": _real_path,
        "kept": _real_path,
        "children": _list_of(_list_of(_whole(0, 2**63))),
        "proved": _one_of("", *COLORS),
    },
    {
        "previous": _or_null(_color),
        "sha256": _matching("[0-9a-f]{64}"),
        "at": _number(),
    },
    also=_kept_beside,
)

# Every deployment has these from its first byte on the disk.
REQUIRED = {
    "version": _exactly(VERSION),
    "app": _app,
    "id": _grammatical(_validation.check_deployment_id),
    "epoch": _whole(1, 2**31),
    "who": _text(),
    "opened_at": _number(0, _LAST_SECOND),
    "step": _one_of(*STEPS),
    "done": _bool,
    "back": _bool,
    "result": _one_of("", "committed", "rolled_back", "failed"),
    "reason": _text(),
    "from": _one_of("", *COLORS),
    "to": _color,
    "release": _release,
    "release_from": _release,
    "settings": _record(_SETTINGS),
    "policies": _policies,
    "signalled": _list_of(_container),
    "hops": _list_of(
        _record({"n": _whole(1, 2**31), "source": _text(), "destination": _text(), "done": _bool})
    ),
    "lease": _record({"boot_id": _text(longest=64), "until": _number()}),
    "seconds": _map_of(_text(), _seconds),
    "workers": _record(
        {},
        {
            "stop_timeout": _or_null(_number(0, _LAST_SECOND)),
            "on_timeout": _or_null(_one_of("fail", "leave", "requeue", "kill")),
        },
    ),
    "drain_timeout": _number(),
    "revert_after": _whole(),
    "old_color": _one_of("removed", "stopped"),
    "remove_volumes": _bool,
    "keep_images": _whole(),
}

OPTIONAL = {
    "counted": _or_null(_record({"boot_id": _text(longest=64), "boottime": _seconds, "wall": _seconds})),
    "live_at": _or_null(_number(0, _LAST_SECOND)),
    "old_containers": _list_of(_record({"id": _container, "name": _container, "service": _text()})),
    "cutover": _CUTOVER,
    "task_names": _or_null(_record({}, {"old": _names, "candidate": _names})),
    "celery": _or_null(
        _map_of(
            _text(), _record({"separator": _text(), "steps": _list_of(_whole()), "results": _or_null(_text())})
        )
    ),
    "progress": _or_null(_record({"moved": _whole(), "of": _whole()})),
    "held_by": _or_null(_list_of(_text())),
    "tasks_moved": _whole(0),
    "memory": _or_null(_record({"before": _whole(), "peak": _whole()})),
    "working": _list_of(_color),
    "worker_gap": _or_null(_seconds),
    # Of an earlier version, in place of these two.
    "idle_since": _or_null(_seconds),
    "busy_since": _or_null(_seconds),
    "told": _map_of(_container, _text(64, printable=True)),
    "told_processes": _map_of(_container, _list_of(_record({"pid": _whole(1), "started": _whole(0)}))),
    "old_workers": _services,
    "init_before_stop": _services,
    "worker_roles": _map_of(_grammatical(_validation.check_service), _one_of("worker", "beat", "worker+beat", "other")),
    "cpu_shares": _map_of(_container, _whole(0, 2**31)),
    "memory_budget": _or_null(
        _record(dict.fromkeys(("free", "web", "support", "workers", "app", "oom_kills"), _whole(0)))
    ),
    "old_web": _or_null(_one_of("running", "stopped")),
    "worker_strategy": _or_null(_one_of("stop", "throttle", "")),
    "unknown_tasks": _or_null(_one_of("fail", "hold", "move")),
    "keep_keys": _or_null(_list_of(_text())),
    "armed": _bool,
    "guard": _bool,
    "ran": _list_of(_container),
    "recreated": _list_of(_text()),
    "to_kept": _bool,
    "watch": _or_null(_bool),
    "approval_timeout": _or_null(_whole(0)),
    "on_timeout": _or_null(_one_of("keep", "rollback")),
    "not_taken_back": _text(LONGEST_REASON, printable=True),
    "approve_until": _record({"boot_id": _text(longest=64), "until": _number()}),
}


def _two_colors(path, value):
    if value["from"] == value["to"]:
        return ["from and to are the same color"]
    if value["settings"]["app"] != value["app"]:
        return ["settings.app is not app"]
    return []


_JOURNAL = _record(REQUIRED, OPTIONAL, also=_two_colors)
_BODY = _record({"Image": _text(), "HostConfig": _record({"RestartPolicy": _policy})})
_DESCRIBED = _record(
    {
        "id": _container,
        "name": _container,
        "service": _text(),
        "image": _text(),
        "config_hash": _text(),
        "ran": _bool,
        "body": _BODY,
        "endpoints": _map_of(_text(), _any),
        "volumes": _list_of(_record({"Source": _text()})),
    }
)
_CONTAINERS = _record(
    {
        "version": _exactly(VERSION),
        "kept": _one_of("", *COLORS),
        "colors": _map_of(
            _color,
            _record(
                {
                    "release": _release,
                    "containers": _list_of(_DESCRIBED),
                    "networks": _list_of(_record({"Name": _text(), "IPAM": _record({})})),
                },
                {"workers": _services},
            ),
        ),
    }
)
_REMEMBERED = _record(
    {
        "settings": _record(_SETTINGS),
        "policies": _map_of(_text(), _policy),
        "stop_timeout": _or_null(_number(0, _LAST_SECOND)),
    }
)
_FIGURES = {"before": _whole(), "peak": _whole()}
_ENTRY = _record(
    {"id": _text()},
    {
        **dict.fromkeys(("who", "release", "release_from", "from", "to", "result", "reason", "started", "ended"), _text()),
        # What is in here may be removed one day.
        "images": _or_null(_map_of(_text(), _text(longest=512, printable=True))),
        "init": _names,
        "live_at": _or_null(_text()),
        **dict.fromkeys(("took", "waited", "worker_gap"), _or_null(_seconds)),
        "seconds": _or_null(_map_of(_text(), _seconds)),
        "tasks_moved": _or_null(_whole()),
        "memory": _or_null(_record(_FIGURES)),
    },
)
# Entries of earlier versions lack some.
_ENTRY_DEFAULTS = {"result": "", "reason": "", "release": "", "from": "", "ended": ""}


# Reading


def problems(data, app):
    """What is wrong with a journal, as half sentences; empty when it can be acted upon.

    :param data: as JSON has it.
    :param app: whose journal it has to be.
    """
    if not isinstance(data, dict):
        return ["it is no mapping"]
    if _exactly(VERSION)("version", data.get("version")):
        return [f"version is not {VERSION}, the one that this release knows"]
    return _JOURNAL("", data) or ([] if data["app"] == app else [f"app is not {app}"])


def journal(raw, app):
    """The journal in the bytes of a file.

    :raises Unreadable: they are none, or none of this app and version.
    """
    data = _loaded(raw)
    found = problems(data, app)
    if found:
        raise Unreadable(found)
    return data


def containers(raw):
    """What containers of the colors were made of.

    :raises Unreadable: the bytes say nothing of the kind.
    """
    data = _loaded(raw)
    found = _CONTAINERS("", data)
    if found:
        raise Unreadable([problem.lstrip() for problem in found])
    return data


def remembered(raw, app):
    """What an app is made of, for a recovery that finds no journal: ``settings``, ``policies`` by service, ``stop_timeout``.

    :raises Unreadable: the bytes say nothing of the kind, or are of another app.
    """
    data = _loaded(raw)
    found = _REMEMBERED("", data) or ([] if data["settings"]["app"] == app else [f"settings.app is not {app}"])
    if found:
        raise Unreadable([problem.lstrip() for problem in found])
    return data


def entry(raw):
    """One line of the history; what a deployment of an earlier version did not note is empty.

    :raises Unreadable: it is none.
    """
    data = _loaded(raw)
    found = _ENTRY("", data)
    if found:
        raise Unreadable(found)
    return {**_ENTRY_DEFAULTS, **data}


def tidied(data):
    """A journal, or a line of the history, whose free texts are lines of a sane length."""
    longest = {"who": LONGEST_WHO, "reason": LONGEST_REASON, "not_taken_back": LONGEST_REASON}
    return {key: _validation.one_line(value, longest[key]) if key in longest else value for key, value in data.items()}


def _loaded(raw):
    if len(raw) > LIMIT:
        raise Unreadable([f"it has more than {LIMIT} bytes"])
    try:
        return json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_int,
            parse_float=_float,
            parse_constant=_constant,
        )
    # Brackets within brackets without end are no ValueError.
    except (ValueError, RecursionError) as error:
        raise Unreadable(["it is no JSON"]) from error


def _unique(pairs):
    """Two readers may see two values where a key stands twice."""
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ValueError("a key stands twice")
    return data


def _int(text):
    if len(text) > _LONGEST_NUMBER:
        raise ValueError("a number is too long")
    return int(text)


def _float(text):
    number = float(text) if len(text) <= _LONGEST_NUMBER else math.inf
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _constant(text):
    raise ValueError(f"{text} is no number")
