# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way to answer, or not to, when a release awaits approval: on a real terminal, and without one.

    .venv/bin/pytest tests/system/approval -k too-late

One Pi-sized host, on which release 2 awaits approval. Each test asks again (the deploy playbook, for the release that is
there already), and every answer but one has to leave both colors as they are. Logs are in tests/system/approval/.run.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Optional

import ansible_start
import pytest
from controllers import ROOT
from pi_host import PiHost
from standing import awaits, rolled_back, untouched, whole_on
from terminal import WITHIN, Terminal, told

pytestmark = pytest.mark.long

RUN = Path(__file__).resolve().parent / ".run"
RELEASE, OTHER = "2", "1"
PROMPT = "Type 2 to remove the old color. Anything else keeps both colors"
AWAITS = "awaits approval"
LATE = "expired after 3 s (bluegreen_approval_timeout), and nothing was finished:"
UNKNOWN = "value of bluegreen_approval must be one of"
# From the end of the time for an approval until the host has gone back by itself.
GONE_BACK_WITHIN = 60.0


class Answered(NamedTuple):
    rc: int
    text: str
    asked: bool  # whether it came to the prompt


class Deployment:
    """One run of the deploy playbook that comes to the question, or not."""

    def __init__(self, pi: PiHost, name: str, arguments: tuple[str, ...] = (), **variables: Any) -> None:
        RUN.mkdir(exist_ok=True)
        self._log = RUN / f"{name}.log"
        given = {"bluegreen_release": RELEASE, "bluegreen_approval": "prompt", **variables}
        self._command = ansible_start.command("deploy", pi.inventory, given, *arguments)

    def on_terminal(self, *keys: str, wait: float = 0.0, closes: bool = False) -> Answered:
        """Keys that are typed at the prompt; or the terminal is closed there."""
        terminal = Terminal(self._command, self._log)
        asked = terminal.asks(PROMPT)
        if asked and closes:
            terminal.close()
        elif asked:
            terminal.type(*keys, wait=wait)
        return Answered(*terminal.end(), asked)

    def in_background(self) -> Answered:
        """A job of a shell with job control, which goes on in the background while the shell waits."""
        self._command = ["bash", "-c", 'set -m; "$@" & wait $!', "bash", *self._command]
        return self.on_terminal()

    def without_terminal(self, piped: Optional[str] = None, close: bool = False) -> Answered:
        command = ["sh", "-c", 'exec "$@" <&-', "sh", *self._command] if close else self._command
        with open(self._log, "w", encoding="utf-8") as log:
            done = subprocess.run(
                command, cwd=ROOT, env=told(), stdout=log, stderr=subprocess.STDOUT, check=False, timeout=WITHIN,
                start_new_session=True, text=True, **({"input": piped} if piped else {"stdin": subprocess.DEVNULL}),
            )  # fmt: skip
        return Answered(done.returncode, " ".join(self._log.read_text(encoding="utf-8", errors="replace").split()), False)


class Row(NamedTuple):
    """An answer that does not approve the release, and what comes of it."""

    id: str
    does: Callable[[Deployment], Answered]
    rc: int = 0
    asked: bool = True
    words: str = AWAITS  # of the output
    given: dict[str, Any] = {}  # more for the Deployment


