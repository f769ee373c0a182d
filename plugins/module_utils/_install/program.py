# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The collection as one file on the host: the same module utils that the modules use, in a zip that Python runs.

It is the guard, and it runs the steps of a deployment, because it starts faster than a module of Ansible. So each has a
single implementation, the host needs no packages, and the guard needs no Ansible.
"""

from __future__ import annotations

import importlib.util
import io
import marshal
import os
import sys
import zipfile
from typing import TYPE_CHECKING

from .._errors import BluegreenError
from .._linux.files import opener, remove, sync_folder, telling
from .._linux.trusted_program import require_trusted
from . import guard_units, seal
from .seal import NAME
from .sources import PACKAGE, sources

if TYPE_CHECKING:
    from .._host import Host
    from .._journal.store import Store

_MAIN = """\
import sys

if sys.argv[1] == "step":
    from {package}._program.step import main
else:
    from {package}._guard.main import main

sys.exit(main(sys.argv[1:], "{code}"))
"""
# Bytecode that Python uses without a look at the source beside it (PEP 552): the seal shows damage to either. Without
# docstrings, which nothing reads at run time.
_UNCHECKED_HASH = 0b01
_WITHOUT_DOCSTRINGS = 2


def pack(python: str, modules: dict[str, str], code: str) -> bytes:
    """The bytes of the program.

    :param python: path of the interpreter that runs it, the same one that runs this.
    :param modules: :func:`sources.sources`.
    :param code: their :func:`seal.code_of`.
    """
    files = {"__main__.py": _MAIN.format(package=PACKAGE, code=code)}
    folder = ""
    for part in PACKAGE.split("."):
        folder += f"{part}/"
        files[f"{folder}__init__.py"] = ""
    files.update({f"{folder}{os.path.dirname(path)}/__init__.py": "" for path in modules if os.path.dirname(path)})
    files.update({f"{folder}{path}": text for path, text in modules.items()})
    packed = io.BytesIO()
    packed.write(f"#!{python} -I\n".encode())
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in sorted(files.items()):
            # For the Python of a later upgrade of the host, which cannot use the bytecode.
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED, 1)
            # Not compressed, because each run of the program would pay for it.
            archive.writestr(zipfile.ZipInfo(f"{name}c"), _bytecode(name, text), zipfile.ZIP_STORED)
        archive.comment = seal.comment(code, importlib.util.MAGIC_NUMBER)
    return seal.seal(packed.getvalue())


def _bytecode(name: str, text: str) -> bytes:
    flags, source = _UNCHECKED_HASH.to_bytes(4, "little"), importlib.util.source_hash(text.encode())
    code = compile(text, name, "exec", dont_inherit=True, optimize=_WITHOUT_DOCSTRINGS)
    return importlib.util.MAGIC_NUMBER + flags + source + marshal.dumps(code)


class Program:
    """The program of an app, as it has to be on this host.

    :ivar path: where it has to be.
    :ivar python: path of the interpreter that runs it, the same one that runs this.
    :raises Distrusted: another user than root could have written that interpreter.
    """

    def __init__(self, store: Store) -> None:
        # Not the interpreter of a virtual environment: its user can change the packages, and the guard needs none.
        self.python = os.path.realpath(sys.executable)
        require_trusted(self.python)
        self.path = store.path(NAME)
        self._store = store
        self._modules = sources()
        self._code = seal.code_of(self._modules)

    def is_there(self) -> bool:
        """Whether the same program is there already, and may be run.

        :raises Distrusted: another user than root could have written it, or its folder.
        """
        content = _read(self.path)
        is_same = seal.is_made_of(content, self.python, self._code, importlib.util.MAGIC_NUMBER)
        return is_same and os.access(self.path, os.X_OK)

    def put(self, host: Host) -> None:
        """Write it. It replaces another program only after a test run on this host.

        :raises BluegreenError: it does not run.
        """
        new = f"{self.path}.new"
        remove(new)
        try:
            with telling(self.path):
                _write(new, pack(self.python, self._modules, self._code))
            done = host.run([self.python, "-I", new, "selftest", self._store.app, host.engine.docker_host])
            if done.code:
                last = (done.err or done.out).strip().splitlines()[-1:] or [f"exit code {done.code}"]
                raise BluegreenError(
                    f"The guard, which ends an abandoned deployment, does not run on this host ({last[0]}). Nothing "
                    "was changed. Set ansible_python_interpreter to another Python on this host; the guard was tried "
                    f"with {self.python}."
                )
            os.replace(new, self.path)
        finally:
            remove(new)
        sync_folder(self._store.folder)
        host.commands.append(f"write {self.path}")


def install(host: Host, store: Store, nginx_file: str) -> bool:
    """Put the program of an app on the host, and its units into systemd, unless they are there already.

    :returns: whether this host has a guard; without systemd it has none.
    :raises BluegreenError: the program does not run, or systemd refuses the units.
    """
    if not guard_units.has_systemd():
        return False
    program = Program(store)
    if not program.is_there():
        program.put(host)
    guard_units.install(host, store, program.python, program.path, nginx_file)
    return True


def _write(path: str, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o750)
    with os.fdopen(descriptor, "wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", opener=opener) as source:
            return source.read()
    except FileNotFoundError:
        return b""
