# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which versions of Compose copy configs and secrets into a container when they create it, without starting it.

Where a version copies them only at the start, a color would lack them, so the plan refuses them.
"""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import (
    cli as compose_cli,
    starts as compose_starts,
)

SERVICES = {"web": ["web"], "support": [], "init": [], "workers": [], "ignored": []}
FORMS = {
    "configs with content": (
        "configs: [{source: it, target: /etc/it}]",
        "configs: {it: {content: text}}",
        "/etc/it",
        (2, 24),
    ),
    "configs of the environment": (
        "configs: [{source: it, target: /etc/it}]",
        "configs: {it: {environment: IT}}",
        "/etc/it",
        (2, 24),
    ),
    "secrets of the environment": ("secrets: [it]", "secrets: {it: {environment: IT}}", "/run/secrets/it", (2, 22)),
}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_not_copied_is_refused(compose, form):
    used, defined, path, since = FORMS[form]
    if compose.version < since:
        pytest.skip("this Compose does not know it")
    compose.variables({"IT": "text"})
    compose.write({"compose.yml": f"services: {{web: {{image: IMAGE, {used}}}}}\n{defined}\n"})
    container = compose.create()["web"]
    is_there = compose.host.engine.archive(container.id, path) is not None
    model = compose.rendered()
    found = compose_starts.examine({"blue": model, "green": model}, SERVICES, compose_cli.version(compose.host))
    assert (is_there, len(found.errors), len(found.warnings)) in [(True, 0, 1), (False, 1, 0)]
    assert is_there == (compose.version < compose_starts.COPIES_AT_START)


@pytest.mark.parametrize("hook", ["post_start", "pre_stop"])
def test_a_hook_is_refused_with_each_version_that_knows_it(compose, hook):
    if compose.version < (2, 30):
        pytest.skip("this Compose does not know it")
    compose.write(
        {"compose.yml": f"services: {{web: {{image: IMAGE, {hook}: [{{command: [/bin/true], user: root}}]}}}}\n"}
    )
    model = compose.rendered()
    found = compose_starts.examine({"blue": model, "green": model}, SERVICES, compose.version)
    assert [each for each in found.errors if each.startswith(f"Service web has the key {hook}, ")] == found.errors != []
