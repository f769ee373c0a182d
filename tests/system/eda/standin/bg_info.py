# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for bg_info on a host of these tests, which is a file: shows the deployment and history that it holds."""

from __future__ import annotations

import json
import os

from ansible.module_utils.basic import AnsibleModule


def main():
    # The action plugin sends the code of the module that this stands in for.
    options = {"app": {"type": "str", "required": True}, "_sources": {"type": "str", "no_log": True}}
    module = AnsibleModule(argument_spec=options, supports_check_mode=True)
    path = os.path.join(os.environ["BLUEGREEN_TEST_FOLDER"], f"{module.params['app']}.json")
    try:
        with open(path, encoding="utf-8") as file:
            module.exit_json(changed=False, **json.load(file))
    except OSError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
