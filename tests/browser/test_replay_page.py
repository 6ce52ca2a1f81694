"""The page of `replay --definition` in a browser of 1280 × 720: it fits, draws, and loads nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from jit.twins import on_twins
from pipeline.compile import compile_definition
from pipeline.whatif.loop import compiled_of
from pipeline.whatif.page import page as drawn
from pipeline.whatif.report import compared
from tests.pipeline.whatif.lives import live, small
from tests.rig import Rig, site

pytestmark = pytest.mark.req("LH-TEST-004")


def asked(rig: Rig) -> None:
    rig.schedule("day_ahead", 80.0)
    rig.run(30)


def test_the_page_of_a_comparison_fits_and_draws(page: Page, tmp_path: Path) -> None:
    with on_twins():
        recording = live(tmp_path, small(site(assets=2)), asked)
        slower = small(site(assets=2), ramp={"up": 5.0, "down": 5.0})
        report = compared(recording, compile_definition(slower, compiled_of(recording).profiles))
    file = tmp_path / "out.html"
    file.write_text(drawn(report, "recording", "new.yaml"), encoding="utf-8")
    asked_for: list[str] = []
    page.on("request", lambda request: asked_for.append(request.url))
    page.goto(file.as_uri())
    expect(page.get_by_role("heading", name="What new.yaml would have done")).to_be_in_viewport()
    expect(page.get_by_role("img", name="power, kW").first).to_be_in_viewport(ratio=1.0)
    expect(page.get_by_role("cell", name="energy discharged").first).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    box = page.locator("path.now").nth(1).bounding_box()
    assert box is not None
    assert box["width"] > 500
    assert asked_for == [file.as_uri()]
