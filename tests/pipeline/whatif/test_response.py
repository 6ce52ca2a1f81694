"""Dead time and lag of both sides, and what recorded batteries reveal of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp
from pathlib import Path

import pytest

from jit.twins import on_twins
from pipeline.whatif.identified import identified
from pipeline.whatif.loop import compiled_of, ticks
from pipeline.whatif.response import Response
from tests.pipeline.whatif.lives import live, small
from tests.rig import Rig, site

pytestmark = pytest.mark.req("LH-TEST-004")


@pytest.fixture(autouse=True)
def on_plain_kernels() -> Iterator[None]:
    with on_twins():
        yield


def test_a_step_waits_for_the_dead_time_and_follows_the_lag() -> None:
    response = Response(dead_s=1.0, lag_s=2.0)
    response.begin(0.0, 10.0)
    response.tell(5.0, 10.0, 50.0)
    assert response.at(6.0) == (10.0, 10.0)
    given, other = response.at(8.0)
    assert given == 10.0
    assert other == pytest.approx(50.0 - 40.0 * exp(-1.0))


def test_looking_in_between_changes_nothing() -> None:
    looked, straight = Response(0.4, 0.7), Response(0.4, 0.7)
    for response in (looked, straight):
        response.begin(0.0, 0.0)
        response.tell(0.0, 20.0, -20.0)
        response.tell(1.0, 30.0, 5.0)
    for tenth in range(1, 30):
        looked.at(tenth / 10.0)
        looked.advance(tenth / 10.0)
    assert looked.at(3.0) == pytest.approx(straight.at(3.0))


def test_equal_commands_give_equal_powers_to_the_last_bit() -> None:
    response = Response(0.3, 0.9)
    response.begin(0.0, 1.7)
    for k in range(200):
        response.tell(k * 0.37, 0.1 * k, 0.1 * k)
        given, other = response.at(k * 0.37 + 0.2)
        assert given == other
        response.advance(k * 0.37)


def test_without_a_lag_the_power_is_the_input() -> None:
    response = Response(0.0, 0.0)
    response.tell(1.0, 3.0, 4.0)
    assert response.at(1.0) == (3.0, 4.0)


def moving(rig: Rig) -> None:
    for version, power in enumerate((50.0, -80.0, 20.0, 100.0, 0.0), start=1):
        rig.schedule("day_ahead", power, version=version)
        rig.run(8)


def test_a_battery_that_is_faster_than_declared_is_recognised(tmp_path: Path) -> None:
    """Declared are 1 s and 1 s, true are 0.4 s and 0.6 s."""
    recording = live(tmp_path, small(site(assets=1, cycle="100 ms")), moving)
    old = compiled_of(recording)
    found = identified(ticks(recording, old), old)["b1"]
    assert found.response == (0.5, 0.5)
    assert found.readings > 100
    assert found.rms_kw < 2.0


def test_without_a_movement_the_declared_response_stands(tmp_path: Path) -> None:
    recording = live(tmp_path, small(site(assets=1)), lambda rig: rig.run(5))
    old = compiled_of(recording)
    found = identified(ticks(recording, old), old)["b1"]
    assert (found.response, found.readings) == ((1.0, 1.0), 0)
    assert found.json()["rms_kw"] is None
