# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""README and "Your app in an hour", block by block: the files are written, the commands run, the output is what they show.

    .venv/bin/pytest tests/system/pages -k your-app

tests/unit/docs/test_commands.py has that each command of them is run at all. Commands of other pages are those of molecule/docs.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from controllers import ROOT
from follow import Reader
from load import Load
from pi_host import own_name
from reader import before_of, blocks_of

pytestmark = pytest.mark.long

REQUESTS = 10
STARTED = "docker inspect --format '{{.Id}} {{.State.StartedAt}}' "


@pytest.fixture(autouse=True)
def images(lab_setup: Callable[..., None]) -> None:
    lab_setup("field")


def test_the_readme(images: None) -> None:
    blocks = blocks_of((ROOT / "README.md").read_text(encoding="utf-8"))
    with Reader(own_name("pages-readme"), by_hand=False) as reader:
        reader.boot()
        reader.follow(blocks)
        assert reader.release_that_answers() == "1.4.2"


def test_your_app_in_an_hour(images: None, record_property: Callable[[str, object], None]) -> None:
    blocks = blocks_of((ROOT / "docs/your-app.md").read_text(encoding="utf-8"))
    with Reader(own_name("pages-your-app"), by_hand=True) as reader:
        reader.boot()
        reader.start_by_hand(before_of(blocks))
        database = reader.exec(f"{STARTED} shop-db-1").out
        load = Load(reader.url, REQUESTS, 0).start()
        try:
            reader.follow(blocks)
            time.sleep(1)
        finally:
            figures = load.stop()
        assert reader.release_that_answers() == "1.4.2"
        assert reader.exec(f"{STARTED} shop-db-1").out == database
    for name in ("requests", "failed"):
        record_property(name, figures[name])
    assert figures["requests"] and figures["failed"] == 0, figures["failures"]
