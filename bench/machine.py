"""The Pi-sized host that everything is measured on, and what the ways do on it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Iterator, NamedTuple

import controller
import host as lab
import yaml
from accountant import Accountant
from compose_file import REDIS_IMAGE, with_own_redis, with_shared_redis
from course import steps_of_tasks
from places import BENCH, DEMO, INVENTORY, KEY, LOGS, RUN
from sampler import Sampler
from screen import shown
from settings import FLOOR, BenchError, Setting, strategy

NAME = "bluegreen-bench"
APP = "shop"
SOURCE = f"/srv/{APP}"
WAYS_FOLDER = "/srv/bench"
# Who logs in, as README's inventory has it.
USER = "pi"
SSH_PORT = 22
LEDGER = "/srv/ledger/ledger.jsonl"
HISTORY = f"/var/lib/bluegreen/{APP}/history.jsonl"
# No way takes so long; what has not ended by then hangs.
LIMIT_SECONDS = 180
RELEASES = ("1", "2")
PORTS = {"blue": 18001, "green": 18002}
OTHER = {"blue": "green", "green": "blue"}

VARIABLES = {
    "bluegreen_app": APP,
    "bluegreen_project_src": SOURCE,
    "bluegreen_ports": PORTS,
    "bluegreen_approval": "automatic",
    "bluegreen_prepare_server_block": True,
    "bluegreen_prepare_remove_default_site": True,
}


class Outcome(NamedTuple):
    """How a way went."""

    rc: int
    steps: list  # (name, begin, end), seconds since 1970
    history: dict  # the line in the host's history; empty for the bash ways
    controller: dict  # what Ansible cost on this side; empty for the bash ways
    runs: list  # of modules on the host, as the callback noted them; none for the bash ways
    log: str


class Container(NamedTuple):
    id: str
    project: str
    service: str


class Machine:
    """The host, and which color and release are live on it."""

    def __init__(self, host: lab.Host) -> None:
        self._host = host
        self.url = f"http://127.0.0.1:{host.port}"
        self.color = "blue"
        self.release = RELEASES[0]
        self._setting: Setting

    def prepare(self) -> None:
        """Make a host of it that can be deployed to, with the images of both releases."""
        self._host.load([f"bluegreen-demo:{release}" for release in RELEASES])
        self._host.copy(str(BENCH / "ways"), WAYS_FOLDER)
        self._copy_compose_file(with_own_redis)
        self._let_in()
        inventory = {"all": {"hosts": {"bench": self._variables()}, "vars": VARIABLES}}
        text = yaml.safe_dump(inventory, sort_keys=False)
        INVENTORY.write_text(f"# Written by bench/run.py.\n{text}", encoding="utf-8")
        played = controller.play("prepare", "prepare")
        if played.rc:
            raise BenchError(f"The host could not be prepared; the log is {shown(Path(played.log))}.")

    def _let_in(self) -> None:
        """Let a user log in with a key, who may do anything with sudo."""
        KEY.unlink(missing_ok=True)
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", str(KEY)]
        subprocess.run(command, check=True)
        self._host.copy(f"{KEY}.pub", "/srv/bench-key/key.pub")
        self._host.exec(
            f"useradd --create-home --shell /bin/bash {USER}"
            f" && echo '{USER} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/{USER}"
            f" && install -d -m 700 -o {USER} -g {USER} ~{USER}/.ssh"
            f" && install -m 600 -o {USER} -g {USER} /srv/bench-key/key.pub ~{USER}/.ssh/authorized_keys"
            " && systemctl start ssh"
        )

    def _variables(self) -> dict:
        options = ["-F /dev/null", "-o IdentitiesOnly=yes", f"-o UserKnownHostsFile={RUN / 'known_hosts'}"]
        return {
            "ansible_host": "127.0.0.1",
            "ansible_port": self._host.ports[SSH_PORT],
            "ansible_user": USER,
            "ansible_ssh_private_key_file": str(KEY),
            "ansible_ssh_common_args": " ".join([*options, "-o StrictHostKeyChecking=accept-new"]),
        }

    def enter(self, setting: Setting) -> None:
        """Bring the host into a setting: release 1 whole on blue, nothing else."""
        self._setting = setting
        self._copy_compose_file(with_shared_redis if setting.broker == "shared" else with_own_redis)
        self.color, self.release = "blue", RELEASES[0]
        self.limit(2.0)
        self._script("start", "anew")
        self.limit(setting.cpus)

    def tidy(self, way: str) -> None:
        """After a way that leaves something else than one color whole behind, put that right."""
        if way == "rolling":
            self._script("start", "keep")

    def limit(self, cpus: float) -> None:
        subprocess.run(["docker", "update", f"--cpus={cpus}", NAME], check=True, stdout=subprocess.DEVNULL)

    def run(self, way: str, label: str) -> Outcome:
        """Go to the other release by that way."""
        release = next(other for other in RELEASES if other != self.release)
        outcome = self._playbook(way, release, label) if strategy(way) else self._bash(way, label)
        if outcome.rc == 0:
            self.release = release
            if way not in ("recreate", "rolling"):
                self.color = OTHER[self.color]
        return outcome

    def again(self, way: str, label: str) -> float:
        """Ask for the release that is live, and return the seconds that it took to see that."""
        played = self._deploy(way, self.release, label)
        if played.rc:
            raise BenchError(f"The same release again failed; the log is {shown(Path(played.log))}.")
        return played.seconds

    def accountant(self) -> Accountant:
        return Accountant(self._host.container.id)

    def why_untold(self) -> str:
        """Return why this machine cannot tell whose processor seconds are; nothing when it can."""
        accountant = self.accountant()
        accountant.stop()
        return accountant.why_not

    def sampler(self) -> Sampler:
        return Sampler(self._host)

    def containers(self) -> list:
        """Return the app's containers that are running."""
        labels = ("project", "service")
        form = " ".join(["{{.ID}}", *(f'{{{{.Label "com.docker.compose.{name}"}}}}' for name in labels)])
        out = self._host.exec(["docker", "ps", "--no-trunc", f"--format={form}"]).out
        return [Container(*words) for words in (line.split() for line in out.splitlines()) if len(words) == 3]

    def ledger(self) -> str:
        return self._host.exec(["cat", LEDGER]).out

    def forget_ledger(self) -> None:
        """Begin the ledger anew; it is opened for each line, so nothing holds the old one."""
        self._host.exec(["rm", "-f", LEDGER])
        self._host.exec(["touch", LEDGER])

    def versions(self) -> dict:
        """Return what runs on the host, for the report."""
        commands = {
            "Docker Engine": "docker version --format '{{.Server.Version}}'",
            "Compose": "docker compose version --short",
            "Nginx": "nginx -v 2>&1 | sed 's,.*/,,;s, .*,,'",
            "Redis": f"docker run --rm {REDIS_IMAGE} redis-server --version | sed 's/.*v=//;s/ .*//'",
            "Celery": f"docker run --rm {REDIS_IMAGE} python3 -c 'import celery; print(celery.__version__)'",
            "Python on the host": "python3 -c 'import platform; print(platform.python_version())'",
        }
        return {name: self._host.exec(command).out.strip() for name, command in commands.items()}

    def _copy_compose_file(self, variant) -> None:
        demo = yaml.safe_load((DEMO / "app/compose.yml").read_text(encoding="utf-8"))
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".yml") as file:
            yaml.safe_dump(variant(demo), file, sort_keys=False)
            file.flush()
            self._host.copy(file.name, f"{SOURCE}/compose.yml")

    def _playbook(self, way: str, release: str, label: str) -> Outcome:
        played = self._deploy(way, release, label)
        return Outcome(
            rc=played.rc,
            steps=steps_of_tasks(played.tasks),
            history=self._history(release),
            controller={
                "cpu_seconds": round(played.cpu_seconds, 2),
                "remote_runs": sum(task["remote"] for task in played.tasks),
            },
            runs=[task for task in played.tasks if task["remote"]],
            log=played.log,
        )

    def _deploy(self, way: str, release: str, label: str) -> controller.Played:
        shared = self._setting.broker == "shared"
        return controller.play(
            "deploy",
            label,
            bluegreen_release=release,
            bluegreen_worker_strategy=strategy(way),
            bluegreen_broker=self._setting.broker,
            bluegreen_support_services=[] if shared else ["redis"],
        )

    def _bash(self, way: str, label: str) -> Outcome:
        rc, out = self._script("script" if way == FLOOR else way, check=False)
        log = LOGS / f"{label}.log"
        log.write_text(out, encoding="utf-8")
        return Outcome(rc, steps_of_script(out), {}, {}, [], str(log))

    def _script(self, name: str, *arguments: str, check: bool = True) -> lab.Result:
        shared = self._setting.broker == "shared"
        new = OTHER[self.color]
        environment = {
            "OLD": self.color,
            "OLD_PORT": str(PORTS[self.color]),
            "OLD_RELEASE": self.release,
            "NEW": new,
            "NEW_PORT": str(PORTS[new]),
            "NEW_RELEASE": next(other for other in RELEASES if other != self.release),
            "WEB": "web" if shared else "web redis",
            "SHARED": REDIS_IMAGE if shared else "",
        }
        # The last line is when it ended, which no step of its own says.
        command = f'timeout {LIMIT_SECONDS} bash "$@" 2>&1; rc=$?; date "+end %s.%3N"; exit $rc'
        return self._host.exec(
            ["sh", "-c", command, "sh", f"{WAYS_FOLDER}/{name}.sh", *arguments], check=check, env=environment
        )

    def _history(self, release: str) -> dict:
        """Return what the host's history says about its last deployment, if that was to this release."""
        result = self._host.exec(["tail", "-n", "1", HISTORY], check=False)
        entry = json.loads(result.out) if result.rc == 0 and result.out.strip() else {}
        return entry if str(entry.get("release")) == release else {}


@contextlib.contextmanager
def made() -> Iterator[Machine]:
    """Make the host, prepared; it goes again at the end."""
    # One core of its own, as the machines that this is about have, and not the time of one on two.
    host = lab.create(NAME, replace=True, cores="0", ports={SSH_PORT: None})
    try:
        machine = Machine(host)
        machine.prepare()
        yield machine
    finally:
        host.destroy()


# -- steps: pure ----------------------------------------------------------------------------------


def steps_of_script(output: str) -> list:
    """Return (name, begin, end) of the steps that a script said it began."""
    marks = [line.split() for line in output.splitlines() if line.startswith(("step ", "end "))]
    begun = [(words[2] if words[0] == "step" else "", float(words[1])) for words in marks]
    return [(name, begin, end) for (name, begin), (_next, end) in zip(begun, begun[1:]) if name]
