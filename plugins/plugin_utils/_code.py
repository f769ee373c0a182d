# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Which module utils a module needs that gets them in one piece (``module_utils/_install/sent.py``). Pure."""

from __future__ import annotations

import re
from typing import Iterator, Mapping

# A module imports these itself, beside its spec, and Ansible sends them with all that they import. No other file is
# imported by _module/run.py, which is not in the program.
_SENT_BY_ANSIBLE = ("_install/sent.py", "_module/outcome.py")
# It installs all of the code.
_INSTALLS = "_install/program.py"

_IMPORT = re.compile(r"^ *from (\.+)([\w.]*) import (?:\(([^)]*)\)|(.*))$", re.MULTILINE)
_NAME = re.compile(r"(\w+)(?: as \w+)?")
# Ansible follows these too, but nothing reads them on a host.
_FOR_TYPES = re.compile(r"^if TYPE_CHECKING:\n(?:    .*\n|\n)+", re.MULTILINE)


def code_for(spec: str, step: str, sources: Mapping[str, str]) -> dict[str, str]:
    """The texts that Ansible does not send, by path; all of them if the module installs the program.

    :param spec: path of the module's spec, such as ``_steps/bg_info.py``.
    :param step: path of the file that does its work.
    :param sources: texts of all module utils, by path.
    """
    needed = _closure([step], {path: _FOR_TYPES.sub("", text) for path, text in sources.items()})
    if _INSTALLS in needed:
        return dict(sources)
    return {path: sources[path] for path in needed - _closure([*_SENT_BY_ANSIBLE, spec], sources)}


def _closure(paths: list[str], texts: Mapping[str, str]) -> set[str]:
    """These files and all that they import, imports inside of functions included."""
    found: set[str] = set()
    while paths:
        path = paths.pop()
        if path not in found:
            found.add(path)
            paths += [each for each in imported(path, texts.get(path, "")) if each in texts]
    return found


def imported(path: str, text: str) -> Iterator[str]:
    """Paths of the files that a file may import: a name may be one of a folder, or one in a file."""
    folders = path.split("/")[:-1]
    for dots, module, several, single in _IMPORT.findall(text):
        where = [*folders[: len(folders) + 1 - len(dots)], *filter(None, module.split("."))]
        yield "/".join(where) + ".py"
        for name in _NAME.findall(several or single):
            yield "/".join([*where, name]) + ".py"
