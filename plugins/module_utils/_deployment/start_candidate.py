# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Support, init and web of a color, started by id in the order that they need each other, each start proved."""

from __future__ import annotations

from typing import Callable, Iterable, Mapping, NamedTuple, Optional, Sequence

from .._broker.connection import Broker
from .._broker.queues import count_messages
from .._docker.containers import ROLES, Container, inspect_container
from .._docker.engine import EngineError
from .._docker.logs import last_lines
from .._docker.restart_policies import disable_restart
from .._docker.start import start_container
from .._errors import BluegreenError
from .._host import Host
from .._journal.journal import AnyJournal
from .._linux.clock import Deadline
from .._module.spec import START_TIMEOUT
from .._progress import reached, report
from .._words import agree, joined
from .._workers.consuming import POLL
from .._workers.still_up import still_up


class Started(NamedTuple):
    """``started`` are the names of the started containers, in that order; those that ran already are not among them."""

    started: list[str]
    seconds: float


def by_role(
    containers: Sequence[Container], services: Mapping[str, Optional[Sequence[str]]], project: str
) -> dict[str, list[Container]]:
    """Containers by role, each list in the order of the services named.

    :param containers: all containers of the project.
    :param services: names of services by role.
    :raises BluegreenError: a service has no container.
    """
    found: dict[str, list[Container]] = {}
    for role, names in services.items():
        found[role] = []
        for name in names or ():
            own = [container for container in containers if container.service == name]
            if not own:
                raise BluegreenError(
                    f"services.{role} names {name!r}, but project {project} has no container of that service. Either "
                    "it was never created (docker compose up --no-start), or it was removed before its start, as "
                    "docker system prune in a cron job does: create it, or deploy again."
                )
            found[role] += own
    return found


def would_start(journal: AnyJournal, containers: Mapping[str, Sequence[Container]]) -> list[Container]:
    """The containers that are not up, by role in the order of a start; beat is not told from the workers yet."""
    return [each for role in ROLES for each in _waiting(journal, role, containers.get(role) or ())]


def start(
    host: Host,
    journal: AnyJournal,
    containers: Mapping[str, Sequence[Container]],
    timeout: float = START_TIMEOUT,
    broker: Optional[Broker] = None,
    wait: bool = True,
    hurry: Optional[Callable[[], object]] = None,
) -> Started:
    """Start the support, init and web containers of a color that do not run, by id.

    Support must be healthy and its Redis answer; init must end with 0; web must have started: :mod:`gate` waits for its
    health. Restart policies are noted and removed before the start, and are restored with the cutover
    (:mod:`restart_policies`). :mod:`handover` starts workers.

    :param containers: those of each role, in the order wanted.
    :param timeout: seconds for each role.
    :param broker: that of the color.
    :param wait: whether support has to become healthy; otherwise its start is enough.
    :param hurry: called once, when an init container has not ended in time; it gets its time again then.
    :raises BluegreenError: a container did not start, or an init container failed; or the color's own Redis holds tasks
        right after its start, before anything could put them there: an old volume.
    """
    started: list[Container] = []
    begun = host.clock.monotonic()
    for role in ("support", "init", "web"):
        waiting = _waiting(journal, role, containers.get(role) or ())
        if not waiting:
            continue
        disable_restart(host, journal, waiting)
        if role == "support":
            started += _start_support(host, journal, waiting, timeout, broker, wait)
            broker = _with_new_address(broker, started)
        elif role == "init":
            started += _run_init(host, journal, waiting, timeout, hurry)
        else:
            started += [start_container(host, container) for container in waiting]
    return Started([container.name for container in started], round(host.clock.monotonic() - begun, 2))


def _waiting(journal: AnyJournal, role: str, containers: Iterable[Container]) -> list[Container]:
    if role == "init":
        # An init container that runs was started by a run that was cut off: it is waited for.
        return [container for container in containers if not _has_done_its_work(journal, container)]
    return [container for container in containers if not container.running]


def _has_done_its_work(journal: AnyJournal, container: Container) -> bool:
    if container.id in (journal.get("ran") or ()):
        # It was removed since, and created again.
        return True
    return container.ever_started and container.status == "exited" and container.exit_code == 0


def _start_support(
    host: Host, journal: AnyJournal, waiting: list[Container], timeout: float, broker: Optional[Broker], wait: bool
) -> list[Container]:
    started = [start_container(host, container) for container in waiting]
    deadline, current = Deadline(host.clock, timeout), _with_new_address(broker, started)
    own = current if current is not broker else None
    if wait:
        _wait_until_healthy(host, journal, started, own, deadline)
    if own is not None:
        _refuse_messages(own, deadline)
    return started


