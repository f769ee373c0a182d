# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The systemd units that run the guard, three for each app.

The **guard** ends an abandoned deployment and watches one that awaits approval; at boot it starts if a journal exists.
The **timer** starts it on a host that stays up while its controller is gone; it does not survive a boot. **restore**
runs at boot before Nginx and Docker.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from .._commands import command
from .._errors import BluegreenError
from .._linux.files import remove, write_atomically
from .._validation import check_path

if TYPE_CHECKING:
    from .._host import Completed, Host
    from .._journal.store import Store

FOLDER = "/etc/systemd/system"
RUNS_HERE = "/run/systemd/system"

# Exit code of a guard whose own file another user could have written; systemd must not start it again then.
DISTRUSTED = 3

WITHOUT_SYSTEMD = (
    "This host has no systemd, so no guard on it can end a deployment whose controller is gone. Run "
    f"{command('recover')} then, or deploy again."
)

_GUARD = """\
# Written by smallfleet.bluegreen: ends an abandoned deployment of {app}, and watches one that awaits approval.
[Unit]
Description=Guard of the blue-green deployments of {app}
ConditionPathExists={folder}/deployment.json
After=docker.service nginx.service
StartLimitIntervalSec=0

[Service]
ExecStart={command} guard {app} {docker_host}
Restart=on-failure
RestartSec=2
RestartPreventExitStatus={distrusted}

[Install]
WantedBy=multi-user.target
"""

_RESTORE = """\
# Written by smallfleet.bluegreen: Nginx must not start with a new file that it was not proved to have read.
[Unit]
Description=Nginx file of {app} after an interrupted switch
ConditionPathExists={folder}/deployment.json
RequiresMountsFor={folder} {nginx_folder}
Before=docker.service nginx.service

[Service]
Type=oneshot
ExecStart={command} restore {app} {docker_host}

[Install]
WantedBy=multi-user.target
"""


class Units(NamedTuple):
    """Names of an app's units."""

    guard: str
    restore: str
    timer: str


def names(app: str) -> Units:
    """The :class:`Units` of an app."""
    return Units(
        guard=f"bluegreen-{app}-guard.service",
        restore=f"bluegreen-{app}-restore.service",
        # A timer starts the service of the same name.
        timer=f"bluegreen-{app}-guard.timer",
    )


def render(app: str, folder: str, program: str, docker_host: str, nginx_file: str, python: str) -> dict[str, str]:
    """Texts of the two units that are files, by name.

    :raises BluegreenError: a path has characters that have a meaning in a unit.
    """
    for name, path in (("the interpreter", python), ("docker_host", docker_host[len("unix://"):])):
        check_path(name, path)
    facts = {
        "app": app,
        "folder": folder,
        "command": f"{python} -I {program}",
        "docker_host": docker_host,
        "nginx_folder": os.path.dirname(nginx_file),
        "distrusted": DISTRUSTED,
    }
    units = names(app)
    return {units.guard: _GUARD.format(**facts), units.restore: _RESTORE.format(**facts)}


def has_systemd() -> bool:
    """Whether systemd runs this host."""
    return os.path.isdir(RUNS_HERE)


def install(host: Host, store: Store, python: str, program: str, nginx_file: str, folder: str = FOLDER) -> bool:
    """Write the units and enable them, unless they are in place.

    :param python: path of the interpreter that runs the program.
    :returns: whether anything was changed.
    """
    texts = render(store.app, store.folder, program, host.engine.docker_host, nginx_file, python)
    changed = [name for name, text in texts.items() if not _is_in_place(folder, name, text)]
    for name in changed:
        # The link proves that all of this was done: it is removed first, and systemd makes it last.
        remove(_link(folder, name))
        write_atomically(os.path.join(folder, name), texts[name], mode=0o644)
    if changed:
        _systemctl(host, "daemon-reload")
        _systemctl(host, "enable", "--quiet", *sorted(changed))
    return bool(changed)


def _is_in_place(folder: str, name: str, text: str) -> bool:
    return _read(os.path.join(folder, name)) == text and os.path.lexists(_link(folder, name))


def _link(folder: str, name: str) -> str:
    return os.path.join(folder, "multi-user.target.wants", name)


def arm(host: Host, app: str, revert_after: int) -> bool:
    """Start the timer that starts the guard, in case the owner of a deployment is lost while this host stays up.

    The guard starts halfway through the first lease, because only the guard can renew it while Compose pulls images.
    Then it waits for the end of the lease.

    :param revert_after: seconds of a lease; 0 for no timer.
    :returns: whether a timer runs now.
    :raises BluegreenError: systemd refuses it.
    """
    if not revert_after or not has_systemd():
        return False
    timer = names(app).timer
    done = host.run(
        [
            "systemd-run",
            "--quiet",
            f"--on-active={revert_after // 2}",
            "--timer-property=AccuracySec=1s",
            f"--unit={names(app).guard}",
        ],
        changes=True,
    )
    # A timer left over from an earlier deployment is good enough.
    if done.code and host.run(["systemctl", "is-active", "--quiet", timer]).code:
        raise BluegreenError(
            f"The timer {timer}, which starts the guard if the controller is gone, could not be started "
            f"({_output_of(done)}). Fix systemd on this host, or set bluegreen_revert_after to 0, which needs no "
            "timer; then only a reboot starts a recovery."
        )
    return True


def disarm(host: Host, app: str) -> None:
    """Stop the timer. A guard that runs already finds no journal, and ends by itself."""
    if has_systemd():
        host.run(["systemctl", "stop", names(app).timer], changes=True)


def watch_pending(host: Host, app: str) -> None:
    """A deployment awaits approval: stop the timer, and start the guard, which watches it."""
    if not has_systemd():
        return
    disarm(host, app)
    done = host.run(["systemctl", "start", "--no-block", names(app).guard], changes=True)
    if done.code:
        host.warn(
            f"The guard does not watch the new color while approval is pending: {names(app).guard} did not start "
            f"({_output_of(done)}). Fix systemd on this host (systemctl status {names(app).guard}); until then a "
            "failing web is not rolled back by itself."
        )


def _systemctl(host: Host, *arguments: str) -> None:
    done = host.run(["systemctl", *arguments], changes=True)
    if done.code:
        raise BluegreenError(f"systemctl {' '.join(arguments)} failed ({_output_of(done)}): fix systemd on this host.")


def _output_of(done: Completed) -> str:
    return " ".join((done.err or done.out).split()) or f"exit code {done.code}"


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as source:
            return source.read()
    except FileNotFoundError:
        return ""
