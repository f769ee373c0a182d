# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix: at which moments of a deployment which faults strike, and how it may end then. All pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

# Of deployments whose controller goes away; the others have the time that a busy machine may take to go on.
REVERT_AFTER = 20
REVERT_LATE = 60

ROLLED_BACK, COMMITTED, AWAITING = "rolled back", "committed", "awaits approval"


class Phase(NamedTuple):
    """A moment of a deployment: the journal is at a step, and it begins there or is done."""

    name: str
    title: str
    moment: dict[str, Any]
    after: float = 0.0  # seconds from then


PHASES = {
    phase.name: phase
    for phase in (
        Phase("open", "open", {"step": "open"}),
        # What Compose does between two steps, of which the journal knows nothing.
        Phase("fetch", "fetch", {"step": "open", "done": True}, 1.2),
        # Only where the app has init services that run then. The Redis of the candidate is up by now, and the first one runs.
        Phase("before_stop", "before_stop", {"step": "before_stop", "done": False}, 0.8),
        Phase("stop_workers", "stop_workers", {"step": "stop_workers", "done": False}),
        Phase("stopped", "stop_workers is done", {"step": "stop_workers", "done": True}),
        Phase("start_candidate", "start_candidate", {"step": "start_candidate", "done": False}),
        Phase("health", "health", {"step": "health", "done": False}),
        Phase("healthy", "health is done", {"step": "health", "done": True}),
        Phase("cutover", "cutover", {"step": "cutover", "done": False}),
        Phase("switched", "cutover is done", {"step": "cutover", "done": True}),
        Phase("handover", "handover", {"step": "handover"}),
        Phase("start_workers", "start_workers", {"step": "start_workers", "done": False}),
        Phase("consuming", "start_workers is done", {"step": "start_workers", "done": True}),
        Phase("settle", "settle", {"step": "settle"}),
        Phase("awaiting", "awaiting_approval", {"step": "awaiting_approval", "done": True}),
        Phase("finish", "finish", {"step": "finish", "done": False}),
    )
}
ORDER = list(PHASES)
# Of an app without init services that run before the stop.
USUAL = tuple(phase for phase in ORDER if phase != "before_stop")
UNTIL_THE_END = ("fetch", "stop_workers", "stopped", "health", "cutover", "handover", "start_workers", "settle", "awaiting", "finish")
# From here on the candidate is what visitors see.
LIVE = ORDER.index("switched")


def _until(name: str) -> list[str]:
    return ORDER[: ORDER.index(name)]


# How a deployment may end, by what the fault leaves of it and by the phase.
def _controller_gone(phase: str) -> set[str]:
    if phase in _until("cutover"):
        return {ROLLED_BACK}
    # A module outlives its controller and may complete its step; approval is never given by anybody else.
    return {"awaiting": {AWAITING, COMMITTED}, "finish": {COMMITTED}}.get(phase, {ROLLED_BACK, AWAITING})


def _comes_back(phase: str) -> set[str]:
    # What has settled has no deadline, and a controller that is back goes on.
    return _controller_gone(phase) | ({COMMITTED} if phase == "settle" else set())


def _fails(phase: str) -> set[str]:
    return {"awaiting": {AWAITING, COMMITTED, ROLLED_BACK}, "finish": {COMMITTED}}.get(phase, {ROLLED_BACK})


def _goes_on(phase: str) -> set[str]:
    return {COMMITTED}


def _either(phase: str) -> set[str]:
    if phase in _until("cutover"):
        return {ROLLED_BACK, COMMITTED}
    return {COMMITTED} if phase == "finish" else {ROLLED_BACK, AWAITING, COMMITTED}


