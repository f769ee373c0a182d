# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployment that awaits approval, and answers of its webs."""

from __future__ import annotations

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._guard import watch as guard_watch
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._guard.watch import (
    PendingWatch,
    ProbeResult,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._http import Answer
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene

GOOD, BROKEN, REFUSED, HUNG = (
    Answer(200, "", 0.01),
    Answer(500, "", 0.01),
    Answer(0, "connection refused", 0.0),
    Answer(0, "timed out after 2 s", 2.0),
)

BLUE, GREEN, PUBLIC = 18001, 18002, 80

WELL, ILL, NO_NGINX = (
    ProbeResult(True),
    ProbeResult(False, "connection refused"),
    ProbeResult(False, "connection refused", nginx_is_down=True),
)

WHY = "green failed 3 times in a row (connection refused)"


class Pending(Scene):
    """A deployment that awaits approval; ``answers`` is what each port answers, ``asked`` who was asked for what."""

    def __init__(self, monkeypatch, folder, **facts):
        super().__init__(monkeypatch, folder)
        self.answers = {BLUE: GOOD, GREEN: GOOD, PUBLIC: GOOD}
        self.asked = []
        monkeypatch.setattr(guard_watch._http, "ask", self._ask)
        self.color("blue", worker="exited", beat="exited")
        self.color("green")
        self.journal = self.deployment("awaiting_approval", **facts)
        self.watch = PendingWatch(self.host, self.store, self.journal)

    def _ask(self, clock, url, host, timeout, validate_certs):
        self.asked.append((url.port, url.path, host, timeout, validate_certs))
        return self.answers[url.port]

    def look(self, times=1):
        """What that many looks end with."""
        ends = []
        for dummy in range(times):
            ends.append(self.watch.look())
            self.host.clock.now += guard_watch.PACE
        return ends

    def color_dies(self):
        """The new color answers no more, neither by itself nor through Nginx."""
        self.answers.update({GREEN: REFUSED, PUBLIC: Answer(502, "", 0.01)})
