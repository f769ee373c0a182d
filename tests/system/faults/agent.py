# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on the host: tells when the journal reaches a step, strikes there, and looks at the host once a second.

agent.py '{"moment": {"step": "cutover", "done": false}, "after": 0, "strike": "systemctl restart docker", "hunt": [0.5]}'

"app" names another app than shop, and "host" what its visitors send as Host.

One JSON object a line: "journal" (it changed), "moment" (the step was reached; the strike has begun), "struck" (it has
ended), "hunted" (a recovery was killed) and "look". Everything is seen from outside, by files, processes and the
engine's socket; none of the collection's code is used.
"""

import contextlib
import fcntl
import glob
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

OPTIONS = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
APP = OPTIONS.get("app", "shop")
STATE = f"/var/lib/bluegreen/{APP}"
# Who acts for a deployment holds it.
LOCK = f"{STATE}/lock"
UPSTREAM = f"/etc/nginx/conf.d/bluegreen-{APP}.conf"
POLL = 0.004
LOOK_EVERY = 1.0
WRITING = threading.Lock()


def tell(event, **fields):
    with WRITING:
        print(json.dumps({"event": event, "t": round(time.time(), 3), **fields}), flush=True)


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def journal():
    """The open journal; empty when there is none, or when it is torn."""
    try:
        return json.loads(read(os.path.join(STATE, "deployment.json")) or "{}")
    except ValueError:
        return {"torn": True}


def seen(data):
    """What of a journal tells one moment from another."""
    return {key: data[key] for key in ("id", "step", "done", "epoch", "rolling_back", "result", "old_web", "torn") if key in data}


# -- the look -------------------------------------------------------------------------------------


class Engine(http.client.HTTPConnection):
    def __init__(self):
        super().__init__("localhost", timeout=5)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(5)
        self.sock.connect("/run/docker.sock")

    def ask(self, path):
        self.request("GET", path)
        answer = self.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise OSError(f"the engine answers {answer.status}")
        return json.loads(text)


def containers():
    """Every container of the app; None while the engine does not answer."""
    found = []
    engine = Engine()
    try:
        for listed in engine.ask("/containers/json?all=1"):
            labels = listed["Labels"]
            project = labels.get("com.docker.compose.project", "")
            if not project.startswith(f"{APP}-"):
                continue
            shown = engine.ask(f"/containers/{listed['Id']}/json")
            found.append({
                "id": shown["Id"],
                "color": project[len(f"{APP}-"):],
                "service": labels["com.docker.compose.service"],
                "status": shown["State"]["Status"],
                "started": shown["State"]["StartedAt"],
                "policy": shown["HostConfig"]["RestartPolicy"]["Name"],
                "pid": shown["State"]["Pid"],
            })
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        engine.close()
    return found


def answer():
    """Who answers a visitor."""
    visit = urllib.request.Request("http://127.0.0.1/", headers={"Host": OPTIONS["host"]} if "host" in OPTIONS else {})
    try:
        with urllib.request.urlopen(visit, timeout=3) as page:
            return {"status": page.status, "color": page.headers["X-Shop-Color"], "release": page.headers["X-Shop-Release"]}
    except urllib.error.HTTPError as error:
        return {"status": error.code}
    except (OSError, http.client.HTTPException) as error:
        return {"status": 0, "error": str(error)}


def servers():
    words = [line.split() for line in read(UPSTREAM).splitlines()]
    return [line[1].rstrip(";") for line in words if line[:1] == ["server"]]


def lock_is_free():
    try:
        with open(os.path.join(STATE, "lock"), "rb+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def last_deployment():
    for line in reversed(read(os.path.join(STATE, "history.jsonl")).splitlines()):
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            kept = ("id", "release", "from", "to", "result", "reason", "started", "ended")
            return {key: entry.get(key) for key in kept}
    return {}


def units():
    """Timers and services of the guard that are there, with their state."""
    shown = subprocess.run(
        ["systemctl", "list-units", "--all", "--plain", "--no-legend", f"bluegreen-{APP}-*"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
    ).stdout.decode()
    return {words[0]: words[3] for words in (line.split() for line in shown.splitlines()) if len(words) > 3}


def look():
    data = journal()
    return {
        "journal": seen(data),
        "reason": str(data.get("reason", ""))[:300],
        "journals": sorted(os.path.basename(path) for path in glob.glob(os.path.join(STATE, "deployment.json*"))),
        "containers": containers(),
        "answer": answer(),
        "servers": servers(),
        "lock_is_free": lock_is_free(),
        "last": last_deployment(),
        "units": units(),
    }


def looks():
    while True:
        begun = time.monotonic()
        tell("look", **look())
        time.sleep(max(0.05, LOOK_EVERY - (time.monotonic() - begun)))


# -- processes ------------------------------------------------------------------------------------


def processes():
    """{pid: (parent's pid, name, command line)}"""
    found = {}
    for folder in glob.glob("/proc/[0-9]*"):
        stat = read(f"{folder}/stat")
        if ")" not in stat:
            continue
        name, rest = stat[stat.index("(") + 1:stat.rindex(")")], stat[stat.rindex(")") + 2:].split()
        if rest[0] != "Z":
            found[int(folder[len("/proc/"):])] = (int(rest[1]), name, read(f"{folder}/cmdline").split("\0"))
    return found


def guards():
    """Processes of the guard, which recovers."""
    return [
        pid for pid, (_parent, _name, words) in processes().items()
        if any(word.endswith("guard.pyz") for word in words) and "guard" in words
    ]


def modules():
    """Python processes that somebody started over SSH and that act by now: Ansible's modules, and the program in their place.

    A process that only starts is left alone: if the program is killed before it begins, Ansible sends the module. A step that
    lasts has let go of its connection.
    """
    known = processes()

    def over_ssh(pid):
        while pid in known:
            if known[pid][1].startswith("sshd"):
                return True
            pid = known[pid][0]
        return False

    def acts(pid):
        return any(parent == pid for parent, _name, _words in known.values()) or LOCK in open_files(pid)

    return [
        pid for pid, (_parent, _name, words) in known.items()
        if os.path.basename(words[0]).startswith("python3") and (over_ssh(pid) or "step" in words) and acts(pid)
    ]


def open_files(pid):
    """Paths of what a process has open."""
    found = []
    for descriptor in glob.glob(f"/proc/{pid}/fd/*"):
        with contextlib.suppress(OSError):
            found.append(os.readlink(descriptor))
    return found


def signal_each(pids, number):
    """The processes that were there to get the signal."""
    got = []
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
            got.append(pid)
    return got


def kill(pids):
    return signal_each(pids, signal.SIGKILL)


def kill_module():
    """As the kernel does it for want of memory. Between two modules there is none, so it waits for the next one."""
    end = time.monotonic() + 5
    killed = []
    while not killed and time.monotonic() < end:
        killed = kill(modules())
        time.sleep(POLL)
    return len(killed)


def hunt(delays):
    """Kills each recovery that comes, one after the other, so long after it began."""
    for delay in delays:
        while not guards():
            time.sleep(POLL)
        time.sleep(delay)
        killed = kill(guards())
        tell("hunted", after=delay, killed=len(killed))
        while guards():
            time.sleep(POLL)


# -- the strike -----------------------------------------------------------------------------------


def moment_has_come(now, options):
    time.sleep(options.get("after", 0))
    with frozen_step() if options.get("freezes") else contextlib.nullcontext():
        tell("moment", **now)
        strike(options.get("strike", ""))


@contextlib.contextmanager
def frozen_step():
    """Who holds the lock stands still."""
    found = re.search(r"process (\d+)", read(LOCK))
    step = [int(found[1])] if found else []
    signal_each(step, signal.SIGSTOP)
    try:
        yield
    finally:
        signal_each(step, signal.SIGCONT)


def strike(command):
    if command == "kill-module":
        tell("struck", rc=0 if kill_module() else 1, out="")
    elif command:
        done = subprocess.run(
            ["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        tell("struck", rc=done.returncode, out=done.stdout.decode(errors="replace")[-400:])


def watch(options):
    moment, last = options.get("moment"), None
    while True:
        data = journal()
        now = seen(data)
        if now != last:
            last = now
            if moment and all(now.get(key) == value for key, value in moment.items()):
                moment = None
                # Beside the watch: a strike may take its time, and the journal goes on.
                threading.Thread(target=moment_has_come, args=(now, options), daemon=True).start()
            else:
                tell("journal", **now)
        time.sleep(POLL)


def main():
    for target, arguments in ((looks, ()), (hunt, (OPTIONS.get("hunt", []),))):
        threading.Thread(target=target, args=arguments, daemon=True).start()
    watch(OPTIONS)


main()
