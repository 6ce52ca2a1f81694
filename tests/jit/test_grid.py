"""P(f), Q(U) and cos φ (P) alone, held against rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.grid import ReactiveFunction
from jit import constants as c
from jit import grid
from jit import rows as r
from jit.codes import GridPhase
from pipeline.grid import curve
from tests.jit import oracle_grid as oracle

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-SAFE-003")]

CHARGE, DISCHARGE = 200.0, 250.0
near = st.floats(49.0, 51.5)


class Site:
    """One battery behind a meter; `step` is one tick of the kernel."""

    def __init__(self, *, of_rated: bool = False, wait: float = 0.0, rate: float = 0.01, power: float = 100.0) -> None:
        self.parameters = np.zeros(c.GRID_PARAMETERS)
        slope = 1.0 / (50.0 * 0.05)
        self.parameters[c.OVER : c.OVER + 5] = [50.2, slope, float(of_rated), rate, wait]
        self.parameters[c.UNDER : c.UNDER + 5] = [49.8, slope, float(of_rated), rate, wait]
        self.parameters[c.F_STALE_S], self.parameters[c.NOMINAL_V] = 3.0, 400.0
        self.points = np.zeros((2, 1))
        self.ratings = np.zeros((len(c.RATING_NAMES), 1))
        self.ratings[c.CHARGE_KW], self.ratings[c.DISCHARGE_KW] = CHARGE, DISCHARGE
        rows = len(r.VALUE_ROWS)
        self.limit = rows
        self.past, self.past_site = np.full((rows + 2, 1), np.nan), np.full(len(r.SITE_VALUE_ROWS), np.nan)
        self.values, self.site = self.past.copy(), self.past_site.copy()
        self.codes = np.zeros((len(r.CODE_ROWS), 1), np.int64)
        self.codes[r.QUALITY], self.codes[r.MAY_CHARGE] = 1, 2
        self.site_codes = np.zeros(len(r.SITE_CODE_ROWS), np.int64)
        self.values[r.POWER_KW] = power
        self.volts = 400.0

    def step(self, f: float = 50.0, *, usable: bool = True, age: float = 0.5, dt: float = 1.0) -> Site:
        self.past[:], self.past_site[:] = self.values, self.site
        past, past_site = self.past.copy(), self.past_site.copy()
        for array in (past, past_site, self.parameters, self.points, self.ratings):
            array.flags.writeable = False
        self.site[r.FREQUENCY_HZ], self.site[r.FREQUENCY_AGE_S] = f, age
        self.site_codes[r.FREQUENCY_QUALITY] = 1 if usable else 2
        self.site[r.POC_V], self.site_codes[r.POC_V_QUALITY] = self.volts, 1 if self.volts == self.volts else 2
        grid.demand(self.values, self.codes, self.site, self.site_codes, past, past_site, self.ratings,
                    self.parameters, self.points, self.limit, dt)  # fmt: skip
        return self

    @property
    def band(self) -> tuple[float, float]:
        return float(self.values[self.limit, 0]), float(self.values[self.limit + 1, 0])

    @property
    def must(self) -> tuple[float, float]:
        return float(self.site[r.MUST_LOW_KW]), float(self.site[r.MUST_HIGH_KW])

    def phase(self, row: int) -> GridPhase:
        return GridPhase(int(self.site_codes[row]))


@settings(max_examples=300, deadline=None)
@given(f=near, power=st.floats(-200.0, 250.0), of_rated=st.booleans())
def test_the_ceiling_is_the_oracles(f: float, power: float, of_rated: bool) -> None:
    site = Site(of_rated=of_rated, power=power).step(f)
    for sign, start, row, rated, against in (
        (1, 50.2, r.OVER_FREQUENCY_KW, DISCHARGE, CHARGE),
        (-1, 49.8, r.UNDER_FREQUENCY_KW, CHARGE, DISCHARGE),
    ):
        beyond = sign * (Fraction(f) - Fraction(start))
        found = float(site.values[row, 0])
        if beyond <= 0:
            assert found == np.inf
            continue
        due = oracle.ceiling(sign * Fraction(power), beyond, Fraction(1, 20), Fraction(rated), Fraction(against),
                             of_rated=of_rated)  # fmt: skip
        assert abs(Fraction(found) - due) < Fraction(1, 10**9)


@settings(max_examples=200, deadline=None)
@given(frequencies=st.lists(near, max_size=12), of_rated=st.booleans())
def test_the_band_contains_0_and_a_lost_frequency_never_widens_it(frequencies: list[float], of_rated: bool) -> None:
    """S21, design rule 5: whatever happened before, the tick without a frequency has the band of the tick before."""
    site = Site(of_rated=of_rated)
    for f in frequencies:
        low, high = site.step(f).band
        assert low <= 0.0 <= high
    held, must = site.step(frequencies[-1] if frequencies else 50.0).band, site.must
    for lost in (site.step(50.0, usable=False), site.step(50.0, age=9.0), site.step(float("nan"))):
        assert lost.band == held
        assert lost.must == must


def test_40_percent_per_hertz_of_the_power_at_the_crossing() -> None:
    site = Site(power=100.0)
    assert site.step(50.2).band[1] == np.inf
    assert site.step(50.7).band[1] == pytest.approx(80.0)
    site.values[r.POWER_KW] = 80.0  # it follows: the reference stays that of the crossing
    assert site.step(51.2).band[1] == pytest.approx(60.0)
    assert site.step(50.7).band[1] == pytest.approx(80.0)
    assert site.phase(r.OVER_PHASE) == GridPhase.ACTIVE
    assert site.must == (-np.inf, np.inf)


def test_of_the_rating_it_goes_on_beyond_zero_as_a_duty_to_charge() -> None:
    """The band keeps 0; what is beyond tightens must_high_kw, up to the charging rating."""
    site = Site(of_rated=True, power=50.0).step(51.2)  # 50 − 0.4 · 1 · 250
    assert site.band == (-np.inf, 0.0)
    assert site.must == pytest.approx((-np.inf, -50.0))
    assert Site(of_rated=True, power=-150.0).step(51.5).must[1] == -CHARGE
    under = Site(of_rated=True, power=-20.0).step(49.3)  # 20 − 0.4 · 0.5 · 200
    assert under.band == (0.0, np.inf)
    assert under.must == pytest.approx((20.0, np.inf))


def test_a_battery_that_may_not_run_owes_nothing() -> None:
    site = Site(of_rated=True, power=0.0)
    site.codes[r.MAY_CHARGE] = site.codes[r.MAY_DISCHARGE] = 1
    assert site.step(51.2).must == (-np.inf, np.inf)


def test_power_comes_back_along_its_gradient_once_the_frequency_is_back_for_long_enough() -> None:
    site = Site(power=100.0, wait=3.0, rate=0.1)
    held = site.step(51.2).band[1]
    assert held == pytest.approx(60.0)
    for _ in range(2):
        assert site.step(50.0).band[1] == pytest.approx(60.0)
    assert site.phase(r.OVER_PHASE) == GridPhase.RETURNING
    assert [site.step(50.0).band[1] for _ in range(3)] == pytest.approx([85.0, 110.0, 135.0])
    for _ in range(5):
        site.step(50.0)
    assert site.band[1] == np.inf
    assert site.phase(r.OVER_PHASE) == GridPhase.IDLE


def test_crossing_again_while_power_comes_back_starts_from_what_is() -> None:
    site = Site(power=100.0, rate=0.01)
    site.step(51.2)
    site.step(50.0)
    site.values[r.POWER_KW] = 90.0  # not yet down: the ceiling is the reference then
    assert site.step(50.7).band[1] == pytest.approx(62.5 * 0.8)


def test_phases_say_what_is_lost() -> None:
    site = Site()
    assert site.step(50.0, usable=False).phase(r.OVER_PHASE) == GridPhase.BLIND
    site.step(50.7)
    assert site.step(50.0, usable=False).phase(r.OVER_PHASE) == GridPhase.HELD
    assert site.phase(r.UNDER_PHASE) == GridPhase.BLIND


def of_voltage(on_loss: str = "hold", tau: float = 0.0) -> Site:
    function = ReactiveFunction.model_validate(
        {
            "q_of_u": [
                {"voltage": "92 %", "supply": "33 %"},
                {"voltage": "97 %", "supply": "0 %"},
                {"voltage": "103 %", "absorb": "0 %"},
                {"voltage": "108 %", "absorb": "33 %"},
            ]
        }
    )
    site = Site()
    site.points = np.ascontiguousarray(curve(function))
    site.parameters[c.Q_FUNCTION], site.parameters[c.Q_OF_KVAR], site.parameters[c.Q_TAU_S] = 1.0, 100.0, tau
    site.parameters[c.Q_HOLDS] = float(on_loss == "hold")
    return site


@settings(max_examples=200, deadline=None)
@given(volts=st.floats(200.0, 600.0))
def test_q_of_u_is_the_oracles(volts: float) -> None:
    site = of_voltage()
    site.volts = volts
    points = [(Fraction(x), Fraction(y)) for x, y in site.points.T.tolist()]
    found = float(site.step().site[r.MUST_KVAR])
    assert abs(Fraction(found) - 100 * oracle.curve(points, Fraction(volts) / 400)) < Fraction(1, 10**9)


def test_reactive_power_is_there_in_every_tick_of_an_hour() -> None:
    """Peers §7 row 1, §2.4-1: a characteristic that is only present while it is evaluated drifts to 0 between."""
    site = of_voltage(tau=20.0)
    seen = []
    for second in range(3600):
        site.volts = 425.0 + 3.0 * ((second // 20) % 2)  # jitters within, as behind a hysteresis
        seen.append(float(site.step().site[r.MUST_KVAR]))
    assert all(q == q for q in seen)
    assert all(-33.0 <= q < -15.0 for q in seen[120:])


@pytest.mark.parametrize(("on_loss", "due", "phase"), [("hold", -33.0, GridPhase.HELD), ("zero", 0.0, GridPhase.BLIND)])
def test_without_a_voltage_it_holds_or_goes_as_declared_and_says_so(on_loss: str, due: float, phase: GridPhase) -> None:
    """Peers §2.4-2: a voltage that is not there is not multiplied."""
    site = of_voltage(on_loss)
    site.volts = 440.0
    assert site.step().site[r.MUST_KVAR] == pytest.approx(-33.0)
    site.volts = float("nan")
    assert site.step().site[r.MUST_KVAR] == pytest.approx(due)
    assert site.phase(r.KVAR_PHASE) == phase


def test_the_filter_takes_63_percent_in_about_its_time_constant() -> None:
    site = of_voltage(tau=10.0)
    site.volts = 440.0
    for _ in range(100):
        site.step(dt=0.1)
    assert site.site[r.MUST_KVAR] == pytest.approx(-33.0 * 0.63, abs=0.3)


@pytest.mark.parametrize(
    ("power", "cos_phi"), [(0.0, 1.0), (125.0, 1.0), (187.5, 0.975), (250.0, 0.95), (-250.0, 0.95), (400.0, 0.95)]
)
def test_the_cos_phi_line_passes_through_its_points(power: float, cos_phi: float) -> None:
    """Peers §2.4-5: a line is m·p + q; under-excited, whichever way the battery runs."""
    function = ReactiveFunction.model_validate(
        {"cos_phi": [{"power": "50 %", "cos_phi": 1.0}, {"power": "100 %", "cos_phi": 0.95, "excited": "under"}]}
    )
    site = Site()
    site.points = np.ascontiguousarray(curve(function))
    site.parameters[c.Q_FUNCTION], site.parameters[c.Q_RATED_KW] = 2.0, 250.0
    site.site[r.TOTAL_KW] = power
    q = float(site.step().site[r.MUST_KVAR])
    assert q <= 0.0
    assert q == pytest.approx(-abs(power) * np.tan(np.arccos(cos_phi)))


def test_without_a_function_nothing_is_demanded() -> None:
    site = Site()
    site.parameters = np.zeros(c.GRID_PARAMETERS)
    site.step(52.0)
    assert site.band == (-np.inf, np.inf)
    assert np.isnan(site.site[r.MUST_KVAR])
    assert {site.phase(row) for row in (r.OVER_PHASE, r.UNDER_PHASE, r.KVAR_PHASE)} == {GridPhase.OFF}
