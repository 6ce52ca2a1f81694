"""The results of the earlier system's control core, reproduced by the whole chain, except for a stated list.

The earlier core limited first and ramped afterwards, and checked no options. The chain gives its numbers wherever that
was safe. On purpose it differs here:

* a limit beats the ramp: at a bound of SoC or temperature power is 0 in the same tick, not ramped down to it;
* a temperature *at* its bound allows no power (the earlier core allowed it);
* data that make no sense (SoC 150 %, NaN) are no data: 0 kW and no permission (it passed a target of 0 as well-formed,
  and for the rest depended on the comparison);
* a pause earns no ramp: at most two cycles of time count (it took any `dt`);
* options without sense (a negative ramp, a negative rating) are refused with the definition (it computed with them).
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from config.definition import Definition
from jit.twins import on_twins
from tests.rig import Rig, site

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-CTRL-002", "LH-CTRL-003", "LH-NATIVE-001", "LH-TEST-005")]
RATED, RAMP, LOW, HIGH, T_LOW, T_HIGH = 250.0, 50.0, 10.0, 90.0, -10.0, 50.0
SLACK = 0.1 + 1e-9  # one step of the device


def battery() -> Definition:
    """No tapers and next to no look-ahead: the hard edges that the earlier core had."""
    plain = site()
    asset = plain.assets["b1"]
    edges = asset.model_copy(update={"temperature": asset.temperature.model_copy(update={"taper": 0.0})})
    tight = plain.chain.limits.model_copy(
        update={"soc_taper": plain.chain.limits.soc_taper.model_copy(update={"within": 0.0}), "energy_horizon": 1.0}
    )
    chain = plain.chain.model_copy(update={"limits": tight})
    return plain.model_copy(update={"assets": {"b1": edges}, "chain": chain})


def earlier(target: float, previous: float, soc: float, temperature: float, dt: float) -> float:
    """The earlier core's answer, from its contract: constraint, then ramp."""
    limited = max(-RATED, min(RATED, target))
    if temperature < T_LOW or temperature > T_HIGH or (target < 0.0 and soc >= HIGH) or (target > 0.0 and soc <= LOW):
        limited = 0.0
    return max(previous - RAMP * dt, min(previous + RAMP * dt, limited))


def ours(target: float, previous: float, soc: float, temperature: float, dt: float = 1.0) -> float:
    """The chain's: running at `previous`, then one tick with new values and a new target."""
    with on_twins():
        rig = Rig(battery()).ready()
        rig.schedule("day_ahead", previous)
        rig.run(8)
        assert abs(rig.power[0] - previous) < SLACK
        rig.batteries["b1"].soc, rig.batteries["b1"].temperature = soc, temperature
        rig.schedule("day_ahead", target, version=2)
        rig.tick(dt)
        return rig.power[0]


powers = st.integers(-2500, 2500).map(lambda tenths: tenths / 10.0)
quiet = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quiet
@given(st.integers(-4000, 4000).map(lambda tenths: tenths / 10.0), powers, st.sampled_from([-9.0, 20.0, 49.0]))
def test_inside_the_edges_the_results_are_the_same(target: float, previous: float, temperature: float) -> None:
    assert abs(ours(target, previous, 55.0, temperature) - earlier(target, previous, 55.0, temperature, 1.0)) < SLACK


@pytest.mark.parametrize(
    ("target", "previous", "soc"),
    [(-80.0, 0.0, 90.0), (-80.0, 0.0, 95.0), (80.0, 0.0, 10.0), (80, 0.0, 5.0), (80, 20.0, 95.0), (-80, -20.0, 5.0)],
)
def test_a_bound_of_soc_that_is_no_step_is_the_same(target: float, previous: float, soc: float) -> None:
    assert abs(ours(target, previous, soc, 25.0) - earlier(target, previous, soc, 25.0, 1.0)) < SLACK


@pytest.mark.parametrize(
    ("target", "previous", "soc", "temperature", "theirs"),
    [
        (0.0, 50.0, 55.0, 60.0, 0.0),
        (80.0, 80.0, 55.0, 60.0, 30.0),
        (80.0, 80.0, 55.0, -11.0, 30.0),
        (30.0, 80.0, 5.0, 25.0, 30.0),
        (-80.0, -80.0, 95.0, 25.0, -30.0),
        (80.0, 80.0, 55.0, T_HIGH, 80.0),
        (80.0, 80.0, 55.0, T_LOW, 80.0),
    ],
)
def test_a_limit_beats_the_ramp(target: float, previous: float, soc: float, temperature: float, theirs: float) -> None:
    assert earlier(target, previous, soc, temperature, 1.0) == theirs
    assert ours(target, previous, soc, temperature) == 0.0


@pytest.mark.parametrize(("soc", "temperature"), [(150.0, 25.0), (float("nan"), 25.0), (55.0, float("nan"))])
def test_data_without_sense_are_no_data(soc: float, temperature: float) -> None:
    assert ours(80.0, 80.0, soc, temperature) == 0.0


def test_a_pause_earns_no_ramp() -> None:
    assert earlier(250.0, 0.0, 55.0, 25.0, 600.0) == 250.0
    assert abs(ours(250.0, 0.0, 55.0, 25.0, 600.0)) <= 2.0 * RAMP


@pytest.mark.parametrize(("key", "value"), [("ramp", {"up": -5.0, "down": 5.0}), ("rated", {"charge": -1.0})])
def test_options_without_sense_are_refused(key: str, value: dict[str, float]) -> None:
    written = battery().model_dump(by_alias=True, exclude_none=True)
    written["assets"]["b1"][key] = written["assets"]["b1"][key] | value
    with pytest.raises(ValidationError):
        Definition.model_validate(written)
