# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a deployment is going to do, as lines for people. Pure; the phases are those of the role."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Optional, Sequence

from .._docker.cpu_shares import LOWEST
from .._resources.memory_budget import Need
from .._words import agree
from .._workers.finish_container import DEFAULT_TIMEOUT

_WHERE = {"color": "each color has its own", "shared": "one for both colors", "none": "no tasks wait"}


class Plan(NamedTuple):
    """The facts that a plan is made of.

    :ivar live: the live color, or ``""`` on the first deployment.
    :ivar candidate: the color that becomes live.
    :ivar services: for each role, the services.
    :ivar projects: the Compose project of each color.
    :ivar reasons: why there is something to do, as half sentences.
    :ivar fetch: how the images are got, empty where nothing is fetched.
    :ivar leftover: whether the broker of the idle color may hold tasks.
    :ivar broker: its mode; ``broker_reason`` says why as half a sentence, as the other reasons do.
    :ivar stop_timeout: seconds that running tasks get, ``None`` where the container says it.
    :ivar init_before_stop: init services that run while the old workers do.
    :ivar strategy: what becomes of the old workers, stop or throttle.
    :ivar old_web: what becomes of the old web until the approval, running or stopped.
    :ivar needs: the memory that phases need.
    :ivar roles: a line a service, why it has its role, where the user left that to the Compose file.
    :ivar old_color: what becomes of the old color after the approval, removed or stopped.
    """

    app: str
    live: str
    candidate: str
    services: Mapping[str, list[str]]
    projects: Mapping[str, str]
    reasons: Sequence[str]
    fetch: str
    leftover: bool
    broker: str
    broker_reason: str
    health_url: str
    nginx_file: str
    old_color: str
    stop_timeout: Optional[int] = None
    init_before_stop: Sequence[str] = ()
    init_reason: str = ""
    strategy: str = "stop"
    strategy_reason: str = ""
    old_web: str = "running"
    old_web_reason: str = ""
    needs: Sequence[Need] = ()
    roles: Sequence[str] = ()

    def lines(self) -> list[str]:
        """The plan, each line with its phase."""
        lines = [*_decisions(self), *_before_cutover(self), *_after_cutover(self)]
        return [f"{phase}: {text}" for phase, text in _with_memory(lines, self.needs)]

    @property
    def old(self) -> str:
        """Project of the color that is replaced."""
        return self.projects[self.live] if self.live else ""

    @property
    def new(self) -> str:
        """Project of the color that becomes live."""
        return self.projects[self.candidate]

    @property
    def workers(self) -> str:
        return ", ".join(self.services["workers"])

    @property
    def is_throttled(self) -> bool:
        return self.strategy == "throttle"

    @property
    def end_of_workers(self) -> str:
        """What becomes of the old workers in the end."""
        names = self.services["workers"]
        own = f"the stop_grace_period of each service, or {DEFAULT_TIMEOUT} s without one"
        limit = own if self.stop_timeout is None else f"{self.stop_timeout} s"
        return (
            f"{self.workers} of {self.old} {agree(names, 'finishes what it runs', 'finish what they run')} (up to "
            f"{limit}) and {agree(names, 'is', 'are')} stopped, not removed"
        )


def _decisions(plan: Plan) -> list[tuple[str, str]]:
    texts = [
        f"{plan.app}: {plan.candidate} becomes live ({'; '.join(plan.reasons)})",
        *plan.roles,
    ]
    for what, reason in (
        (f"broker {plan.broker}, {_WHERE[plan.broker]}", plan.broker_reason),
        ("worker strategy", plan.strategy_reason),
        ("old web", plan.old_web_reason),
        ("init after the stop", plan.init_reason),
    ):
        if reason:
            texts.append(f"{what}: {reason}")
    return [("plan", text) for text in texts]


def _before_cutover(plan: Plan) -> list[tuple[str, str]]:
    support, init, web = (plan.services[role] for role in ("support", "init", "web"))
    lines = []
    if plan.fetch:
        if plan.leftover:
            lines.append(("fetch", f"tasks that the broker of {plan.new} still holds move to {plan.old}"))
        created = ", ".join([*support, *init, *web, *plan.services["workers"]])
        lines.append(("fetch", f"{plan.fetch}; create {created} of {plan.new}, start none"))
    early = ", ".join(plan.init_before_stop)
    if early:
        first = f"start {', '.join(support)}, then " if support else ""
        work = agree(plan.services["workers"], "works", "work")
        lines.append(("before_stop", f"{first}run {early} of {plan.new} while {plan.workers} of {plan.old} {work}"))
    if plan.live and plan.workers:
        works = agree(plan.services["workers"], "it works", "they work")
        slow = f"give {plan.workers} of {plan.old} the lowest CPU shares ({LOWEST}); {works} until the new workers do"
        lines.append(("stop_workers", slow if plan.is_throttled else plan.end_of_workers))
    late = [*([] if early else support), *(name for name in init if name not in plan.init_before_stop), *web]
    lines.append(("start_candidate", f"start {', '.join(late)} of {plan.new}"))
    lines.append(("health", f"wait until {plan.health_url} answers"))
    return lines


def _after_cutover(plan: Plan) -> list[tuple[str, str]]:
    lines = [("cutover", f"point Nginx at {plan.candidate} in {plan.nginx_file}, reload, prove it")]
    if plan.live and plan.broker == "color":
        lines.append(("handover", f"tasks that wait in {plan.old} move to {plan.new}"))
    settled = f"wait until {plan.old} has answered its last requests"
    if plan.old_web == "stopped":
        phase = "start_workers" if plan.workers else "settle"
        lines.append((phase, f"{settled}, then stop its web until the approval"))
    if plan.workers:
        after = f"; once the new workers take tasks, {plan.end_of_workers}; beat is moved last"
        start = f"start {plan.workers} of {plan.new}"
        lines.append(("start_workers", start + (after if plan.live and plan.is_throttled else "")))
    if plan.live and plan.old_web != "stopped":
        lines.append(("settle", settled))
    if plan.live:
        end = "remove" if plan.old_color == "removed" else "stop and keep"
        lines.append(("finish", f"after approval, {end} {plan.old}"))
    return lines


def _with_memory(lines: list[tuple[str, str]], needs: Sequence[Need]) -> list[tuple[str, str]]:
    """The lines, each phase followed by what it needs of the memory."""
    found = list(lines)
    for need in needs:
        last = max((at for at, (phase, _text) in enumerate(found) if phase == need.phase), default=None)
        if last is not None:
            found.insert(last + 1, (need.phase, need.line))
    return found
