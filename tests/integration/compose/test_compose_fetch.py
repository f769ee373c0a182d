# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of Compose gets the images and creates the containers; what it says when it cannot becomes one sentence."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError, Fenced

FILE = """
services:
  web:
    {image: IMAGE, depends_on: [db, redis], environment: {A: "${BG_RELEASE}"}, profiles: [used], command: [sleep, "60"]}
  redis: {image: IMAGE, command: [sleep, "60"]}
  db: {image: IMAGE}
  other: {image: IMAGE}
"""
# Nobody listens on that port, so no registry is asked.
NOWHERE = "127.0.0.1:9/app:1"


def test_what_is_named_is_created_anew_and_not_started(compose):
    compose.write({"compose.yml": FILE})
    first = compose.create("web", "redis")
    assert {name: each.status for name, each in first.items()} == {"web": "created", "redis": "created"}
    # A Redis of earlier days still runs when its color is created anew.
    compose.host.engine.start(first["redis"].id)
    second = compose.create("web", "redis")
    assert {name: each.status for name, each in second.items()} == {"web": "created", "redis": "created"}
    assert not {each.id for each in first.values()} & {each.id for each in second.values()}


@pytest.mark.parametrize(
    "image, pull, build, told",
    [
        (NOWHERE, "missing", "policy", "connect: connection refused: make sure that this host reaches the registry"),
        (NOWHERE, "always", "policy", "connect: connection refused: make sure that this host reaches the registry"),
        (NOWHERE, "never", "never", f"No such image: {NOWHERE}: load that image on this host"),
        ("registry.invalid/app:1", "missing", "policy", "make sure that this host reaches the registry"),
        ("not..valid", "missing", "policy", "no such image: not..valid: invalid reference format"),
    ],
)
def test_an_image_that_is_not_to_be_had_is_one_sentence(compose, image, pull, build, told):
    compose.write({"compose.yml": f"services: {{web: {{image: '{image}'}}, worker: {{image: '{image}'}}}}"})
    with pytest.raises(BluegreenError) as refusal:
        compose.fetch(["web", "worker"], pull, build)
    message = refusal.value.message
    assert message.startswith(f"Compose could not create the containers of project {compose.name}")
    assert told in message and "\n" not in message and "daemon" not in message
    assert refusal.value.details["logs"]["docker compose up"]
    assert all(each.status == "created" for each in of_project(compose.host.engine, compose.name))


def test_what_it_quotes_of_the_env_file_is_hidden(compose):
    compose.write({"compose.yml": "services: {web: {image: '127.0.0.1:9/${TOKEN}:1'}}"})
    compose.store.create()
    compose.env_file = compose.src.parent / "lib" / "shop" / "green-dep-1.env"
    compose.variables({"TOKEN": "topsecret"})
    compose.env_file.chmod(0o600)
    with pytest.raises(BluegreenError) as refusal:
        compose.fetch(["web"], "never", "never")
    assert "topsecret" not in str(refusal.value.details) + refusal.value.message
    assert "No such image: 127.0.0.1:9/(hidden):1" in refusal.value.message


def test_compose_does_nothing_for_a_deployment_that_is_over(compose):
    compose.write({"compose.yml": FILE})
    with pytest.raises(Fenced):
        compose.fetch(["web"], caller=("dep-1", 1))
    assert of_project(compose.host.engine, compose.name) == []
