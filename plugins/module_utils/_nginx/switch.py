# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Move Nginx to a color with proof, and back again if there is none: the cutover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, NamedTuple

from .._errors import BluegreenError
from .._host import Host
from .._linux.clock import Deadline
from .._settings import Nginx, other
from . import public_requests, upstream as nginx_upstream, upstream_text
from .error_log import ErrorLog
from .master import NginxWorker
from .proof import Verdict, has_new_workers, workers_verdict
from .routes import PublicSide, configuration_verdict
from .running import Running
from .turn import turn
from .upstream import Upstream
from .upstream_file import OwnedFile

if TYPE_CHECKING:
    from .._journal.journal import AnyJournal

# Seconds. Nginx itself repeats a reload that could not bind to a port for 2.5 s, and may succeed until then.
PROOF_TIMEOUT = 4.0
_PACE = 0.02
_WAY_OUT = "Remove the cause named above, and run this again."


class Switched(NamedTuple):
    """The result of a switch.

    ``previous`` and ``live`` are colors or ``None``; ``diff`` is Ansible's; ``seconds`` is how long the switch took;
    ``nginx_workers`` are ``[pid, start time]`` of the worker processes of Nginx from before it, which finish their
    requests.
    """

    changed: bool
    previous: str | None
    live: str | None
    diff: dict[str, str]
    seconds: float
    nginx_workers: list[list[int]]


def plan(journal: AnyJournal, nginx: Nginx, color: str | None, release: str = "") -> Switched:
    """The :class:`Switched` that a switch to ``color`` would return, without ``nginx_workers`` and ``seconds``.

    Changes nothing.

    :raises BluegreenError: the file cannot be read or understood.
    """
    owned = OwnedFile(nginx.file, journal.get("id"))
    before = owned.read()
    upstream = nginx_upstream.parse(before, nginx.file, nginx.upstream)
    previous = nginx_upstream.live_color(upstream, nginx.servers, nginx.file)
    has_backup = any(server.backup for server in upstream.servers)
    # Both colors are known to run only at the cutover. A color that does not run, or is about to be removed, must not
    # be the backup: its name would keep Nginx from starting.
    both_up = has_backup if previous == color else previous is not None
    backup = nginx.backup and both_up and not journal.get("rolling_back")
    after = before
    if previous != color or has_backup != backup:
        after = _text_for(owned, upstream, nginx._replace(backup=backup), color, release, journal.get("id") or "")
    diff = {"before_header": nginx.file, "after_header": nginx.file, "before": before, "after": after}
    return Switched(after != before, previous, color, diff, 0.0, [])


def _text_for(
    owned: OwnedFile, upstream: Upstream, nginx: Nginx, color: str | None, release: str, deployment_id: str
) -> str:
    backup = owned.read_backup()
    if backup is not None:
        # Going back restores the very same text, also one that a human wrote.
        earlier = nginx_upstream.parse(backup, owned.backup_path, nginx.upstream)
        if nginx_upstream.live_color(earlier, nginx.servers, owned.backup_path) == color:
            return backup
    return upstream_text.render(
        nginx.upstream, color, nginx.servers, release, deployment_id, nginx.backup, tuning=upstream.tuning
    )


def switch(
    host: Host,
    journal: AnyJournal,
    nginx: Nginx,
    color: str | None,
    release: str = "",
    timeout: float = PROOF_TIMEOUT,
    before_rename: Callable[[], object] | None = None,
) -> Switched:
    """Move Nginx to a color that is healthy already.

    :param color: ``None`` for no live color, when a first deployment is undone.
    :param release: for the header of the file.
    :param timeout: seconds that the proof may take.
    :param before_rename: called when all is ready and nothing changed yet.
    :raises BluegreenError: the switch could not be proved. The previous file is back; ``failure`` in its details is a
        dict with ``reason``, ``nginx`` (the error in its log), ``restored`` (whether the file had been replaced) and
        ``served``, the color that Nginx was then proved to serve, or ``None``.
    """
    begun = host.clock.monotonic()
    running = Running(host, nginx)
    planned = plan(journal, nginx, color, release)
    if not planned.changed and _requests_verdict(running, color, Deadline(host.clock, 0)).proved:
        nginx_workers = _draining(journal, running, color)
    else:
        with turn(host, journal, nginx.file):
            attempt = _Attempt(host, journal, running, planned, timeout)
            if before_rename:
                before_rename()
            verdict = attempt.apply()
            if not verdict.proved:
                raise attempt.undo(verdict)
            attempt.commit()
        planned = planned._replace(changed=True)
        nginx_workers = _identities(attempt.nginx_workers)
    return planned._replace(nginx_workers=nginx_workers, seconds=round(host.clock.monotonic() - begun, 2))


