"""The engineer's views: the graph in order with its guards, the tap, and the decision of an asset."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chain import STAGES
from tests.browser.conftest import Serving
from tests.browser.plant import Plant


@pytest.mark.req("LH-ARCH-005")
def test_nodes_stand_in_order_and_guards_are_walls(page: Page, serving: Serving) -> None:
    page.goto(serving(Plant()).url + "#graph")
    expect(page.locator("button.node")).to_have_count(4 + len(STAGES) + 1 + 2)
    expect(page.locator(".wall")).to_have_count(5)
    lefts = [
        float(
            page.locator("button.node")
            .filter(has=page.get_by_text(stage, exact=True))
            .evaluate("node => node.offsetLeft")
        )
        for stage in STAGES
    ]
    assert lefts == sorted(set(lefts))
    card = page.locator("button.node", has_text="ramp")
    expect(card).to_contain_text("1.0/s")
    expect(card).to_contain_text("kW")
    expect(card).to_contain_text(re.compile(r"\d+ / \d+ µs"))


def test_a_silent_node_is_hatched_and_shows_its_errors(page: Page, serving: Serving) -> None:
    page.goto(serving(Plant(situation="stale")).url + "#graph")
    expect(page.locator("button.node", has_text="bess1.modbus")).to_have_class(re.compile(r"\bstale\b.*\btrouble\b"))
    expect(page.locator("button.node", has_text="bess1.modbus")).to_contain_text("3 errors")
    expect(page.locator("button.node", has_text="validate")).not_to_have_class(re.compile(r"\bstale\b"))


def test_a_click_taps_and_pause_holds_still(page: Page, serving: Serving) -> None:
    site = serving(Plant(names=("bess1", "bess2")))
    page.goto(site.url + "#graph")
    page.locator("button.node", has_text="ramp").click()
    tap = page.locator(".tap-panel")
    expect(tap).to_contain_text("operators/ramp.py")
    expect(tap).to_contain_text("limited_kw, low_kw, high_kw")
    expect(tap.locator("tbody tr")).to_have_count(4)
    expect(tap.locator("tbody")).to_contain_text("ramped_kw · bess2")
    expect(tap.locator(".caption")).to_contain_text(re.compile(r"[3-9] ticks kept"))
    tap.locator("button", has_text="Pause").click()
    before = tap.locator("thead").inner_text()
    expect(tap.locator(".caption")).to_contain_text(re.compile(r"[5-9]\d* not shown|\d\d not shown"))
    assert tap.locator("thead").inner_text() == before
    tap.locator("button", has_text="Continue").click()
    expect(tap.locator("thead")).not_to_have_text(before)
    page.locator("button.node", has_text="ramp").click()
    expect(tap).to_be_hidden()


@pytest.mark.req("LH-MON-004")
def test_details_show_the_waterfall_and_what_is_missing(page: Page, serving: Serving) -> None:
    site = serving(Plant(situation="stale"))
    page.goto(site.url)
    page.locator(".asset .name").click()
    expect(page).to_have_url(re.compile("#asset/bess1$"))
    steps = page.locator(".waterfall-step")
    expect(steps).to_have_count(5)
    expect(steps.nth(2)).to_contain_text("change −73.0 kW")
    expect(steps.nth(2)).to_contain_text("bms discharge: the BMS allows 37.0 kW")
    expect(page.locator(".summary")).to_contain_text("binding: bms discharge 37 kW")
    expect(page.locator(".unused")).to_contain_text("commitment: no step now")
    expect(page.locator(".chip[aria-current]")).to_have_text("READY")
    expect(page.locator(".states-panel")).to_contain_text("in the way of the next state: fresh data")
    expect(page.locator(".detail")).to_have_class(re.compile(r"\bstale\b"))
    page.go_back()
    expect(page.locator(".asset")).to_be_visible()


def test_the_tab_of_the_present_view_is_marked(page: Page, serving: Serving) -> None:
    page.goto(serving(Plant()).url)
    for name, fragment in (("Graph", "graph"), ("bess1", "asset/bess1"), ("Operator", "operator")):
        page.locator("footer nav a", has_text=name).click()
        expect(page).to_have_url(re.compile(f"#{fragment}$"))
        expect(page.locator("footer nav a[aria-current=page]")).to_have_text(name)
