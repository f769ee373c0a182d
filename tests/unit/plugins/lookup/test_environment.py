# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.smallfleet.bluegreen.plugins.lookup.environment import LookupModule

try:
    from ansible.template import trust_as_template
except ImportError:  # ansible-core before 2.19 asks for no trust.

    def trust_as_template(text):
        return text


def environment(*colors, **variables):
    given = {name: trusted(value) for name, value in variables.items()}
    # As the role has them: of the color, of no color, and of each.
    ports = trusted({"blue": "{{ first }}", "green": 18002})
    known = {"bluegreen_color": "", "bluegreen_port": 0, "bluegreen_ports": ports, "first": 18001, **given}
    loader = DataLoader()
    return LookupModule(loader=loader, templar=Templar(loader, variables=known)).run(colors, known)


def trusted(value):
    if isinstance(value, dict):
        return {name: trusted(each) for name, each in value.items()}
    return trust_as_template(value) if isinstance(value, str) else value


def test_each_color_has_its_own():
    given = {"DB": "shop", "WHO": "{{ bluegreen_color }}:{{ bluegreen_port }}", "VIA": "{{ address }}", "WORKERS": 3}
    assert environment("blue", "green", bluegreen_env=given, address="at-{{ bluegreen_port }}") == [
        {"DB": "shop", "WHO": "blue:18001", "VIA": "at-18001", "WORKERS": 3},
        {"DB": "shop", "WHO": "green:18002", "VIA": "at-18002", "WORKERS": 3},
    ]


def test_all_of_it_may_be_a_template():
    given = "{{ common | combine({'WHO': bluegreen_color}) }}"
    assert environment("green", bluegreen_env=given, common={"DB": "shop"}) == [{"DB": "shop", "WHO": "green"}]


@pytest.mark.parametrize(
    "given, name",
    [
        ({"SECRET": "t0ken", "OTHER": "t0ken{{ nowhere }}"}, "bluegreen_env.OTHER"),
        ({"SECRET": "t0ken", "OTHER": "{{ {'blue': 't0ken'}[bluegreen_color] }}"}, "bluegreen_env.OTHER"),
        ("{{ {'SECRET': 't0ken'} | combine(nowhere) }}", "bluegreen_env"),
    ],
)
def test_what_cannot_be_rendered_is_refused_without_a_value(given, name):
    with pytest.raises(AnsibleLookupError) as refusal:
        environment("green", bluegreen_env=given)
    assert str(refusal.value) == (
        f"{name} cannot be rendered for green: it names an undefined variable, or is not a valid template. "
        "Nothing was done."
    )
    assert "t0ken" not in str(refusal.value)
