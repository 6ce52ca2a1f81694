"""Old data can never look alive: per value, per asset, and for the whole page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Serving
from tests.browser.plant import Plant
from tests.browser.served import serve


@pytest.mark.req("LH-RT-003", "LH-SAFE-006")
def test_a_stale_asset_is_hatched_and_says_so(page: Page, serving: Serving) -> None:
    page.goto(serving(Plant(situation="stale", names=("bess1", "bess2"))).url)
    stale, fresh = page.locator(".asset").nth(0), page.locator(".asset").nth(1)
    expect(stale).to_have_class(re.compile(r"\bstale\b"))
    expect(stale.locator(".doubt")).to_have_text(re.compile(r"^STALE, 1\d s old: no reply on modbus-tcp"))
    expect(stale.locator(".line.power .age")).to_have_text(re.compile(r"^1\d s old$"))
    assert "repeating-linear-gradient" in stale.locator(".value").first.evaluate(
        "node => getComputedStyle(node).backgroundImage"
    )
    expect(fresh).not_to_have_class(re.compile(r"\bstale\b"))
    expect(page.locator(".data-age")).to_have_text(re.compile(r"^data 1\d s old$"))
    expect(page.locator(".data-age")).to_have_class(re.compile("stale-words"))


def test_a_stopped_tick_makes_everything_stale_and_stops_the_clock(page: Page, serving: Serving) -> None:
    site = serving(Plant())
    page.goto(site.url)
    expect(page.locator(".asset .age").first).to_have_text(re.compile(r"^0\.\d s old$"))
    site.paused = True
    expect(page.locator(".asset")).to_have_class(re.compile(r"\bstale\b"))
    expect(page.locator(".grid-point")).to_have_class(re.compile(r"\bstale\b"))
    expect(page.locator(".hertz")).to_have_class(re.compile(r"\bstale\b"))
    expect(page.locator(".asset .doubt")).to_have_text(re.compile("^STALE, "))
    site.paused = False
    expect(page.locator(".asset")).not_to_have_class(re.compile(r"\bstale\b"))


@pytest.mark.req("LH-NF-005")
def test_a_lost_server_is_unmistakable_and_comes_back(page: Page) -> None:
    with serve(Plant()) as site:
        page.goto(site.url)
        expect(page.locator(".asset .state")).to_be_visible()
        expect(page.locator(".lost-banner")).to_be_hidden()
    expect(page.locator(".lost-banner")).to_contain_text("NO CONNECTION: everything below is OLD")
    expect(page.locator("body")).to_have_class("lost")
    expect(page.locator(".asset .doubt")).to_have_text(re.compile("^(NOT LIVE|STALE), "))
    expect(page).to_have_title("nordhafen · NOT LIVE")
    page.locator("footer .stop").click()  # the stop does not need the stream, and says when nobody answers
    page.locator("dialog [name=reason]").fill("smoke")
    page.locator("dialog [name=token]").fill("some-token-of-an-operator")
    page.locator("dialog .go").click()
    expect(page.locator("dialog .refused")).to_contain_text("No answer from the server")
    page.keyboard.press("Escape")
    with serve(Plant(), port=int(site.url.rstrip("/").rpartition(":")[2])):
        expect(page.locator(".lost-banner")).to_be_hidden()
        expect(page.locator(".asset")).not_to_have_class(re.compile(r"\bstale\b"))
