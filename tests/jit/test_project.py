"""From desired to sent, one battery and one step at a time: the value, and the reason that is given for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from jit import constants as c
from jit import project
from jit import rows as r
from jit.codes import Authority, Mode, Permit, Reason, State, WriteStatus

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-CTRL-002", "LH-CTRL-003", "LH-CTRL-004")]

INF, NAN = np.inf, np.nan
BAND = len(r.SITE_VALUE_ROWS)


class Chain:
    """Batteries with a band of −100 to 100 kW, ramps of 10 (up) and 20 kW/s (down), and a site without limits."""

    def __init__(self, assets: int = 1, **facts: Any) -> None:
        self.values, self.codes = np.zeros((len(r.VALUE_ROWS), assets)), np.zeros((len(r.CODE_ROWS), assets), np.int64)
        self.past, self.past_codes = self.values.copy(), self.codes.copy()
        self.ratings = np.zeros((len(c.RATING_NAMES), assets))
        self.site, self.site_codes = np.full(BAND + 2, NAN), np.zeros(len(r.SITE_CODE_ROWS), np.int64)
        self.starts, self.members = np.array([0, assets]), np.arange(assets)
        self.site[r.SITE_LOW_KW], self.site[r.SITE_HIGH_KW] = -INF, INF
        usual = {"low_kw": -100.0, "high_kw": 100.0, "low_by": 3, "high_by": 4, "resolution_kw": 1.0, "ramp_up": 10.0,
                 "ramp_down": 20.0, "proven": Permit.YES, "authority": Authority.ARMED,
                 "was_authority": Authority.ARMED, "state": State.DISCHARGING}  # fmt: skip
        value_names, code_names = [row.name for row in r.VALUE_ROWS], [row.name for row in r.CODE_ROWS]
        for key, value in (usual | facts).items():
            name = key.removeprefix("was_")
            matrices = (self.past, self.past_codes) if name != key else (self.values, self.codes)
            for matrix, names in zip((*matrices, self.ratings), (value_names, code_names, c.RATING_NAMES), strict=True):
                if name in names:
                    matrix[names.index(name)] = value
        for array in (self.past, self.past_codes, self.ratings, self.starts, self.members):
            array.flags.writeable = False

    def constrain(self) -> Chain:
        project.constrain(self.values, self.codes, self.site, self.site_codes, self.starts, self.members, BAND)
        return self

    def ramp(self, dt: float = 1.0) -> Chain:
        project.ramp(self.values, self.codes, self.site, self.site_codes, self.past, self.past_codes, self.ratings,
                     self.starts, self.members, BAND, dt)  # fmt: skip
        return self

    def command(self) -> Chain:
        project.command(self.values, self.codes, self.site, self.site_codes, self.past_codes, self.ratings, self.starts,
                        self.members, BAND)  # fmt: skip
        return self

    def value(self, row: int) -> float:
        return float(self.values[row, 0])

    def why(self, row: int) -> Reason:
        return Reason(int(self.codes[row, 0]))


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (5.0, -10.0, 10.0, 5.0), (15.0, -10.0, 10.0, 10.0), (-15.0, -10.0, 10.0, -10.0), (0.5, 0.0, 0.25, 0.25),
        (NAN, -10.0, 10.0, 0.0), (5.0, NAN, 10.0, 0.0), (5.0, -10.0, NAN, 0.0), (5.0, 1.0, 10.0, 0.0),
        (5.0, 0.5, 10.0, 0.0), (-5.0, -10.0, -1.0, 0.0), (-5.0, -10.0, -0.5, 0.0), (5.0, 0.0, 10.0, 5.0),
        (-5.0, -10.0, 0.0, -5.0), (INF, -10.0, 10.0, 10.0),
    ],
)  # fmt: skip
def test_a_projection_is_inside_and_whatever_is_unknown_is_0(
    value: float, low: float, high: float, expected: float
) -> None:
    assert project.clamp(value, low, high) == expected


@pytest.mark.parametrize(
    ("power", "step", "expected"),
    [
        (7.7, 0.0, 7.7), (7.7, -1.0, 7.7), (7.7, 1.0, 7.0), (-7.7, 1.0, -7.0), (7.7, 2.5, 7.5), (7.77, 0.1, 7.7),
        (7.7, 0.25, 7.5), (0.3, 0.1, 0.3), (7.7, 0.3, 7.5), (1e15, 1.0, 0.0), (9e14, 1.0, 9e14), (5e14, 0.5, 0.0),
        (4e14, 0.5, 4e14), (1e15, 10.0, 0.0), (NAN, 1.0, 0.0), (0.5, 1.0, 0.0), (3.0, 3.0, 3.0),
        (np.nextafter(0.9, 0.0), 0.1, 0.8), (5.699999999999999, 0.3, 5.4),
    ],
)  # fmt: skip
def test_rounding_gives_the_next_multiple_toward_zero(power: float, step: float, expected: float) -> None:
    assert project.toward_zero(power, step) == pytest.approx(expected, rel=1e-12)
    assert abs(project.toward_zero(power, step)) <= abs(power) or power != power


@pytest.mark.parametrize(
    ("facts", "limited", "by", "why"),
    [
        ({"desired_kw": 50.0}, 50.0, 0, Reason.WITHIN_LIMITS),
        ({"desired_kw": 100.0}, 100.0, 0, Reason.WITHIN_LIMITS),
        ({"desired_kw": -100.0}, -100.0, 0, Reason.WITHIN_LIMITS),
        ({"desired_kw": 150.0}, 100.0, 4, Reason.LIMITED),
        ({"desired_kw": -150.0}, -100.0, 3, Reason.LIMITED),
        ({"desired_kw": 150.0, "fault": 4}, 0.0, 0, Reason.STAGE_FAULT),
        ({"desired_kw": NAN}, 0.0, 0, Reason.WITHIN_LIMITS),
    ],
)
def test_what_is_desired_is_projected_and_the_limit_is_named(
    facts: dict[str, Any], limited: float, by: int, why: Reason
) -> None:
    chain = Chain(**facts, limited_by=99, limited_why=99).constrain()
    assert (chain.value(r.LIMITED_KW), chain.codes[r.LIMITED_BY, 0]) == (limited, by)
    assert chain.why(r.LIMITED_WHY) == why
    assert chain.site_codes[r.DIRECTION] == 2 + (limited > 0.0) - (limited < 0.0)


@pytest.mark.parametrize(
    ("by", "limit", "why"),
    [(r.L_SITE + 1, r.L_SITE, Reason.SITE_LIMITED),
     (r.L_GRID_OPERATOR + 1, r.L_GRID_OPERATOR, Reason.GRID_OPERATOR_LIMITED)],
)  # fmt: skip
def test_what_cuts_all_together_is_named_in_place_of_an_own_limit(by: int, limit: int, why: Reason) -> None:
    chain = Chain(2, desired_kw=[150.0, -90.0], low_kw=[-100.0, -20.0])
    chain.site[r.SITE_HIGH_KW], chain.site_codes[r.SITE_HIGH_BY] = 60.0, by
    chain.constrain()
    assert chain.values[r.LIMITED_KW].tolist() == [60.0, 0.0]
    assert chain.codes[r.LIMITED_BY].tolist() == [limit + 1, 0]
    assert chain.codes[r.LIMITED_WHY].tolist() == [why, Reason.ONE_DIRECTION]
    chain.starts, chain.members = np.array([0, 2, 3]), np.array([0, 1, 0])
    chain.site[BAND], chain.site[BAND + 1] = -INF, 50.0
    chain.constrain()
    assert chain.values[r.LIMITED_KW].tolist() == [50.0, 0.0]
    assert chain.codes[r.LIMITED_BY].tolist() == [r.L_TRANSFORMER + 1, 0]
    assert chain.why(r.LIMITED_WHY) == Reason.TRANSFORMER_LIMITED


NOT_TAKEN = (WriteStatus.REFUSED, WriteStatus.FAILED, WriteStatus.EXPIRED, WriteStatus.WITHHELD)
UP, DOWN, REACHED, AT_ONCE = Reason.RAMP_UP, Reason.RAMP_DOWN, Reason.RAMP_REACHED, Reason.LIMIT_AT_ONCE


@pytest.mark.parametrize(
    ("facts", "ramped", "why"),
    [
        ({"limited_kw": 50.0}, 10.0, UP),
        ({"limited_kw": 5.0}, 5.0, REACHED),
        ({"limited_kw": 10.0}, 10.0, REACHED),
        ({"limited_kw": -10.0}, -10.0, REACHED),
        ({"limited_kw": -50.0}, -10.0, DOWN),
        ({"limited_kw": 0.0, "was_ramped_kw": 50.0}, 30.0, DOWN),
        ({"limited_kw": 0.0, "was_ramped_kw": -50.0}, -30.0, UP),
        ({"limited_kw": -50.0, "was_ramped_kw": 10.0}, -5.0, DOWN),
        ({"limited_kw": 50.0, "was_ramped_kw": -10.0}, 5.0, UP),
        ({"limited_kw": 50.0, "was_ramped_kw": -20.0}, 0.0, UP),
        ({"limited_kw": 50.0, "was_ramped_kw": NAN}, 10.0, UP),
        ({"limited_kw": 50.0, "was_ramped_kw": 40.0, "was_fault": 4}, 10.0, UP),
        ({"limited_kw": 50.0, "was_ramped_kw": 40.0, "was_authority": Authority.SILENT, "power_kw": 20.0}, 30.0, UP),
        ({"limited_kw": 50.0, "was_authority": Authority.SILENT, "power_kw": 20.0, "was_fault": 4}, 30.0, UP),
        ({"limited_kw": 50.0, "was_ramped_kw": 40.0, "was_authority": Authority.SILENT, "power_kw": NAN}, 10.0, UP),
        ({"limited_kw": 50.0, "was_ramped_kw": 40.0, "fault": 4}, 0.0, AT_ONCE),
        ({"limited_kw": 50.0, "was_ramped_kw": 80.0, "high_kw": 30.0}, 30.0, AT_ONCE),
        ({"limited_kw": 0.0, "was_ramped_kw": 80.0, "high_kw": 30.0}, 10.0, DOWN),
        ({"limited_kw": 50.0, "service_kw": 7.0}, 17.0, UP),
        ({"limited_kw": 50.0, "service_kw": 7.0, "was_service_kw": 4.0}, 13.0, UP),
        ({"limited_kw": 50.0, "service_kw": 7.0, "was_service_kw": NAN}, 17.0, UP),
        ({"limited_kw": 50.0, "service_kw": NAN}, 10.0, UP),
        ({"limited_kw": 50.0, "service_kw": -7.0}, 10.0, UP),
        ({"limited_kw": -50.0, "service_kw": 7.0}, -10.0, DOWN),
        ({"limited_kw": -50.0, "service_kw": -7.0}, -17.0, DOWN),
        *[({"limited_kw": 50.0, "was_ramped_kw": 20.0, "write_status": s}, 20.0, UP) for s in NOT_TAKEN],
        ({"limited_kw": -50.0, "was_ramped_kw": -20.0, "write_status": WriteStatus.FAILED}, -20.0, DOWN),
        ({"limited_kw": 0.0, "was_ramped_kw": 50.0, "write_status": WriteStatus.FAILED}, 30.0, DOWN),
        ({"limited_kw": -50.0, "was_ramped_kw": 10.0, "write_status": WriteStatus.FAILED}, 0.0, DOWN),
        ({"limited_kw": 50.0, "was_ramped_kw": -10.0, "write_status": WriteStatus.FAILED}, 0.0, UP),
        ({"limited_kw": 50.0, "service_kw": 7.0, "write_status": WriteStatus.FAILED}, 7.0, UP),
        ({"limited_kw": 50.0, "was_ramped_kw": 20.0, "write_status": WriteStatus.DIFFERENT}, 30.0, UP),
    ],
)
def test_one_step_of_the_ramp_begins_where_power_is_and_a_limit_beats_it(
    facts: dict[str, Any], ramped: float, why: Reason
) -> None:
    chain = Chain(**facts).ramp()
    assert chain.value(r.RAMPED_KW) == pytest.approx(ramped)
    assert chain.why(r.RAMP_BY) == why


@pytest.mark.parametrize(
    ("facts", "sent", "why"),
    [
        ({"ramped_kw": 50.0}, 50.0, Reason.UNCHANGED),
        ({"ramped_kw": 50.7}, 50.0, Reason.ROUNDED),
        ({"ramped_kw": -50.7}, -50.0, Reason.ROUNDED),
        ({"ramped_kw": 150.0}, 100.0, Reason.UNCHANGED),
        ({"ramped_kw": NAN}, 0.0, Reason.NO_VALUE),
        ({"ramped_kw": 50.0, "fault": 4}, 0.0, Reason.STAGE_FAULT),
        ({"ramped_kw": NAN, "fault": 4}, 0.0, Reason.NO_VALUE),
        ({"ramped_kw": 50.0, "authority": Authority.SILENT}, 50.0, Reason.SILENT),
        ({"ramped_kw": 5.0, "min_discharge_kw": 6.0}, 0.0, Reason.BELOW_MINIMUM),
        ({"ramped_kw": 6.0, "min_discharge_kw": 6.0}, 6.0, Reason.UNCHANGED),
        ({"ramped_kw": 5.0, "min_charge_kw": 6.0}, 5.0, Reason.UNCHANGED),
        ({"ramped_kw": -5.0, "min_charge_kw": 6.0}, 0.0, Reason.BELOW_MINIMUM),
        ({"ramped_kw": -5.0, "min_discharge_kw": 6.0}, -5.0, Reason.UNCHANGED),
        ({"ramped_kw": 1.0, "min_discharge_kw": 1.5}, 0.0, Reason.BELOW_MINIMUM),
        ({"ramped_kw": 0.0, "min_discharge_kw": 6.0, "min_charge_kw": 6.0}, 0.0, Reason.UNCHANGED),
        ({"ramped_kw": 0.5, "min_discharge_kw": 6.0, "min_charge_kw": 6.0}, 0.0, Reason.ROUNDED),
    ],
)
def test_what_is_sent_is_rounded_toward_zero_and_not_below_the_least_power(
    facts: dict[str, Any], sent: float, why: Reason
) -> None:
    chain = Chain(**facts, command_kvar=9.0).command()
    assert (chain.value(r.COMMAND_KW), chain.why(r.COMMAND_BY)) == (sent, why)
    assert chain.value(r.COMMAND_KVAR) == 0.0
    assert chain.site[r.TOTAL_KW] == sent


def test_what_the_site_cuts_keeps_its_reason_through_rounding_and_the_sum_settles_within() -> None:
    chain = Chain(2, ramped_kw=[50.0, 50.0])
    chain.site[r.SITE_HIGH_KW] = 61.0
    chain.command()
    assert chain.values[r.COMMAND_KW].tolist() == [30.0, 30.0]
    assert chain.codes[r.COMMAND_BY].tolist() == [Reason.SITE_LIMITED] * 2
    assert chain.site[r.TOTAL_KW] == 60.0


@pytest.mark.parametrize("group", ["site", "transformer"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("largest", [0, 1])
def test_a_sum_that_rounding_put_over_the_bound_gives_one_step_back(group: str, sign: float, largest: int) -> None:
    """0.1 + 0.7 in float64 are less than both together exactly: no projection sees that, the settling does."""
    powers = [0.1, 0.7] if largest else [0.7, 0.1]
    chain = Chain(2, ramped_kw=[sign * power for power in powers], resolution_kw=0.1)
    low, high = (-INF, 0.1 + 0.7) if sign > 0.0 else (-0.1 - 0.7, INF)
    if group == "transformer":
        chain.starts, chain.members = np.array([0, 2, 4]), np.array([0, 1, 0, 1])
        chain.site[BAND], chain.site[BAND + 1] = low, high
    else:
        chain.site[r.SITE_LOW_KW], chain.site[r.SITE_HIGH_KW] = low, high
    chain.command()
    assert sign * chain.values[r.COMMAND_KW, largest] == pytest.approx(0.6)
    assert sign * chain.values[r.COMMAND_KW, 1 - largest] == 0.1
    assert chain.codes[r.COMMAND_BY, largest] == Reason.ROUNDED
    assert chain.codes[r.COMMAND_BY, 1 - largest] == Reason.UNCHANGED


@pytest.mark.parametrize(
    ("power", "state", "mode"),
    [
        (5.0, State.DISCHARGING, Mode.DISCHARGE), (-5.0, State.DISCHARGING, Mode.CHARGE), (0.0, State.IDLE, Mode.IDLE),
        (1.0, State.FAULT, Mode.STOP), (0.0, State.EMERGENCY_STOP, Mode.STOP), (-1.0, State.LIMITED, Mode.CHARGE),
        (1.0, State.LIMITED, Mode.DISCHARGE), (0.0, State.MAINTENANCE, Mode.IDLE),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("authority", "beats"), [(Authority.ARMED, 1), (Authority.SILENT, 0)])
def test_the_mode_goes_with_the_power_and_the_heart_beats_only_when_armed(
    power: float, state: State, mode: Mode, authority: Authority, beats: int
) -> None:
    for was, then in ((7, 8), (65535, 0), (65534, 65535), (0, 1)):
        chain = Chain(ramped_kw=power, state=state, authority=authority, was_heartbeat=was).command()
        assert chain.codes[r.MODE, 0] == mode
        assert chain.codes[r.HEARTBEAT, 0] == (then if beats else was)
