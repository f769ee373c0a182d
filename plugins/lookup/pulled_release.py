# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: pulled_release
short_description: The release that a file of a Git repository names
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Reads the label of a release from a file, and finds the last commit that changed the file.
  - Refuses, in one sentence, a file that does not hold exactly one label, or that no commit has.
options:
  _terms:
    description: The file, as an absolute path.
    type: list
    elements: string
    required: true
"""

EXAMPLES = r"""
- name: Show which release the repository wants
  ansible.builtin.debug:
    msg: "{{ lookup('smallfleet.bluegreen.pulled_release', inventory_dir ~ '/release') }}"
"""

RETURN = r"""
_raw:
  description:
    - For each file its C(release), the abbreviated C(commit) that changed it last, and an empty C(refusal).
    - For a refused file the sentence is in C(refusal), and the others are empty.
  type: list
  elements: dict
"""

import os
import subprocess
from typing import Any

from ansible.plugins.lookup import LookupBase

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._release_file import (
    LONGEST,
    ReleaseFileError,
    label_in,
)


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, str]]:
        return [_wanted(path) for path in terms]


def _wanted(path: str) -> dict[str, str]:
    try:
        return {"release": _release(path), "commit": _commit(path), "refusal": ""}
    except ReleaseFileError as error:
        return {"release": "", "commit": "", "refusal": str(error)}


def _release(path: str) -> str:
    try:
        with open(path, "rb") as source:
            return label_in(source.read(LONGEST + 1), path)
    except OSError as error:
        raise ReleaseFileError(
            f"bluegreen_release_file is {path}, but it cannot be read ({error.strerror}): commit a file with the label "
            "of the release, or correct its path."
        ) from error


def _commit(path: str) -> str:
    folder, name = os.path.split(path)
    command = ["git", "-C", folder, "log", "-1", "--format=%h", "--abbrev=12", "--", name]
    try:
        commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        why = " ".join((getattr(error, "stderr", "") or str(error)).split())
        raise ReleaseFileError(
            f"bluegreen_release_file is {path}, but Git does not tell which commit changed it ({why}): keep it in the "
            "repository that ansible-pull checks out."
        ) from error
    if not commit:
        raise ReleaseFileError(f"bluegreen_release_file is {path}, but no commit has it: commit the file.")
    return commit
