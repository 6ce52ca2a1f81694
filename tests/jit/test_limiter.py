"""The limiter against an oracle in rational arithmetic that was written from the rules (LH-CTRL-002)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jit import constants as c
from jit import limits, project
from jit import rows as r
from jit.codes import Condition, Permit, Reason
from jit.constants import Constants
from tests.jit import oracle
from tests.jit.oracle import exact

pytestmark = pytest.mark.req("LH-CTRL-002", "LH-TEST-001")

ASSETS = 3
STOPPING = (Reason.VALUES_LOST, Reason.WAITING_FOR_VALUES)
POWER = st.one_of(st.sampled_from([0.0, 10.0, 100.0, 250.0]), st.floats(0.0, 1000.0))
SIGNED = st.one_of(st.sampled_from([0.0, -50.0, 50.0]), st.floats(-1000.0, 1000.0))
NAN = float("nan")
FOLLOWING = Condition.FOLLOWS | Condition.REMOTE


@st.composite
def columns(draw: st.DrawFn) -> dict[str, float]:
    """One battery: ratings, measurements, codes. Any measurement may be unknown."""
    soc_min = draw(st.floats(0.0, 40.0))
    t_min = draw(st.floats(-30.0, 10.0))

    def maybe(value: st.SearchStrategy[float]) -> float:
        return draw(st.one_of(value, value, value, st.just(NAN)))

    return {
        "charge_kw": draw(st.floats(1.0, 1000.0)),
        "discharge_kw": draw(st.floats(1.0, 1000.0)),
        "nameplate_charge_kw": draw(st.one_of(st.just(np.inf), st.floats(1.0, 1000.0))),
        "nameplate_discharge_kw": draw(st.one_of(st.just(np.inf), st.floats(1.0, 1000.0))),
        "energy_kwh": draw(st.floats(1.0, 5000.0)),
        "soc_min": soc_min,
        "soc_max": draw(st.floats(soc_min + 10.0, 100.0)),
        "soc_taper": draw(st.one_of(st.just(0.0), st.floats(0.5, 10.0))),
        "t_min": t_min,
        "t_max": draw(st.floats(t_min + 10.0, 60.0)),
        "t_taper": draw(st.one_of(st.just(0.0), st.floats(0.5, 10.0))),
        "eff_charge": draw(st.floats(0.5, 1.0)),
        "eff_discharge": draw(st.floats(0.5, 1.0)),
        "horizon_s": draw(st.floats(1.0, 3600.0)),
        "promises_limits": float(draw(st.booleans())),
        "ramp_stop": draw(st.one_of(st.just(np.inf), st.floats(0.1, 1000.0))),
        "soc": maybe(st.one_of(st.floats(-5.0, 105.0), st.just(soc_min))),
        "temperature": maybe(st.floats(-40.0, 70.0)),
        "bms_in": maybe(st.floats(-10.0, 1000.0)),
        "bms_out": maybe(st.floats(-10.0, 1000.0)),
        "power": maybe(SIGNED),
        "written": maybe(SIGNED),
        "command": maybe(SIGNED),
        "ramped": maybe(SIGNED),
        "good": float(draw(st.sampled_from([True, True, True, False]))),
        "available": float(draw(st.sampled_from([Permit.YES, Permit.YES, Permit.NO, Permit.UNKNOWN]))),
        "may_charge": float(draw(st.sampled_from([Permit.YES, Permit.YES, Permit.NO, Permit.UNKNOWN]))),
        "may_discharge": float(draw(st.sampled_from([Permit.YES, Permit.YES, Permit.NO, Permit.UNKNOWN]))),
        "obeys": float(draw(st.sampled_from([FOLLOWING, FOLLOWING, Condition.FOLLOWS, Condition.REMOTE]))),
        "by": float(draw(st.sampled_from([Reason.RUNNING, *STOPPING, Reason.ACTIVATED]))),
        "desired": draw(SIGNED),
    }


@st.composite
def sites(draw: st.DrawFn) -> dict[str, float]:
    return {
        "import_limit": draw(st.one_of(POWER, st.just(np.inf))),
        "export_limit": draw(st.one_of(POWER, st.just(np.inf))),
        "import_margin": draw(st.sampled_from([0.0, 5.0])),
        "export_margin": draw(st.sampled_from([0.0, 5.0])),
        "max_load": draw(POWER),
        "max_pv": draw(POWER),
        "poc_required": float(draw(st.booleans())),
        "other": draw(st.one_of(SIGNED, SIGNED, st.just(NAN))),
        "last_other": draw(st.one_of(SIGNED, st.just(NAN))),
        "poc_good": float(draw(st.sampled_from([True, True, False]))),
        "dt": draw(st.sampled_from([0.1, 1.0, 2.0, 30.0])),
    }


class Case:
    """The kernels' matrices for a case, and the oracle's batteries."""

    def __init__(self, batteries: list[dict[str, float]], site: dict[str, float]) -> None:
        self.batteries, self.given = batteries, site
        n = len(batteries)
        ratings = np.zeros((len(c.RATING_NAMES), n))
        for column, battery in enumerate(batteries):
            for row, name in enumerate(c.RATING_NAMES):
                ratings[row, column] = battery.get(name, 0.0)
        self.first = len(r.VALUE_ROWS)
        self.values = np.full((self.first + 2 * len(r.LIMITS), n), np.nan)
        self.codes = np.zeros((len(r.CODE_ROWS), n), np.int64)
        self.past = np.full_like(self.values, np.nan)
        self.values[r.EFFECT_LOW_KW], self.values[r.EFFECT_HIGH_KW] = -np.inf, np.inf
        for limit in (r.L_APPARENT, r.L_FREQUENCY):  # `jit.reactive` and `jit.grid` have an oracle of their own
            self.values[self.first + 2 * limit], self.values[self.first + 2 * limit + 1] = -np.inf, np.inf
        for row, name in (
            (r.SOC_PCT, "soc"),
            (r.TEMPERATURE_C, "temperature"),
            (r.BMS_CHARGE_KW, "bms_in"),
            (r.BMS_DISCHARGE_KW, "bms_out"),
            (r.POWER_KW, "power"),
            (r.WRITTEN_KW, "written"),
            (r.DESIRED_KW, "desired"),
        ):
            self.values[row] = [battery[name] for battery in batteries]
        self.past[r.COMMAND_KW] = [battery["command"] for battery in batteries]
        self.past[r.RAMPED_KW] = [battery["ramped"] for battery in batteries]
        for row, name in (
            (r.QUALITY, "good"),
            (r.AVAILABLE, "available"),
            (r.MAY_CHARGE, "may_charge"),
            (r.MAY_DISCHARGE, "may_discharge"),
            (r.STATE_BY, "by"),
            (r.CONDITIONS, "obeys"),
        ):
            self.codes[row] = [int(battery[name]) for battery in batteries]
        self.site = np.full(len(r.SITE_VALUE_ROWS), np.nan)
        self.site[r.OTHER_KW], self.site[r.LAST_OTHER_KW] = site["other"], site["last_other"]
        self.site_codes = np.zeros(len(r.SITE_CODE_ROWS), np.int64)
        self.site_codes[r.POC_QUALITY] = int(site["poc_good"])
        parameters = np.array([site.get(name, 0.0) for name in c.SITE_NAMES])
        self.constants = Constants(ratings, np.zeros((1, n), np.int64), parameters, np.zeros((6, 0)), np.zeros((0, n)))

    def band(self) -> None:
        self.past.flags.writeable = self.site_codes.flags.writeable = False
        limits.band(
            self.values,
            self.codes,
            self.site,
            self.site_codes,
            self.past,
            self.constants.ratings,
            self.constants.site,
            self.first,
            self.given["dt"],
        )
        self.site_codes.flags.writeable = True

    def proven(self) -> list[bool]:
        return [
            all((b["good"], int(b["obeys"]) & Condition.FOLLOWS, Permit.YES in (b["may_charge"], b["may_discharge"])))
            for b in self.batteries
        ]

    def oracle_site(self, besides: int = -1) -> oracle.Interval:
        """Room of the site; of a battery itself, whose own worst case does not count against it.

        One that is not proven gets no more than what is counted of it, in a direction in which the site has a limit.
        """
        given, known = self.given, self.given["poc_good"] and not np.isnan(self.given["other"])
        others = Fraction(given["other"]) if known else Fraction(0)
        last = exact(given["last_other"]) or Fraction(0)
        feeds = others if known else max(Fraction(given["max_pv"]), last)
        draws = -others if known else max(Fraction(given["max_load"]), -last)
        unproven: list[Fraction] = []
        into: list[Fraction] = []
        for column, (b, sure) in enumerate(zip(self.batteries, self.proven(), strict=True)):
            if sure or column == besides:
                continue
            possible = [exact(b[name]) or Fraction(0) for name in ("command", "written", "power")]
            unproven.append(max(Fraction(0), *possible))
            into.append(min(Fraction(0), *possible))
        if not known and given["poc_required"] > 0.5:
            return oracle.SHUT

        def limit(name: str) -> Fraction | None:
            whole = exact(given[f"{name}_limit"])
            return None if whole is None else whole - Fraction(given[f"{name}_margin"])

        low, high = oracle.site_band(limit("import"), limit("export"), feeds, draws, unproven + into)
        if besides >= 0 and not self.proven()[besides]:
            own = [exact(self.batteries[besides][name]) or Fraction(0) for name in ("command", "written", "power")]
            low = None if low is None else max(low, min(Fraction(0), *own))
            high = None if high is None else min(high, max(Fraction(0), *own))
        return low, high

    def oracle_terms(self) -> list[dict[str, oracle.Interval]]:
        return [
            oracle.terms(battery_of(b), Fraction(self.given["dt"]), self.oracle_site(besides=column))
            for column, b in enumerate(self.batteries)
        ]


def battery_of(b: dict[str, float]) -> oracle.Battery:
    def f(name: str) -> Fraction:
        return Fraction(b[name])

    return oracle.Battery(
        charge=f("charge_kw"),
        discharge=f("discharge_kw"),
        capacity=f("energy_kwh"),
        soc_min=f("soc_min"),
        soc_max=f("soc_max"),
        soc_within=f("soc_taper"),
        t_min=f("t_min"),
        t_max=f("t_max"),
        t_within=f("t_taper"),
        efficiency_in=f("eff_charge"),
        efficiency_out=f("eff_discharge"),
        horizon=f("horizon_s"),
        promises=b["promises_limits"] > 0.5,
        stop_rate=exact(b["ramp_stop"]),
        soc=exact(b["soc"]),
        temperature=exact(b["temperature"]),
        bms_in=exact(b["bms_in"]),
        bms_out=exact(b["bms_out"]),
        good=bool(b["good"]),
        available={Permit.YES: True, Permit.NO: False}.get(Permit(int(b["available"]))),
        may_charge=b["may_charge"] == Permit.YES,
        may_discharge=b["may_discharge"] == Permit.YES,
        stopping=b["by"] in STOPPING,
        before_kw=exact(b["ramped"]) or Fraction(0),
        remote=bool(int(b["obeys"]) & Condition.REMOTE),
        nameplate_in=exact(b["nameplate_charge_kw"]),
        nameplate_out=exact(b["nameplate_discharge_kw"]),
    )


def close(found: float, expected: Fraction | None) -> bool:
    if expected is None:
        return abs(found) == np.inf
    size = max(Fraction(1), abs(expected))
    return bool(np.isfinite(found)) and abs(Fraction(found) - expected) <= Fraction(1, 10**9) * size


cases = st.builds(Case, st.lists(columns(), min_size=ASSETS, max_size=ASSETS), sites())


@settings(max_examples=150, deadline=None)
@given(case=cases)
def test_every_term_and_the_band_are_the_oracles(case: Case) -> None:
    case.band()
    for column, named in enumerate(case.oracle_terms()):
        for number, name in enumerate(r.LIMITS):
            low, high = named[name]
            told = f"{name} of battery {column}"
            assert close(case.values[case.first + 2 * number, column], low), told
            assert close(case.values[case.first + 2 * number + 1, column], high), told
        low, high = oracle.meet(list(named.values()))
        assert close(case.values[r.LOW_KW, column], low)
        assert close(case.values[r.HIGH_KW, column], high)


@settings(max_examples=150, deadline=None)
@given(case=cases)
def test_every_band_contains_0_and_names_what_binds(case: Case) -> None:
    """Limits only shrink and always exist; the binding one is recorded, with the room to the next (design rule 5)."""
    case.band()
    values, codes = case.values, case.codes
    assert (values[r.LOW_KW] <= 0.0).all()
    assert (values[r.HIGH_KW] >= 0.0).all()
    for a in range(ASSETS):
        for bound, by, next_by, room, side in (
            (r.LOW_KW, r.LOW_BY, r.LOW_NEXT_BY, r.LOW_ROOM_KW, 0),
            (r.HIGH_KW, r.HIGH_BY, r.HIGH_NEXT_BY, r.HIGH_ROOM_KW, 1),
        ):
            sizes = sorted((abs(values[case.first + 2 * k + side, a]), k + 1) for k in range(len(r.LIMITS)))
            assert abs(values[bound, a]) == sizes[0][0]
            assert codes[by, a] == sizes[0][1]
            if np.isfinite(sizes[1][0]):
                assert codes[next_by, a] == sizes[1][1]
            assert values[room, a] == sizes[1][0] - sizes[0][0]


@settings(max_examples=150, deadline=None)
@given(case=cases)
def test_the_joint_projection_is_the_oracles(case: Case) -> None:
    case.band()
    bands = [
        (Fraction(low), Fraction(high)) for low, high in zip(case.values[r.LOW_KW], case.values[r.HIGH_KW], strict=True)
    ]
    site = (exact(case.site[r.SITE_LOW_KW]), exact(case.site[r.SITE_HIGH_KW]))
    expected = oracle.project([Fraction(b["desired"]) for b in case.batteries], bands, site, case.proven())
    project.constrain(case.values, case.codes, case.site, case.site_codes)
    found = case.values[r.LIMITED_KW]
    each = [min(max(Fraction(b["desired"]), low), high) for b, (low, high) in zip(case.batteries, bands, strict=True)]
    if abs(sum(each, Fraction(0))) < Fraction(1, 10**6):
        return  # the direction of a site that sums to nothing is decided by the last bit
    assert all(close(power, wanted) for power, wanted in zip(found, expected, strict=True)), (found, expected)
    for limited, (low, high) in zip(found, bands, strict=True):
        assert low <= limited <= high
    assert not ((found > 0.0).any() and (found < 0.0).any())


@given(
    power=st.floats(-1e6, 1e6),
    step=st.sampled_from([0.0, 0.001, 0.01, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 100.0]),
)
def test_rounding_is_toward_zero_and_by_less_than_a_step(power: float, step: float) -> None:
    rounded = project.toward_zero(power, step)
    assert abs(rounded) <= abs(power)
    assert (
        abs(Fraction(power) - Fraction(rounded)) <= Fraction(step) * Fraction(1_000_001, 1_000_000)
        if step
        else (rounded == power)
    )
    assert rounded * power >= 0.0


@pytest.mark.parametrize("power", [np.inf, -np.inf, 1e300, 1e17])
@pytest.mark.parametrize("step", [0.1, 1.0, 10.0])
def test_a_number_that_cannot_be_counted_is_no_power(power: float, step: float) -> None:
    assert project.toward_zero(power, step) == 0.0


@given(
    start=st.floats(-1000.0, 1000.0),
    up=st.floats(0.001, 500.0),
    down=st.floats(0.001, 500.0),
    dt=st.floats(0.0, 10.0),
)
@pytest.mark.req("LH-CTRL-003")
def test_a_step_through_zero_is_made_of_two(start: float, up: float, down: float, dt: float) -> None:
    """The highest power after dt, in exact numbers: down to zero at the one rate, away from it at the other."""
    begin, away, back, time = map(Fraction, (start, up, down, dt))
    if begin < 0:
        takes = -begin / back
        expected = begin + back * time if takes >= time else (time - takes) * away
    else:
        expected = begin + away * time
    assert abs(Fraction(project.rise(start, up, down, dt)) - expected) < 1e-6
