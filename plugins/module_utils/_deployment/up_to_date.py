# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Is there anything to deploy? The live color is compared with the release to deploy."""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping, NamedTuple, Optional

from .._docker.containers import role_of
from .._journal.history import history_of
from .._settings import color_services
from .._validation import release_label
from .._words import agree, joined
from .situation import Situation


class Release(NamedTuple):
    """What a release is made of, as it runs or as it is wanted; by service where that is not said.

    :ivar label: its label, which may be empty.
    :ivar hashes: of the configuration; ``None`` where it was not asked for, and says nothing.
    :ivar images: ids; ``None`` where the image is not on the host yet.
    :ivar broken: services that do not run as they should.
    """

    label: str
    hashes: Mapping[str, Optional[str]]
    images: Mapping[str, Optional[str]]
    broken: frozenset[str] = frozenset()


# Pure


def done_without_container(init: Iterable[str], there: Iterable[str], known: Optional[Iterable[str]]) -> set[str]:
    """Init services that need no container any more: it did its work, and docker system prune, say, removed it.

    An init service that the live color did not have when it was deployed is new.

    :param init: init services of the release to deploy.
    :param there: services of which the live color has a container.
    :param known: the init services that the live color was deployed with; ``None`` when nobody knows.
    """
    missing = set(init) - set(there)
    return missing if known is None else missing & set(known)


def init_services_of(color: str, history: list[dict[str, Any]]) -> Optional[list[str]]:
    """The init services that a live color was deployed with, by the history; ``None`` when it does not say."""
    committed = (each for each in reversed(history) if each["result"] == "committed" and each.get("to") == color)
    entry: dict[str, Any] = next(committed, {})
    return entry.get("init")


def differences(live: Release, wanted: Release) -> list[str]:
    """Why the live color is not the wanted release, as half sentences; none when it is up to date."""
    reasons = []
    if live.label != wanted.label:
        reasons.append(f"release {release_label(live.label)} becomes {release_label(wanted.label)}")
    for service in sorted({*live.hashes, *wanted.hashes}):
        if service not in wanted.hashes:
            reasons.append(f"service {service} is removed")
        elif service not in live.hashes:
            reasons.append(f"service {service} is new")
        elif wanted.hashes[service] not in (None, live.hashes[service]):
            reasons.append(f"configuration of {service} differs")
        elif live.images.get(service) != wanted.images.get(service):
            reasons.append(f"image of {service} differs")
    return reasons + [f"service {service} does not run" for service in sorted(live.broken)]


# What the host shows


def live_release(situation: Situation) -> Release:
    """The release that is live, as its containers and the file that Nginx reads show it."""
    services = situation.settings.services
    own = [each for each in situation.containers[situation.live] if role_of(each.service, services)]
    return Release(
        situation.live_release,
        {each.service: each.config_hash for each in own},
        {each.service: each.image for each in own},
        frozenset(
            each.service
            for each in own
            if not (each.exit_code == 0 if each.service in services["init"] else each.running)
        ),
    )


def reasons_to_deploy(
    situation: Situation, images: Mapping[str, Optional[str]], init: Optional[list[str]] = None
) -> list[str]:
    """Why the live color is not the release to deploy, as half sentences.

    :param images: ids of the images of that release, by service.
    :param init: the init services that the live color was deployed with; ``None`` where the history is to say that.
    """
    live, wanted_init = live_release(situation), situation.settings.services["init"]
    there = {each.service for each in situation.containers[situation.live]}
    if init is None and not there.issuperset(wanted_init):
        init = init_services_of(situation.live, history_of(situation.store))
    done = done_without_container(wanted_init, there, init)
    found = differences(live, _wanted(situation, images, done, live.label))
    if done and init is None and not found:
        names = sorted(done)
        situation.host.warn(
            f"Color {situation.live} has no container of init {agree(names, 'service', 'services')} {joined(names)}, "
            f"and the history does not say whether there ever was one, so {joined(names)} "
            f"{agree(names, 'counts', 'count')} as done. If {joined(names)} {agree(names, 'is', 'are')} new and still "
            f"{agree(names, 'has', 'have')} to run, deploy under another bluegreen_release."
        )
    return found


def _wanted(situation: Situation, images: Mapping[str, Optional[str]], done: set[str], live_label: str) -> Release:
    label, live = situation.params["release"], situation.live
    # Where the label says that there is something to do, more reasons are not worth a run of Compose.
    is_worth_asking = label == live_label
    hashes = situation.renderings.hashes(situation.settings, live, situation.containers[live], is_worth_asking)
    services = set(color_services(situation.settings)) - done
    return Release(label, {name: each for name, each in hashes.items() if name in services}, images)


def is_proved(situation: Situation) -> bool:
    """Whether the live color, rendered alone, shows that there is nothing to do."""
    settings, live = situation.settings, situation.live
    if not situation.model["services"].keys() >= set(color_services(settings)) or situation.undecided:
        return False
    own = rf"(?<![a-z0-9])({live}|{re.escape(settings.projects[live])})(?![a-z0-9])"
    if any(re.search(own, name) for name in situation.images.values()):
        # The other color has images of its own.
        return False
    return not reasons_to_deploy(situation, situation.image_ids())
