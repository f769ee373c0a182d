# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Support, init and web of a color, started by id in the order that they need each other, each start proved."""

from __future__ import annotations

from typing import NamedTuple

from .._broker.move import count_messages
from .._docker.containers import ROLES, inspect_container
from .._docker.engine import EngineError
from .._docker.logs import last_lines
from .._docker.restart_policies import disable_restart
from .._docker.start import start_container
from .._errors import BluegreenError
from .._linux.clock import Deadline
from .._progress import reached, report
from .._workers.consuming import POLL
from .._workers.still_up import still_up

DEFAULT_TIMEOUT = 120


class Started(NamedTuple):
    """``started`` are the names of the containers started, in that order; what ran already is not among them."""

    started: list
    seconds: float


def by_role(containers, services, project):
    """Lists of containers by role, each in the order of the services named.

    :param containers: all containers of the project.
    :param services: names of services by role.
    :raises BluegreenError: a service has no container.
    """
    found = {}
    for role, names in services.items():
        found[role] = []
        for name in names or ():
            own = [container for container in containers if container.service == name]
            if not own:
                raise BluegreenError(
                    f"services.{role} names {name!r}, but project {project} has no container of that service. Either it was "
                    "never created (docker compose up --no-start), or somebody removed it before its start, as docker "
                    "system prune in a cron job does: create it, or deploy again."
                )
            found[role] += own
    return found


def would_start(journal, containers):
    """The containers that are not up, in the order of a start, before beat is told from the workers."""
    return [each for role in ROLES for each in _waiting(journal, role, containers.get(role) or ())]


def start(host, journal, containers, timeout=DEFAULT_TIMEOUT, broker=None, wait=True, hurry=None):
    """Start the support, init and web containers of a color that do not run, by id.

    Support must be healthy and its Redis answer; init must end with 0; web must have started (its health is another
    matter). Restart policies are noted and taken away before the start, and come back with the cutover
    (:mod:`restart_policies`). Workers are another matter too (:mod:`handover`).

    :param containers: lists of :class:`Container` by role, each in the order wanted.
    :param timeout: seconds for each role.
    :param broker: :class:`connection.Broker` of the color.
    :param wait: whether to wait for health; without it a start is believed.
    :param hurry: called once, when an init container has not ended in time; that one gets its time again then.
    :returns: :class:`Started`
    :raises BluegreenError: something did not come up; or the color's own Redis holds tasks right after its start,
        before anything could take them: an old volume.
    """
    begun, started = host.clock.monotonic(), []
    for role in ("support", "init", "web"):
        waiting = _waiting(journal, role, containers.get(role) or ())
        if not waiting:
            continue
        disable_restart(host, journal, waiting)
        if role == "support":
            started += _start_support(host, journal, waiting, timeout, broker, wait)
            broker = _up_to_date(broker, started)
        elif role == "init":
            started += _run_init(host, journal, waiting, timeout, hurry)
        else:
            started += [start_container(host, container) for container in waiting]
    return Started([container.name for container in started], round(host.clock.monotonic() - begun, 2))


def _waiting(journal, role, containers):
    if role == "init":
        # One that a run which was cut off has started is still to be waited for.
        return [container for container in containers if not _has_done_its_work(journal, container)]
    return [container for container in containers if not container.running]


def _has_done_its_work(journal, container):
    # One that was removed since, and created again, did it before that.
    return container.id in (journal.get("ran") or ()) or container.ever_started and container.status == "exited" and container.exit_code == 0


def _start_support(host, journal, waiting, timeout, broker, wait):
    started = [start_container(host, container) for container in waiting]
    deadline, current = Deadline(host.clock, timeout), _up_to_date(broker, started)
    own = current if current is not broker else None
    if wait:
        _wait_until_healthy(host, journal, started, own, deadline)
    if own is not None:
        _refuse_messages(own, deadline, host)
    return started


def _up_to_date(broker, started):
    """The broker with the address that it got with its start, if its container is among those started."""
    if broker is None or broker.container is None:
        return broker
    return next((broker.moved_to(each) for each in started if each.id == broker.container.id), broker)


def _wait_until_healthy(host, journal, started, broker, deadline):
    while True:
        now = [still_up(host, container, journal) for container in started]
        silent = broker is not None and not broker.answers()
        missing = [container for container in now if not _is_ready(host, container, broker, silent)]
        if not missing and not silent:
            return
        unhealthy = [container for container in missing if container.health == "unhealthy"]
        if unhealthy or deadline.over:
            worst = unhealthy or missing or [each for each in now if each.id == broker.container.id]
            names = ", ".join(container.name for container in worst)
            how = "is unhealthy" if unhealthy else f"was not ready within timeout={deadline.seconds:g} s"
            raise BluegreenError(
                f"Container {names} {how}: its last log lines are in logs.",
                failure="unhealthy" if unhealthy else "timeout",
                logs=last_lines(host, worst),
            )
        journal.renew_lease()
        late = [container.name for container in now if container in missing or silent and container.id == broker.container.id]
        report(reached([container.name for container in now], late, "containers are ready"))
        deadline.pause(POLL)


def _is_ready(host, container, broker, silent):
    """Whether a support container can be used. The engine's own word comes late: only after a whole interval."""
    if container.health != "starting":
        return container.health != "unhealthy"
    if broker is not None and container.id == broker.container.id:
        return not silent
    kind, command = container.health_test[0], list(container.health_test[1:])
    try:
        return (
            host.engine.execute(container.id, ["/bin/sh", "-c", *command] if kind == "CMD-SHELL" else command)[0] == 0
        )
    except EngineError as error:
        if error.status != 409:
            raise
        # It has ended meanwhile, which the next look says better.
        return False


def _refuse_messages(broker, deadline, host):
    while not broker.answers():
        if deadline.over:
            return
        deadline.pause(POLL)
    waiting = count_messages(broker)
    if waiting:
        listed = ", ".join(f"{queue}: {number}" for queue, number in sorted(waiting.items()))
        raise BluegreenError(
            f"The Redis of {broker.name} holds tasks right after its start ({listed}): it came up on an old volume, "
            "and its tasks may have run already. Empty or remove its volume, or move them with bg_move_tasks, and "
            "deploy again.",
            failure="old_messages",
            queues=waiting,
        )


def _run_init(host, journal, waiting, timeout, hurry):
    done = []
    for container in waiting:
        # One after the other, as listed: a migration may need what the one before it made.
        now = container if container.running else start_container(host, container)
        deadline = Deadline(host.clock, timeout)
        while now.running:
            if deadline.over and hurry:
                hurry()
                hurry, deadline = None, Deadline(host.clock, timeout)
            elif deadline.over:
                raise BluegreenError(
                    f"Init container {now.name} has not ended within timeout={timeout:g} s: give it more time, or, "
                    "if it is not meant to end, name its service in bluegreen_support_services; its last log lines are in logs.",
                    failure="timeout",
                    logs=last_lines(host, [now]),
                )
            journal.renew_lease()
            report(f"init container {now.name} runs for {deadline.elapsed:.0f} s")
            deadline.pause(POLL)
            now = inspect_container(host.engine, container.id)
        if now.exit_code:
            raise BluegreenError(
                f"Init container {now.name} ended with exit code {now.exit_code}, and the new color starts only after "
                "0: its last log lines are in logs.",
                failure="exited",
                logs=last_lines(host, [now]),
            )
        if not container.running:
            done.append(now)
    return done
