"""The alarm list of the page: who was first, acknowledging what was seen, the shelf with its reason, the flood."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from sinks.web.ports import Role
from tests.browser.conftest import Serving
from tests.browser.plant import Plant
from tests.browser.test_acts import sign_in
from tests.browser.test_operator_view import OUTSIDE, OVERFULL

pytestmark = pytest.mark.req("LH-OPS-004", "LH-MON-004")


def test_an_alarm_is_shelved_with_a_reason_for_a_while_and_taken_back(page: Page, serving: Serving) -> None:
    site = serving(Plant(alarm_count=3))
    page.goto(site.url)
    sign_in(page, Role.OPERATOR)
    page.locator(".alarms li").first.get_by_role("button", name=re.compile("Shelve")).click()
    dialog = page.locator("dialog")
    expect(dialog).to_contain_text("comes back by itself")
    dialog.get_by_role("button", name="Shelve").click()
    expect(dialog).to_be_visible()  # no reason, no shelf
    dialog.locator("[name=reason]").fill("the fan is being changed")
    dialog.locator("select").select_option("60")
    dialog.get_by_role("button", name="Shelve").click()
    expect(dialog).to_have_count(0)
    tab = page.get_by_role("tab", name="Shelved 1")
    tab.click()
    expect(page.locator(".alarms li")).to_have_count(1)
    expect(page.locator(".alarms li")).to_contain_text("operator: the fan is being changed")
    assert list(site.plant.shelved.values()) == ["the fan is being changed"]
    page.locator(".alarms li").get_by_role("button", name="Take back…").click()
    page.locator("dialog").get_by_role("button", name="Take back").click()
    expect(page.locator(".alarm-panel .nothing")).to_have_text("Nothing is shelved.")
    assert site.plant.shelved == {}


def test_what_was_seen_is_acknowledged_at_once(page: Page, serving: Serving) -> None:
    site = serving(Plant(alarm_count=5))
    page.goto(site.url)
    sign_in(page, Role.OPERATOR)
    page.get_by_role("button", name="Ack all…").click()
    expect(page.locator("dialog")).to_contain_text("It resets nothing")
    page.locator("dialog").get_by_role("button", name="Acknowledge 5").click()
    expect(page.locator("dialog")).to_have_count(0)
    assert sorted(site.plant.acknowledged) == [f"alarm-{n}" for n in range(5)]
    expect(page.get_by_role("button", name="Ack all…")).to_be_hidden()


@pytest.mark.safety
@pytest.mark.parametrize("names", [("bess1",), ("bess1", "bess2"), ("a", "b", "c"), ("a", "b", "c", "d", "e")])
def test_row_46_in_a_flood_the_first_and_the_most_urgent_are_seen_and_all_fits(
    page: Page, serving: Serving, names: tuple[str, ...]
) -> None:
    page.goto(serving(Plant(names=names, alarm_count=60, flood=True)).url)
    expect(page.locator(".flood")).to_contain_text("ALARM FLOOD")
    expect(page.locator(".alarms li").first.locator("svg.sign")).to_have_attribute("aria-label", "high priority")
    expect(page.locator(".first-out:visible")).to_have_count(1)
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate(OVERFULL) == []
