"""The operator's view: what it says, that it fits, that nothing unknown or hostile can deceive the operator."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Serving
from tests.browser.plant import LONG, Plant

OUTSIDE = """() => [...document.querySelectorAll('header, footer, .panel, .stop, .demo')]
  .filter(node => node.offsetParent !== null)
  .map(node => [node.className, node.getBoundingClientRect()])
  .filter(([, box]) => box.left < 0 || box.top < 0 || box.right > innerWidth + 0.5 || box.bottom > innerHeight + 0.5)
  .map(([name, box]) => `${name} ${[box.left, box.top, box.right, box.bottom].map(Math.round)}`)"""
OVERFULL = """() => [...document.querySelectorAll('.value, .state, .hertz')]
  .filter(node => node.offsetParent !== null && node.scrollWidth > node.clientWidth + 1)
  .map(node => node.textContent)"""


@pytest.mark.req("LH-OPEN-005", "LH-MON-004")
def test_says_who_is_in_control_what_is_armed_and_why(page: Page, serving: Serving) -> None:
    page.goto(serving(Plant(situation="limited")).url)
    expect(page.locator("header h1")).to_have_text("nordhafen")
    expect(page.locator(".mode")).to_have_text("ARMED")
    expect(page.locator(".in-control")).to_have_text("in control: day ahead")
    expect(page.locator(".zone")).to_have_text("CET")
    row = page.locator(".asset")
    expect(row.locator(".state")).to_have_text("LIMITED")
    expect(row.locator(".line.power .number")).to_have_text("36.8")
    expect(row.locator(".line.power .unit")).to_have_text("kW discharge")
    expect(row.locator(".why")).to_have_text(re.compile("limited by the BMS discharge limit 37.0 kW"))
    expect(page.locator(".counter").nth(1)).to_have_attribute("aria-label", "1 active alarms of priority 2")
    expect(page.locator(".demo")).to_contain_text("demo: simulated battery, anonymous viewing on this machine only")
    expect(page.locator(".demo a")).to_have_attribute("href", "http://127.0.0.1:8089/")
    expect(page.locator(".services")).to_contain_text("13.0 kW UNDELIVERABLE")


def test_hatches_what_is_not_available_now(page: Page, serving: Serving) -> None:
    page.goto(serving(Plant(situation="limited")).url)
    bar = page.locator(".asset .line.power .indicator")
    expect(bar).to_have_attribute("aria-label", re.compile("available now charge 250 kW to discharge 37 kW"))
    closed = bar.locator(".closed").nth(1)  # from 37 kW to 250 kW on a scale from -250 kW
    assert float(str(closed.get_attribute("x")).rstrip("%")) == pytest.approx(57.4)
    assert float(str(closed.get_attribute("width")).rstrip("%")) == pytest.approx(42.6)
    assert float(str(bar.locator(".asked").get_attribute("x")).rstrip("%")) == pytest.approx(66.0)


def test_shadow_says_that_nothing_is_written(page: Page, serving: Serving) -> None:
    page.goto(serving(Plant(mode="shadow")).url)
    expect(page.locator(".mode")).to_have_text("SHADOW: writes nothing")
    expect(page.locator(".notices")).to_contain_text("silent: nothing is written")


@pytest.mark.parametrize(
    "plant",
    [
        Plant(),
        Plant(situation="fault"),
        Plant(situation="stopped"),
        Plant(names=("bess1", "bess2", "bess3"), situation="limited", alarm_count=20),
        Plant(names=(LONG.upper(), LONG), site_name=f"{LONG} {LONG}", alarm_count=5),
        Plant(situation="empty"),
    ],
    ids=["one", "fault", "stopped", "three-and-20-alarms", "long-names", "empty"],
)
@pytest.mark.req("LH-OPEN-005")
def test_fits_one_screen_without_scrolling(page: Page, serving: Serving, plant: Plant) -> None:
    page.goto(serving(plant).url)
    expect(page.locator(".asset")).to_have_count(len(plant.names))
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate(OVERFULL) == []
    assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [
        1280,
        720,
    ]
    assert page.evaluate(
        "document.querySelector('.assets').scrollHeight <= document.querySelector('.assets').clientHeight"
    )


def test_many_assets_and_alarms_scroll_inside_their_panels(page: Page, serving: Serving) -> None:
    page.goto(serving(Plant(names=tuple(f"bess{number}" for number in range(9)), alarm_count=20)).url)
    expect(page.locator(".asset")).to_have_count(9)
    expect(page.locator(".alarms li")).to_have_count(20)
    assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [
        1280,
        720,
    ]
    page.locator("[aria-label='Stop bess8']").scroll_into_view_if_needed()
    expect(page.locator("[aria-label='Stop bess8']")).to_be_in_viewport()


@pytest.mark.req("LH-RT-003")
def test_unknown_values_are_said_to_be_unknown(page: Page, serving: Serving) -> None:
    page.goto(serving(Plant(situation="empty")).url)
    expect(page.locator(".asset .state")).to_have_text("UNKNOWN")
    expect(page.locator(".asset .doubt")).to_have_text("NO DATA")
    expect(page.locator(".asset .line.power .number")).to_have_text("—")
    expect(page.locator(".mode")).to_have_text("MODE UNKNOWN")
    expect(page.locator(".data-age")).to_have_text("no data")
    expect(page.locator(".asset .line.power .actual")).to_have_attribute("visibility", "hidden")
    for view in ("#operator", "#graph", "#asset/bess1", "#asset/nowhere", "#%E0%A4%A"):
        page.evaluate("hash => location.hash = hash", view)
        expect(page.locator("main")).to_be_visible()
        assert not re.search(r"undefined|NaN|null|Infinity|\[object", page.locator("body").inner_text())


@pytest.mark.req("LH-NF-009")
@pytest.mark.parametrize("view", ["#operator", "#graph", "#asset/bess1"])
def test_hostile_names_stay_text(page: Page, serving: Serving, view: str) -> None:
    site = serving(Plant(situation="hostile", names=("bess1", "<b onmouseover=window.pwned=1>x</b>")))
    page.goto(site.url + view)
    expect(page.locator("header h1")).to_contain_text("<img src=x")
    if view == "#graph":
        page.locator("button.node", has_text="<img").click()
        page.locator("button.node", has_text="ramp").click()
        expect(page.locator(".tap tbody")).to_contain_text("<img src=x")
    if view == "#asset/bess1":
        expect(page.locator(".waterfall")).to_contain_text("<img src=x")
    page.locator("footer .stop").click()
    expect(page.locator("dialog")).to_contain_text("<b onmouseover")
    assert page.evaluate("window.pwned") is None
    assert page.locator("body :is(img, b[onmouseover], iframe), body script").count() == 0
    assert page.locator("a[href^='javascript:']").count() == 0
    expect(page.locator(".demo a")).to_be_hidden()


def test_alarms_stand_with_response_most_urgent_first(page: Page, serving: Serving) -> None:
    page.goto(serving(Plant(alarm_count=12)).url)
    lines = page.locator(".alarms li")
    expect(lines).to_have_count(12)
    expect(lines.first).to_contain_text("response: check cell spread and cooling")
    expect(lines.first.locator("svg.sign")).to_have_attribute("aria-label", "high priority")
    expect(lines.last).to_contain_text("acknowledged")


def test_screenshot_is_not_blank(page: Page, serving: Serving) -> None:
    page.goto(serving(Plant(situation="limited")).url)
    expect(page.locator(".asset .why")).to_contain_text("limited")
    assert len(page.screenshot()) > 20_000
