# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services of each shape of app, and of others, find their role by themselves."""

from __future__ import annotations

from pathlib import Path

import compose_files
import pytest
import shapes

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import (
    roles_of_file,
    traits_of_files,
)

ROOT = Path(__file__).parents[3]
APP = (shapes.APP / "compose.yml").read_text(encoding="utf-8")
NO_IMAGES = {}.get


def found(rendered, given=(), image_of=NO_IMAGES, **about):
    """The decision about a rendered file; ``given`` are the lists of the user."""
    given = {**dict.fromkeys(("web", "support", "init", "workers")), "ignored": [], **dict(given)}
    listed = [name for names in given.values() for name in names or ()]
    return roles_of_file.find(traits_of_files.of_rendering(rendered, 18001, image_of, listed=listed), given, **about)


@pytest.mark.parametrize("release", ["1", "2"])
@pytest.mark.parametrize("shape", shapes.every(), ids=lambda shape: shape.name)
def test_each_service_of_a_shape_has_its_role(shape, release):
    given = {role: shape.variables.get(f"bluegreen_{option}_services") for role, option in shapes.OPTIONS.items()}
    given["ignored"] = given["ignored"] or []
    decided = found(compose_files.rendered(APP, shape.laid_over(release), BG_RELEASE=release), given)
    undecided = [words for words in shape.says if "has no role" in words or "sends requests to one service" in words]
    assert len(decided.findings) == len(undecided)
    assert all(words in "".join(decided.findings) for words in undecided)
    if release == "2" and not undecided:
        assert decided.services == shape.lists()
        assert sorted(decided.lines()) == sorted(shape.plan_lines())


ARTICLE = """
services:
  redis: {image: "redis:7"}
  web:
    image: "shop:${BG_RELEASE}"
    ports: ["127.0.0.1:${BG_PORT}:8000"]
    depends_on: [redis]
  celery: {image: "shop:${BG_RELEASE}", command: celery -A shop worker -l info}
  celery-beat: {image: "shop:${BG_RELEASE}", command: celery -A shop beat -l info, depends_on: [celery]}
"""


def test_the_services_of_the_article_have_their_roles():
    decided = found(compose_files.rendered(ARTICLE))
    assert decided == roles_of_file.Found(
        {
            "support": ["redis"],
            "init": [],
            "web": ["web"],
            "workers": ["celery", "celery-beat"],
            "ignored": [],
        },
        {
            "redis": "it runs Redis or Valkey",
            "web": "it publishes ${BG_PORT}",
            "celery": "its command is a Celery worker",
            "celery-beat": "its command is a Celery beat",
        },
        [],
        {},
    )
    assert decided.lines() == [
        "redis: support service, it runs Redis or Valkey",
        "web: web service, it publishes ${BG_PORT}",
        "celery: worker service, its command is a Celery worker",
        "celery-beat: worker service, its command is a Celery beat",
    ]


@pytest.mark.parametrize(
    "path, variables, services",
    [
        (
            "demo/app/compose.yml",
            {},
            {"web": ["web"], "support": ["redis"], "init": [], "workers": ["worker", "beat"], "ignored": []},
        ),
        (
            "molecule/another_app/files/compose.yml",
            {},
            {"web": ["site"], "support": [], "init": ["migrate"], "workers": ["mailer", "printer"], "ignored": []},
        ),
    ],
)
def test_the_services_of_apps_here_have_their_roles(path, variables, services):
    text = (ROOT / path).read_text(encoding="utf-8")
    decided = found(compose_files.rendered(text, **variables))
    assert (decided.services, decided.findings) == (services, [])
