# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of variables that AWX gives a job, in its own words: YAML, in which all text is tagged, names too."""

from __future__ import annotations

import yaml


class _Tagging(yaml.SafeDumper):
    def represent_str(self, data):
        return self.represent_scalar("!unsafe", data)


_Tagging.add_representer(str, _Tagging.represent_str)


def written(variables, trusted=()):
    """As AWX writes them, one after the other.

    trusted: names of those that the job template has itself. Their text has no tag.
    """
    return "".join(
        yaml.dump({name: value}, Dumper=yaml.SafeDumper if name in trusted else _Tagging, default_flow_style=False)
        for name, value in variables.items()
    )