CHECK: dict[str, Any] = {"arguments": ("--check",)}
MANUAL, SURE = {"bluegreen_approval": "manual"}, {"bluegreen_approval": "sure"}
NOT_A_YES = (
    Row("another-release", lambda run: run.on_terminal("3\r")),
    Row("release-and-more", lambda run: run.on_terminal("22\r")),
    Row("yes", lambda run: run.on_terminal("yes\r")),
    Row("empty-line", lambda run: run.on_terminal("\r")),
    Row("interrupt-and-abort", lambda run: run.on_terminal("\x03", "a"), rc=2, words="user requested abort"),
    Row("interrupt-and-continue", lambda run: run.on_terminal("\x03", "c")),
    Row("too-late", lambda run: run.on_terminal("2\r", wait=8.0), rc=2, words=LATE, given={"bluegreen_approval_timeout": 3}),
    # By SIGHUP.
    Row("terminal-closed", lambda run: run.on_terminal(closes=True), rc=-1, words=""),
    Row("job-in-background", lambda run: run.in_background(), asked=False),
    Row("check-mode", lambda run: run.on_terminal(), asked=False, given=CHECK),
    Row("check-mode-automatic", lambda run: run.on_terminal(), asked=False, given={**CHECK, "bluegreen_approval": "automatic"}),
    Row("manual", lambda run: run.on_terminal(), asked=False, given=MANUAL),
    Row("manual-without-terminal", lambda run: run.without_terminal(), asked=False, given=MANUAL),
    Row("unknown-policy", lambda run: run.on_terminal(), rc=2, asked=False, words=UNKNOWN, given=SURE),
    Row("unknown-policy-without-terminal", lambda run: run.without_terminal(), rc=2, asked=False, words=UNKNOWN, given=SURE),
    Row("no-input", lambda run: run.without_terminal(), asked=False),
    Row("closed-input", lambda run: run.without_terminal(close=True), asked=False),
    Row("release-in-a-pipe", lambda run: run.without_terminal(piped="2\n"), asked=False),
)


class Pending:
    """The host, on which release 2 awaits approval."""

    def __init__(self, pi: PiHost) -> None:
        self.pi = pi
        self.before: dict[str, Any] = {}  # how the host stood before release 2
        self._variables: dict[str, Any] = {}

    def begin(self, **variables: Any) -> dict[str, Any]:
        """Nothing is done where it awaits approval already, with the same variables. Returns how the host stands."""
        look = self.pi.look()
        if variables != self._variables or awaits(look, RELEASE):
            if look["journal"]:
                self.pi.must_play("rollback", {})
            elif look["answer"].get("release") == RELEASE:
                self.pi.must_play("deploy", {"bluegreen_release": OTHER})
            self.before = self.pi.look()
            self.pi.must_play("deploy", {"bluegreen_release": RELEASE, "bluegreen_approval": "manual", **variables})
            self._variables = variables
            look = self.pi.look()
        return look


@pytest.fixture(scope="module")
def pending(host: PiHost) -> Pending:
    return Pending(host)


@pytest.mark.parametrize("row", NOT_A_YES, ids=lambda row: row.id)
def test_an_answer_that_is_not_the_release_changes_nothing(pending: Pending, row: Row) -> None:
    before = pending.begin(bluegreen_approval_timeout=3600)
    answered = row.does(Deployment(pending.pi, row.id, **row.given))
    after = pending.pi.look()
    assert untouched(before, after) + awaits(after, RELEASE) == []
    assert (answered.rc, answered.asked) == (row.rc, row.asked), answered.text[-2000:]
    assert row.words in answered.text


def test_the_host_goes_back_by_itself_when_nobody_answers_in_time(pending: Pending) -> None:
    pending.begin(bluegreen_approval_timeout=5, bluegreen_on_timeout="rollback")
    end = time.monotonic() + GONE_BACK_WITHIN
    look = pending.pi.look()
    while rolled_back(pending.before, look) and time.monotonic() < end:
        time.sleep(0.5)
        look = pending.pi.look()
    assert rolled_back(pending.before, look) == []
    assert look["last"].get("reason") == "guard: nobody approved release 2 within 5 s"


def test_the_release_typed_at_the_prompt_approves_it(pending: Pending) -> None:
    pending.begin(bluegreen_approval_timeout=3600)
    answered = Deployment(pending.pi, "typed").on_terminal("2\r")
    assert (answered.rc, answered.asked) == (0, True), answered.text[-2000:]
    assert whole_on(pending.pi.look(), RELEASE) == []


@pytest.mark.parametrize("run", [Deployment.on_terminal, Deployment.without_terminal], ids=lambda run: run.__name__)
def test_automatic_approves_a_release_that_has_waited_too_long(pending: Pending, run: Callable[[Deployment], Answered]) -> None:
    pending.begin(bluegreen_approval_timeout=3)
    time.sleep(4)
    # The variables of this run apply.
    answered = run(Deployment(pending.pi, run.__name__, bluegreen_approval="automatic", bluegreen_approval_timeout=60))
    assert (answered.rc, answered.asked) == (0, False), answered.text[-2000:]
    assert whole_on(pending.pi.look(), RELEASE) == []
