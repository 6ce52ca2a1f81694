"""The limit that is named is the true one: without it the power is another, without any other it is the same.

A limit is *removed* by letting it say nothing: its rows are ∓∞, of a shared one (site, grid_operator, the transformers
that the battery is behind) also the band of its group. What is named is true up to ties: where two limits leave exactly
the same power, removing either alone changes nothing, the first one is named (an asset's own before a shared one, else
the order of `LIMITS`), and the room to the next is 0. Which direction the site runs in is no limit: powers are compared
while it stays the same, and a battery that its own limit holds at 0 names that, whatever the direction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jit import joint, limits, project
from jit import rows as r
from jit.codes import Permit, Reason
from jit.transformers import transform
from tests.jit.limiter_case import ASSETS, CASES, FOLLOWING, GIVEN, NAN, Case, columns, sites

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-NF-008", "LH-NF-005", "LH-CTRL-002")]

INF = np.inf
SHARED = {r.L_SITE, r.L_TRANSFORMER, r.L_GRID_OPERATOR}
#: What `jit.reactive`, `jit.grid` and `jit.effect` say: any band around 0, often the same as another limit's.
SOMEHOW = st.one_of(st.just(INF), st.sampled_from([0.0, 10.0, 50.0, 100.0]), st.floats(0.0, 500.0))
ELSEWHERE = st.lists(st.lists(SOMEHOW, min_size=ASSETS, max_size=ASSETS), min_size=6, max_size=6)
#: Wishes that are often equal, and limits that are often shared equally: ties.
EVEN = st.lists(st.sampled_from([-100.0, -50.0, 50.0, 100.0]), min_size=ASSETS, max_size=ASSETS)


class Decided(Case):
    """A case on which `limits` and `constrain` have run, and from which limits can be removed."""

    def __init__(self, batteries: list[dict[str, Any]], site: dict[str, Any], others: list[list[float]],
                 wishes: list[float] | None) -> None:  # fmt: skip
        super().__init__(batteries, site)
        if wishes is not None:
            self.values[r.DESIRED_KW] = wishes
        self.values[r.EFFECT_LOW_KW], self.values[r.EFFECT_HIGH_KW] = -np.array(others[0]), others[1]
        for number, limit in enumerate((r.L_APPARENT, r.L_FREQUENCY)):
            row = self.first + 2 * limit
            self.values[row], self.values[row + 1] = -np.array(others[2 + 2 * number]), others[3 + 2 * number]
        self.band()
        self.rows, self.joined = self.values.copy(), self.site.copy()
        self.constrain()
        self.limited, self.direction = self.values[r.LIMITED_KW].copy(), int(self.site_codes[r.DIRECTION])

    def constrain(self) -> None:
        shared = self.constants.shared
        project.constrain(
            self.values, self.codes, self.site, self.site_codes, shared.starts, shared.members, self.band_row
        )

    def without(self, removed: set[int], column: int) -> float | None:
        """The limited power of a battery without these limits; None where the site then runs the other way."""
        case = object.__new__(Decided)
        case.__dict__ = {
            name: value.copy() if isinstance(value, np.ndarray) else value for name, value in vars(self).items()
        }
        case.values, case.site = self.rows.copy(), self.joined.copy()
        for limit in removed:
            columns = slice(None) if limit in SHARED else slice(column, column + 1)
            row = case.first + 2 * limit
            case.values[row, columns], case.values[row + 1, columns] = -INF, INF
        if r.L_TRANSFORMER in removed:
            case.open_transformers(column)
        case.open_site(removed)
        with np.errstate(invalid="ignore"):  # without any limit at all there is no room to the next one
            limits.bind(case.values, case.codes, case.first)
        case.constrain()
        same_way = int(case.site_codes[r.DIRECTION]) == self.direction
        return float(case.values[r.LIMITED_KW, column]) if same_way else None

    def says(self, limit: int, column: int) -> bool:
        """Whether a limit has anything to say of a battery: without the others' it changes nothing."""
        row = self.first + 2 * limit
        return limit in SHARED or bool(np.isfinite(self.rows[row : row + 2, column]).any())

    def open_transformers(self, column: int) -> None:
        """The transformers that this battery is behind carry anything, by the production terms."""
        shared = self.constants.shared
        kva = shared.kva.copy()
        for group in range(1, len(shared.starts) - 1):
            if column in shared.members[shared.starts[group] : shared.starts[group + 1]]:
                kva[group] = INF
        transform(self.values, self.codes, self.site, self.past, self.past_codes, kva, shared.starts, shared.members,
                  self.first + 2 * r.L_TRANSFORMER, self.band_row)  # fmt: skip

    def open_site(self, removed: set[int]) -> None:
        """The bands of the whole sum without these limits, by the production terms."""
        if not removed & {r.L_SITE, r.L_GRID_OPERATOR}:
            return
        shared, site, parameters = self.constants.shared, self.site, self.constants.site
        feeds, draws = joint.rooms(site, self.site_codes, parameters)
        left: dict[int, tuple[float, float]] = {r.L_SITE: (INF, INF), r.L_GRID_OPERATOR: (INF, INF)}
        bounds: dict[int, tuple[float, float]] = {
            r.L_SITE: joint.limits_of_site(site, parameters),
            r.L_GRID_OPERATOR: (site[r.CEILING_IMPORT_KW], site[r.CEILING_EXPORT_KW]),
        }
        for limit in {r.L_SITE, r.L_GRID_OPERATOR} - removed:
            room = [max(0.0, bound - taken) if taken < INF else 0.0
                    for bound, taken in zip(bounds[limit], (draws, feeds), strict=True)]  # fmt: skip
            if limit == r.L_GRID_OPERATOR:
                room = [kw if bound < INF else INF for kw, bound in zip(room, bounds[limit], strict=True)]
            left[limit] = joint.share(self.values.copy(), self.codes, shared.members, int(shared.starts[0]),
                                      int(shared.starts[1]), room[0], room[1], 0)  # fmt: skip
        (site_in, site_out), (told_in, told_out) = left[r.L_SITE], left[r.L_GRID_OPERATOR]
        site[r.SITE_LOW_KW], site[r.SITE_HIGH_KW] = -min(site_in, told_in), min(site_out, told_out)


