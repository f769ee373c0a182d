# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.counting import gap_ends
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.create import create_journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.figures import figures, sentence, span
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.step import Step
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import facts
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost


class Course:
    """A deployment as its runs on the host make it: each loads the journal again, and time passes in between, too."""

    def __init__(self, folder, changes):
        self.host = FakeHost()
        self.store = Store("shop", self.host, root=str(folder / "lib"), run_root=str(folder / "run"))
        self.store.create()
        journal = create_journal(self.store, "dep-1", "ada@laptop", facts(**changes))
        self.host.clock.sleep(1)
        journal.done(Step.OPEN)

    def play(self, events):
        for what, *given in events:
            getattr(self, what)(*given)
        return figures(self.store.load())

    def wait(self, seconds):
        """Nobody is at it: the controller works, a human is asked, or all are gone."""
        self.host.clock.sleep(seconds)

    def boot(self, off, behind=0):
        """The host is off for so many seconds, and its clock is behind after that."""
        clock = self.host.clock
        wall = clock.wall() + off - behind
        clock.boot, clock.now = f"{clock.boot} and another", 20.0
        clock.wall = lambda: wall + clock.now - 20.0

    def set_clock(self, by):
        clock, wall = self.host.clock, self.host.clock.wall
        clock.wall = lambda: wall() + by

    def step(self, step, *actions, done=True):
        journal = self.store.load()
        journal.begin(Step(step))
        self._act(journal, actions)
        if done:
            journal.done(Step(step))

    def killed(self, step, *actions):
        self.step(step, *actions, done=False)

    def back(self, *actions, result="rolled_back"):
        journal = self.store.load()
        journal.take_over()
        journal.note(rolling_back=True)
        self._act(journal, actions)
        journal.note(result=result)

    def fail(self, *actions):
        self.back(*actions, result="failed")

    def settle(self, has_workers=True):
        journal = self.store.load()
        journal.begin(Step.SETTLE)
        journal.done(Step.SETTLE)
        journal.begin(Step.AWAITING_APPROVAL, **gap_ends(journal.data, has_workers))
        journal.done(Step.AWAITING_APPROVAL)

    def _act(self, journal, actions):
        for action in actions:
            if isinstance(action, tuple):
                verb, color, *ran = action
                workers = [SimpleNamespace(project=f"shop-{color}")]
                if verb == "told":
                    journal.note_told(workers, *(ran or [True]))
                else:
                    journal.note_consuming(workers)
            else:
                self.host.clock.sleep(action)


STOP = ("step", "stop_workers", 3, ("told", "blue"), 2)
START = ("step", "start_workers", 4, ("consume", "green"), 2)
# With the second of the opening 45 s: 20 of Compose's, 3 and 2 around the signal, 1 between two runs, 8 until the
# cutover …
FORWARD = [
    ("wait", 20),
    STOP,
    ("wait", 1),
    ("step", "cutover", 7),
    ("wait", 2),
    START,
    ("wait", 2),
    ("settle",),
]
PHASES = {"open": 1, "fetch": 20, "stop_workers": 5, "cutover": 7, "start_workers": 6}
FIRST = {"from": "", "release_from": ""}