def _identities(nginx_workers: list[NginxWorker]) -> list[list[int]]:
    return [list(worker.identity) for worker in nginx_workers]


def _draining(journal: AnyJournal, running: Running, color: str | None) -> list[list[int]]:
    """Where the color was live already: those of the journaled workers that still finish their requests."""
    cutover = journal.get("cutover")
    if not cutover:
        return []
    finishing = _identities([worker for worker in running.nginx_workers() if worker.draining])
    left = [list(identity) for identity in cutover["nginx_workers"] if list(identity) in finishing]
    journal.note(cutover={**cutover, "color": color, "proved": color or "", "nginx_workers": left})
    return left


class _Attempt:
    """One try to move Nginx: applied as a whole, or undone as a whole."""

    def __init__(self, host: Host, journal: AnyJournal, running: Running, planned: Switched, timeout: float) -> None:
        self.host = host
        self.journal = journal
        self.running = running
        self.planned = planned
        self.timeout = timeout
        self.owned = OwnedFile(running.nginx.file, journal.get("id"))
        # When rolling back the other proofs suffice if only the public URL no longer shows anything.
        self.back = bool(journal.get("rolling_back"))
        self.public = self._public_side()
        # These may serve the previous color; they have to end before it may be stopped.
        self.nginx_workers = running.nginx_workers()
        if planned.live:
            running.require_resolvable(planned.live)
        self.log: ErrorLog | None = None
        self.reloaded = False

    def _public_side(self) -> PublicSide | None:
        try:
            return public_requests.public_side(self.running)
        except BluegreenError as error:
            if not self.back:
                raise
            self.host.warn(error.message)
            return None

    def apply(self) -> Verdict:
        """Replace the file, make Nginx read it, and prove that it did."""
        text = self.planned.diff["after"]
        if self.planned.changed:
            self.owned.backup()
        self._note(proved="")
        if self.planned.changed:
            self.host.commands.append(f"replace {self.owned.path}")
            self.owned.replace(text)
        try:
            return self._take_over(text)
        except BaseException:
            # Nginx may have read either file; at its next start it must not find one that was not proved.
            self._put_back()
            raise

    def _take_over(self, text: str) -> Verdict:
        checked = self.running.check()
        if not checked.ok:
            return Verdict(False, f"nginx -t says: {checked.message}")
        self.log = ErrorLog(self.running, checked.dump)
        # Without an include of the file, or a server block with its upstream, a reload would prove nothing.
        verdict = self._configuration_verdict(text, checked.dump)
        if not verdict.proved:
            return verdict
        # Another program, such as certbot, may have reloaded Nginx meanwhile, before the file was replaced.
        self.nginx_workers = self.running.nginx_workers()
        refused = self.running.reload()
        if refused:
            return Verdict(False, f"nginx -s reload says: {refused}")
        self.reloaded = True
        deadline = Deadline(self.host.clock, self.timeout)
        verdict = self._wait_for_new_workers(deadline, self.nginx_workers)
        return self._public_verdict(deadline) if verdict.proved else verdict

    def _configuration_verdict(self, text: str, dump: str) -> Verdict:
        running = self.running
        verdict = configuration_verdict(running.nginx, running.file, text, dump, self.public)
        if self.back and not verdict.proved:
            # Another server block may answer the URL by now, while the upstream is still used.
            return configuration_verdict(running.nginx, running.file, text, dump, None)
        return verdict

    def _public_verdict(self, deadline: Deadline) -> Verdict:
        """Whether requests reach the color; for a rollback it is enough if they do not reach the other one."""
        live = self.planned.live
        verdict = _requests_verdict(self.running, live, deadline)
        if verdict.proved or not self.back or live is None:
            return verdict
        asked = public_requests.PublicRequests(self.running)
        asked.ask(live)
        if asked.verdict(other(live)).proved:
            return verdict
        self.host.warn(
            f"Nginx is back at {live}: its new worker processes have read {self.owned.path}, and no request went to "
            f"{other(live)}. But requests to bluegreen_public_url {self.running.nginx.public_url} could not prove it "
            f"({verdict.reason}): remove that cause before the next deployment."
        )
        return Verdict(True)

    def _wait_for_new_workers(self, deadline: Deadline, noted: list[NginxWorker]) -> Verdict:
        while True:
            self.journal.renew_lease()
            verdict = workers_verdict(noted, self.running.nginx_workers())
            if verdict.proved or deadline.over:
                return verdict
            deadline.sleep(_PACE)

    def undo(self, verdict: Verdict) -> BluegreenError:
        """Put everything back as it was.

        :returns: the error to raise.
        """
        previous, color = self.planned.previous, self.planned.live
        logged = self.log.reason() if self.log else ""
        self._put_back()
        moved = f"moved to {color}" if color else f"moved away from {previous}"
        sentence = f"Nginx was not {moved}: {verdict.reason}"
        sentence += f" (Nginx says: {logged}). " if logged and logged not in verdict.reason else ". "
        back = self._serve_again(previous)
        served = previous if back.proved and previous else None
        self._note(proved=served or "")
        if not self.planned.changed:
            sentence += f"{self.owned.path} already named {color} and was not changed. {_WAY_OUT}"
        elif back.proved:
            sentence += f"The previous file is back, and Nginx was verified to serve {previous or 'neither color'}. "
            sentence += _WAY_OUT
        else:
            sentence += (
                f"The previous file is back, but Nginx could not be verified to serve {previous or 'neither color'}: "
                f"{back.reason}. Look at Nginx's error log, remove the cause, and run this again."
            )
        failure = {"reason": verdict.reason, "nginx": logged, "restored": self.planned.changed, "served": served}
        return BluegreenError(sentence, failure=failure)

    def _serve_again(self, previous: str | None) -> Verdict:
        """Make Nginx read the previous file if it read the new one, and prove that it serves the previous color."""
        noted, self.nginx_workers = self.nginx_workers, []
        if self.reloaded:
            checked = self.running.check()
            if not checked.ok:
                return Verdict(False, f"nginx -t says: {checked.message}")
            now = self.running.nginx_workers()
            refused = self.running.reload()
            if refused:
                return Verdict(False, f"nginx -s reload says: {refused}")
            # If only the old workers exist, Nginx never loaded the new file (and may be unable to reload at all).
            if has_new_workers(noted, now):
                self.nginx_workers = now
                verdict = self._wait_for_new_workers(Deadline(self.host.clock, self.timeout), now)
                if not verdict.proved:
                    return verdict
        return _requests_verdict(self.running, previous, Deadline(self.host.clock, self.timeout))

    def commit(self) -> None:
        """Make the proved switch final."""
        # After a first deployment is undone no color is live.
        self._note(proved=self.planned.live or "")
        if self.journal.get("id"):
            self.owned.discard_undo()
        else:
            # Outside of a deployment nothing undoes a switch later.
            self.owned.remove_backups()

    def _put_back(self) -> None:
        if self.planned.changed:
            self.host.commands.append(f"put back {self.owned.path}")
            self.owned.put_back()

    def _note(self, proved: str) -> None:
        # Imported here because other parts import this file, and OpenSSL would cost each of them 4 MiB.
        import hashlib

        text = self.planned.diff["after"]
        self.journal.note(
            cutover={
                "color": self.planned.live,
                "previous": self.planned.previous,
                "file": self.owned.path,
                "backup": self.owned.backup_path,
                "sha256": hashlib.sha256(text.encode()).hexdigest(),
                "nginx_workers": _identities(self.nginx_workers),
                "at": self.host.clock.boottime(),
                "proved": proved,
            }
        )


def _requests_verdict(running: Running, color: str | None, deadline: Deadline) -> Verdict:
    """Whether requests through the public URL reach a color, sent until they do; ``None`` needs no proof.

    Not for long if the color's web has ended meanwhile, because visitors get errors until Nginx is back.
    """
    if color is None:
        return Verdict(True)
    while True:
        asked = public_requests.PublicRequests(running)
        asked.ask(color)
        verdict = asked.verdict(color)
        if verdict.proved or deadline.over:
            return verdict
        if running.is_refused(color):
            server = running.nginx.servers[color]
            return Verdict(False, f"{verdict.reason}, and nothing accepts connections at {server} any more")
        deadline.sleep(_PACE * 5)


def forget_backup(nginx: Nginx) -> None:
    """Remove the backup of the file, at the end of a deployment."""
    OwnedFile(nginx.file).remove_backups()