class Fault(NamedTuple):
    """A column of the matrix."""

    name: str
    title: str
    phases: tuple[str, ...]
    ends: Callable[[str], set[str]]  # phase -> the ends that are whole
    strike: str = ""  # what the harness does at the moment: a method of strikes.Strikes
    on_host: str = ""  # what the host does at the moment: a command of the shell, or kill-module
    undo: str = ""  # what somebody does on the host some time after that
    undo_after: float = 0.0  # seconds; 0: at the end
    before: str = ""  # what is done on the host before the deployment
    after: str = ""  # and after everything
    variables: dict[str, Any] = {}  # for the deployment
    controller: str = "ends"  # ends: by itself; gone: nobody waits for it
    outage: str = ""  # down: the fault takes down what serves; live: the same once the candidate is live
    kills_workers: bool = False  # their tasks with early acknowledgement are lost, what they had fetched waits
    redelivers: bool = False  # Celery may be given a task a second time
    new_containers: bool = False  # the fault removes containers, so the old ones cannot all come back
    pending: bool = True  # at awaiting_approval nobody is about to approve
    hunt: tuple[float, ...] = ()  # kills each recovery, so many seconds after it began
    by_hand: str = ""  # the documented playbook that a human runs where the host says that one must look
    patience: float = 80.0  # seconds from the deadline of the deployment until the host has to be whole
    within: dict[str, float] = {}  # phase: seconds from the fault until it has to be, where that is promised
    small_disk: bool = False
    shape: str = ""  # of tests/system/field: the app is of that one
    under_runner: bool = False
    freezes: bool = False  # the step stands still during the strike, or Docker may be slower than the rest of the step


def _killed(name: str, title: str, phases: tuple[str, ...], **fields: Any) -> Fault:
    """One whose controller is killed; a release that awaits approval then is finished or rolled back, in turn, by a human."""
    return Fault(name, title, phases, _controller_gone, strike="kill", controller="gone", pending=False, **fields)


OTHER_FILE = "/etc/nginx/conf.d/other.conf"
BREAK_NGINX = f"echo 'no_such_directive on;' > {OTHER_FILE}"
REPAIR_NGINX = f"rm -f {OTHER_FILE}"
FREE_DOCKERS_DISK = "rm -f /var/lib/docker/full"
# Docker gives up on a container that ends while its disk is full: `docker ps` goes on to say "Up", and nothing runs.
START_GIVEN_UP = (
    "for name in $(docker ps -a --format '{{{{.Names}}}}' --filter name=shop-{live}-); do "
    "case $(docker inspect --format '{{{{.State.Status}}}} {{{{.HostConfig.RestartPolicy.Name}}}}' $name) in "
    "'exited unless-stopped') docker start $name;; esac; done"
)
WEB = "shop-{candidate}-web-1"
PROCESSES_OF_WEB = "docker top " + WEB + " -o pid | tail -n +2 | xargs -r kill -s"

