# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make test` runs: `nox --list` names all sessions, `nox -s unit -- -k upstream` gives arguments to one.

lab/setup puts every tool into .venv, or where its pins clash into a .venv of its own, so these sessions install nothing.
For the CI workflow there are also unit_core, and those of antsibull-nox.toml, which run in containers.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import antsibull_nox
import nox

ROOT = Path(__file__).resolve().parent
# Nothing of the caller's Ansible.
for name in [name for name in os.environ if name.startswith(("ANSIBLE_", "MOLECULE_"))]:
    del os.environ[name]
os.environ.update(
    # Tools first, then interpreters of a version manager for ansible-test. Its shims claim some that they do not run.
    PATH=os.pathsep.join([
        str(ROOT / ".venv/bin"),
        *sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin"))),
        *(folder for folder in os.environ["PATH"].split(os.pathsep) if not folder.endswith("/shims")),
    ]),
    LC_ALL="C.UTF-8",
    ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".cache/collections"),
    # Several tools read the checkout at the same time, so none of them leaves byte code in it.
    PYTHONDONTWRITEBYTECODE="1",
)  # fmt: skip
nox.options.error_on_missing_interpreters = True
antsibull_nox.load_antsibull_nox_toml()

# From the oldest that meta/runtime.yml allows to the newest that there is.
CORES = ("2.16", "2.17", "2.18", "2.19", "2.20", "2.21")
IN_VENV = nox.session(venv_backend="none")
ON_DEMAND = nox.session(venv_backend="none", default=False)
# The first line of a shell script; parts of lab/setup have none and are read along with it.
SHEBANG = "^#!(/usr/bin/env bash|/bin/(ba)?sh)$"
SHIPPED = {
    "CHANGELOG.md", "CONTRIBUTING.md", "FILES.json", "LICENSE", "LICENSES", "MANIFEST.json", "README.md", "REUSE.toml",
    "SECURITY.md", "changelogs", "docs", "extensions", "inventory.example", "meta", "playbooks", "plugins", "roles", "tests",
}  # fmt: skip


def pytest(session: nox.Session, venv: str, *arguments: str) -> None:
    report = f"--junitxml=.test-logs/{session.name}{venv}.xml"
    session.run(f"{venv}/bin/python", "-m", "pytest", "-q", report, *arguments, *session.posargs)


@IN_VENV
def unit(session: nox.Session) -> None:
    """Unit tests."""
    pytest(session, ".venv", "tests/unit", "-m", "not long")


@ON_DEMAND
def unit_long(session: nox.Session) -> None:
    """Unit tests, the long ones too."""
    pytest(session, ".venv", "tests/unit")


@ON_DEMAND
def unit_oldest(session: nox.Session) -> None:
    """Unit tests of what is shipped, with the oldest supported ansible-core."""
    session.run("lab/setup", "venv-2.16")
    pytest(session, ".venv-2.16", "tests/unit/plugins")


@nox.session(default=False)
@nox.parametrize("core", [nox.param(core, id=core) for core in CORES])
def unit_core(session: nox.Session, core: str) -> None:
    """Unit tests of what is shipped, with another ansible-core, from PyPI (--force-python 3.13)."""
    session.run("lab/setup", "collection", external=True)
    session.install(f"ansible-core~={core}.0", "pytest", "pytest-xdist")
    session.run("pytest", "-q", "tests/unit/plugins", "tests/unit/roles", *session.posargs)


LINTERS = {
    "ansible-lint": ["ansible-lint", "--offline", "--strict", "--profile", "production"],
    "antsibull-changelog": ["antsibull-changelog", "lint"],
    "antsibull-docs": [
        "antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "dependent",
        "--disallow-unknown-collection-refs", ".",
    ],
    "codespell": ["codespell", "plugins", "roles", "playbooks", "docs", "changelogs", *glob.glob("*.md")],
    "mypy": ["mypy"],
    "reuse": ["reuse", "lint", "--lines"],
    "ruff": ["ruff", "check", "--no-cache", "."],
    "shellcheck": ["shellcheck", "--external-sources"],
}  # fmt: skip


