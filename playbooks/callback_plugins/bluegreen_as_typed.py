# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: bluegreen_as_typed
type: notification
short_description: Keep the release as it was typed in AWX
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - AWX gives the answers to a survey as text, but ansible-core 2.19 and later turn V(1.10) into a number and V(on)
    into V(True). This plugin reads the text of C(bluegreen_release) and C(bluegreen_app) again, from the file of
    variables that AWX passes, and gives it to the variable before the first play begins.
  - A value that cannot be read again stays as it is, and the role refuses it.
  - It needs not be enabled. Ansible loads it with each playbook in the folder above.
"""

from ansible import context
from ansible.plugins.callback import CallbackBase

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._labels import LABELS, as_typed


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "bluegreen_as_typed"

    def v2_playbook_on_start(self, playbook):
        options = context.CLIARGS.get("extra_vars") or ()
        for play in playbook.get_plays()[:1]:
            # Nothing takes precedence over extra variables, so they have to be corrected themselves. All plays share
            # them.
            given = play.get_variable_manager().extra_vars
            for name in LABELS:
                if name in given and not isinstance(given[name], str):
                    text = as_typed(name, given[name], options)
                    if text is not None:
                        given[name] = text