@pytest.mark.parametrize(
    "events, changes, took, waited, gap, seconds",
    [
        (FORWARD, {}, 44, 0, 16, {**PHASES, "between_runs": 5}),
        (
            [*FORWARD, ("wait", 61), ("step", "finish", 3)],
            {},
            108,
            61,
            16,
            {**PHASES, "between_runs": 5, "awaiting_approval": 61, "finish": 3},
        ),
        # What a human waits for is no gap, and that of the way back is: from the second signal to the second proof.
        (
            [*FORWARD, ("wait", 500), ("back", 2, ("told", "green"), 5, ("consume", "blue"), 3)],
            {},
            554,
            500,
            21,
            {**PHASES, "between_runs": 5, "awaiting_approval": 500, "way_back": 10},
        ),
        # The controller is gone, and the guard takes over: workers stand still until then.
        (
            [("wait", 20), STOP, ("wait", 900), ("back", 1, ("consume", "blue"), 1)],
            {},
            928,
            0,
            903,
            {"open": 1, "fetch": 20, "stop_workers": 5, "between_runs": 900, "way_back": 2},
        ),
        (
            [
                *[("wait", 20), ("killed", "stop_workers", 3, ("told", "blue"), 2)],
                *[("wait", 900), ("back", ("consume", "blue"), 1)],
            ],
            {},
            927,
            0,
            902,
            # How long it lived after its last word nobody knows.
            {"open": 1, "fetch": 20, "stop_workers": 3, "between_runs": 902, "way_back": 1},
        ),
        # Throttled: the old ones stop when the new ones consume.
        (
            [("step", "start_workers", 9, ("consume", "green"), 1, ("told", "blue"), 5), ("wait", 1), ("settle",)],
            {},
            17,
            0,
            0,
            {"open": 1, "start_workers": 15, "between_runs": 1},
        ),
        # A throttled deployment that goes back has one gap, that of the way back.
        (
            [
                ("step", "start_workers", ("consume", "green"), ("told", "blue"), 5),
                ("settle",),
                ("wait", 300),
                ("back", ("told", "green"), 4, ("consume", "blue")),
            ],
            {},
            310,
            300,
            4,
            {"open": 1, "start_workers": 5, "awaiting_approval": 300, "way_back": 4},
        ),
        # The old workers had not stopped yet, and go on.
        (
            [("step", "start_workers", ("consume", "green"), 1), ("back", ("told", "green"), 4, ("consume", "blue"))],
            {},
            6,
            0,
            0,
            {"open": 1, "start_workers": 1, "way_back": 4},
        ),
        # Neither color has workers; nobody worked before; the new release has none any more.
        ([("step", "cutover", 3), ("settle",)], {}, 4, 0, None, {"open": 1, "cutover": 3}),
        ([("step", "start_workers", 3, ("consume", "green"))], FIRST, 4, 0, None, {"open": 1, "start_workers": 3}),
        (
            [("step", "start_workers", ("consume", "green")), ("wait", 2), ("back", ("told", "green"), 3)],
            FIRST,
            6,
            0,
            None,
            {"open": 1, "between_runs": 2, "way_back": 3},
        ),
        (
            [
                *[("step", "stop_workers", ("told", "blue"), 2), ("settle", False)],
                *[("wait", 50), ("back", 1, ("consume", "blue"))],
            ],
            {},
            54,
            50,
            None,
            {"open": 1, "stop_workers": 2, "awaiting_approval": 50, "way_back": 1},
        ),
        # The new release has none any more, and finish stops one that still had a task.
        (
            [("step", "stop_workers", ("told", "blue"), 2), ("settle", False), ("step", "finish", ("told", "blue"), 9)],
            {},
            12,
            0,
            None,
            {"open": 1, "stop_workers": 2, "finish": 9},
        ),
        # The old ones were all down: nobody was told, and the way back is a gap nevertheless.
        (
            [
                ("step", "stop_workers", ("told", "blue", False), 2),
                ("step", "start_workers", ("consume", "green"), 1),
                ("back", ("told", "green"), 6, ("consume", "blue")),
            ],
            {},
            10,
            0,
            6,
            {"open": 1, "stop_workers": 2, "start_workers": 1, "way_back": 6},
        ),
        # A run of which nobody knows whether it got to the proof: the workers that await approval work.
        ([STOP, ("settle",), ("wait", 70)], {}, 6, 0, 2, {"open": 1, "stop_workers": 5}),
        # It failed so that a human had to look, with no worker at work.
        (
            [STOP, ("fail", 4), ("wait", 3600), ("back", 1, ("consume", "blue"))],
            {},
            3611,
            3600,
            3607,
            {"open": 1, "stop_workers": 5, "way_back": 5, "failed": 3600},
        ),
        # A boot begins the clock of the host anew, and what it was off only the other clock tells.
        (
            [STOP, ("boot", 40), ("back", 5, ("consume", "blue"))],
            {},
            51,
            0,
            47,
            {"open": 1, "stop_workers": 5, "between_runs": 40, "way_back": 5},
        ),
        # That one may be behind, and then only the seconds since the boot are certain.
        (
            [STOP, ("boot", 40, 7200), ("back", 5, ("consume", "blue"))],
            {},
            31,
            0,
            27,
            {"open": 1, "stop_workers": 5, "between_runs": 20, "way_back": 5},
        ),
        # Within a boot nobody asks it.
        *(
            (
                [STOP, ("set_clock", jump), ("step", "cutover", 7)],
                *({}, 13, 0, 9),
                {"open": 1, "stop_workers": 5, "cutover": 7},
            )
            for jump in (-86400, 86400)
        ),
    ],
    ids=[
        "settled", "approved", "undone after a while", "the guard", "killed", "throttled", "throttled and undone",
        *("undone before the old ones stopped", "no workers", "first", "first undone", "no workers any more"),
        *("told again at the end", "all were down"),
        "unproved", "failed", "boot", "clock behind after a boot", "clock set back", "clock set forward",
    ],
)  # fmt: skip
def test_a_course(tmp_path, events, changes, took, waited, gap, seconds):
    shown = Course(tmp_path, changes).play(events)
    assert (shown["took"], shown["waited"], shown["worker_gap"]) == (took, waited, gap)
    assert shown["seconds"] == seconds
    assert sum(shown["seconds"].values()) == pytest.approx(shown["took"])
    # Both count the same seconds.
    assert (gap or 0) <= took


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0.04, "0.0 s"),
        (8.44, "8.4 s"),
        (571.6, "572 s"),
        (1000, "17 min"),
        (3590, "1 h 0 min"),
        (7980, "2 h 13 min"),
        (3 * 86400 + 4 * 3600 + 1799, "3 d 4 h"),
    ],
)
def test_a_time_for_people(seconds, text):
    assert span(seconds) == text


MEMORY = {"before": 188743680, "peak": 267386880}


@pytest.mark.parametrize(
    "entry, text",
    [
        ({}, ""),
        (
            {"took": 33.62, "seconds": {"fetch": 33.62}, "tasks_moved": 0, "worker_gap": None, "memory": None},
            "It took 33.6 s.",
        ),
        (
            {"took": 95, "seconds": {"awaiting_approval": 61, "settle": 34}, "worker_gap": 4.9, "tasks_moved": 12},
            "It took 95.0 s (61.0 s of it waiting for approval), worker gap 4.9 s, 12 tasks moved.",
        ),
        # Automatic approval has no wait to speak of.
        ({"took": 33, "seconds": {"awaiting_approval": 0.8}, "worker_gap": 0.0}, "It took 33.0 s, worker gap 0.0 s."),
        (
            {"took": 9000, "seconds": {"awaiting_approval": 60, "failed": 7980}},
            "It took 2 h 30 min (60.0 s of it waiting for approval, 2 h 13 min of it failed and waiting for somebody "
            "to look).",
        ),
        (
            {"seconds": {"cutover": 1}, "tasks_moved": 12, "worker_gap": 0.0, "memory": MEMORY},
            "Worker gap 0.0 s, 12 tasks moved, memory 180 MiB before and 255 MiB at its peak.",
        ),
    ],
)
def test_for_people(entry, text):
    assert sentence(entry) == text