@IN_VENV
@nox.parametrize("linter", [nox.param(name, id=name) for name in LINTERS])
def lint(session: nox.Session, linter: str) -> None:
    """Linters over the whole checkout."""
    scripts: list[str] = []
    if linter == "shellcheck":
        session.run("lab/setup", "lint-tools")
        found = str(session.run("git", "grep", "-lE", "--untracked", SHEBANG, silent=True)).splitlines()
        scripts = [name for name in found if re.match(SHEBANG, Path(name).read_text(encoding="utf-8").partition("\n")[0])]
    # antsibull-docs copies the collections that ours refers to as git lists their files, and git ignores those in .venv.
    session.run(*LINTERS[linter], *scripts, env={"GIT_CEILING_DIRECTORIES": str(ROOT / ".venv")})


@contextlib.contextmanager
def built(session: nox.Session) -> Iterator[tuple[str, Path]]:
    """The artifact as Galaxy gets it, and the folder in which it is installed as a user has it."""
    with tempfile.TemporaryDirectory() as folder:
        session.run("ansible-galaxy", "collection", "build", "--output-path", folder)
        (artifact,) = glob.glob(f"{folder}/*.tar.gz")
        session.run("ansible-galaxy", "collection", "install", "--offline", "-p", folder, artifact,
                    env={"ANSIBLE_COLLECTIONS_PATH": folder})  # fmt: skip
        yield artifact, Path(folder) / "ansible_collections/smallfleet/bluegreen"


@IN_VENV
def build(session: nox.Session) -> None:
    """Build the collection, import it as Galaxy does, and find its playbooks where it is installed."""
    session.run("lab/setup", "venv-importer")
    with built(session) as (artifact, collection):
        if strays := {path.name for path in collection.iterdir()} - SHIPPED:
            session.error(f"The artifact has {', '.join(sorted(strays))}: name it in build_ignore of galaxy.yml, or in SHIPPED.")
        # Run outside the checkout: Ansible then finds only the installed collection, not the one that is developed here.
        session.env["ANSIBLE_COLLECTIONS_PATH"] = str(collection.parents[2])
        with session.chdir(collection.parent):
            names = sorted(f"smallfleet.bluegreen.{path.stem}" for path in collection.glob("playbooks/*.yml"))
            session.run("ansible-playbook", "--syntax-check", "-i", "localhost,", *names)
            session.env["PATH"] = os.pathsep.join([str(ROOT / ".venv-importer/bin"), os.environ["PATH"]])
            session.env["GALAXY_IMPORTER_CONFIG"] = str(ROOT / "tests/importer.cfg")
            log = str(session.run(f"{ROOT}/.venv-importer/bin/python", "-m", "galaxy_importer.main", artifact, silent=True))
            # It ends 0 with errors of the linters that it calls.
            if found := re.findall(r"(?m)^(?:ERROR|WARNING).*", log):
                session.error("\n".join(["galaxy-importer says:", *found]))


@IN_VENV
def sanity(session: nox.Session) -> None:
    """Run ansible-test sanity on what is shipped, in every Python that this machine has."""
    session.run("lab/setup", "get-pip", "lint-tools")
    with built(session) as (_artifact, collection):
        with session.chdir(collection):
            session.run("ansible-test", "sanity", "--local", "--color", "no", *session.posargs)


def with_docker(session: nox.Session, chosen: str) -> None:
    # Not the order of xdist, which goes by the number of tests: tests/conftest.py puts the longest first. Against the -q
    # of all sessions, -vv names each test as it ends.
    pytest(session, ".venv", "-vv", "-m", chosen, "--numprocesses=3", "--dist=loadgroup", "--no-loadscope-reorder",
           "--durations=20", "--ignore=tests/system/vm", "tests/integration", "tests/system")  # fmt: skip


@IN_VENV
def system(session: nox.Session) -> None:
    """Run what needs Docker: tests with real servers, and deployments to Pi-sized hosts."""
    with_docker(session, "not long and not matrix")


@ON_DEMAND
def system_long(session: nox.Session) -> None:
    """Run what needs Docker, the long ones too, but not the whole fault matrix."""
    with_docker(session, "not matrix")
