# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job of ansible-runner that is cancelled when a file appears: runner_job.py FOLDER FILE COMMAND…

Run by the Python of .venv-runner. Ends as the job does; 254 when it was cancelled.
"""

from __future__ import annotations

import json
import os
import sys

import ansible_runner


def main(folder, cancel, command):
    data = os.path.join(folder, "runner")
    os.makedirs(os.path.join(data, "env"))
    with open(os.path.join(data, "env", "settings"), "w", encoding="utf-8") as settings:
        # It looks whether it is cancelled as often as it looks for output; by itself every 5 s.
        json.dump({"pexpect_timeout": 0.2}, settings)
    _out, _err, code = ansible_runner.run_command(
        executable_cmd=command[0],
        cmdline_args=command[1:],
        private_data_dir=data,
        host_cwd=os.getcwd(),
        cancel_callback=lambda: os.path.exists(cancel),
    )
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
