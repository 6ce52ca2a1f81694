"""A stage as an Rx operator: guarded, bound to a layout, timed and tapped. Raises are tried in tests/safety too."""

from __future__ import annotations

import numpy as np
import pytest
from reactivex.testing import ReactiveTest, TestScheduler

from jit.frame import Frame
from operators.ramp import ramp
from operators.stage import Stage, stage
from tests.marbles import emitted
from tests.wild import compiled, wild

SITE = compiled(assets=2)


@stage(reads=("limited_kw",), before=("ramped_kw",), writes=("ramped_kw", "ramp_by"))
def half(frame: Frame) -> None:
    """Half of what is limited."""
    frame.values[frame.layout.value_index["ramped_kw"]] = frame["limited_kw"] / 2


def bound(errors: list[tuple[str, Exception]] | None = None, name: str = "ramp") -> Stage:
    def failed(name: str, error: Exception) -> None:
        if errors is not None:
            errors.append((name, error))

    return half(name).bind(SITE.layout, 4, lambda: 7.5, failed)


def test_a_declared_step_is_a_factory_with_its_name_and_text() -> None:
    assert half.__name__ == "half"
    assert half.__doc__ == "Half of what is limited."
    one, other = half(), half()
    assert one is not other
    assert one.id == "half"
    assert half("ramp").id == "ramp"
    assert one.file == "tests/operators/test_stage.py"
    assert ramp().file == "operators/ramp.py"


def test_it_maps_frames_in_virtual_time() -> None:
    scheduler = TestScheduler()
    frames = [wild(SITE, seed) for seed in range(3)]
    source = scheduler.create_hot_observable(*(ReactiveTest.on_next(210 + i, frame) for i, frame in enumerate(frames)))
    observer = scheduler.create_observer()
    source.pipe(bound()).subscribe(observer, scheduler=scheduler)
    scheduler.advance_to(300.0)
    assert [frame for _, frame in emitted(observer)] == frames
    assert frames[0]["ramped_kw"].tobytes() == (frames[0]["limited_kw"] / 2).tobytes()


def test_a_raise_is_counted_and_reported_and_the_frame_goes_on() -> None:
    errors: list[tuple[str, Exception]] = []
    one = bound(errors)
    one.step = lambda frame: frame.values[9999]
    frame = wild(SITE, 1)
    fault = frame["fault"].copy()
    assert one.guarded(frame) is frame
    assert (frame["fault"] == fault | 1 << 4).all()
    assert (frame["ramped_kw"] == 0.0).all()
    assert one.errors == 1
    assert [(name, type(error)) for name, error in errors] == [("ramp", IndexError)]


def test_an_unbound_stage_that_raises_says_so() -> None:
    one = half()
    with pytest.raises(RuntimeError, match="'half' must be bound to a layout"):
        one.fail(wild(SITE, 1))


def test_taps_see_the_frame_after_the_stage_and_a_broken_one_harms_nobody() -> None:
    errors: list[tuple[str, Exception]] = []
    seen: list[float] = []
    one = bound(errors)

    def broken(_frame: Frame) -> None:
        raise ValueError("a tap")

    one.taps = (broken, lambda frame: seen.append(float(frame["ramped_kw"][0])))
    frame = wild(SITE, 3, strange=0.0)
    assert one.guarded(frame) is frame
    assert seen == [frame["limited_kw"][0] / 2]
    assert one.ended_s == 7.5
    assert [(name, str(error)) for name, error in errors] == [("ramp.tap", "a tap")]
    assert one.errors == 0


def test_fail_values_of_every_kind() -> None:
    limits = next(s for s in (half("state_machine"),)).bind(SITE.layout, 1, lambda: 0.0, lambda *_: None)
    frame = wild(SITE, 9)
    limits.fail(frame)
    past = frame.prior
    layout = SITE.layout
    assert frame["manual_s"].tolist() == [0.0, 0.0]
    assert np.isnan(frame["clear_s"]).all()
    assert frame["latch"].tolist() == past.codes[layout.code_index["latch"]].tolist()
    assert frame["state_by"].tolist() == [0, 0]
    assert np.array_equal(frame["state_s"], past.values[layout.value_index["state_s"]], equal_nan=True)
