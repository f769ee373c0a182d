# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Is there anything to deploy? A pure decision."""

from __future__ import annotations


def differences(live, wanted):
    """What keeps the live color from being the wanted release already.

    :param live: ``release`` (label), ``hashes`` and ``images`` (by service) and ``broken`` (services that do not run
        as they should) of the live color.
    :param wanted: ``release``, ``hashes`` and ``images`` of the release to deploy. An image that is ``None`` is not on
        the host yet.
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
        elif live["hashes"][service] != wanted["hashes"][service]:
            reasons.append(f"configuration of {service} differs")
        elif live["images"].get(service) != wanted["images"].get(service):
            reasons.append(f"image of {service} differs")
    reasons += [f"service {service} does not run" for service in sorted(live["broken"])]
    return reasons
