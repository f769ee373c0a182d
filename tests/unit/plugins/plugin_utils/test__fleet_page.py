# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._fleet import fleet, text
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._fleet_page import bars, page, worked
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.plugin_utils.fleets import (
    AT,
    HOSTILE,
    UNREACHABLE,
    ended,
    hostile,
    report,
    whole,
)

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Reader(HTMLParser):
    """Tags, attributes and texts; complains of what is not closed."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], set(), [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data.strip())


@pytest.fixture(scope="module")
def read():
    return Reader(page(report()))


def test_every_host_is_shown_and_what_is_wrong_comes_first(read):
    names = [host["host"] for host in report()["hosts"]]
    order = [each for each in read.texts if each in names]
    assert sorted(set(order)) == sorted(names)
    assert order[:5] == ["pi-4.lan", "pi-5.lan", "pi-6.lan", "pi-9.lan", "pi-3.lan"]


def test_what_a_host_says_is_text_and_never_markup(read):
    tags = Reader(page(fleet([("pi", "shop", whole())], AT))).tags
    assert Reader(page(fleet([("pi", "shop", hostile())], AT))).tags - tags <= {"li", "code"}
    assert not read.tags & {"script", "img", "iframe", "a", "object", "form"}
    assert not [each for each in read.attributes if each[1].startswith("on") or each[1] in ("src", "srcdoc")]
    assert any(text(HOSTILE) in each for each in read.texts)


def test_a_hostile_name_of_host_and_app():
    read = Reader(page(fleet([(HOSTILE, HOSTILE, UNREACHABLE), ("pi", "shop", whole())], AT)))
    assert not read.tags & {"script", "img"}


def test_styles_hold_nothing_but_places_and_widths(read):
    styles = {value for tag, name, value in read.attributes if name == "style"}
    assert styles and all(set(value) <= set("lefwidthmargn-op:;%.0123456789r") for value in styles)


def test_the_page_needs_nothing_else(read):
    references = [value for tag, name, value in read.attributes if name in ("href", "src", "action")]
    assert references == ["data:,"]
    (policy,) = [value for tag, name, value in read.attributes if value and "default-src" in value]
    assert policy.startswith("default-src 'none'")
    html = page(report())
    assert "@import" not in html and "url(" not in html


def test_only_what_is_not_whole_is_open_unless_it_is_alone():
    assert page(report()).count('<details class="host" open>') == 5
    assert page(fleet([("pi", "shop", whole())], AT)).count('<details class="host" open>') == 1


@pytest.mark.parametrize("looks", [[], [("pi", "shop", {})], [("pi", "", UNREACHABLE)]])
def test_a_fleet_of_which_nothing_is_known(looks):
    read = Reader(page(fleet(looks, AT)))
    assert "History" not in read.texts


def test_bars_are_parts_of_the_longest_deployment():
    entry = {"seconds": {"between_runs": 2.0, "finish": 1.0, "fetch": 3.0, "health": 0.0, "<b>": 1.0}}
    assert worked(entry) == 7.0
    assert bars(entry, 10.0) == [
        ("fetch", 3.0, 30.0),
        ("finish", 1.0, 10.0),
        ("between_runs", 2.0, 20.0),
        ("other", 1.0, 10.0),
    ]
    assert bars({"seconds": {}}, 0.0) == []


def test_what_a_human_was_waited_for_is_said_and_no_part_of_a_bar():
    days = {"seconds": {"fetch": 3.0, "awaiting_approval": 172800.0, "failed": 60.0}}
    assert (worked(days), bars(days, 3.0)) == (3.0, [("fetch", 3.0, 100.0)])
    html = page(fleet([("pi", "shop", whole())], AT))
    assert html.count("95.8 s (61.0 s of it waiting)") == 4


@pytest.mark.parametrize("took, waited, shown", [(None, None, "–"), (33.0, 0.4, "33.0 s"), (33.0, None, "33.0 s")])
def test_what_a_deployment_took_in_all(took, waited, shown):
    html = page(fleet([("pi", "shop", whole(history=[ended(20, "1", "green", took=took, waited=waited)]))], AT))
    assert f"<span>{shown}</span>" in html and f"<span>{shown}, gap 9.7 s</span>" in html


def test_the_last_failure_is_told_in_full_with_what_to_type():
    reason = "the new web exited. " * 45
    html = page(fleet([("pi", "shop", whole(history=[ended(20, "1.5.0", "blue", "rolled_back", reason)]))], AT))
    assert html.count(reason.strip()) == 1
    assert "Release 1.5.0 was rolled back at 2026-11-20 09:16:38:" in html
    assert "<code>ansible-playbook smallfleet.bluegreen.deploy -e bluegreen_release=1.5.0 --limit pi</code>" in html


def test_several_deployments_without_figures():
    page(fleet([("pi", "shop", whole(history=[ended(20, "1", "green", seconds={}, worker_gap=None)]))], AT))
