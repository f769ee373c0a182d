"""demo/report_page.py: the page and the pictures that the demo ends with."""

from __future__ import annotations

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


def measured(failed=0):
    """A whole demo, of which some requests failed."""
    records = [
        Record(BEGIN + number / 20, 12, "GET", "/", 502 if number < failed else 200, error="502" if number < failed else "")
        for number in range(int((END - BEGIN) * 20))
    ]
    return Measured(
        records=records,
        events=[
            {"event": what, "kind": "sleep", "id": str(number), "time": BEGIN + number / 3}
            for number in range(200)
            for what in ("accepted", "done")
        ],
        rss=[(BEGIN + number / 2, 190 + 90 * (20 < number / 2 < 38)) for number in range(140)],
        before=Window(BEGIN, DEPLOYMENT),
        deployment=Window(DEPLOYMENT, DEPLOYED),
        broken=Window(BROKEN, BACK),
        phases={"open": 1.0, "fetch": 2.0, "awaiting_approval": 3.0},
        steps=STEPS,
    )


COMMANDS = [("xdg-open http://127.0.0.1:8080", "the app"), ("make demo-clean", "removes <all> of it")]


@pytest.mark.parametrize(("failed", "kind"), [(0, "verdict"), (3, "verdict bad")])
def test_the_page_says_what_was_counted_and_needs_nothing_else(failed, kind):
    html = page(measured(failed), COMMANDS)
    assert f'<p class="{kind}">1400 requests, {failed} failed. 200 tasks, 0 lost, 0 run twice.' in html
    assert "removes &lt;all&gt; of it<code>make demo-clean</code>" in html
    assert not re.search(r"<script|<img|<link|@import|url\(", html)


def test_the_pictures_are_whole_and_on_the_same_scale():
    drawn = pictures(measured())
    axes = []
    for name, svg in drawn.items():
        texts = [each.text for each in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
        assert {step for step, _begin, _end in STEPS[name]} <= set(texts)
        axes.append([text for text in texts if text.endswith(" s")])
    assert list(drawn) == ["release 2", "release 3"]
    assert axes[0] == axes[1] and 3 < len(axes[0]) < 32
