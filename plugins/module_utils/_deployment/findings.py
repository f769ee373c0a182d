# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""All that stands against a deployment, collected so that one error can name it."""

from __future__ import annotations

import contextlib
from typing import Any, Iterable, Iterator

from .._docker.engine import EngineError
from .._errors import BluegreenError


class Findings:
    """Sentences in the order in which they were found, each one once.

    :ivar sentences: each says what to write or to do.
    """

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self._details: dict[str, Any] = {}

    def add(self, sentences: Iterable[str]) -> bool:
        """Add sentences; whether there were any."""
        found = list(sentences)
        self.sentences = list(dict.fromkeys(self.sentences + found))
        return bool(found)

    @contextlib.contextmanager
    def collected(self) -> Iterator[None]:
        """Let a part of the checks end with its first error, and continue with the next part.

        An error of the engine is not collected, because all further parts would only repeat it.
        """
        try:
            yield
        except EngineError:
            raise
        except BluegreenError as error:
            self.add(error.details.get("findings") or [error.message])
            self._details.update(error.details)

    def require_none(self) -> None:
        """Raise where there are findings.

        :raises BluegreenError: ``findings`` has all sentences.
        """
        if self.sentences:
            details = {**self._details, "findings": list(self.sentences)}
            raise BluegreenError("\n".join(self.sentences), **details)
