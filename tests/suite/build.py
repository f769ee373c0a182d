# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as Galaxy gets it: built, imported, installed, and its playbooks found by their full names."""

from __future__ import annotations

import glob
import os
import shutil
import tarfile

from command import CACHE, ROOT, environment, log_file, run
from outcome import Outcome
from setup import need

# Where only developers look; galaxy.yml keeps them out.
UNSHIPPED = ("lab", "demo", "bench", "molecule", "awx", ".ci", ".github", ".venv", ".cache", "Makefile", "ansible.cfg")
# The link by which a plain checkout is a collection: whoever follows it comes back to where they were.
LINK = "playbooks/collections"


def build():
    need("venv-importer")
    folder = os.path.join(CACHE, "build")
    shutil.rmtree(folder, ignore_errors=True)
    checks = [("build", lambda: run(["ansible-galaxy", "collection", "build", "--output-path", folder], "build"))]
    checks += [("contents", lambda: contents(folder)), ("importer", lambda: importer(folder))]
    checks += [("install", lambda: install(folder)), ("playbooks", lambda: playbooks(folder))]
    failed = []
    for number, (name, check) in enumerate(checks):
        if check() != 0:
            failed.append(name)
            if name == "build":  # the others look at what it made
                failed += [other for other, _check in checks[number + 1:]]
                break
    logs = tuple(path for path in (log_file(name) for name in failed) if os.path.exists(path))
    yield Outcome("build", len(checks) - len(failed), len(failed), logs=logs)


def artifact(folder):
    return glob.glob(os.path.join(folder, "*.tar.gz"))[0]


def contents(folder):
    with tarfile.open(artifact(folder)) as tar:
        strays = [name for name in tar.getnames() if name.split("/")[0].startswith(UNSHIPPED) or name.startswith(LINK)]
    with open(log_file("contents"), "w", encoding="utf-8") as log:
        log.writelines(f"{name} is in the built collection; name it in build_ignore of galaxy.yml\n" for name in strays)
    return len(strays)


def importer(folder):
    # It leaves a result file where it is started.
    env = environment(".venv-importer", GALAXY_IMPORTER_CONFIG=os.path.join(ROOT, "tests", "suite", "importer.cfg"))
    rc = run(["python", "-m", "galaxy_importer.main", artifact(folder)], "importer", cwd=folder, env=env)
    with open(log_file("importer"), encoding="utf-8") as log:
        # It ends 0 with errors of the linters that it calls.
        return rc or int(any(line.startswith("ERROR") for line in log))


def installed(folder):
    return environment(ANSIBLE_COLLECTIONS_PATH=os.path.join(folder, "installed"))


def install(folder):
    # --offline: the dependency is met by the `ansible` package, or the test says so at once.
    argv = ["ansible-galaxy", "collection", "install", "--offline", "-p", os.path.join(folder, "installed")]
    return run([*argv, artifact(folder)], "install", env=installed(folder))


def playbooks(folder):
    # From a folder without an ansible.cfg and without the sources: only what was installed is there to be found.
    names = [os.path.basename(path)[:-4] for path in glob.glob(os.path.join(ROOT, "playbooks", "*.yml"))]
    argv = ["ansible-playbook", "--syntax-check", "-i", "localhost,"]
    argv += [f"smallfleet.bluegreen.{name}" for name in sorted(names)]
    return run(argv, "playbooks", cwd=folder, env=installed(folder))