FAULTS = {
    fault.name: fault
    for fault in (
        _killed(
            "kill",
            "SIGKILL of ansible-playbook",
            USUAL,
            # Between two modules, so the fault comes after the last sign of life. Workers and all else, not only workers.
            within={"stopped": 30.0, "healthy": 30.0},
        ),
        _killed(
            "script",
            "the same, Celery behind a script and tini",
            ("stop_workers", "stopped", "start_workers", "settle"),
            shape="tini-script",
        ),
        _killed(
            "supervisor",
            "the same, Celery under supervisord that starts it again",
            ("stop_workers", "stopped", "start_workers", "settle"),
            shape="supervisord-autorestart",
        ),
        _killed(
            "init",
            "the same, an init service before the stop",
            ("before_stop", "stop_workers"),
            shape="init-before-stop",
        ),
        _killed(
            "old-web",
            "the same, the old web stopped as where memory is short",
            ("handover", "start_workers", "consuming", "settle", "awaiting"),
            variables={"bluegreen_old_web": "stopped"},
        ),
        Fault(
            "term",
            "SIGTERM of ansible-playbook",
            ("open", "fetch", "stop_workers", "health", "cutover", "handover", "start_workers", "settle", "finish"),
            _controller_gone,
            strike="term",
            pending=False,
        ),
        Fault(
            "runner",
            "ansible-runner cancels the job",
            ("open", "fetch", "stop_workers", "health", "cutover", "handover", "start_workers", "finish"),
            _controller_gone,
            strike="cancel",
            pending=False,
            under_runner=True,
        ),
        Fault(
            "link",
            "link to the host cut for good",
            ("open", "fetch", "stop_workers", "stopped", "health", "cutover", "handover", "start_workers", "finish"),
            _controller_gone,
            strike="cut_link",
            controller="gone",
            pending=False,
        ),
        Fault(
            "blink",
            "link silent for 5 s",
            ("fetch", "stop_workers", "health", "cutover", "start_workers", "finish"),
            _goes_on,
            strike="silence_link_shortly",
        ),
        Fault(
            "silence",
            "link silent past the deadline, and back",
            ("stop_workers", "stopped", "health", "cutover", "start_workers", "settle"),
            _comes_back,
            strike="silence_link",
        ),
        Fault(
            "sleep",
            "SIGSTOP of the controller past the deadline, and SIGCONT",
            ("open", "fetch", "stop_workers", "health", "cutover", "handover", "start_workers"),
            _controller_gone,
            strike="sleep",
            patience=100.0,
        ),
        Fault(
            "oom",
            "module killed on the host",
            ("fetch", "stop_workers", "start_candidate", "health", "cutover", "handover", "start_workers", "settle"),
            _fails,
            on_host="kill-module",
        ),
        Fault(
            "power",
            "power cut and boot",
            USUAL,
            _controller_gone,
            strike="cut_power",
            controller="gone",
            outage="down",
            kills_workers=True,
            # The boot itself counts too.
            within=dict.fromkeys(USUAL, 60.0),
        ),
        Fault(
            "dockerd",
            "dockerd restarted",
            ("open", *UNTIL_THE_END),
            _either,
            on_host="systemctl restart docker",
            outage="down",
            kills_workers=True,
        ),
        Fault(
            "nginx-stop",
            "Nginx stopped, started again after 8 s",
            ("stop_workers", "health", "cutover", "handover", "awaiting", "finish"),
            _either,
            on_host="systemctl stop nginx",
            undo="systemctl start nginx",
            undo_after=8.0,
            outage="down",
        ),
        Fault(
            "nginx-broken",
            "another file of Nginx broken",
            ("fetch", "stop_workers", "health", "cutover", "handover", "start_workers", "finish"),
            _either,
            on_host=BREAK_NGINX,
            undo=REPAIR_NGINX,
        ),
        Fault(
            "nginx-lies",
            "a reload that lies (port taken)",
            ("fetch", "stop_workers", "health", "healthy"),
            _fails,
            # nginx -t does not bind, so it finds nothing wrong with this; a reload does, and gives up.
            before="systemd-run --quiet --unit=other-program --collect /usr/bin/python3 -m http.server --bind=127.0.0.1 18099",
            on_host="echo 'server {{ listen 127.0.0.1:18099; }}' > " + OTHER_FILE,
            undo=REPAIR_NGINX + "; systemctl stop other-program",
        ),
        Fault(
            "web-exits",
            "candidate's web exits",
            ("health", "healthy", "cutover", "switched", "start_workers", "consuming", "settle", "awaiting"),
            _fails,
            on_host="docker kill " + WEB,
            freezes=True,
            outage="live",
        ),
        Fault(
            "web-hangs",
            "candidate's web hangs",
            ("health", "healthy", "switched", "handover", "start_workers", "awaiting"),
            _fails,
            on_host=f"{PROCESSES_OF_WEB} STOP",
            after=f"{PROCESSES_OF_WEB} CONT",
            outage="live",
        ),
        Fault(
            "web-500",
            "candidate's web answers 500",
            ("start_candidate", "healthy", "switched", "handover", "start_workers", "awaiting"),
            _fails,
            on_host="touch /srv/faults/{candidate}.500",
            undo="rm -f /srv/faults/*.500",
            outage="live",
        ),
        Fault(
            "worker-crash",
            "new worker crashes at its start",
            ("start_workers",),
            _fails,
            variables={"bluegreen_env": {"DEMO_WORKER": "crash"}},
        ),
        Fault(
            "redis-dies",
            "old Redis dies",
            ("switched", "handover", "start_workers", "settle"),
            _either,
            on_host="kill -9 $(docker inspect --format '{{{{.State.Pid}}}}' shop-{live}-redis-1)",
            redelivers=True,
        ),
        Fault(
            "lib-full",
            "/var/lib/bluegreen full for 10 s",
            ("open", "fetch", "stop_workers", "health", "cutover", "handover", "start_workers", "settle"),
            _either,
            before=(
                "mkdir -p /srv/small && mount -t tmpfs -o size=8m,mode=0755 small /srv/small"
                " && cp -a /var/lib/bluegreen/. /srv/small && mount --move /srv/small /var/lib/bluegreen"
            ),
            on_host="cat /dev/zero > /var/lib/bluegreen/full",
            undo="rm -f /var/lib/bluegreen/full",
            undo_after=10.0,
            after=(
                "mkdir -p /srv/small && mount --move /var/lib/bluegreen /srv/small && cp -a /srv/small/. /var/lib/bluegreen"
                " && umount /srv/small"
            ),
        ),
        Fault(
            "docker-full-early",
            "Docker's disk full for 10 s, before the workers stop",
            ("open", "fetch"),
            _either,
            on_host="cat /dev/zero > /var/lib/docker/full",
            # The deployment has failed and is over before the disk is free: no rollback comes later that starts the rest.
            undo=f"{FREE_DOCKERS_DISK}; {START_GIVEN_UP}",
            undo_after=10.0,
            small_disk=True,
        ),
        Fault(
            "docker-full",
            "Docker's disk full for 10 s",
            ("stop_workers", "health", "switched", "start_workers"),
            _either,
            on_host="cat /dev/zero > /var/lib/docker/full",
            undo=FREE_DOCKERS_DISK,
            undo_after=10.0,
            small_disk=True,
        ),
        Fault(
            "prune",
            "docker system prune -f",
            UNTIL_THE_END,
            _either,
            on_host="docker system prune -f",
            new_containers=True,
        ),
        _killed(
            "blocked",
            "new worker and controller killed, and no way back for Nginx",
            ("handover", "start_workers", "consuming", "settle"),
            on_host=BREAK_NGINX + "; docker kill shop-{candidate}-worker-1",
            undo=REPAIR_NGINX,
            undo_after=45.0,
            kills_workers=True,
            by_hand="rollback",
            patience=100.0,
        ),
        Fault(
            "twice",
            "a second deployment",
            # Not at finish: that is over before the second one looks.
            ("open", "fetch", "stop_workers", "health", "cutover", "start_workers", "consuming", "settle"),
            _goes_on,
            strike="deploy_too",
        ),
        _killed(
            "recovery",
            "controller killed, and then the recovery, twice",
            # Not settle: that is over 0.2 s after its controller is gone, and leaves nothing to recover.
            ("stop_workers", "stopped", "health", "cutover", "switched", "handover", "start_workers"),
            hunt=(0.4, 1.3),
            patience=120.0,
        ),
    )
}


