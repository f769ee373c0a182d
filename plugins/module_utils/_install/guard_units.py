# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The units of systemd through which the guard comes to run.

Three of them an app. The **guard** itself brings an abandoned deployment to an end and watches one that awaits approval;
it starts at boot while a journal is there. The **timer**, which is gone after a boot, starts it on a host that stays up
and whose controller does not. **restore** runs at boot before Nginx and Docker.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from .._errors import BluegreenError
from .._linux.files import remove, write_atomically
from .._validation import check_path

FOLDER = "/etc/systemd/system"
RUNS_HERE = "/run/systemd/system"

# What the guard ends with when somebody else could have written what it goes by: to start it again helps nobody.
DISTRUSTED = 3

WITHOUT_SYSTEMD = (
    "This host has no systemd, so nothing on it brings a deployment to an end whose controller is gone: run recover.yml "
    "then, or the next deployment."
)

_GUARD = """\
# Written by smallfleet.bluegreen: brings an abandoned deployment of {app} to an end, and watches one that awaits approval.
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
# Written by smallfleet.bluegreen: Nginx must not start with a file that a power cut left unproved.
[Unit]
Description=Nginx file of {app} after a switch that was cut off
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


def names(app):
    """The :class:`Units` of an app."""
    return Units(
        guard=f"bluegreen-{app}-guard.service",
        restore=f"bluegreen-{app}-restore.service",
        # A timer starts the service of the same name.
        timer=f"bluegreen-{app}-guard.timer",
    )


def render(app, folder, program, docker_host, nginx_file, python):
    """Texts of the two units that are installed, by name.

    :raises BluegreenError: a path has characters that mean something in a unit.
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


def has_systemd():
    """Whether systemd is what runs this host."""
    return os.path.isdir(RUNS_HERE)


def install(host, store, python, program, nginx_file, folder=FOLDER):
    """Write the units and enable them; nothing is done where they are in place.

    :param python: path of the interpreter that runs the program.

    :returns: whether anything was changed.
    """
    texts = render(store.app, store.folder, program, host.engine.docker_host, nginx_file, python)
    changed = [name for name, text in texts.items() if not _is_in_place(folder, name, text)]
    for name in changed:
        # Its link is what shows that all of this was done, and systemd puts it back as the last thing.
        remove(_link(folder, name))
        write_atomically(os.path.join(folder, name), texts[name], mode=0o644)
    if changed:
        _systemctl(host, "daemon-reload")
        _systemctl(host, "enable", "--quiet", *sorted(changed))
    return bool(changed)


def _is_in_place(folder, name, text):
    return _read(os.path.join(folder, name)) == text and os.path.lexists(_link(folder, name))


def _link(folder, name):
    return os.path.join(folder, "multi-user.target.wants", name)


def arm(host, app, revert_after):
    """Have the guard start while the owner of a deployment may be gone, if this host is still up then.

    It goes by the lease, and waits for its end. It starts in the middle of the first one already, because it takes Compose,
    which keeps no journal, for a sign of life too.

    :param revert_after: seconds of a lease; 0 for no timer.
    :returns: whether there is one now.
    :raises BluegreenError: systemd does not take it.
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
    # One of an earlier deployment that has not fired yet does as well.
    if done.code and host.run(["systemctl", "is-active", "--quiet", timer]).code:
        raise BluegreenError(
            f"The dead-man timer {timer} could not be started ({_said(done)}): mend systemd on this host, or set "
            "bluegreen_revert_after to 0, which does without it."
        )
    return True


def disarm(host, app):
    """Stop the timer. The guard itself, where it runs already, sees by the journal that there is nothing to do."""
    if has_systemd():
        host.run(["systemctl", "stop", names(app).timer], changes=True)


def watch_pending(host, app):
    """A deployment awaits approval: no timer any more, the guard watches it from now on."""
    if not has_systemd():
        return
    disarm(host, app)
    done = host.run(["systemctl", "start", "--no-block", names(app).guard], changes=True)
    if done.code:
        host.warn(f"Nobody watches the new color while approval is pending: {names(app).guard} did not start ({_said(done)}).")


def _systemctl(host, *arguments):
    done = host.run(["systemctl", *arguments], changes=True)
    if done.code:
        raise BluegreenError(f"systemctl {' '.join(arguments)} failed ({_said(done)}): mend systemd on this host.")


def _said(done):
    return " ".join((done.err or done.out).split()) or f"exit code {done.code}"


def _read(path):
    try:
        with open(path, encoding="utf-8") as source:
            return source.read()
    except FileNotFoundError:
        return ""
