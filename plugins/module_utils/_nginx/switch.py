# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Moving Nginx to a color, with proof, and back again when there is none."""

from __future__ import annotations

from typing import NamedTuple

from .._errors import BluegreenError
from .._linux.clock import Deadline
from . import proof as nginx_proof, public_requests, upstream as nginx_upstream
from .running import ErrorLog, Running
from .upstream_file import OwnedFile

# A reload that failed to bind is tried again by Nginx itself for 2.5 s; before that nothing is lost.
PROOF_TIMEOUT = 4.0
_PACE = 0.02


class Switched(NamedTuple):
    """What a switch did.

    ``previous`` and ``live`` are colors (``previous`` is ``None`` when there was none); ``children`` are the processes
    ``[pid, start time]`` of Nginx from before the switch, which finish what they have; ``diff`` is Ansible's.
    """

    changed: bool
    previous: object
    live: str
    diff: dict
    seconds: float
    children: list


def plan(journal, nginx, color, release=""):
    """What a switch to ``color`` would do, nothing changed; its ``children`` and ``seconds`` are empty."""
    owned = OwnedFile(nginx.file, journal.get("id"))
    before = owned.read()
    upstream = nginx_upstream.parse(before, nginx.file, nginx.upstream)
    previous = nginx_upstream.live_color(upstream, nginx.servers, nginx.file)
    has_backup = any(server.backup for server in upstream.servers)
    # Only at the cutover both colors are known to be up. One that is not there, or goes in a moment, is nobody's backup:
    # its name would keep Nginx from starting.
    both_up = has_backup if previous == color else previous is not None
    backup = nginx.backup and both_up and not journal.get("back")
    after = before
    if previous != color or has_backup != backup:
        after = _text_for(owned, upstream, nginx._replace(backup=backup), color, release, journal.get("id") or "")
    diff = {"before_header": nginx.file, "after_header": nginx.file, "before": before, "after": after}
    return Switched(after != before, previous, color, diff, 0.0, [])


def _text_for(owned, upstream, nginx, color, release, deployment_id):
    kept = owned.read_kept()
    if kept is not None:
        # Going back restores the very bytes, also those that a human wrote.
        earlier = nginx_upstream.parse(kept, owned.kept, nginx.upstream)
        if nginx_upstream.live_color(earlier, nginx.servers, owned.kept) == color:
            return kept
    return nginx_upstream.render(
        nginx.upstream, color, nginx.servers, release, deployment_id, nginx.backup, tuning=upstream.tuning
    )


def switch(host, journal, nginx, color, release="", timeout=PROOF_TIMEOUT, before_rename=None):
    """Move Nginx to a color that is healthy already.

    :param color: ``None`` for no live color, when a first deployment is undone.
    :param release: for the header of the file.
    :param timeout: seconds that the proof may take.
    :param before_rename: called when all is ready and nothing changed yet.
    :returns: :class:`Switched`
    :raises BluegreenError: Nginx did not take the color over. The file is that of before again; ``failure`` in its
        details says what happened, and which color Nginx is proved to serve.
    """
    begun = host.clock.monotonic()
    running = Running(host, nginx)
    planned = plan(journal, nginx, color, release)
    if not planned.changed and _asked(running, color, Deadline(host.clock, 0)).proved:
        children = _draining(journal, running, color)
    else:
        attempt = _Attempt(host, journal, running, planned, timeout)
        if before_rename:
            before_rename()
        verdict = attempt.apply()
        if not verdict.proved:
            raise attempt.undo(verdict)
        attempt.settle()
        planned = planned._replace(changed=True)
        children = [list(child.identity) for child in attempt.children]
    return planned._replace(children=children, seconds=round(host.clock.monotonic() - begun, 2))


def _draining(journal, running, color):
    """What is left to drain where the color was live before this: of the processes noted those that finish."""
    cutover = journal.get("cutover")
    if not cutover:
        return []
    finishing = [list(child.identity) for child in running.children() if child.draining]
    children = [child for child in cutover["children"] if list(child) in finishing]
    journal.note(cutover={**cutover, "color": color, "proved": color or "", "children": children})
    return children


