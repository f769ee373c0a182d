"""demo/report_page.py: the page and the pictures that the demo ends with."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest
from load import Record
from report import Measured, Window
from report_page import page, pictures

BEGIN = 1_700_000_000.0
# As a run has them: 20 s of load alone, release 2, release 3, some seconds after it.
DEPLOYMENT, DEPLOYED, BROKEN, BACK, END = (BEGIN + at for at in (20, 38, 38, 62, 70))
STEPS = {
    "release 2": [
        ("open", DEPLOYMENT + 1, DEPLOYMENT + 2), ("fetch", DEPLOYMENT + 2, DEPLOYMENT + 4),
        ("stop_workers", DEPLOYMENT + 4, DEPLOYMENT + 5), ("start_candidate", DEPLOYMENT + 5, DEPLOYMENT + 7.5),
        ("cutover", DEPLOYMENT + 7.5, DEPLOYMENT + 8), ("start_workers", DEPLOYMENT + 8, DEPLOYMENT + 11),
        ("settle", DEPLOYMENT + 11, DEPLOYMENT + 12), ("finish", DEPLOYMENT + 15, DEPLOYMENT + 17),
    ],
    "release 3": [
        ("open", BROKEN + 1, BROKEN + 2), ("stop_workers", BROKEN + 4, BROKEN + 5),
        ("start_candidate", BROKEN + 5, BROKEN + 17), ("way_back", BROKEN + 17, BROKEN + 21),
    ],
}  # fmt: skip


def measured(failed=0, minutes=0.0):
    """A whole demo; some requests failed, or a human thought about the approval for some minutes."""

    def away(at):
        return any(begin + 4.5 < at < begin + 10 for begin in (DEPLOYMENT, BROKEN))

    records, events = [], []
    for number in range(int((END - BEGIN) * 20)):
        at = BEGIN + number / 20
        broken = number < failed
        records.append(
            Record(at, 12 + 8 * math.sin(number), "GET", "/", 502 if broken else 200, error="502" if broken else "")
        )
        if number % 7 == 0:
            events.append({"event": "accepted", "kind": "sleep", "id": str(number), "time": at})
            done = at + 0.3 if not away(at) else at + 6
            events.append({"event": "done", "kind": "sleep", "id": str(number), "time": done})
    steps = {name: list(steps) for name, steps in STEPS.items()}
    deployed = DEPLOYED + 60 * minutes
    return Measured(
        records=records,
        events=events,
        rss=[(BEGIN + number / 2, 190 + 90 * (20 < number / 2 < 38)) for number in range(140)],
        before=Window(BEGIN, DEPLOYMENT),
        deployment=Window(DEPLOYMENT, deployed),
        broken=Window(BROKEN, BACK),
        phases={"open": 1.0, "fetch": 2.0, "awaiting_approval": 3.0},
        steps=steps,
    )


COMMANDS = [("xdg-open http://127.0.0.1:8080", "the app"), ("make demo-clean", "removes <all> of it")]


def test_the_page_says_what_was_counted():
    html = page(measured(), COMMANDS)
    assert "1400 requests, 0 failed. 200 tasks, 0 lost, 0 run twice." in html
    assert '<p class="verdict">' in html
    assert "removes &lt;all&gt; of it<code>make demo-clean</code>" in html
    assert html.count("<svg ") == 2


def test_a_failed_request_is_not_good_news():
    html = page(measured(failed=3), COMMANDS)
    assert '<p class="verdict bad">1400 requests, 3 failed.' in html


def test_the_page_needs_nothing_else():
    html = page(measured(), COMMANDS)
    assert not re.search(r"<script|<img|<link|@import|url\(", html)
    assert not re.search(r'(?:src|href)="', html)


@pytest.mark.parametrize("minutes", [0.0, 20.0])
def test_the_pictures_are_whole_and_on_the_same_scale(minutes):
    drawn = pictures(measured(minutes=minutes))
    assert list(drawn) == ["release 2", "release 3"]
    axes = []
    for name, svg in drawn.items():
        root = ElementTree.fromstring(svg)
        texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
        assert {step for step, _begin, _end in STEPS[name]} <= set(texts)
        axes.append([text for text in texts if text.endswith(" s")])
    assert axes[0] == axes[1] and 3 < len(axes[0]) < 32
