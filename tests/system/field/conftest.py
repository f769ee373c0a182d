# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Pi-sized host for a worker's shapes, one after the other; booted for the first of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
import shapes
from bed import Bed
from pi_host import own_name

# One host tries those of `make test`; in `make test-all` it shares the others with a second one.
FIRST, SECOND = pytest.mark.xdist_group("field-1"), pytest.mark.xdist_group("field-2")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "shape" in metafunc.fixturenames:
        metafunc.parametrize("shape", [
            pytest.param(shape, id=shape.name, marks=[FIRST] if shape.quick else [pytest.mark.long, SECOND if number % 2 else FIRST])
            for number, shape in enumerate(shapes.every())
        ])  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def images(lab_setup: Callable[..., None], short: bool) -> None:
    lab_setup("field", *([] if short else ["compose"]))


@pytest.fixture(scope="session")
def bed(images: None) -> Iterator[Bed]:
    with Bed(own_name("field")) as made:
        # For all shapes that name no version themselves; empty: the host's own.
        made.compose = os.environ.get("BLUEGREEN_COMPOSE", "")
        made.boot()
        yield made