#: A battery in good order, so that what it shares with others decides.
WELL = {
    "charge_kw": 500.0, "discharge_kw": 500.0, "nameplate_charge_kw": INF, "nameplate_discharge_kw": INF,
    "energy_kwh": 5000.0, "soc_min": 0.0, "soc_max": 100.0, "soc_taper": 0.0, "t_min": 0.0, "t_max": 50.0,
    "t_taper": 0.0, "eff_charge": 1.0, "eff_discharge": 1.0, "horizon_s": 60.0, "promises_limits": 1.0,
    "ramp_stop": INF, "soc": 50.0, "temperature": 25.0, "power": 0.0, "unconfirmed": [0.0, 0.0], "steady": 0.0,
    "age": 0.0, "reverts_after_s": INF, "valid_for_s": 3.0, "reverts_to_kw": 0.0, "resolution_kw": 0.1,
    "min_charge_kw": 0.0, "min_discharge_kw": 0.0, "ramped": 0.0, "good": 1.0, "available": float(Permit.YES),
    "may_charge": float(Permit.YES), "may_discharge": float(Permit.YES), "obeys": float(FOLLOWING),
    "by": float(Reason.RUNNING),
}  # fmt: skip
KW = st.one_of(st.sampled_from([25.0, 50.0, 100.0, 150.0, 500.0]), st.floats(1.0, 400.0))
WISH = st.one_of(st.sampled_from([50.0, 100.0, 200.0]), st.floats(1.0, 500.0))


@st.composite
def crowded(draw: st.DrawFn) -> Decided:
    """Batteries in good order that all want one way, and little room for them together."""
    out = draw(st.sampled_from([1.0, 1.0, -1.0]))
    against = draw(st.sampled_from([1.0, 1.0, 1.0, -0.2]))
    wishes = [out * draw(WISH), out * draw(WISH), out * against * draw(WISH)]
    batteries = [
        WELL | {"bms_in": draw(KW), "bms_out": draw(KW), "kvar": draw(st.sampled_from([0.0, 0.0, 30.0])), "desired": kw}
        for kw in wishes
    ]
    site = draw(sites()) | {
        "import_limit": draw(st.one_of(KW, st.just(INF))), "export_limit": draw(st.one_of(KW, st.just(INF))),
        "import_margin": 0.0, "export_margin": 0.0, "other": 0.0, "poc_good": 1.0,
        "transformers": draw(st.lists(st.tuples(KW, st.sets(st.integers(0, ASSETS - 1), min_size=1)), max_size=2)),
        "told": [draw(st.one_of(KW, st.just(INF))) for _ in range(2)], "told_age": [0.0, 0.0], "ceiling": [NAN, NAN],
        "given": draw(st.one_of(st.none(), st.just(GIVEN))),
    }  # fmt: skip
    return Decided(batteries, site, [[INF] * ASSETS] * 6, None)


