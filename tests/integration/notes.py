# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.journal import NullJournal


class Notes(NullJournal):
    """A journal that is kept in memory."""

    def __init__(self):
        self.data = {"id": "d1"}

    def get(self, key, default=None):
        return self.data.get(key, default)

    def note(self, **facts):
        self.data.update(facts)
