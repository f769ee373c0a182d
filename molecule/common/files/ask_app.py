# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the app stands, as one JSON object: asked from outside where that is possible, and not by the collection's code."""

import calendar
import fcntl
import glob
import json
import os
import subprocess
import time
import urllib.request

STATE = "/var/lib/bluegreen/shop"
UPSTREAM = "/etc/nginx/conf.d/bluegreen-shop.conf"
LEDGER = "/srv/ledger/ledger.jsonl"
TASK_SECONDS = 60


def page():
    """Who answers a visitor, and what Nginx was told about it."""
    with urllib.request.urlopen("http://127.0.0.1/", timeout=10) as answer:
        color, release = answer.headers["X-Shop-Color"], answer.headers["X-Shop-Release"]
    with open(UPSTREAM, encoding="utf-8") as file:
        servers = [line.split()[1].rstrip(";") for line in file if line.split()[:1] == ["server"]]
    return {"color": color, "release": release, "servers": servers}


def task_is_done():
    """Whether a task that is sent now is done, within a minute."""
    request = urllib.request.Request("http://127.0.0.1/tasks", data=b"seconds=0.1", method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        task = json.load(answer)["id"]
    end = time.monotonic() + TASK_SECONDS
    while time.monotonic() < end:
        with open(LEDGER, encoding="utf-8") as ledger:
            if any(task in line and '"event":"done"' in line for line in ledger):
                return True
        time.sleep(0.2)
    return False


def lock_is_free():
    with open(os.path.join(STATE, "lock"), "rb+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def last_deployment():
    with open(os.path.join(STATE, "history.jsonl"), encoding="utf-8") as history:
        return json.loads(history.readlines()[-1])


def moments():
    """{"start shop-blue worker": when that was last}, and when Nginx last read its files."""
    found = {"switch": start_of_nginx_workers()}
    ids = docker("ps", "--all", "--quiet").split()
    for container in json.loads(docker("inspect", *ids)):
        labels, state = container["Config"]["Labels"], container["State"]
        name = f"{labels['com.docker.compose.project']} {labels['com.docker.compose.service']}"
        found[f"start {name}"] = seconds(state["StartedAt"])
        found[f"end {name}"] = seconds(state["FinishedAt"])
    return found


def start_of_nginx_workers():
    """The time at which the youngest one was started."""
    with open("/run/nginx.pid", encoding="ascii") as file:
        master = file.read().strip()
    with open(f"/proc/{master}/task/{master}/children", encoding="ascii") as file:
        workers = file.read().split()
    ticks = []
    for worker in workers:
        with open(f"/proc/{worker}/stat", encoding="utf-8") as file:
            ticks.append(int(file.read().rpartition(")")[2].split()[19]))
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + max(ticks) / os.sysconf("SC_CLK_TCK")


def docker(*arguments):
    return subprocess.run(["docker", *arguments], stdout=subprocess.PIPE, check=True).stdout.decode()


def seconds(moment):
    """Seconds since 1970 of a time that the engine gives: with up to nine decimals, and in UTC."""
    whole, _point, fraction = moment.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction or 0}")


print(json.dumps({
    **page(),
    "task_is_done": task_is_done(),
    "lock_is_free": lock_is_free(),
    "journals": glob.glob(os.path.join(STATE, "deployment.json*")),
    "last": last_deployment(),
    "moments": moments(),
}))