class Kind(NamedTuple):
    """The kinds of hosts; see pi_host.PiHost."""

    small_disk: bool = False
    shape: str = ""


class Cell(NamedTuple):
    fault: str
    phase: str

    @property
    def name(self) -> str:
        return f"{self.fault}:{self.phase}"

    @property
    def kind(self) -> Kind:
        return Kind(FAULTS[self.fault].small_disk, FAULTS[self.fault].shape)


def cells() -> list[Cell]:
    """Every cell. Those that need a host of the same kind are neighbors, and the usual kind is last, so that few are made anew."""
    found = [Cell(fault.name, phase) for phase in ORDER for fault in FAULTS.values() if phase in fault.phases]
    return sorted(found, key=lambda cell: cell.kind, reverse=True)


# What `make test` runs: one of each kind that no scenario of Molecule has, those that are over soonest.
REPRESENTATIVE = tuple(
    Cell(*name.split(":"))
    for name in (
        "kill:stop_workers",
        "runner:cutover",
        "link:handover",
        "blink:stop_workers",
        "oom:cutover",
        "power:stopped",
        "power:switched",
        "dockerd:health",
        "recovery:switched",
    )
)


def may_end(cell: Cell) -> set[str]:
    return FAULTS[cell.fault].ends(cell.phase)


def takes_down(cell: Cell) -> bool:
    """Whether requests may fail because of the fault itself."""
    fault = FAULTS[cell.fault]
    return fault.outage == "down" or (fault.outage == "live" and ORDER.index(cell.phase) >= LIVE)


def variables(cell: Cell) -> dict[str, Any]:
    """What the deployment of a cell is told."""
    fault = FAULTS[cell.fault]
    manual = cell.phase == "awaiting" and fault.pending
    return {
        **fault.variables,
        "bluegreen_approval": "manual" if manual else "automatic",
        "bluegreen_revert_after": REVERT_AFTER if fault.ends in (_controller_gone, _comes_back) and not fault.outage else REVERT_LATE,
    }
