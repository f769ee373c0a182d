# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What the module bg_move_tasks does."""

from __future__ import annotations

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import BrokerSettings, connect
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._grammar import check_app, check_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import STEPS, Store, fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._kept_keys import check_patterns, keep_keys
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._messages import Moved, count_messages, move
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._redis import PLAIN, RedisError, parse_url
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._skew import known_to, warn_held
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._spec import Spec
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import roles_now

NOTHING = Moved(0, {}, {}, 0, 0)

_BROKER = {
    "type": "dict",
    "required": True,
    "options": {
        "project": {"type": "str", "default": ""},
        "service": {"type": "str", "default": "redis"},
        "url": {"type": "str", "default": "", "no_log": True},
    },
}
ARGUMENTS = {
    "source": _BROKER,
    "destination": _BROKER,
    "hop": {"type": "int", "default": 0},
    "keep_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "only_keys": {"type": "bool", "default": False},
    "empty": {"type": "bool", "default": False},
}


def move_tasks(params, host, check_mode):
    check_app(params["app"])
    for side in ("source", "destination"):
        if params[side]["project"]:
            check_project(f"{side}.project", params[side]["project"])
    check_patterns("keep_keys", params["keep_keys"])
    if params["only_keys"] and not params["keep_keys"]:
        raise BluegreenError("only_keys is true, but keep_keys is empty: name patterns of keys, or move the tasks too.")
    store = Store(params["app"], host)
    step = _step(store, params["deployment_id"], params["only_keys"])
    with fenced(store, params["deployment_id"], params["epoch"], step, check_mode) as journal:
        with _broker(host, "source", params["source"]) as source:
            with _broker(host, "destination", params["destination"]) as destination:
                _reach("source", source)
                _reach("destination", destination)
                if check_mode:
                    moved, kept = _count(source, destination, params["only_keys"]), 0
                else:
                    kept = keep_keys(host, journal, source, destination, params["keep_keys"]).copied
                    moved = _move(host, journal, step, source, destination, params)
                    if params["empty"]:
                        _require_empty(host, source, params["source"]["project"], moved.left)
    before = {
        queue: moved.left.get(queue, 0) + moved.queues.get(queue, 0) for queue in {**moved.left, **moved.queues}
    }
    return {
        "changed": bool(moved.moved or moved.held or moved.results or kept),
        "moved": moved.moved,
        "queues": moved.queues,
        "held": moved.held,
        "left": moved.left,
        # Not "results", which is Ansible's own key for loops.
        "copied": moved.results,
        "kept": kept,
        "hop": moved.hop,
        "diff": {"before": before, "after": {} if check_mode else moved.left},
    }


def _step(store, deployment_id, only_keys):
    """The step that the move belongs to: in ``fetch`` an idle broker is emptied, later on it is the handover.

    Keys alone may be copied in any.
    """
    journal = store.load() if deployment_id else None
    if journal is None:
        return "handover"
    if only_keys:
        return journal["step"]
    now = STEPS.index(journal["step"])
    if now <= STEPS.index("fetch"):
        return "fetch"
    return STEPS[max(now, STEPS.index("handover"))]


def _move(host, journal, step, source, destination, params):
    if params["only_keys"]:
        return NOTHING
    first = step in ("fetch", "handover")
    if first:
        journal.begin(step)
    known = known_to(host, journal, params["destination"]["project"], destination)
    moved = move(host, journal, source, destination, params["hop"], known)
    warn_held(host, destination, moved.held)
    journal.note(tasks_moved=journal.get("tasks_moved", 0) + moved.moved)
    if first:
        journal.done(step)
    return moved


def _require_empty(host, source, project, left):
    running = [
        container.name
        for container in (of_project(host.engine, project) if project else ())
        if container.running and roles_now(container).worker
    ]
    if running:
        raise BluegreenError(
            f"{', '.join(running)} still runs and may hold tasks of {source.name}, so that is not empty: wait until it has "
            "ended (docker wait), or stop it where it does not end by itself (docker stop), then deploy again.",
            failure="not_empty",
        )
    if left:
        counts = ", ".join(f"{count} in {queue}" for queue, count in sorted(left.items()))
        raise BluegreenError(
            f"{source.name} still holds tasks that could not be moved ({counts}), so it was left as it is. Messages in unacked "
            "are those of a worker that may still run, or of an exchange without a queue: end that worker, or start the workers "
            f"of project {project} until they are done, then deploy again.",
            failure="not_empty",
            left=left,
        )


def _count(source, destination, only_keys):
    """What a move would do, with nothing written."""
    if only_keys or source.run_id() == destination.run_id():
        return NOTHING
    waiting = count_messages(source)
    return Moved(sum(waiting.values()), waiting, {}, 0, 0)


def _broker(host, side, given):
    if not given["project"] and not given["url"]:
        raise BluegreenError(f"{side} names no broker: give it a project (and service), or a url.")
    _refuse_scheme(side, given["url"])
    containers = of_project(host.engine, given["project"]) if given["project"] else []
    broker = connect(host, containers, BrokerSettings("color", given["service"], given["url"]))
    if broker is None:
        raise BluegreenError(
            f"{side} is no Redis that can be read: project {given['project'] or '(none)'} has no service "
            f"{given['service']!r}. Name the service that is the broker in {side}.service."
        )
    if broker.container is not None and not broker.container.running:
        raise BluegreenError(
            f"{side} is {broker.name}, whose container {broker.container.name} is {broker.container.status}: start it "
            "first (bg_start)."
        )
    return broker


def _reach(side, broker):
    """The first question to a Redis, so that one that does not answer is named by the option that it comes from."""
    try:
        broker.run_id()
    except RedisError as error:
        raise BluegreenError(f"{side} ({broker.name}): {error.message} Nothing was moved.") from error


def _refuse_scheme(side, url):
    scheme = parse_url(url).scheme if url else "redis"
    if scheme not in PLAIN:
        kind = next((word for word in ("sentinel", "cluster") if word in scheme), "")
        reason = f"which is a Redis with {kind}" if kind else "which is no plain Redis"
        raise BluegreenError(
            f"{side}.url begins with {scheme}://, {reason}, and tasks can only be moved between single servers over "
            "redis://: nothing was moved. Use one broker outside both colors (bluegreen_broker: shared)."
        )


SPEC = Spec(move_tasks, ARGUMENTS)
