"""What each step of `transform:` makes of a series, as marbles: one value per tick of 1 s, `-` is absent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from config.transform import Transform
from jit import rows as r
from jit.arrange import build_layout
from jit.codes import Quality
from jit.transforms import MOST_SLOTS
from jit.twins import on_twins
from operators.transforms.forms import FORMS, placed
from operators.transforms.transform import Port, slots
from pipeline.compile import compile_definition
from tests.rig import METER, Rig, site, storage

KIND = "day_ahead"
OUT = f"requests.{KIND}.transform"


def step(kind: str, content: Any) -> Transform:
    return Transform.model_validate({"kind": kind, kind: content})


def transformed(*steps: Transform, cycle: str = "1 s", assets: int = 1) -> Rig:
    plain = site(assets, cycle=cycle)
    requests = [
        request.model_copy(update={"schedule": request.schedule.model_copy(update={"transform": list(steps)})})
        if request.kind == KIND and request.schedule is not None
        else request
        for request in plain.requests
    ]
    return Rig(plain.model_copy(update={"requests": requests}))


def series(text: str) -> list[float | None]:
    return [None if word == "-" else float(word) for word in text.split()]


def feed(rig: Rig, text: str, asset: str | None = None, row: str = "site_kw", *, dt: float | None = None) -> str:
    """Ask for one value per tick, for the site or an asset; what the last step makes of it, as marbles."""
    said = []
    last = len(rig.compiled.composed) - 1
    for version, kw in enumerate(series(text), start=rig.index + 1):
        start = 0.0 if kw is not None else 80_000.0  # a window that does not cover now: nothing to say
        rig.schedule(KIND, kw or 0.0, asset, start_s=start - rig.cycle, version=version)
        frame = rig.tick(dt)
        name = f"{OUT}.{last}.{row}"
        value = frame.at_site(name) if row == "site_kw" else float(frame[name][0])
        said.append("-" if value != value else f"{value:.10g}")
    return " ".join(said)


CASES = [
    ("average", "3 s", "10 10 10 40 40 40 40", "10 10 10 20 30 40 40"),
    ("average", "3 s", "30 - - 60 - - - 10", "30 - - 60 - - - 10"),
    ("average", "3 s", "30 - 60", "30 - 45"),
    ("average", "0.4 s", "1 2 3", "1 2 3"),
    ("delay", "2 s", "1 2 3 4 5", "- - 1 2 3"),
    ("delay", "2 s", "1 2 3 - 5 6 7 8", "- - 1 - 3 - 5 6"),
    ("low_pass", "1 s", "0 8 8 8", "0 4 6 7"),
    ("low_pass", "1 s", "0 8 - 8", "0 4 - 8"),
    ("hold_last", "2 s", "7 - - - 8 -", "7 7 7 - 8 8"),
    ("hold_last", "2 s", "- - 5", "- - 5"),
    ("dead_band", "2 kW", "10 10.5 11.9 12 11 9.9", "10 10 10 12 12 9.9"),
    ("dead_band", "2 kW", "10 - 10.5", "10 - 10.5"),
    ("clamp", {"charge": "50 kW", "discharge": "100 kW"}, "-80 -50 0 99 180 -", "-50 -50 0 99 100 -"),
    ("clamp", {"discharge": "100 kW"}, "-80 180", "0 100"),
    ("scale", "90 %", "100 -50 - 0", "90 -45 - 0"),
    ("offset", {"charge": "5 kW"}, "100 0 -", "95 -5 -"),
    ("offset", {"discharge": "5 kW"}, "100 -", "105 -"),
    ("rate_limit", "20 kW/s", "0 50 50 50 -50 -", "0 20 40 50 30 -"),
    ("rate_limit", "20 kW/s", "0 50 - 50", "0 20 - 50"),
    ("smooth", {"lag": "1 s", "jump": "10 kW", "reseed_after": "2 s"}, "0 8 8 90 8 -", "0 4 6 6 7 -"),
    ("smooth", {"lag": "1 s", "jump": "10 kW", "reseed_after": "2 s"}, "0 90 90 90 92", "0 0 0 90 91"),
    ("round_to", "5 kW", "27.4 -27.4 4.9 30 -", "25 -25 0 30 -"),
    ("round_to", "0.1 kW", "0.3 0.7 -0.65", "0.3 0.7 -0.6"),
    ("round_to", "0 kW", "27.4", "27.4"),
]  # fmt: skip
IDS = [f"{kind} {content}: {given}" for kind, content, given, _ in CASES]


@pytest.mark.parametrize(("kind", "content", "given", "made"), CASES, ids=IDS)
@pytest.mark.req("LH-ARCH-003")
def test_a_series_of_the_site(kind: str, content: Any, given: str, made: str) -> None:
    assert feed(transformed(step(kind, content)), given) == made


@pytest.mark.parametrize(("kind", "content", "given", "made"), CASES, ids=IDS)
def test_a_series_of_an_asset_on_plain_kernels(kind: str, content: Any, given: str, made: str) -> None:
    with on_twins():
        assert feed(transformed(step(kind, content)), given, "b1", "asked_kw") == made


def test_every_form_of_the_language_is_there_and_tried() -> None:
    assert set(FORMS) == set(Transform.forms) == {kind for kind, *_ in CASES}


def test_steps_work_in_the_order_of_the_list() -> None:
    assert feed(transformed(step("clamp", {"discharge": "50 kW"}), step("scale", "50 %")), "100") == "25"
    assert feed(transformed(step("scale", "50 %"), step("clamp", {"discharge": "50 kW"})), "100") == "50"


def test_resolve_follows_what_the_last_step_says() -> None:
    rig = transformed(step("scale", "50 %"), step("clamp", {"discharge": "30 kW"})).ready()
    rig.schedule(KIND, 80.0)
    rig.run(6)
    assert rig.frame["asked_kw"][0] == 30.0
    assert rig.frame.layout.requests[rig.frame["request_by"][0] - 1] == f"requests.{KIND}"
    assert rig.power == [30.0]
    assert rig.frame.at_site(f"requests.{KIND}.site_kw") == 80.0  # what was asked stands beside it


def test_a_gap_that_is_bridged_is_marked_and_keeps_the_request_chosen() -> None:
    rig = transformed(step("hold_last", "3 s")).ready()
    rig.schedule(KIND, 80.0, end_s=6.0)
    rig.run(8)
    name = f"{OUT}.0.site_quality"
    assert rig.frame.site_code(name) == Quality.SUBSTITUTED
    assert rig.frame["asked_kw"][0] == 80.0
    rig.run(3)
    assert rig.frame.site_code(name) == Quality.MISSING
    assert rig.frame["asked_kw"][0] == 0.0  # idle


def test_assets_have_windows_of_their_own() -> None:
    rig = transformed(step("average", "2 s"), assets=2)
    feed(rig, "10 20 30", "b1", "asked_kw")
    values = rig.frame[f"{OUT}.0.asked_kw"]
    assert values[0] == 25.0
    assert np.isnan(values[1])


def test_a_late_tick_fills_the_slots_that_it_passed_over() -> None:
    rig = transformed(step("delay", "3 s"))
    feed(rig, "1 2 3 4 5")
    assert feed(rig, "9", dt=2.0) == "4"
    assert feed(rig, "9", dt=60.0) == "9"


def test_ticks_that_jitter_lose_no_slot() -> None:
    rig = transformed(step("delay", "2 s"))
    said = [feed(rig, str(n), dt=1.0 + (0.2 if n % 2 else -0.2)) for n in range(1, 9)]
    assert said == ["-", "-", "1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("cycle", ["1 s", "100 ms"])
def test_a_long_window_takes_no_more_rows_than_a_short_one(cycle: str) -> None:
    rig = transformed(step("average", "15 min"), cycle=cycle)
    count, slot_s = slots(900.0, rig.cycle)
    assert count == MOST_SLOTS
    assert count * slot_s == pytest.approx(900.0)
    rows = [row for row in rig.compiled.layout.values if row.owner == f"{OUT}.0"]
    assert len(rows) == MOST_SLOTS + 4


def test_windows_are_sized_by_the_cycle() -> None:
    assert slots(10.0, 1.0) == (10, 1.0)
    assert slots(10.0, 0.1) == (100, 0.1)
    assert slots(2.5, 1.0) == (3, 1.0)
    assert slots(0.3, 1.0) == (1, 1.0)


def test_a_step_that_raises_is_absent_and_0_kw_until_it_is_well() -> None:
    rig = transformed(step("scale", "50 %")).ready()
    rig.schedule(KIND, 80.0)
    rig.run(4)
    stage = next(stage for stage in rig.stages if stage.id == f"{OUT}.0")
    work, stage.step = stage.step, _broken
    frame = rig.tick()
    assert np.isnan(frame.at_site(f"{OUT}.0.site_kw"))
    assert (frame.codes[r.FAULT] != 0).all()
    assert rig.power == [0.0]
    stage.step = work
    rig.run(4)
    assert rig.power == [40.0]


def _broken(_frame: object) -> None:
    raise RuntimeError("a defect")


def test_a_meter_can_be_the_source_as_well() -> None:
    """For controllers: a row of the site alone, in its own unit."""
    steps = placed("requests.peak_shaving", [step("average", "2 s")], Port("", "poc_kw"), 1.0)
    layout = build_layout(("b1",), ("requests.idle",), (), (), {}, steps[0].rows())
    assert steps[0].output == Port("", "requests.peak_shaving.transform.0.poc_kw")
    stage = steps[0].stage(layout)
    assert stage.reads == ("poc_kw",)
    assert sorted(stage.writes) == sorted(stage.written(layout))


def test_without_transforms_nothing_is_added() -> None:
    plain = site()
    made = compile_definition(plain, {"b1": storage(), "site.poc": METER})
    assert made.composed == ()
    assert made.layout.asked[0] == ("requests.commitment.asked_kw", "requests.commitment.site_kw")
