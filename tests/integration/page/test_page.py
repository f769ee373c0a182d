# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of status.yml in a real browser, on a phone and on a desk, by day and by night."""

from __future__ import annotations

import os

import pytest
from chromium import Chromium

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._fleet import text
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._report_file import write
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.plugin_utils.fleets import HOSTILE, looks, report

# What sticks out of the window, or is cut off by its own box; a text that ends with an ellipsis is meant to be.
TOO_WIDE = """
[...document.querySelectorAll("body *")].filter(each => {
  if (each.closest(".hidden, .meter, .cut") || !each.checkVisibility()) return false;
  const box = each.getBoundingClientRect();
  const cuts = getComputedStyle(each).overflowX !== "visible";
  return box.right > WIDTH + 0.5 || box.left < -0.5 || cuts && each.scrollWidth > each.clientWidth;
}).map(each => each.outerHTML.slice(0, 200))
"""


@pytest.fixture(scope="module")
def browser(lab_setup, tmp_path_factory):
    lab_setup("chromium", or_skip=True)
    browser = Chromium(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("page") / "fleet.html")
    write(path, report())
    return path


# 1100: a window beside another one. 1249: the narrowest that has the columns.
WINDOWS = [(390, "light"), (390, "dark"), (1100, "light"), (1249, "light"), (1280, "light"), (1280, "dark")]


@pytest.fixture(params=WINDOWS, ids=lambda each: f"{each[1]}-{each[0]}")
def width(request, browser, page):
    width, scheme = request.param
    browser.open(page, width, scheme)
    yield width
    folder = os.environ.get("BLUEGREEN_SCREENSHOTS")
    if folder:
        browser.screenshot(os.path.join(folder, f"fleet-{width}-{scheme}.png"))


def test_the_console_is_empty_and_nothing_else_is_loaded(browser, width, page):
    assert browser.complaints() == []
    assert browser.requests() == [f"file://{page}"]


def test_every_host_is_seen(browser, width):
    shown = browser.evaluate(
        "[...document.querySelectorAll('.host .name')].filter(each => each.checkVisibility())"
        ".map(each => each.innerText.trim())"
    )
    assert sorted(shown) == sorted(name for name, app, info in looks())


def test_nothing_is_wider_than_the_window(browser, width):
    # Those of healthy hosts are closed.
    browser.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(TOO_WIDE.replace("WIDTH", str(width))) == []


def test_what_a_host_says_is_text(browser, width):
    assert browser.evaluate("document.querySelectorAll('script, img, iframe').length") == 0
    assert text(HOSTILE) in browser.evaluate("document.querySelector('.board').innerText")


def test_a_host_opens_without_a_script(browser, width):
    """What is closed is a click away, on a page whose policy lets no script run."""
    # The policy is the page's; the questions of this test are asked past it.
    browser.evaluate("document.querySelector('details:not([open]) > summary').click()")
    assert browser.evaluate("document.querySelectorAll('details:not([open])').length") == 3
    assert browser.complaints() == []


def test_texts_can_be_told_from_what_they_stand_on(browser, width):
    """At least 4.5 : 1 (WCAG 2.1 AA) for each text that is seen."""
    faint = browser.evaluate(
        """
        (() => {
          const channels = color => color.match(/[0-9.]+/g).map(Number);
          const light = ([r, g, b]) => {
            const [x, y, z] = [r, g, b].map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * x + 0.7152 * y + 0.0722 * z;
          };
          const below = element => {
            for (let each = element; each; each = each.parentElement) {
              const color = channels(getComputedStyle(each).backgroundColor);
              if (color.length === 3 || color[3] === 1) return color;
            }
          };
          const own = each => [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim());
          const seen = each => own(each) && !each.closest(".hidden") && each.checkVisibility();
          return [...document.querySelectorAll("body *")].filter(seen).filter(each => {
            const [a, b] = [light(channels(getComputedStyle(each).color)), light(below(each))].sort((a, b) => b - a);
            return (a + 0.05) / (b + 0.05) < 4.5;
          }).map(each => each.outerHTML.slice(0, 120));
        })()
        """
    )
    assert faint == []
