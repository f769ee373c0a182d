# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Pi-sized host with a release live, whose modules are called both ways."""

from __future__ import annotations

import contextlib

import pytest
from pi_host import own_name
from ways import ADA, Host


@pytest.fixture(scope="session")
def hosts(lab_setup, short):
    """Hosts by their image, each made when it is first asked for."""
    lab_setup(*([] if short else ["venv-2.16", "host-python3.9"]))
    opened = {}
    with contextlib.ExitStack() as stack:

        def host(image):
            if image not in opened:
                name = own_name(f"program-{image.partition(':')[2].replace('.', '')}")
                opened[image] = stack.enter_context(Host(name))
                make(opened[image], image)
            return opened[image]

        yield host


def make(host, image):
    host.machine_image = image
    host.make()
    host.exec(ADA)
    # Later on it would be another answer of bg_info.
    host.exec("timeout 60 sh -c 'while docker ps | grep -q \"health: starting\"; do sleep 0.5; done'")
