# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apps of many shapes, each deployed, taken back and deployed again on a Pi-sized host: shapes.py says how one is added.

    .venv/bin/pytest tests/system/field -k dumb-init
    BLUEGREEN_COMPOSE=2.40.3 .venv/bin/pytest tests/system/field    # with that Docker Compose instead of the host's own

The playbooks' output is in tests/system/field/.run.
"""

from __future__ import annotations

from journey import Journey, keep


def test_shape(bed, shape, short):
    # `make test` goes to green and back, and not to green again for good.
    result = Journey(bed, shape, to_the_end=not short).run()
    keep(result)
    assert result["wrong"] == [], result
