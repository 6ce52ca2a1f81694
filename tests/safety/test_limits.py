"""Every limit of LH-CTRL-002 on its own, in the running chain: what binds, how far, and that it acts at once."""

from __future__ import annotations

import pytest

from config.definition import Definition
from jit import rows as r
from jit.codes import Reason
from tests.rig import Rig, site, storage

pytestmark = pytest.mark.req("LH-CTRL-002", "LH-OPS-001")


def limit(rig: Rig, side: str) -> str:
    """The name of what binds on that side of b1."""
    code = int(rig.frame["high_by" if side == "out" else "low_by"][0])
    return rig.compiled.layout.limits[code - 1]


def asked(power_kw: float, cycle: str = "1 s", **battery: float) -> Rig:
    """One battery that is asked for that much, with its measurements changed after it runs."""
    rig = Rig(site(cycle=cycle)).ready()
    rig.schedule("day_ahead", power_kw)
    rig.run(8)
    for name, value in battery.items():
        setattr(rig.batteries["b1"], name, value)
    rig.tick()
    return rig


@pytest.mark.parametrize(
    ("wish", "battery", "power", "name"),
    [
        (400.0, {}, 250.0, "configuration"),
        (-400.0, {}, -250.0, "configuration"),
        (200.0, {"discharge_limit": 37.0}, 37.0, "bms"),
        (-200.0, {"charge_limit": 37.0}, -37.0, "bms"),
        (200.0, {"discharge_limit": 0.0}, 0.0, "bms"),
        (-200.0, {"charge_limit": 0.0}, 0.0, "bms"),
        (200.0, {"charge_limit": 0.0}, 200.0, "configuration"),
        (200.0, {"discharge_limit": -5.0}, 0.0, "bms"),
        (200.0, {"available": 0.0}, 0.0, "permission"),
        (-200.0, {"available": 0.0}, 0.0, "permission"),
        (200.0, {"soc": 10.0}, 0.0, "soc"),
        (200.0, {"soc": 9.0}, 0.0, "soc"),
        (-200.0, {"soc": 90.0}, 0.0, "soc"),
        (-200.0, {"soc": 95.0}, 0.0, "soc"),
        (200.0, {"soc": 95.0}, 200.0, "configuration"),
        (-200.0, {"soc": 5.0}, -200.0, "configuration"),
        (200.0, {"soc": 11.5}, 125.0, "soc"),  # half of the 3 % taper
        (-200.0, {"soc": 88.5}, -125.0, "soc"),
        (200.0, {"temperature": 51.0}, 0.0, "temperature"),
        (200.0, {"temperature": -11.0}, 0.0, "temperature"),
        (200.0, {"temperature": 47.5}, 125.0, "temperature"),  # half of the 5 °C taper
        (-200.0, {"temperature": -7.5}, -125.0, "temperature"),
    ],
)
@pytest.mark.req("LH-SAFE-002", "LH-SAFE-003")
def test_a_limit_acts_in_the_tick_that_sees_it(
    wish: float, battery: dict[str, float], power: float, name: str, cycle: str
) -> None:
    rig = asked(wish, cycle, **battery)
    assert rig.power == [pytest.approx(power, abs=0.1)]
    assert limit(rig, "out" if wish > 0 else "in") == name


