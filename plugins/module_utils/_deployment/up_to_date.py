# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Is there anything to deploy? A pure decision."""

from __future__ import annotations


def done_without_container(init: list, there: set, known) -> set:
    """Init services that need no container any more: they have done their work, and it was removed (docker system prune).

    One that the live color did not have when it was deployed is new.

    :param init: init services of the release to deploy.
    :param there: services of which the live color has a container.
    :param known: the init services that the live color was deployed with; ``None`` when nobody knows.
    """
    missing = set(init) - set(there)
    return missing if known is None else missing & set(known)


def init_services_of(color: str, history: list):
    """The init services that a live color was deployed with, by the history; ``None`` when it does not say."""
    made = next((each for each in reversed(history) if each["result"] == "committed" and each.get("to") == color), {})
    return made.get("init")


def differences(live, wanted):
    """What keeps the live color from being the wanted release already.

    :param live: ``release`` (label), ``hashes`` and ``images`` (by service) and ``broken`` (services that do not run
        as they should) of the live color.
    :param wanted: ``release``, ``hashes`` and ``images`` of the release to deploy. An image that is ``None`` is not on
        the host yet; a hash that is ``None`` was not asked for, and says nothing.
    :returns: reasons as half sentences; none when the live color is up to date.
    """
    reasons = []
    if live["release"] != wanted["release"]:
        reasons.append(f"release {live['release'] or '(none)'} becomes {wanted['release'] or '(none)'}")
    for service in sorted(set(live["hashes"]) | set(wanted["hashes"])):
        if service not in wanted["hashes"]:
            reasons.append(f"service {service} goes")
        elif service not in live["hashes"]:
            reasons.append(f"service {service} is new")
        elif wanted["hashes"][service] not in (None, live["hashes"][service]):
            reasons.append(f"configuration of {service} differs")
        elif live["images"].get(service) != wanted["images"].get(service):
            reasons.append(f"image of {service} differs")
    reasons += [f"service {service} does not run" for service in sorted(live["broken"])]
    return reasons
