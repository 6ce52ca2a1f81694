"""Operator acts from the page: confirmed, with a reason, by role; the page itself can do nothing else."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from sinks.web.ports import Role
from sources.act import ActKind
from tests.browser.conftest import Serving
from tests.browser.plant import Plant
from tests.browser.served import TOKENS


@pytest.mark.req("LH-API-006", "LH-API-007")
def test_stop_needs_a_reason_and_an_operator(page: Page, serving: Serving) -> None:
    site = serving(Plant(names=("bess1", "bess2")))
    page.goto(site.url)
    page.locator("[aria-label='Stop bess1']").click()
    dialog = page.locator("dialog")
    expect(dialog.locator("h2")).to_have_text("Stop bess1")
    expect(dialog).to_contain_text("The stop holds, also through a restart")
    dialog.locator("[name=token]").fill(TOKENS[Role.OPERATOR])
    dialog.locator(".go").click()
    expect(dialog).to_be_visible()
    assert site.plant.acts == []
    dialog.locator("[name=reason]").fill("smoke in the container")
    dialog.locator("[name=token]").fill("a-token-that-is-not-known")
    dialog.locator(".go").click()
    expect(dialog.locator(".refused")).to_contain_text("the token is not valid")
    assert site.plant.acts == []
    dialog.locator("[name=token]").fill(TOKENS[Role.OPERATOR])
    dialog.locator(".go").click()
    expect(dialog).to_have_count(0)
    expect(page.locator(".said")).to_contain_text("Stop of bess1 accepted.")
    expect(page.locator(".role")).to_have_text("operator (operator)")
    (act,) = site.plant.acts
    assert (act.kind, act.asset, act.operator, act.reason) == (
        ActKind.STOP,
        "bess1",
        "operator",
        "smoke in the container",
    )
    expect(page.locator(".asset").nth(0).locator(".state")).to_have_text("EMERGENCY STOP")
    expect(page.locator(".asset").nth(1).locator(".state")).not_to_have_text("EMERGENCY STOP")


def sign_in(page: Page, role: Role) -> None:
    page.locator("footer button", has_text="Sign in").click()
    page.locator("dialog [name=token]").fill(TOKENS[role])
    page.locator("dialog .go").click()
    expect(page.locator(".role")).to_have_text(f"{role.word} ({role.word})")


@pytest.mark.req("LH-API-006")
def test_stop_all_then_release_and_activate_one(page: Page, serving: Serving) -> None:
    site = serving(Plant(names=("bess1", "bess2")))
    page.goto(site.url)
    sign_in(page, Role.OPERATOR)
    page.locator("footer .stop").click()
    expect(page.locator("dialog")).to_contain_text("bess1, bess2")
    expect(page.locator("dialog [name=token]")).to_have_count(0)
    page.locator("dialog [name=reason]").fill("test")
    page.keyboard.press("Enter")
    expect(page.locator(".asset .state", has_text="EMERGENCY STOP")).to_have_count(2)
    expect(page.locator("[aria-label='Activate bess2']")).to_be_hidden()
    page.locator("[aria-label='Release bess2']").click()
    expect(page.locator("dialog")).to_contain_text("waits in STANDBY: no power flows before somebody activates it")
    page.locator("dialog [name=reason]").fill("checked on site")
    page.locator("dialog .go").click()
    expect(page.locator(".asset .state", has_text="EMERGENCY STOP")).to_have_count(1)
    page.locator("[aria-label='Activate bess2']").click()
    expect(page.locator("dialog")).to_contain_text("Power may flow without further notice")
    page.locator("dialog [name=reason]").fill("released, nobody there")
    page.locator("dialog .go").click()
    expect(page.locator("[aria-label='Activate bess2']")).to_be_hidden()
    kinds = [(act.kind, act.asset) for act in site.plant.acts]
    assert kinds == [(ActKind.STOP, None), (ActKind.RELEASE, "bess2"), (ActKind.ACTIVATE, "bess2")]


@pytest.mark.req("LH-SM-001")
def test_lock_out_and_power_by_hand_from_the_details(page: Page, serving: Serving) -> None:
    site = serving(Plant())
    page.goto(site.url + "#asset/bess1")
    sign_in(page, Role.OPERATOR)
    acts = page.locator(".states-panel .buttons")
    expect(acts.get_by_role("button", name="Unlock…")).to_be_hidden()
    acts.get_by_role("button", name="Run by hand…").click()
    page.locator("dialog [name=amount]").fill("25")
    page.locator("dialog [name=choice]").select_option("-1")
    page.locator("dialog [name=reason]").fill("sign pulse")
    page.locator("dialog .go").click()
    expect(page.locator(".said")).to_contain_text("bess1 runs by hand.")
    acts.get_by_role("button", name="Lock out…").click()
    expect(page.locator("dialog")).to_contain_text("It does not isolate the device")
    page.locator("dialog [name=reason]").fill("fuse replaced")
    page.locator("dialog [name=person]").fill("M. Weber")
    page.locator("dialog .go").click()
    expect(page.locator("dialog")).to_have_count(0)
    hand, lock = site.plant.acts
    assert (hand.kind, hand.power_kw, hand.dead_man_s) == (ActKind.MANUAL, -25.0, 60.0)
    assert (lock.kind, lock.operator) == (ActKind.LOCK_OUT, "M. Weber (operator)")


def test_a_viewer_is_refused_and_a_cancelled_dialog_sends_nothing(page: Page, serving: Serving) -> None:
    site = serving(Plant())
    page.goto(site.url)
    sign_in(page, Role.VIEWER)
    page.locator("footer .stop").click()
    page.locator("dialog [name=reason]").fill("test")
    page.locator("dialog [name=token]").fill(TOKENS[Role.VIEWER])
    page.locator("dialog .go").click()
    expect(page.locator("dialog .refused")).to_contain_text("Your role may not do this")
    page.locator("dialog button", has_text="Cancel").click()
    expect(page.locator("dialog")).to_have_count(0)
    assert site.plant.acts == []
    assert any(entry.error == "forbidden" for entry in site.plant.refusals)


def test_acknowledge_fault_and_alarm(page: Page, serving: Serving) -> None:
    site = serving(Plant(situation="fault"))
    page.goto(site.url)
    sign_in(page, Role.OPERATOR)
    page.locator(".alarms button").first.click()
    expect(page.locator("dialog")).to_contain_text("Response: check cell spread and cooling")
    page.locator("dialog .go").click()
    expect(page.locator(".alarms li")).to_contain_text("acknowledged")
    expect(page.get_by_role("button", name=re.compile("^Acknowledge:"))).to_be_hidden()
    page.locator("[aria-label='Acknowledge bess1']").click()
    expect(page.locator("dialog")).to_contain_text("critical alarm of the device")
    page.locator("dialog [name=reason]").fill("module 3 replaced")
    page.locator("dialog .go").click()
    expect(page.locator(".said")).to_contain_text("Acknowledgement of bess1 accepted.")
    assert site.plant.acknowledged == ["alarm-0"]
    assert [act.kind for act in site.plant.acts] == [ActKind.ACKNOWLEDGE]


@pytest.mark.req("LH-API-008")
def test_without_anonymous_viewing_the_page_asks_for_a_token(page: Page, serving: Serving) -> None:
    page.goto(serving(Plant(anonymous=False, demo=False)).url)
    expect(page.locator(".lost-banner")).to_contain_text("NOT SIGNED IN")
    expect(page.locator(".asset")).to_have_count(0)
    sign_in(page, Role.VIEWER)
    expect(page.locator(".asset .state")).to_be_visible()
    expect(page.locator(".lost-banner")).to_be_hidden()
    page.locator("footer button", has_text="Sign out").click()
    expect(page.locator(".lost-banner")).to_contain_text("NOT SIGNED IN")
    assert page.evaluate("document.cookie") == ""  # HttpOnly


def test_everything_is_reachable_by_keyboard(page: Page, serving: Serving) -> None:
    page.goto(serving(Plant(situation="limited")).url)
    expect(page.locator(".alarms button").first).to_be_visible()
    reached: list[str] = []
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.textContent")
        )
    for wanted in ("bess1", "Stop bess1", "Operator", "Graph", "Sign in…", "STOP ALL"):
        assert wanted in reached
    page.locator("footer .stop").focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.locator("dialog [name=reason]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator("footer .stop")).to_be_focused()
    assert re.search("STOP", page.evaluate("document.activeElement.textContent"))
