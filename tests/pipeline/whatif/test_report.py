"""What is reported of two runs: sums, limits, reserve, first differences; as text, JSON and a page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from config.definition import Definition
from jit.twins import on_twins
from pipeline.compile import compile_definition
from pipeline.whatif.loop import compiled_of, framed
from pipeline.whatif.page import page
from pipeline.whatif.report import Report, compared
from pipeline.whatif.wording import notes, text
from sources.recording.recording import Recording
from tests.pipeline.whatif.lives import live, small
from tests.rig import Rig, site, storage

pytestmark = pytest.mark.req("LH-TEST-004")


@pytest.fixture(autouse=True)
def on_plain_kernels() -> Iterator[None]:
    with on_twins():
        yield


def report_of(recording: Recording, definition: Definition, **how: Any) -> Report:
    profiles = compiled_of(recording).profiles | {asset: storage() for asset in definition.assets}
    return compared(recording, compile_definition(definition, profiles), **how)


def discharging(rig: Rig) -> None:
    """60 kW for 30 s, of which the BMS lets 20 kW through for 10 s; 49.9 Hz for the last 10 s."""
    rig.schedule("day_ahead", 60.0)
    rig.run(10)
    rig.batteries["b1"].discharge_limit = 20.0
    rig.run(10)
    rig.batteries["b1"].discharge_limit = 250.0
    rig.frequency = 49.9
    rig.run(10)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    with on_twins():
        return live(tmp_path_factory.mktemp("recording"), small(site(assets=1, fcr_kw=20.0)), discharging)


def test_the_same_definition_changes_nothing_and_says_so(recording: Recording) -> None:
    report = report_of(recording, small(site(assets=1, fcr_kw=20.0)))
    told = report.json()
    assert told["same"]
    assert told["recorded"] == told["new"]
    assert told["first_differences"] == []
    assert "Nothing changes: the same commands in all 37 ticks." in text(report)


def test_energy_limits_states_and_reserve_are_those_of_the_frames(recording: Recording) -> None:
    then = report_of(recording, small(site(assets=1, fcr_kw=20.0))).json()["recorded"]
    asset, fcr = then["assets"]["b1"], then["reserve"]["fcr"]
    powers = [float(framed(entry.frame, compiled_of(recording))["power_kw"][0]) for entry in recording]
    assert asset["discharged_kwh"] == pytest.approx(sum(powers) / 3600.0)
    assert asset["discharged_kwh"] == pytest.approx((60 * 9 + 0 * 10 + 70 * 10) / 3600.0, rel=0.1)  # 20 kW are sold
    assert asset["throughput_kwh"] == asset["charged_kwh"] + asset["discharged_kwh"]
    assert asset["cycles"] == pytest.approx(asset["throughput_kwh"] / 80.0)
    assert sum(asset["states_s"].values()) == pytest.approx(37.0)
    assert asset["silent_s"] == 6.0
    assert fcr["activated_up_kwh"] == pytest.approx(fcr["given_up_kwh"], abs=0.01)
    assert fcr["activated_up_kwh"] == pytest.approx(20.0 * 0.5 * 10 / 3600.0, rel=0.2)
    assert fcr["undeliverable_kwh"] >= 0.0
    assert then["grid"]["export_kwh"] == pytest.approx(asset["discharged_kwh"])


def test_a_limit_that_binds_is_counted_by_name_and_direction(recording: Recording) -> None:
    """Without a reserve the wish meets the BMS limit itself: 40 kW less for 10 s."""
    hits = report_of(recording, small(site(assets=1))).json()["new"]["assets"]["b1"]["limits"]
    assert list(hits) == ["bms.discharge"]
    assert hits["bms.discharge"]["seconds"] == pytest.approx(10.0)
    assert hits["bms.discharge"]["curtailed_kwh"] == pytest.approx(400.0 / 3600.0, rel=0.05)


def test_first_differences_name_the_tick_and_both_reasons(recording: Recording) -> None:
    report = report_of(recording, small(site(assets=1, fcr_kw=20.0), rated={"discharge": 45.0, "energy": 40.0}), most=1)
    told = report.json()
    first = told["first_differences"][0]
    assert len(told["first_differences"]) == 1 < told["stretches"]
    assert (first["asset"], first["tick"]) == ("b1", 7)
    assert first["recorded"]["command_kw"] > first["new"]["command_kw"]
    assert "day ahead" in first["recorded"]["why"]
    assert "the configured rating" in first["new"]["why"]
    assert f"and {told['stretches'] - 1} more stretches" in text(report)


def test_assets_and_services_of_one_side_only_are_shown_beside_nothing(recording: Recording) -> None:
    both = small(site(assets=2))
    report = report_of(recording, both)
    told = report.json()
    assert set(told["new"]["assets"]) == {"b1", "b2"}
    assert set(told["recorded"]["assets"]) == {"b1"}
    assert told["new"]["reserve"] == {}
    assert any("assumed healthy: b2.soc" in note for note in notes(report))
    assert json.loads(json.dumps(told)) == told


def test_a_battery_that_is_gone_is_said_to_go_on(tmp_path: Path) -> None:
    pair = live(tmp_path, small(site(assets=2)), lambda rig: rig.run(3))
    report = report_of(pair, small(site(assets=1)))
    assert report.json()["as_recorded"] == ["b2"]
    assert any("taken to go on as recorded: b2" in note for note in notes(report))


def test_a_window_of_the_recording_is_reported_alone(recording: Recording) -> None:
    instants = [entry.tick.utc_ns for entry in recording]
    told = report_of(recording, small(site(assets=1, fcr_kw=20.0)), from_ns=instants[10], to_ns=instants[19]).json()
    assert (told["ticks"], told["same"]) == (10, True)


def test_a_shadow_recording_says_that_nothing_was_written(tmp_path: Path) -> None:
    shadow = live(tmp_path, small(site(assets=1)), discharging, armed=False)
    report = report_of(shadow, small(site(assets=1), ramp={"up": 5.0, "down": 5.0}))
    told = report.json()
    assert told["armed_s"] == 0.0
    assert told["recorded"]["assets"]["b1"]["discharged_kwh"] == told["new"]["assets"]["b1"]["discharged_kwh"]
    assert any("in shadow" in note for note in notes(report))


def test_limits_of_the_bms_at_another_charge_are_a_stated_doubt(tmp_path: Path) -> None:
    """A BMS that said how much at 50 % would say something else at 45 %."""

    def long(rig: Rig) -> None:
        rig.schedule("day_ahead", 200.0)
        rig.run(60)
        rig.batteries["b1"].discharge_limit = 5.0
        rig.run(5)

    slower = small(site(assets=1), ramp={"up": 1.0, "down": 1.0})
    report = report_of(live(tmp_path, small(site(assets=1)), long), slower)
    assert report.json()["bms_limit_apart_s"] == {"b1": 5.0}
    assert any("the BMS would have said something else" in note for note in notes(report))


class Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset")]
        if tag not in ("meta", "br", "path", "line"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("path", "line"):
            assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_from_outside(recording: Recording) -> None:
    report = report_of(recording, small(site(assets=1, fcr_kw=20.0), ramp={"up": 5.0, "down": 5.0}))
    shown = page(report, "day <1>.bessrec", "a&b.yaml")
    outline = Outline()
    outline.feed(shown)
    assert outline.open == []
    assert outline.links == []
    assert "script" not in outline.tags
    assert outline.tags.count("svg") >= 5
    assert "day &lt;1&gt;.bessrec" in shown
    assert "nan" not in shown.split("<body>")[1].lower().replace("financ", "")