@pytest.mark.req("LH-CTRL-002", "LH-SAFE-003", "LH-CONF-001")
@pytest.mark.hazard("row 1")
@pytest.mark.parametrize(("wish", "battery", "power", "name"), [
    (-200.0, {"temperature": 5.0}, -31.25, "temperature"),
    (200.0, {"temperature": 5.0}, 200.0, "configuration"),
    (-200.0, {"soc": 80.0}, -125.0, "soc"),
    (200.0, {"soc": 80.0}, 200.0, "configuration"),
])  # fmt: skip
def test_taper_curves_take_from_the_direction_that_they_are_for(
    wish: float, battery: dict[str, float], power: float, name: str, cycle: str
) -> None:
    """A cold battery charges slowly, a full one too: a quarter at 10 °C, half from 80 % on, of 250 kW."""
    plain = site(cycle=cycle)
    cold, full = [{"at": 0.0, "power": 0.0}, {"at": 10.0, "power": 25.0}], [{"at": 70.0, "power": 100.0}]
    written = plain.model_dump(by_alias=True)
    written["assets"]["b1"]["temperature"]["charge"] = [*cold, {"at": 20.0, "power": 100.0}]
    written["assets"]["b1"]["soc"]["charge"] = [*full, {"at": 80.0, "power": 50.0}]
    rig = Rig(Definition.model_validate(written)).ready()
    for fact, value in battery.items():
        setattr(rig.batteries["b1"], fact, value)
    rig.schedule("day_ahead", wish)
    rig.run(12)
    assert rig.power == [pytest.approx(power, abs=0.1)]
    assert limit(rig, "out" if wish > 0 else "in") == name


@pytest.mark.parametrize("point", ["soc", "power", "temperature", "available", "alarms"])
@pytest.mark.parametrize("wish", [200.0, -200.0])
@pytest.mark.req("LH-CTRL-007", "LH-DOM-004")
@pytest.mark.hazard("row 5", "F1", "peer 2")
def test_a_missing_required_point_is_no_active_command_and_says_so(point: str, wish: float, cycle: str) -> None:
    rig = Rig(site(cycle=cycle)).ready()
    rig.schedule("day_ahead", wish)
    rig.run(6)
    rig.batteries["b1"].missing = {point}
    rig.tick()
    (command,) = rig.sent[-1]
    assert command is not None
    assert command.power_kw == 0.0
    assert "missing" in command.reason


@pytest.mark.parametrize(("point", "wish"), [("discharge_limit", 200.0), ("charge_limit", -200.0)])
def test_a_limit_that_the_battery_promised_and_does_not_send_is_0(point: str, wish: float) -> None:
    rig = Rig(site()).ready()
    rig.schedule("day_ahead", wish)
    rig.run(6)
    rig.batteries["b1"].missing = {point}
    rig.tick()
    assert rig.power == [0.0]
    assert limit(rig, "out" if wish > 0 else "in") == "bms"


def test_a_profile_without_limits_promises_none() -> None:
    """No opinion is not zero: a device without such points is limited by everything else."""
    read = {name: point for name, point in storage().model_dump()["read"].items() if "limit" not in name}
    points = {name: {"path": name, "unit": point["unit"]} for name, point in read.items()}
    profile = storage(read=points, promises_limits=False)
    rig = Rig(site(), profile).ready()
    rig.schedule("day_ahead", 400.0)
    rig.run(8)
    assert rig.power == [250.0]


def test_the_energy_left_ends_before_the_bound_is_crossed(cycle: str) -> None:
    """500 kWh, 15 s ahead: with 0.2 % above the minimum there is 1 kWh · 0.95, too little for 250 kW."""
    plain = site(cycle=cycle)
    tuned = plain.model_copy(
        update={
            "chain": plain.chain.model_copy(
                update={
                    "limits": plain.chain.limits.model_copy(
                        update={
                            "energy_horizon": 60.0,
                            "soc_taper": plain.chain.limits.soc_taper.model_copy(update={"within": 0.0}),
                        }
                    )
                }
            )
        }
    )
    rig = Rig(tuned).ready()
    rig.schedule("day_ahead", 200.0)
    rig.run(6)
    rig.batteries["b1"].soc = 10.2
    rig.tick()
    assert rig.power == [pytest.approx(1.0 * 0.95 * 60.0, abs=0.11)]
    assert limit(rig, "out") == "energy"
    assert rig.frame["limits.soc.high_kw"][0] == float("inf")


def test_the_room_to_the_next_limit_is_recorded() -> None:
    rig = asked(200.0, discharge_limit=37.0)
    frame = rig.frame
    assert frame["high_kw"][0] == 37.0
    assert frame["high_room_kw"][0] == pytest.approx(250.0 - 37.0)
    assert rig.compiled.layout.limits[int(frame["high_next_by"][0]) - 1] == "configuration"


