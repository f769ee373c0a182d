# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: unknown_variables
short_description: Variables that the role does not know
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Returns one sentence for each variable of the host whose name begins with C(bluegreen_) and that the role does not
    describe, with the name that was most likely meant.
  - Variables of the role P(smallfleet.bluegreen.bluegreen_prepare#role) are left out, and so are C(bluegreen_pending)
    and C(bluegreen_status), which AWX passes on to the next job.
options:
  _terms:
    description: Path of the role's C(meta/argument_specs.yml).
    type: list
    elements: path
    required: true
"""

EXAMPLES = r"""
- name: Refuse misspelled variables
  ansible.builtin.assert:
    that: unknown | length == 0
    fail_msg: "{{ unknown | first | default('') }}"
  vars:
    unknown: "{{ query('smallfleet.bluegreen.unknown_variables', role_path ~ '/meta/argument_specs.yml') }}"
"""

RETURN = r"""
_raw:
  description: A sentence for each variable.
  type: list
  elements: string
"""

import difflib
import re
from typing import Any, Iterable, Mapping

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

# The specification is searched as text, because Ansible takes longer to read it as YAML than for all other checks.
_DESCRIBED = re.compile(r"^      (bluegreen_\w+):$", re.MULTILINE)
_CHECKED = re.compile(r"bluegreen_(?!prepare_|pending|status$)")


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        return [each for path in terms for each in refusals(variables or {}, described(_read(path)))]


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as source:
            return source.read()
    except OSError as error:
        raise AnsibleLookupError(f"{path} cannot be read ({error.strerror}).") from None


def described(specification: str) -> list[str]:
    """Names of the variables that the text of a ``meta/argument_specs.yml`` describes."""
    return _DESCRIBED.findall(specification)


def refusals(names: Iterable[str], known: list[str]) -> list[str]:
    """A sentence for each of the names that is not known."""
    unknown = sorted(name for name in names if _CHECKED.match(name) and name not in known)
    return [
        f"There is no variable {name}: did you mean {_nearest(name, known)}? (meta/argument_specs.yml of the role "
        "describes all of them.)"
        for name in unknown
    ]


def _nearest(name: str, known: list[str]) -> str:
    return difflib.get_close_matches(name, known, n=1, cutoff=0)[0]
