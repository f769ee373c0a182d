# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The error log of Nginx."""

from __future__ import annotations

import os

from .._docker.engine import EngineError
from . import config as nginx_config, dump as nginx_dump, master as nginx_master
from .running import Running, reason_of

# Only so many last lines, or bytes, of a log are read.
_LINES = 100
_BYTES = 32768


class ErrorLog:
    """The lines that Nginx writes to its error log from the moment that this is made.

    :param dump: the configuration, as ``nginx -T`` prints it.
    """

    def __init__(self, running: Running, dump: str) -> None:
        self._running = running
        self._path = "" if running.container else self._file(dump)
        self._known = set(self._lines())

    def _file(self, dump: str) -> str:
        """The path of the log, empty when Nginx writes to no file."""
        try:
            written = nginx_config.children(nginx_dump.load(nginx_dump.sections(dump)), "error_log")
        except nginx_config.ConfigError:
            written = []
        path = written[0].words[1] if written else nginx_master.build_argument(self._running.build, "error-log-path")
        if not path or path.startswith(("stderr", "syslog:", "memory:")):
            return ""
        return os.path.join(self._running.prefix, path)

    def _lines(self) -> list[str]:
        if self._running.container:
            try:
                return self._running.host.engine.logs(self._running.container, tail=_LINES)
            except EngineError:
                # Some log drivers of Docker cannot be read back.
                return []
        try:
            with open(self._path, "rb") as source:
                source.seek(max(0, os.fstat(source.fileno()).st_size - _BYTES))
                return source.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return []

    def reason(self) -> str:
        """The first error that Nginx has written since; empty when there is none."""
        return reason_of("\n".join(line for line in self._lines() if line not in self._known))