def _with_new_address(broker: Optional[Broker], started: list[Container]) -> Optional[Broker]:
    """The broker with the address that it got at its start, if its container is among those started."""
    if broker is None or broker.container is None:
        return broker
    for container in started:
        if container.id == broker.container.id:
            return broker.moved_to(container)
    return broker


def _wait_until_healthy(
    host: Host, journal: AnyJournal, started: list[Container], broker: Optional[Broker], deadline: Deadline
) -> None:
    server = broker.container.id if broker is not None and broker.container is not None else ""
    while True:
        now = [still_up(host, container, journal) for container in started]
        silent = server if broker is not None and not broker.answers() else ""
        late = [each for each in now if each.id == silent or not _is_ready(host, each, is_broker=each.id == server)]
        if not late:
            return
        unhealthy = [container for container in late if container.health == "unhealthy"]
        if unhealthy or deadline.over:
            worst = unhealthy or late
            names = [container.name for container in worst]
            how = f"{agree(names, 'is', 'are')} unhealthy"
            if not unhealthy:
                how = (
                    f"{agree(names, 'was', 'were')} not ready within {deadline.seconds:g} s (bluegreen_health_deadline)"
                )
            raise BluegreenError(
                f"{agree(names, 'Container', 'Containers')} {joined(names)} {how}: {agree(names, 'its', 'their')} last "
                "log lines follow.",
                failure="unhealthy" if unhealthy else "timeout",
                logs=last_lines(host, worst),
            )
        journal.renew_lease()
        report(reached([each.name for each in now], [each.name for each in late], "containers are ready"))
        deadline.pause(POLL)


def _is_ready(host: Host, container: Container, is_broker: bool) -> bool:
    """Whether a support container can be used.

    The engine itself says so only after a whole interval of the health check.

    :param is_broker: whether it is the broker, which is ready as soon as it answers.
    """
    if container.health != "starting":
        return container.health != "unhealthy"
    if is_broker:
        return True
    kind, command = container.health_test[0], list(container.health_test[1:])
    try:
        code: int = host.engine.execute(container.id, ["/bin/sh", "-c", *command] if kind == "CMD-SHELL" else command)[
            0
        ]
        return code == 0
    except EngineError as error:
        if error.status != 409:
            raise
        # It has exited meanwhile: the next inspection names the reason.
        return False


def _refuse_messages(broker: Broker, deadline: Deadline) -> None:
    while not broker.answers():
        if deadline.over:
            return
        deadline.pause(POLL)
    waiting = count_messages(broker)
    if waiting:
        listed = ", ".join(f"{queue}: {number}" for queue, number in sorted(waiting.items()))
        raise BluegreenError(
            f"The Redis of {broker.name} holds tasks right after its start ({listed}): it started with an old volume, "
            "and its tasks may have run already. Empty or remove its volume, or move the tasks with bg_move_tasks, and "
            "deploy again.",
            failure="old_messages",
            queues=waiting,
        )


def _run_init(
    host: Host,
    journal: AnyJournal,
    waiting: list[Container],
    timeout: float,
    hurry: Optional[Callable[[], object]],
) -> list[Container]:
    done = []
    for container in waiting:
        # One after the other, as listed: a migration may need the result of the previous one.
        now = container if container.running else start_container(host, container)
        deadline = Deadline(host.clock, timeout)
        while now.running:
            if deadline.over and hurry:
                hurry()
                hurry, deadline = None, Deadline(host.clock, timeout)
            elif deadline.over:
                raise BluegreenError(
                    f"Init container {now.name} has not ended within {timeout:g} s (bluegreen_health_deadline): give "
                    "it more time, or, if it is not meant to end, name its service in bluegreen_support_services. Its "
                    "last log lines follow.",
                    failure="timeout",
                    logs=last_lines(host, [now]),
                )
            journal.renew_lease()
            report(f"init container {now.name} runs for {deadline.elapsed:.0f} s")
            deadline.pause(POLL)
            now = inspect_container(host.engine, container.id)
        if now.exit_code:
            raise BluegreenError(
                f"Init container {now.name} ended with exit code {now.exit_code}, but the new color starts only if it "
                "ends with 0: correct the cause that its log shows, then deploy again. Its last log lines follow.",
                failure="exited",
                logs=last_lines(host, [now]),
            )
        if not container.running:
            done.append(now)
    return done