class _Attempt:
    """One try to move Nginx: applied as a whole, or undone as a whole."""

    def __init__(self, host, journal, running, planned, timeout):
        self.host = host
        self.journal = journal
        self.running = running
        self.planned = planned
        self.timeout = timeout
        self.owned = OwnedFile(running.nginx.file, journal.get("id"))
        # On the way back everything else decides where the URL alone cannot be asked any more.
        self.back = bool(journal.get("back"))
        self.public = self._public_side()
        # Those that may serve the color that is left; they have to end before it may stop.
        self.children = running.children()
        if planned.live:
            running.require_resolvable(planned.live)
        self.log = None
        self.reloaded = False

    def _public_side(self):
        try:
            return public_requests.public_side(self.running)
        except BluegreenError as error:
            if not self.back:
                raise
            self.host.warn(error.message)
            return None

    def apply(self):
        """Replace the file and have Nginx read it; a :class:`proof.Verdict`."""
        text = self.planned.diff["after"]
        if self.planned.changed:
            self.owned.keep()
        self._note(proved="")
        if self.planned.changed:
            self.host.commands.append(f"replace {self.owned.path}")
            self.owned.replace(text)
        try:
            return self._take_over(text)
        except BaseException:
            # Nobody knows what Nginx read; at its next start it must not find a file that was not proved.
            self._put_back()
            raise

    def _take_over(self, text):
        checked = self.running.check()
        if not checked.ok:
            return nginx_proof.Verdict(False, f"nginx -t says: {checked.message}")
        self.log = ErrorLog(self.running, checked.dump)
        # The file may be in no include, or its upstream in no server block: then a reload would prove nothing.
        verdict = self._configuration_verdict(text, checked.dump)
        if not verdict.proved:
            return verdict
        refused = self.running.reload()
        if refused:
            return nginx_proof.Verdict(False, f"nginx -s reload says: {refused}")
        self.reloaded = True
        deadline = Deadline(self.host.clock, self.timeout)
        verdict = self._wait_for_children(deadline, self.children)
        return self._public_verdict(deadline) if verdict.proved else verdict

    def _configuration_verdict(self, text, dump):
        running = self.running
        verdict = nginx_proof.configuration_verdict(running.nginx, running.file, text, dump, self.public)
        if self.back and not verdict.proved:
            # Another server block may answer the URL by now, while the upstream is used as before.
            return nginx_proof.configuration_verdict(running.nginx, running.file, text, dump, None)
        return verdict

    def _public_verdict(self, deadline):
        """Whether requests reach the color. Going back needs no more than that they do not reach the other one."""
        live = self.planned.live
        verdict = _asked(self.running, live, deadline)
        if verdict.proved or not self.back:
            return verdict
        asked = public_requests.PublicRequests(self.running)
        asked.ask(live)
        if asked.verdict(nginx_upstream.other(live)).proved:
            return verdict
        self.host.warn(
            f"Nginx is back at {live}: its new worker processes have read {self.owned.path}, and no request went to "
            f"{nginx_upstream.other(live)}. But bluegreen_public_url {self.running.nginx.public_url} did not show it ({verdict.reason}): "
            "correct that before the next deployment."
        )
        return nginx_proof.Verdict(True)

    def _wait_for_children(self, deadline, before):
        while True:
            self.journal.renew_lease()
            verdict = nginx_proof.children_verdict(before, self.running.children())
            if verdict.proved or deadline.over:
                return verdict
            deadline.sleep(_PACE)

    def undo(self, verdict):
        """Put everything back as it was; the error to raise."""
        previous, color = self.planned.previous, self.planned.live
        said = self.log.reason() if self.log else ""
        self._put_back()
        sentence = f"Nginx was not moved to {color or 'no color'}: {verdict.reason}"
        sentence += f" (Nginx says: {said}). " if said and said not in verdict.reason else ". "
        back = self._serve_again(previous)
        served = previous if back.proved and previous else None
        self._note(proved=served or "")
        if not self.planned.changed:
            sentence += f"{self.owned.path} says {color} all the same: mend that and run this again."
        elif back.proved:
            sentence += f"The file of before is back, and Nginx is proved to serve {previous or 'no color'}. Mend that first."
        else:
            sentence += (
                f"The file of before is back, but it is not proved that Nginx serves {previous or 'no color'}: {back.reason}. "
                "Look at its error log."
            )
        failure = {"reason": verdict.reason, "nginx": said, "restored": self.planned.changed, "served": served}
        return BluegreenError(sentence, failure=failure)

    def _serve_again(self, previous):
        """Whether Nginx serves the color of before, by having it read the file of before if it read the other one."""
        noted, self.children = self.children, []
        if self.reloaded:
            checked = self.running.check()
            if not checked.ok:
                return nginx_proof.Verdict(False, f"nginx -t says: {checked.message}")
            now = self.running.children()
            refused = self.running.reload()
            if refused:
                return nginx_proof.Verdict(False, f"nginx -s reload says: {refused}")
            # With none but the processes of before it never took the other file, and maybe cannot take any.
            if nginx_proof.children_changed(noted, now):
                self.children = now
                verdict = self._wait_for_children(Deadline(self.host.clock, self.timeout), now)
                if not verdict.proved:
                    return verdict
        return _asked(self.running, previous, Deadline(self.host.clock, self.timeout))

    def settle(self):
        """The switch is proved."""
        # Undoing a first deployment leaves no color.
        self._note(proved=self.planned.live or "")
        if self.journal.get("id"):
            self.owned.settle()
        else:
            # By itself a switch has no later moment at which it could be undone.
            self.owned.forget()

    def _put_back(self):
        if self.planned.changed:
            self.host.commands.append(f"put back {self.owned.path}")
            self.owned.put_back()

    def _note(self, proved):
        # Other parts of the collection import this file, and OpenSSL would cost each of them 4 MiB.
        import hashlib

        text = self.planned.diff["after"]
        self.journal.note(
            cutover={
                "color": self.planned.live,
                "previous": self.planned.previous,
                "file": self.owned.path,
                "kept": self.owned.kept,
                "sha256": hashlib.sha256(text.encode()).hexdigest(),
                "children": [list(child.identity) for child in self.children],
                "at": self.host.clock.boottime(),
                "proved": proved,
            }
        )


def _asked(running, color, deadline):
    """Whether requests through the public URL reach a color, asked again until they do; no color needs no proof."""
    if color is None:
        return nginx_proof.Verdict(True)
    while True:
        asked = public_requests.PublicRequests(running)
        asked.ask(color)
        verdict = asked.verdict(color)
        if verdict.proved or deadline.over:
            return verdict
        deadline.sleep(_PACE * 5)


def prove(host, nginx, color):
    """Whether the running Nginx serves a color, as a :class:`proof.Verdict`; nothing is changed."""
    return _asked(Running(host, nginx), color, Deadline(host.clock, 0))


def forget_backup(nginx):
    """Remove the bytes that were kept beside the file, at the end of a deployment."""
    OwnedFile(nginx.file).forget()
