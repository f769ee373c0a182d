# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to reach a Pi-sized host and its modules, and such a host."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import yaml
from controllers import ROOT
from pi_host import PiHost

HERE = Path(__file__).resolve().parent

SYSTEM = "/usr/bin/python3"
PROGRAM = "/var/lib/bluegreen/shop/guard.pyz"
PASSWORD = "not a word"
# A user of the host, as most are: sudo asks for the password.
ADA = f"""
id ada >/dev/null 2>&1 || useradd -m -s /bin/bash ada
printf 'ada:{PASSWORD}\\nroot:{PASSWORD}\\n' | chpasswd
echo 'ada ALL=(ALL) ALL' >/etc/sudoers.d/ada
install -d -o ada -m 700 ~ada/.ssh && install -o ada -m 600 /srv/faults/key.pub ~ada/.ssh/authorized_keys
"""


class Way(NamedTuple):
    """How a host is reached, and with what."""

    name: str
    venv: str = ".venv"
    connection: str = "ssh"
    user: str = "root"
    pipelining: bool = False
    image: str = "bluegreen-host:trixie"
    python: str = SYSTEM
    environment: dict = {}


class Host(PiHost):
    runs = HERE / ".run"

    def played(self, playbook, way, label, **variables):
        """The output of a playbook, left in the host's folder, and how it ended.

        :param way: a :class:`Way`.
        """
        inventory = self.folder / f"{label}.inventory.yml"
        inventory.write_text(yaml.safe_dump({"all": {"hosts": {self.name: self._reached(way)}}}), encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON"))}
        environment.update(
            LC_ALL="C.UTF-8",
            ANSIBLE_CONFIG=str(HERE / "ansible.cfg"),
            ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".cache/collections"),
            ANSIBLE_PIPELINING=str(way.pipelining),
            ANSIBLE_HOST_KEY_CHECKING="0",
            ANSIBLE_NOCOLOR="1",
            **way.environment,
        )
        done = subprocess.run(
            [ROOT / way.venv / "bin/ansible-playbook", "-vvv", "-i", inventory, HERE / playbook, "-e", json.dumps(variables)],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=300, check=False,
        )
        (self.folder / f"{label}.log").write_text(done.stdout, encoding="utf-8")
        return done.stdout, done.returncode

    def _reached(self, way):
        if way.connection == "docker":
            return {**self.machine.variables(), "ansible_python_interpreter": way.python}
        ssh = {**self.variables(), "ansible_python_interpreter": way.python}
        if way.user == "ada":
            ssh.update(ansible_user="ada", ansible_become_password=PASSWORD)
        if way.user == "su":
            ssh.update(ansible_user="ada", ansible_become_method="su", ansible_become_password=PASSWORD)
        return ssh
