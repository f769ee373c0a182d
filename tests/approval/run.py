# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way to answer, or not to, when a release awaits approval: on a real terminal, and without one.

    .venv/bin/python tests/approval/run.py

One Pi-sized host, on which release 2 awaits approval. Each try asks again (deploy.yml for the release that is there
already), and whatever is no yes must leave both colors as they are. `tests/run --parts approval` runs lab/setup before it,
which it needs. Logs and results are in tests/approval/.run.
"""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT / "tests/faults", ROOT / "tests/fleet"):
    sys.path.insert(0, str(folder))

# pylint: disable=wrong-import-position
from fleet import awaits, rolled_back, untouched, whole_on  # noqa: E402
from pi_host import PiHost, make_key  # noqa: E402
from terminal import WITHIN, Terminal, command_of, environment  # noqa: E402

HERE = Path(__file__).resolve().parent
RUN = HERE / ".run"
CHECKOUT = hashlib.sha1(str(HERE).encode()).hexdigest()[:6]
RELEASE, OTHER = "2", "1"
PROMPT = "Type 2 to remove the old color. Anything else keeps both colors"
LATE = "expired after 3 s (bluegreen_approval_timeout), and nothing was finished:"


class Try:
    """One run of deploy.yml that comes to the question, or not. Each way to run it returns its exit code, its output, and
    whether somebody was asked."""

    def __init__(self, pi, name, arguments=(), **variables):
        self.log = RUN / f"{name}.log"
        given = {"bluegreen_release": RELEASE, "bluegreen_approval": "prompt", **variables}
        self.command = command_of("smallfleet.bluegreen.deploy", pi.inventory, given, *arguments)

    def on_terminal(self, *keys, wait=0.0, closes=False):
        """Keys that are typed at the prompt; or the terminal is closed there."""
        terminal = Terminal(self.command, self.log)
        asked = terminal.asks(PROMPT)
        if asked and closes:
            terminal.close()
        elif asked:
            terminal.type(*keys, wait=wait)
        return *terminal.end(), asked

    def in_background(self):
        """A job of a shell with job control, which goes on in the background while the shell waits."""
        self.command = ["bash", "-c", 'set -m; "$@" & wait $!', "bash", *self.command]
        return self.on_terminal()

    def without_terminal(self, stdin=subprocess.DEVNULL, piped=None, close=False):
        with open(self.log, "w", encoding="utf-8") as log:
            command = self.command if not close else ["sh", "-c", 'exec "$@" <&-', "sh", *self.command]
            done = subprocess.run(
                command, cwd=ROOT, env=environment(), stdout=log, stderr=subprocess.STDOUT, check=False, timeout=WITHIN,
                start_new_session=True, **({"input": piped, "text": True} if piped else {"stdin": stdin}),
            )
        return done.returncode, " ".join(self.log.read_text(encoding="utf-8", errors="replace").split()), False


# Each: name, what it does with a Try, the exit code, whether a prompt comes, words of the output, and more for the Try.
# None of them is a yes.
NOT_A_YES = (
    ("wrong", lambda one: one.on_terminal("3\r"), 0, True, "awaits approval", {}),
    ("almost", lambda one: one.on_terminal("22\r"), 0, True, "awaits approval", {}),
    ("yes", lambda one: one.on_terminal("yes\r"), 0, True, "awaits approval", {}),
    ("empty", lambda one: one.on_terminal("\r"), 0, True, "awaits approval", {}),
    ("abort", lambda one: one.on_terminal("\x03", "a"), 2, True, "user requested abort", {}),
    ("continue", lambda one: one.on_terminal("\x03", "c"), 0, True, "awaits approval", {}),
    ("check", lambda one: one.on_terminal(), 0, False, "awaits approval", {"arguments": ["--check"]}),
    # By SIGHUP.
    ("hangup", lambda one: one.on_terminal(closes=True), -1, True, "", {}),
    ("background", lambda one: one.in_background(), 0, False, "awaits approval", {}),
    ("check policy", lambda one: one.on_terminal(), 0, False, "awaits approval",
     {"arguments": ["--check"], "bluegreen_approval": "automatic"}),
    ("manual", lambda one: one.on_terminal(), 0, False, "awaits approval", {"bluegreen_approval": "manual"}),
    ("nobody manual", lambda one: one.without_terminal(), 0, False, "awaits approval", {"bluegreen_approval": "manual"}),
    ("unknown", lambda one: one.on_terminal(), 2, False, "value of bluegreen_approval must be one of",
     {"bluegreen_approval": "sure"}),
    ("nobody unknown", lambda one: one.without_terminal(), 2, False, "value of bluegreen_approval must be one of",
     {"bluegreen_approval": "sure"}),
    ("late", lambda one: one.on_terminal("2\r", wait=8.0), 2, True, LATE, {"bluegreen_approval_timeout": 3}),
    ("devnull", lambda one: one.without_terminal(), 0, False, "awaits approval", {}),
    ("closed", lambda one: one.without_terminal(close=True), 0, False, "awaits approval", {}),
    ("piped", lambda one: one.without_terminal(piped="2\n"), 0, False, "awaits approval", {}),
)  # fmt: skip


def no_answer_is_a_yes(pi):
    """Results of the tries that must leave everything as it is."""
    for name, does, rc, prompted, words, given in NOT_A_YES:
        begin_pending(pi, f"{name}.begin", bluegreen_approval_timeout=3600)
        before = pi.look()
        got, text, asked = does(Try(pi, name, **given))
        after = pi.look()
        wrong = untouched(before, after) + awaits(after, RELEASE)
        if got != rc:
            wrong.append(f"it ended with {got}, not {rc}")
        if asked != prompted:
            wrong.append("nobody was asked" if prompted else "somebody was asked")
        if words not in text:
            wrong.append(f"it does not say {words!r}")
        yield name, wrong


def begin_pending(pi, label, **variables):
    """Have release 2 await approval, with these variables; nothing is done where it does already with the same ones."""
    if getattr(pi, "pending", None) == variables:
        return
    if getattr(pi, "pending", None):
        play(pi, "rollback", f"{label}.back", {})
    pi.before = pi.look()
    play(pi, "deploy", label, {"bluegreen_release": RELEASE, "bluegreen_approval": "manual", **variables})
    pi.pending = variables


def play(pi, playbook, label, variables):
    controller = pi.play(playbook, label, variables)
    rc = controller.wait(WITHIN)
    controller.stop()
    if rc:
        raise RuntimeError(f"{playbook} ended with {rc}; its log is {controller.log}.")


def nobody_decides(pi):
    """bluegreen_on_timeout: rollback; the host itself goes back, and an answer after that finishes nothing."""
    begin_pending(pi, "nobody", bluegreen_approval_timeout=5, bluegreen_on_timeout="rollback")
    wrong = ["nothing happened"]
    end = time.monotonic() + 60
    while wrong and time.monotonic() < end:
        time.sleep(0.5)
        look = pi.look()
        wrong = rolled_back(pi.before, look)
        if look["last"].get("reason") != "guard: nobody approved release 2 within 5 s":
            wrong.append(f"its reason is {look['last'].get('reason')!r}")
    pi.pending = None
    return wrong


def typed(pi):
    """The release itself, typed on a terminal: the only yes."""
    begin_pending(pi, "typed.begin", bluegreen_approval_timeout=3600)
    rc, _text, asked = Try(pi, "typed").on_terminal("2\r")
    pi.pending = None
    wrong = whole_on(pi.look(), RELEASE)
    if rc or not asked:
        wrong.append(f"it ended with {rc}" if asked else "nobody was asked")
    return wrong


def policy(pi, on_terminal):
    """automatic, for a release that has waited longer than it may: whoever starts it again decides anew."""
    begin_pending(pi, "policy.begin", bluegreen_approval_timeout=3)
    time.sleep(4)
    one = Try(pi, f"policy.{on_terminal}", bluegreen_approval="automatic", bluegreen_approval_timeout=60)
    rc, text, asked = one.on_terminal() if on_terminal else one.without_terminal()
    pi.pending = None
    wrong = whole_on(pi.look(), RELEASE)
    if rc or asked:
        wrong.append("somebody was asked" if asked else f"it ended with {rc}: {text[-600:]}")
    return wrong


def tries(pi):
    yield from no_answer_is_a_yes(pi)
    yield "nobody decides", nobody_decides(pi)
    yield "typed", typed(pi)
    play(pi, "deploy", "another", {"bluegreen_release": OTHER, "bluegreen_approval": "automatic"})
    yield "policy", policy(pi, on_terminal=True)
    play(pi, "deploy", "yet another", {"bluegreen_release": OTHER, "bluegreen_approval": "automatic"})
    yield "nobody policy", policy(pi, on_terminal=False)


def _interrupt(*_unused):
    raise KeyboardInterrupt


def main():
    signal.signal(signal.SIGTERM, _interrupt)
    RUN.mkdir(exist_ok=True)
    make_key()
    pi = PiHost(f"bluegreen-approval-{CHECKOUT}")
    results = []
    try:
        pi.make()
        for name, wrong in tries(pi):
            results.append({"try": name, "ok": not wrong, "wrong": wrong})
            print(f"{name:<16}{'; '.join(wrong) or 'as it has to be'}", flush=True)
    finally:
        pi.destroy()
        (RUN / "results.jsonl").write_text("".join(f"{json.dumps(result)}\n" for result in results), encoding="utf-8")
    return 0 if len(results) == len(NOT_A_YES) + 4 and all(result["ok"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
