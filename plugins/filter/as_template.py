# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: as_template
short_description: Name the templates of AWX in place of commands
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Returns a text in which commands of this collection are replaced by the job templates of AWX that run the same
    playbooks, for sentences in the output of a job.
  - The names are those that C(awx/configure.yml) of the collection's repository gives. Outside of AWX, and in a job
    whose template has another kind of name, the text is returned unchanged.
positional: _template
options:
  _input:
    description: A text with commands.
    type: string
    required: true
  _template:
    description: Name of the template of the job (C(awx_job_template_name)). Empty outside of AWX.
    type: string
    required: true
"""

EXAMPLES = r"""
- name: Say how to approve
  ansible.builtin.debug:
    msg: "{{ how_to_approve | smallfleet.bluegreen.as_template(awx_job_template_name | default('')) }}"
"""

RETURN = r"""
_value:
  description: 'The text, such as V(To approve it: the template "shop finish").'
  type: string
"""

from typing import Any, Callable

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._job_templates import named


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"as_template": named}
