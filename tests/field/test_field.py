# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apps of many shapes, each deployed, taken back and deployed again on a Pi-sized host: shapes.py says how one is added.

    PYTHONPATH=.cache/collections .venv/bin/pytest tests/field -k dumb-init      # after lab/setup all field
    … -m quick --there-and-back: what `make test` does;  --share 1/2: half of them, the other half beside it

The playbooks' output is in tests/field/.run.
"""

from __future__ import annotations

from journey import Journey, keep


def test_shape(bed, shape, to_the_end):
    result = Journey(bed, shape, to_the_end).run()
    keep(result)
    assert result["wrong"] == [], result
