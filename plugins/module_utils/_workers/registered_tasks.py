# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Which tasks workers register: live ones are asked; for containers that never ran it is found out beside them."""

from __future__ import annotations

import contextlib

from .._broker import remote_control
from .._broker.node_names import nodes_of
from .._celery import shell as celery_shell
from .._celery.roles import main_processes
from .._docker.containers import ONEOFF_LABEL, PROJECT_LABEL
from .._docker.cpu_shares import QUARTER
from .._docker.engine import EngineError
from .._linux.processes import processes_of

# How long an app may take to load. It gets a quarter of the others' weight, because they serve meanwhile.
LOAD_SECONDS = 30

LABEL = "smallfleet.bluegreen.task-names"

# Variables that differ between two colors of one release.
_OWN_VARIABLES = ("BG_COLOR=", "BG_PORT=", "BG_PROJECT=", "BG_RELEASE=", "HOSTNAME=")


def of_live_workers(host, broker, containers):
    """Names that workers register, or ``None`` unless all of them tell; never a failure.

    :param containers: the workers that run. Those of another app at the same broker are not asked.
    """
    nodes = nodes_of(host, containers)
    answers = remote_control.ask_all(host, broker, "registered", nodes, {"builtins": True}) if nodes else None
    lists = {node: content for node, content in (answers or {}).items() if isinstance(content, list)}
    if not lists or not nodes.all_in(lists):
        return None
    # Some are followed by their rate limit.
    return sorted({str(each).split(" [", 1)[0] for content in lists.values() for each in content}) or None


def shells_of(containers, like=()):
    """How the app of each worker container is asked, by its id; ``None`` where nothing shows that.

    :param like: running workers, whose processes show the command where a container's own is a script.
    """
    return {container.id: _shell(container, like) for container in containers}


def of_containers(host, journal, containers, like=(), shells=None):
    """Names that worker containers would register if they ran, or ``None`` when one of them cannot tell.

    Each container's app is loaded once, in a container of its own with the same image, settings and mounts, without a
    network, which is gone afterwards.

    :param like: as for :func:`shells_of`.
    :param shells: what that gave, where it had to be found out earlier.
    """
    shells = shells_of(containers, like) if shells is None else shells
    names, asked = set(), []
    for project in {container.project for container in containers}:
        _remove_leftovers(host, project)
    for container in containers:
        shell = shells[container.id]
        if shell is None:
            found, reason = None, "its command shows no celery worker"
        else:
            try:
                data = host.engine.inspect(container.id)
            except EngineError as error:
                _warn_unknown(host, container, error.message.rstrip("."))
                return None
            body = _body(container.project, data, shell)
            # Workers that differ in their queues alone load the same.
            if (shell, body) in asked:
                continue
            asked.append((shell, body))
            bare, found, reason = celery_shell.without_entry_script(shell), None, ""
            if bare is not None:
                found, reason = _load(host, container.project, _body(container.project, data, bare), bare)
            if found is None:
                # The script may set what the app needs.
                found, reason = _load(host, container.project, body, shell)
        journal.renew_lease()
        if found is None:
            _warn_unknown(host, container, reason)
            return None
        names.update(found)
    return sorted(names)


def _warn_unknown(host, container, reason):
    host.warn(
        f"Which tasks the worker {container.name} registers could not be found out ({reason}): tasks that it "
        "does not know are not held back, and it would discard them."
    )


def code_of(data):
    """What decides about the tasks of a container, to be compared; ``None`` where a mount may decide as well.

    :param data: the engine's inspect data.
    """
    if data.get("Mounts"):
        return None
    config = data["Config"]
    environment = sorted(each for each in config.get("Env") or () if not each.startswith(_OWN_VARIABLES))
    return data["Image"], data.get("Path"), data.get("Args") or [], environment, config.get("WorkingDir")


def _shell(container, like):
    shell = celery_shell.shell_of(container.command)
    for other in like if shell is None else ():
        if other.service == container.service and other.running:
            for process in main_processes(processes_of(other.pid)):
                shell = shell or celery_shell.shell_of(process.argv)
    return shell


def _load(host, project, body, shell):
    """``(names, "")`` or ``(None, why not)``."""
    try:
        out, errors = host.engine.run_aside(f"{project}-task-names", body, shell.line, LOAD_SECONDS)
    except EngineError as error:
        return None, error.message.rstrip(".")
    found = celery_shell.names_in(out)
    if found is None:
        return None, celery_shell.failure_in(errors) or "celery shell printed none"
    return found, ""


def _body(project, data, shell):
    """The container that loads the app, in the engine's form."""
    config = data["Config"]
    return {
        "Image": data["Image"],
        "Entrypoint": shell.argv,
        "Cmd": [],
        "Env": config.get("Env") or [],
        "User": config.get("User") or "",
        "WorkingDir": config.get("WorkingDir") or "",
        # The first two are set because an image built by Compose carries its labels, too.
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
            # Should this module be killed, the container goes all the same once the app has loaded.
            "AutoRemove": True,
            "ContainerIDFile": "",
        },
    }


def _remove_leftovers(host, project):
    # What is left of an earlier look only holds its name, and the next one says so.
    with contextlib.suppress(EngineError):
        for summary in host.engine.containers([f"{LABEL}={project}"]):
            host.engine.remove_by_force(summary["Id"])
