# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deployment can change on a host, as one JSON object: two of them that are equal say that nothing was changed.

Health is left out, because an engine goes on asking for it by itself.
"""

import glob
import hashlib
import json
import os
import subprocess
import sys


def docker(*arguments):
    return subprocess.run(["docker", *arguments], stdout=subprocess.PIPE, check=True).stdout.decode().split()


def containers():
    ids = docker("ps", "--all", "--quiet", "--no-trunc")
    return {one["Id"]: container(one) for one in inspect(ids)} if ids else {}


def inspect(ids):
    asked = subprocess.run(["docker", "inspect", *ids], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    # What was removed since it was listed is not there, which is no error.
    errors = [line for line in asked.stderr.decode().splitlines() if "no such object" not in line.lower()]
    if errors:
        sys.exit("\n".join(errors))
    return json.loads(asked.stdout)


def container(one):
    labels = one["Config"]["Labels"] or {}
    return {
        "id": one["Id"],
        "name": one["Name"].lstrip("/"),
        "project": labels.get("com.docker.compose.project", ""),
        "service": labels.get("com.docker.compose.service", ""),
        "image": one["Config"]["Image"],
        "status": one["State"]["Status"],
        "started": one["State"]["StartedAt"],
        "finished": one["State"]["FinishedAt"],
        "exit_code": one["State"]["ExitCode"],
        "oom_killed": one["State"]["OOMKilled"],
        "restarts": one["RestartCount"],
        "policy": one["HostConfig"]["RestartPolicy"]["Name"],
        "cpu_shares": one["HostConfig"]["CpuShares"],
    }


def by_service(found):
    """{project: {service: its container}}"""
    projects = {}
    for one in found.values():
        projects.setdefault(one["project"], {})[one["service"]] = one
    return projects


def files(folders):
    """{path: its kind, mode and what is in it}"""
    found = {}
    for folder in folders:
        for path in [folder, *glob.glob(folder + "/**", recursive=True), *glob.glob(folder + "/**/.*", recursive=True)]:
            if os.path.lexists(path):
                found[path.rstrip("/")] = state(path)
    return found


def state(path):
    mode = oct(os.lstat(path).st_mode)
    if os.path.islink(path):
        return mode + " " + os.readlink(path)
    if not os.path.isfile(path):
        return mode
    with open(path, "rb") as file:
        return mode + " " + hashlib.sha256(file.read()).hexdigest()


seen = containers()
print(json.dumps({
    "containers": seen,
    "projects": by_service(seen),
    "files": files(sys.argv[1:]),
    "images": sorted(docker("images", "--all", "--quiet", "--no-trunc")),
    "networks": sorted(docker("network", "ls", "--format={{.Name}}")),
    "volumes": sorted(docker("volume", "ls", "--quiet")),
}, sort_keys=True))