def decided(wishes: st.SearchStrategy[list[float] | None]) -> st.SearchStrategy[Decided]:
    batteries = st.lists(columns(), min_size=ASSETS, max_size=ASSETS)
    return st.builds(Decided, batteries, sites(), ELSEWHERE, wishes)


cases = st.one_of(decided(st.none()), decided(EVEN), crowded(), crowded())


def told(case: Decided, column: int) -> str:
    named = int(case.codes[r.LIMITED_BY, column])
    why = Reason(int(case.codes[r.LIMITED_WHY, column])).name
    return f"battery {column}: {r.LIMITS[named - 1] if named else 'none'} ({why}), {case.limited[column]} kW"


def tied(case: Decided, named: int, column: int) -> bool:
    """Something else leaves exactly the same: the room to the next is 0, or it takes both to get another power."""
    room = r.HIGH_ROOM_KW if case.values[r.DESIRED_KW, column] > 0.0 else r.LOW_ROOM_KW
    against = case.values[r.DESIRED_KW, column] * (case.direction - 2) <= 0.0  # the site's direction leaves 0 as well
    if case.rows[room, column] == 0.0 or (against and case.limited[column] == 0.0):
        return True
    others = (other for other in SHARED if other != named)
    without = [case.without({named, other}, column) for other in others]
    return any(power is not None and power != case.limited[column] for power in without)


@settings(max_examples=CASES, deadline=None)
@given(case=cases)
def test_removing_the_named_limit_and_no_other_changes_the_power(case: Decided) -> None:
    """In both directions, own and shared limits: what `why` names is why."""
    for column in range(ASSETS):
        named = int(case.codes[r.LIMITED_BY, column]) - 1
        for limit, name in enumerate(r.LIMITS):
            if limit != named and not case.says(limit, column):
                continue
            power = case.without({limit}, column)
            if power is None:
                continue
            if limit == named:
                assert power != case.limited[column] or tied(case, named, column), told(case, column)
            else:
                assert power == pytest.approx(case.limited[column], abs=1e-9), f"{told(case, column)}; {name} as well"


@settings(max_examples=CASES, deadline=None)
@given(case=cases)
def test_a_power_without_a_named_limit_is_what_was_wished_or_the_sites_direction(case: Decided) -> None:
    for column in range(ASSETS):
        if case.codes[r.LIMITED_BY, column] == 0:
            wished = case.values[r.DESIRED_KW, column]
            other_way = case.codes[r.LIMITED_WHY, column] == Reason.ONE_DIRECTION
            assert case.limited[column] == (0.0 if other_way else wished), told(case, column)


@settings(max_examples=CASES, deadline=None)
@given(case=cases)
def test_removing_the_binding_limit_widens_the_bound_by_the_room_to_the_next(case: Decided) -> None:
    """And it then is the next one that binds; without a next one there is no bound."""
    sides: tuple[tuple[int, int, int, int, Callable[[float], float]], ...] = (
        (r.LOW_KW, r.LOW_ROOM_KW, r.LOW_BY, r.LOW_NEXT_BY, lambda kw: -kw),
        (r.HIGH_KW, r.HIGH_ROOM_KW, r.HIGH_BY, r.HIGH_NEXT_BY, lambda kw: kw),
    )
    for number, (bound, room, by, next_by, size) in enumerate(sides):
        for column in range(ASSETS):
            named, following = int(case.codes[by, column]) - 1, int(case.codes[next_by, column])
            values, codes = case.rows.copy(), case.codes.copy()
            values[case.first + 2 * named + number, column] = INF * (1 if number else -1)
            limits.bind(values, codes, case.first)
            widened = size(case.rows[bound, column]) + case.rows[room, column]
            assert size(values[bound, column]) == pytest.approx(widened, rel=1e-15, abs=1e-12)
            if widened < INF:
                assert codes[by, column] == following
