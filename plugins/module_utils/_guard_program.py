# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The guard as one file on the host: the very module utils that the modules are made of, in a zip that Python runs.

So there is one implementation of going back, nothing to install, and no Ansible needed when it counts.
"""

from __future__ import annotations

import importlib.util
import io
import os
import pkgutil
import sys
import zipfile
from typing import TYPE_CHECKING

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _guard_units
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._state_folder import (
    opener,
    remove,
    require_trusted,
    sync_folder,
    telling,
)

if TYPE_CHECKING:
    # Never imported, but named: Ansible sends to the host only what something imports.
    from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _guard  # noqa: F401

NAME = "guard.pyz"

PACKAGE = __name__.rpartition(".")[0]
_MAIN = f"""\
import sys

from {PACKAGE}._guard import main

sys.exit(main(sys.argv[1:]))
"""
# The one file that imports Ansible's own.
_LEFT_OUT = ("_module",)
# The same sources make the same bytes, so that an equal program is recognized.
_DATE = (1980, 1, 1, 0, 0, 0)


def pack():
    """The bytes of the program."""
    files = {"__main__.py": _MAIN}
    folder = ""
    for part in PACKAGE.split("."):
        folder += f"{part}/"
        files[f"{folder}__init__.py"] = ""
    package = importlib.import_module(PACKAGE)
    for module in pkgutil.iter_modules(package.__path__):
        if module.name not in _LEFT_OUT:
            loader = importlib.util.find_spec(f"{PACKAGE}.{module.name}").loader
            files[f"{folder}{module.name}.py"] = loader.get_source(f"{PACKAGE}.{module.name}")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _DATE), text, zipfile.ZIP_DEFLATED, 1)
    return packed.getvalue()


def install(host, store, nginx_file):
    """Put the guard of an app on the host; one that is there already is left alone.

    A new one takes the place of the one before only after it has run here.

    :returns: whether this host has a guard; one without systemd has none.
    :raises BluegreenError: it does not run, or systemd does not take it.
    """
    if not _guard_units.has_systemd():
        return False
    # A virtual environment has packages of its own, which its user can change; the guard needs none.
    python = os.path.realpath(sys.executable)
    require_trusted(python)
    path, content = store.path(NAME), pack()
    if _read(path) != content:
        _try_out(host, store, python, path, content)
    _guard_units.install(host, store, python, path, nginx_file)
    return True


def _try_out(host, store, python, path, content):
    new = f"{path}.new"
    remove(new)
    try:
        with telling(path):
            _write(new, content)
        done = host.run([python, "-I", new, "selftest", store.app, host.engine.docker_host])
        if done.code:
            last = (done.err or done.out).strip().splitlines()[-1:] or [f"exit code {done.code}"]
            raise BluegreenError(
                f"The guard, which would bring an abandoned deployment to an end, does not run on this host ({last[0]}): nothing "
                f"was changed. Give Ansible another Python there (ansible_python_interpreter; this is {python})."
            )
        os.replace(new, path)
    finally:
        remove(new)
    sync_folder(store.folder)


def _write(path, content):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    with os.fdopen(descriptor, "wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())


def _read(path):
    try:
        with open(path, "rb", opener=opener) as source:
            return source.read()
    except FileNotFoundError:
        return b""