def test_every_step_from_wish_to_command_is_in_the_frame() -> None:
    """Asked 200 → limited 37 by the BMS → ramped 37 → sent 37: the finished frame is the decision trace."""
    rig = asked(200.0, discharge_limit=37.0)
    frame = rig.frame
    assert [frame[row][0] for row in ("asked_kw", "base_kw", "desired_kw")] == [200.0] * 3
    assert [frame[row][0] for row in ("limited_kw", "ramped_kw", "command_kw")] == [37.0] * 3
    assert frame["limited_why"][0] == Reason.LIMITED
    assert frame["ramp_by"][0] == Reason.LIMIT_AT_ONCE
    (command,) = rig.sent[-1]
    assert command is not None
    assert "BMS" in command.reason


def test_a_limit_never_forces_power(cycle: str) -> None:
    """Load that exceeds the import limit forbids charging; it does not make the battery discharge."""
    plain = site(cycle=cycle)
    definition = plain.model_copy(update={"site": plain.site.model_copy(update={"import_limit": 100.0})})
    rig = Rig(definition)
    rig.other_kw = -300.0
    rig.ready()
    rig.schedule("day_ahead", -50.0)
    rig.run(5)
    assert rig.power == [0.0]
    rig.schedule("day_ahead", 0.0, version=2)
    rig.run(5)
    assert rig.power == [0.0]
    rig.schedule("day_ahead", 80.0, version=3)
    rig.run(5)
    assert rig.power == [80.0]


def test_only_shrinking_with_every_further_limit() -> None:
    """Each named limit contains 0; the band lies inside every one of them."""
    rig = asked(200.0, discharge_limit=120.0, soc=12.0, temperature=48.0)
    frame = rig.frame
    for name in r.LIMITS:
        low, high = frame[f"limits.{name}.low_kw"][0], frame[f"limits.{name}.high_kw"][0]
        assert low <= 0.0 <= high
        assert low <= frame["low_kw"][0]
        assert frame["high_kw"][0] <= high


@pytest.mark.parametrize(("least", "wish", "power"), [(20.0, 30.0, 30.0), (20.0, 19.9, 0.0), (20.0, -15.0, -15.0)])
def test_below_the_devices_minimum_there_is_no_power(least: float, wish: float, power: float) -> None:
    plain = site()
    asset = plain.assets["b1"]
    minimum = asset.min_power.model_copy(update={"discharge": least, "charge": 10.0})
    definition = plain.model_copy(update={"assets": {"b1": asset.model_copy(update={"min_power": minimum})}})
    rig = Rig(definition).ready()
    rig.schedule("day_ahead", wish)
    rig.run(6)
    assert rig.power == [power]
    if power == 0.0:
        assert rig.frame["command_by"][0] == Reason.BELOW_MINIMUM


@pytest.mark.parametrize(("wish", "power"), [(33.39, 33.3), (-33.39, -33.3), (0.09, 0.0), (-0.09, 0.0), (33.4, 33.4)])
def test_commands_are_rounded_toward_zero(wish: float, power: float) -> None:
    rig = Rig(site()).ready()
    rig.schedule("day_ahead", wish)
    rig.run(6)
    assert rig.power == [pytest.approx(power, abs=1e-9)]
    assert str(rig.power[0]) != "-0.0"


def test_rounding_never_feeds_back(cycle: str) -> None:
    """A slow ramp in steps below the resolution arrives all the same."""
    plain = site(cycle=cycle)
    asset = plain.assets["b1"]
    slow = asset.ramp.model_copy(update={"up": 0.05, "down": 0.05})
    rig = Rig(
        plain.model_copy(update={"assets": {"b1": asset.model_copy(update={"ramp": slow})}}), storage(resolution_kw=1.0)
    ).ready()
    rig.schedule("day_ahead", 2.0)
    rig.run(30)
    assert rig.power == [1.0]
    rig.run(15)
    assert rig.power == [2.0]
