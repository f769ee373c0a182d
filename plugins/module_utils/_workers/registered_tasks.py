# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which tasks workers register: live workers are asked; for containers that never ran their app is loaded."""

from __future__ import annotations

import contextlib
from typing import Any, Iterable, Mapping, Optional, Sequence

from .._broker import remote_control
from .._broker.connection import Broker
from .._broker.node_names import nodes_of
from .._celery import shell as celery_shell
from .._celery.roles import main_processes
from .._docker.containers import ONEOFF_LABEL, PROJECT_LABEL, Container
from .._docker.cpu_shares import QUARTER
from .._docker.engine import EngineError
from .._host import Host
from .._journal.journal import AnyJournal
from .._linux.processes import processes_of

# Seconds that an app may take to load. It gets a quarter of the default CPU shares, because the others serve meanwhile.
LOAD_SECONDS = 30

LABEL = "smallfleet.bluegreen.task-names"

# Variables that differ between two colors of one release.
_OWN_VARIABLES = ("BG_COLOR=", "BG_PORT=", "BG_PROJECT=", "BG_RELEASE=", "HOSTNAME=")


def of_live_workers(host: Host, broker: Broker, containers: Sequence[Container]) -> Optional[list[str]]:
    """Names that workers register, sorted, or ``None`` unless all of them answer. Never fails.

    :param containers: the workers that run. Those of another app at the same broker are not asked.
    """
    nodes = nodes_of(host, containers)
    answers = remote_control.ask_all(host, broker, "registered", nodes, {"builtins": True}) if nodes else None
    lists = {node: content for node, content in (answers or {}).items() if isinstance(content, list)}
    if not lists or not nodes.all_in(lists):
        return None
    # Some are followed by their rate limit.
    return sorted({str(each).split(" [", 1)[0] for content in lists.values() for each in content}) or None


def shells_of(
    containers: Iterable[Container], like: Sequence[Container] = ()
) -> dict[str, Optional[celery_shell.Shell]]:
    """The shell for the app of each worker container, by the container's id; ``None`` if its command is not known.

    :param like: running workers. If the command of a container is a script, their processes show what it starts.
    """
    return {container.id: _shell(container, like) for container in containers}


def of_containers(
    host: Host,
    journal: AnyJournal,
    containers: Sequence[Container],
    like: Sequence[Container] = (),
    shells: Optional[Mapping[str, Optional[celery_shell.Shell]]] = None,
) -> Optional[list[str]]:
    """Names that worker containers would register if they ran, sorted, or ``None`` if one of their apps does not load.

    The app of each container is loaded once, in a temporary container with the same image, settings and mounts, but
    without a network.

    :param like: as for :func:`shells_of`.
    :param shells: the result of :func:`shells_of`, if it had to be called earlier.
    """
    shells = shells_of(containers, like) if shells is None else shells
    names: set[str] = set()
    asked: list[tuple[celery_shell.Shell, dict[str, Any]]] = []
    for project in {container.project for container in containers}:
        _remove_leftovers(host, project)
    for container in containers:
        shell = shells[container.id]
        if shell is None:
            _warn_unknown(host, container, "its command does not show a celery worker")
            return None
        try:
            data = host.engine.inspect(container.id)
        except EngineError as error:
            _warn_unknown(host, container, error.message.rstrip("."))
            return None
        # Workers that differ only in their queues load the same.
        asks = (shell, _body(container.project, data, shell))
        if asks in asked:
            continue
        asked.append(asks)
        found, reason = _load_bare_or_whole(host, container.project, data, shell)
        journal.renew_lease()
        if found is None:
            _warn_unknown(host, container, reason)
            return None
        names.update(found)
    return sorted(names)


def _warn_unknown(host: Host, container: Container, reason: str) -> None:
    host.warn(
        f"Could not find out which tasks worker {container.name} registers ({reason}). Tasks that it does not register "
        "are therefore not parked, and the worker would discard them: make sure that the new release still has every "
        "task of the old one, under the same name."
    )


def code_of(data: Mapping[str, Any]) -> Optional[tuple[Any, ...]]:
    """All that decides which tasks a container registers, to be compared; ``None`` if a mount may decide as well.

    :param data: the engine's inspect data.
    """
    if data.get("Mounts"):
        return None
    config = data["Config"]
    environment = sorted(each for each in config.get("Env") or () if not each.startswith(_OWN_VARIABLES))
    return data["Image"], data.get("Path"), data.get("Args") or [], environment, config.get("WorkingDir")


def _shell(container: Container, like: Sequence[Container]) -> Optional[celery_shell.Shell]:
    shell = celery_shell.shell_of(container.command)
    for other in like if shell is None else ():
        if other.service == container.service and other.running:
            for process in main_processes(processes_of(other.pid)):
                shell = shell or celery_shell.shell_of(process.argv)
    return shell


def _load_bare_or_whole(
    host: Host, project: str, data: Mapping[str, Any], shell: celery_shell.Shell
) -> tuple[Optional[list[str]], str]:
    """``(names, "")`` or ``(None, why not)``."""
    bare = celery_shell.without_entry_script(shell)
    if bare is not None:
        found, reason = _load(host, project, data, bare)
        if found is not None:
            return found, reason
    # The entry script may set variables that the app needs.
    return _load(host, project, data, shell)


def _load(
    host: Host, project: str, data: Mapping[str, Any], shell: celery_shell.Shell
) -> tuple[Optional[list[str]], str]:
    body = _body(project, data, shell)
    try:
        out, errors = host.engine.run_aside(f"{project}-task-names", body, shell.line, LOAD_SECONDS)
    except EngineError as error:
        return None, error.message.rstrip(".")
    found = celery_shell.names_in(out)
    if found is None:
        return None, celery_shell.failure_in(errors) or "celery shell printed no task names"
    return found, ""


def _body(project: str, data: Mapping[str, Any], shell: celery_shell.Shell) -> dict[str, Any]:
    """The container that loads the app, in the engine's form."""
    config = data["Config"]
    return {
        "Image": data["Image"],
        "Entrypoint": shell.argv,
        "Cmd": [],
        "Env": config.get("Env") or [],
        "User": config.get("User") or "",
        "WorkingDir": config.get("WorkingDir") or "",
        # The first two override the labels of an image that Compose has built.
        "Labels": {PROJECT_LABEL: "", ONEOFF_LABEL: "True", LABEL: project},
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": {
            **data["HostConfig"],
            "NetworkMode": "none",
            "PortBindings": {},
            "PublishAllPorts": False,
            "Links": None,
            "ExtraHosts": None,
            "PidMode": "",
            "IpcMode": "private",
            "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
            "CpuShares": QUARTER,
            "LogConfig": {"Type": "none", "Config": {}},
            # If this process is killed, the engine removes the container once the app has loaded.
            "AutoRemove": True,
            "ContainerIDFile": "",
        },
    }


def _remove_leftovers(host: Host, project: str) -> None:
    # A leftover container only occupies the name. If it cannot be removed, the next container cannot be created, and
    # that error says why.
    with contextlib.suppress(EngineError):
        for summary in host.engine.containers([f"{LABEL}={project}"]):
            host.engine.remove_by_force(summary["Id"])
