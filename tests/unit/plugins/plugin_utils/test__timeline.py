# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._fleet import fleet
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._timeline import Scale, lane
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.plugin_utils.fleets import AT, awaiting, ended, whole


def laid_out(info, at=AT):
    hosts = fleet([("pi", "shop", info)], at)["hosts"]
    scale = Scale(hosts, at)
    return scale, *lane(hosts[0], scale)


def test_a_color_is_live_from_one_deployment_to_the_next():
    dummy, spans, marks = laid_out(whole())
    assert [span.color for span in spans] == ["green", "blue", "green"]
    assert spans[0].start == 0 and round(spans[-1].start + spans[-1].width) == 100
    ends = [round(span.start + span.width, 1) for span in spans[:-1]]
    assert ends == [round(span.start, 1) for span in spans[1:]]
    assert [mark.release for mark in marks] == ["1.4.0", "1.4.1", "1.4.2"]
    assert {mark.kind for mark in marks} == {"committed"}


def test_a_color_is_live_from_its_cutover_and_not_from_its_approval():
    late = ended(12, "1.4.1", "blue", ended="2026-11-19T09:15:00Z")
    dummy, spans, marks = laid_out(whole(history=[ended(3, "1.4.0", "green"), late]))
    assert spans[0].start + spans[0].width < 50 < marks[-1].place
    assert laid_out(whole(history=[{**late, "live_at": "soon"}]))[1][1].start > 50


def test_what_came_to_nothing_changes_no_color():
    history = [ended(3, "1.4.0", "green"), ended(20, "1.4.1", "blue", "rolled_back")]
    dummy, spans, marks = laid_out(whole(history=history))
    assert [span.color for span in spans] == ["green"]
    assert marks[-1].kind == "rolled_back"


def test_before_the_oldest_deployment_that_is_known_the_other_color_was_live():
    begun = ended(3, "1.4.0", "green", "rolled_back", ended="2026-11-03T10:00:00Z")
    dummy, spans, marks = laid_out(whole(history=[begun, ended(20, "1.4.1", "green")]))
    assert [span.color for span in spans] == ["blue", "green"]
    assert spans[0].start == 0


def test_an_open_deployment_has_a_mark_and_its_color():
    dummy, spans, marks = laid_out(awaiting())
    assert (marks[-1].kind, marks[-1].release) == ("open", "1.5.0")
    assert (spans[-2].color, spans[-1].color) == ("blue", "green")


def test_a_host_without_history_shows_what_it_knows():
    dummy, spans, marks = laid_out(whole(history=[]))
    assert ([span.color for span in spans], marks) == (["green"], [])
    assert laid_out(whole(history=[], since=""))[1:] == ([], [])


def test_the_axis_ends_now():
    scale = laid_out(whole())[0]
    places, stamps = zip(*scale.ticks())
    assert places == (0.0, 25.0, 50.0, 75.0, 100.0)
    assert (stamps[0], stamps[-1]) == ("2026-11-03T09:15:02Z", AT)


def test_a_fleet_without_history_has_an_axis():
    assert laid_out(whole(history=[]))[0].ticks()[0] == (0.0, "2026-11-25T19:15:00Z")


def test_a_clock_that_is_ahead_and_a_stamp_that_is_none():
    scale = laid_out(whole())[0]
    assert [scale.place(stamp) for stamp in ("2027-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "soon")] == [100, 0, None]
    history = [ended(20, "1.4.2", "green", ended="soon", started="")]
    assert laid_out(whole(history=history))[2] == []
