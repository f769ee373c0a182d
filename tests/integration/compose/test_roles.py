# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services find their roles in what Compose itself renders, for each shape of app in tests/system/field.

The cases are those of tests/unit/field/test_roles_of_shapes.py, which renders the files without Compose.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import shapes

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import (
    cli as compose_cli,
    project,
    roles_of_file,
    traits_of_files,
)

ROOT = Path(__file__).parents[3]
# The others are about features of Compose that this version does not know, or about a release that is refused.
REFUSED = ("app-with-start-scripts", "celery-behind-a-script", "two-webs")
SHAPES = [shape for shape in shapes.every() if not shape.compose and shape.name not in REFUSED]


def render(compose, folder, texts):
    for number, text in enumerate(texts):
        (folder / f"{number}.yml").write_text(text, encoding="utf-8")
    files = compose_cli.env_files(str(folder), str(compose.env_file))
    names = [f"{number}.yml" for number in range(len(texts))]
    return compose_cli.render(compose.host, project.Project("shop-blue", str(folder), names, [], files))


def roles_in(rendered, given):
    listed = [name for names in given.values() for name in names or ()]
    found = roles_of_file.find(traits_of_files.of_rendering(rendered, 18001, {}.get, listed=listed), given)
    assert found.findings == []
    return found.services


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_the_services_of_a_shape_find_their_roles(compose, tmp_path, shape):
    folder = tmp_path / "shape"
    shutil.copytree(shape.folder, folder)
    shutil.copy(shapes.APP / "app.env", folder / "app.env")
    shutil.copy(shapes.APP / "compose.yml", folder / "compose.yml")
    given = {role: shape.variables.get(f"bluegreen_{option}_services") for role, option in shapes.OPTIONS.items()}
    texts = [(shapes.APP / "compose.yml").read_text(encoding="utf-8"), shape.laid_over("2")]
    assert roles_in(render(compose, folder, texts), {**given, "ignored": given["ignored"] or []}) == shape.lists()


@pytest.mark.parametrize("path", ["demo/app/compose.yml", "molecule/another_app/files/compose.yml"])
def test_the_services_of_apps_here_find_their_roles(compose, tmp_path, path):
    given = {**dict.fromkeys(("web", "support", "init", "workers")), "ignored": []}
    roles = roles_in(render(compose, tmp_path, [(ROOT / path).read_text(encoding="utf-8")]), given)
    assert roles["web"] in (["web"], ["site"])
