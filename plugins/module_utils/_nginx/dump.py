# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The whole configuration of Nginx, as ``nginx -T`` prints it."""

from __future__ import annotations

import fnmatch
import os
import re
from typing import Iterable, Iterator, Mapping

from .config import ConfigError, Statement, parse

_SECTION = re.compile(r"^# configuration file (/.*):$", re.MULTILINE)


def sections(dump: str) -> dict[str, str]:
    """The files that ``nginx -T`` printed, ``{path: text}`` in the order of their inclusion.

    A comment can look like the line with which Nginx announces a file. Nginx announces each file once, so if a path
    comes twice, nothing in the dump can be trusted.

    :raises ConfigError: a path comes twice.
    """
    found = list(_SECTION.finditer(dump))
    ends = [match.start() for match in found[1:]] + [len(dump)]
    files = {}
    for match, end in zip(found, ends):
        if match.group(1) in files:
            raise ConfigError(
                f"nginx -T shows {match.group(1)} twice: a comment in the Nginx configuration looks like the line "
                "'# configuration file ...:' that Nginx writes itself. Reword that comment."
            )
        # Nginx ends each file with a newline of its own.
        text = dump[match.end() + 1:end]
        files[match.group(1)] = text[:-1] if text.endswith("\n") else text
    return files


def load(files: Mapping[str, str]) -> list[Statement]:
    """The statements of the whole configuration, each ``include`` replaced by the statements of its files.

    :param files: ``{path: text}``, the main file first.
    :raises ConfigError: a file is not Nginx configuration.
    """
    if not files:
        return []
    main = next(iter(files))
    parsed: dict[str, list[Statement]] = {}

    def expand(statements: list[Statement], active: tuple[str, ...]) -> Iterator[Statement]:
        for statement in statements:
            if statement.name == "include" and statement.block is None and len(statement.words) == 2:
                for path in included(statement.words[1], os.path.dirname(main), files):
                    if path not in active:
                        yield from expand(read(path), active + (path,))
            elif statement.block is None:
                yield statement
            else:
                yield statement._replace(block=list(expand(statement.block, active)))

    def read(path: str) -> list[Statement]:
        if path not in parsed:
            parsed[path] = parse(files[path], path)
        return parsed[path]

    return list(expand(read(main), (main,)))


def included(pattern: str, folder: str, paths: Iterable[str]) -> list[str]:
    """Those of ``paths`` that an ``include`` of ``pattern`` in a configuration below ``folder`` names."""
    wanted = os.path.normpath(os.path.join(folder, pattern)).split("/")
    return sorted(path for path in paths if _matches(os.path.normpath(path).split("/"), wanted))


def _matches(parts: list[str], wanted: list[str]) -> bool:
    # As glob(3) does: a wildcard matches neither a slash nor a leading dot.
    return len(parts) == len(wanted) and all(
        fnmatch.fnmatchcase(part, pattern) and (not part.startswith(".") or pattern.startswith("."))
        for part, pattern in zip(parts, wanted)
    )
