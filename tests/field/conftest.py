# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Pi-sized host, on which one shape after the other is tried; booted for the first of them."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parent / "faults", HERE.parents[1] / "demo"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

# pylint: disable=wrong-import-position
import shapes  # noqa: E402
from bed import Bed  # noqa: E402
from pi_host import make_key  # noqa: E402

CHECKOUT = hashlib.sha1(str(HERE).encode()).hexdigest()[:6]


def pytest_addoption(parser):
    parser.addoption("--share", default="1/1", metavar="N/OF", help="every OF-th shape from the N-th on, for a host of its own")
    parser.addoption("--host", metavar="NAME", help="of the host, for runs beside each other (default: N)")
    parser.addoption("--compose", default="", metavar="VERSION", help="of Docker Compose (lab/setup compose), not the host's own")
    parser.addoption("--there-and-back", action="store_true", help="to green and back, and not to green again for good")


def pytest_configure(config):
    config.addinivalue_line("markers", "quick: a shape that `make test` tries, too")


def pytest_generate_tests(metafunc):
    if "shape" in metafunc.fixturenames:
        metafunc.parametrize(
            "shape",
            [pytest.param(shape, id=shape.name, marks=[pytest.mark.quick] * shape.quick) for shape in shapes.every()],
        )


def pytest_collection_modifyitems(config, items):
    number, of = (int(word) for word in config.getoption("--share").split("/"))
    others = [item for place, item in enumerate(items) if place % of != number - 1]
    config.hook.pytest_deselected(items=others)
    items[:] = items[number - 1::of]


@pytest.fixture
def to_the_end(request):
    return not request.config.getoption("--there-and-back")


@pytest.fixture(scope="session")
def bed(request):
    make_key()
    name = request.config.getoption("--host") or request.config.getoption("--share").partition("/")[0]
    made = Bed(f"bluegreen-field-{name}-{CHECKOUT}")
    made.compose = request.config.getoption("--compose")
    made.boot()
    yield made
    made.destroy()
