# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of the inventory on their way into AWX: templates are not rendered, and secrets stay encrypted."""

from __future__ import annotations

import json

import pytest
import yaml
from objects import ROOT

VAULTED = """$ANSIBLE_VAULT;1.1;AES256
62313365396662343061393464336163383764373764613633653634306231386433626436623361
6134333665353966363534333632666535333761666131620a663537646436643839616531643561
63396265333963386166373236646533653539643662613733303936316437616162363838613966
3333386330656364330a313731373031313435396631363465623566316534363834363934326133
6330
"""
WRITTEN = f"""
written:
  bluegreen_app: shop
  bluegreen_env:
    DJANGO_SECRET_KEY: "{{{{ shop_secret_key }}}}"
    SITE: "{{{{ inventory_hostname }}}}.example.com"
    HOSTS: ["{{{{ a }}}}", 1, 1.5, true, null]
  shop_secret_key: !vault |
    {VAULTED.strip().replace(chr(10), chr(10) + "    ")}
"""
PLAY = {
    "hosts": "localhost",
    "connection": "local",
    "gather_facts": False,
    "vars": {"found": "{{ lookup('as_written', 'written') }}", "combined": "{{ {'more': 1} | combine(found) }}"},
    "tasks": [
        {"ansible.builtin.copy": {"content": "{{ combined | to_json }}", "dest": "{{ playbook_dir }}/found.json"}},
        # As other templates of configure.yml do.
        {"ansible.builtin.assert": {"that": "found.bluegreen_app == 'shop'"}},
    ],
}


@pytest.fixture(scope="module")
def found(tmp_path_factory, ansible_playbook):
    folder = tmp_path_factory.mktemp("written")
    (folder / "vars.yml").write_text(WRITTEN, encoding="utf-8")
    (folder / "play.yml").write_text(yaml.safe_dump([PLAY]), encoding="utf-8")
    done = ansible_playbook(
        folder, "play.yml", "-e", "@vars.yml", ANSIBLE_LOOKUP_PLUGINS=str(ROOT / "awx/lookup_plugins")
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "found.json").read_text(encoding="utf-8"))


def test_templates_are_as_they_were_written(found):
    assert found["bluegreen_env"] == {
        "DJANGO_SECRET_KEY": "{{ shop_secret_key }}", "SITE": "{{ inventory_hostname }}.example.com",
        "HOSTS": ["{{ a }}", 1, 1.5, True, None],
    }
    assert (found["bluegreen_app"], found["more"]) == ("shop", 1)


def test_an_encrypted_text_is_what_ansible_decrypts_in_the_inventory_of_awx(found):
    assert found["shop_secret_key"] == {"__ansible_vault": VAULTED}
