"""Seeded random batteries and sites for the long comparison with the oracle, up to a hundred at a time, edges weighted.

Half of what is drawn is ordinary; the rest sits where floats go wrong: 0, one step of the device or one bit beside a
limit, limits that are equal, NaN, tiny and huge ratings, and P² + Q² within a bit of S². Most sites are then narrowed,
so that what their batteries share is in the way (`oracle_narrow`). Powers in kW.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jit.codes import Condition, Permit, Reason
from jit.constants import CURVES, MOST_POINTS
from tests.jit import oracle_narrow
from tests.jit.limiter_case import FOLLOWING, GIVEN, STOPPING

Floats = NDArray[np.float64]
STEPS = (1e-5, 0.001, 0.1, 0.25, 0.3, 1.0, 10.0)
SIZES = (1, 2, 2, 3, 3, 5, 5, 8, 8, 12, 20, 40, 100)
PERMITS = (Permit.YES, Permit.YES, Permit.YES, Permit.YES, Permit.NO, Permit.UNKNOWN)
TRIPLES = ((0.6, 0.8), (0.8, 0.6), (5 / 13, 12 / 13), (0.28, 0.96), (1.0, 0.0))


class Draws:
    """One stream of cases. The same seed gives the same cases on every machine."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def case(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Batteries and the site they share."""
        n = int(self.rng.choice(SIZES))
        columns = self.batteries(n)
        site = self.site(n, float(columns["charge_kw"].sum()))
        if self.rng.random() < oracle_narrow.SHARE:
            oracle_narrow.narrow(self, columns, site)
        names, rows = list(columns), zip(*(column.tolist() for column in columns.values()), strict=True)
        batteries: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in rows]
        for battery in batteries:
            battery["unconfirmed"] = sorted((battery.pop("one"), battery.pop("other")))
        return batteries, site

    def of(self, n: int, *choices: float) -> Floats:
        return self.rng.choice(np.array(choices, dtype=np.float64), n)

    def mixed(self, n: int, shares: tuple[float, ...], *columns: Floats | float) -> Floats:
        """Every entry from one of the columns, drawn by its share."""
        rows = np.stack([np.broadcast_to(np.asarray(column, dtype=np.float64), (n,)) for column in columns])
        chosen = self.rng.choice(len(columns), n, p=np.array(shares) / sum(shares))
        return np.asarray(rows[chosen, np.arange(n)], dtype=np.float64)

    def near(self, whole: Floats, step: Floats) -> Floats:
        """At a value, one bit or one step beside it, or 0."""
        n = len(whole)
        up, down = np.nextafter(whole, np.inf), np.nextafter(whole, -np.inf)
        return self.mixed(n, (3, 1, 1, 1, 1, 1, 1), whole, up, down, whole + step, whole - step, 0.0, step)

    def power(self, rated: Floats, step: Floats) -> Floats:
        """Signed, up to half more than the rating; a quarter of it at an edge."""
        n = len(rated)
        free = rated * self.rng.uniform(-1.5, 1.5, n)
        return self.mixed(n, (3, 1), free, self.near(rated, step) * self.of(n, 1.0, -1.0))

    def wild(self, column: Floats) -> Floats:
        """A wish that is no number now and then."""
        n = len(column)
        return self.mixed(n, (97, 1, 1, 1), column, np.nan, np.inf, -np.inf)

    def lost(self, column: Floats, share: float = 0.1) -> Floats:
        return np.where(self.rng.random(len(column)) < share, np.nan, column)

    def batteries(self, n: int) -> dict[str, Floats]:
        rng = self.rng
        size = float(rng.choice([10.0 ** rng.uniform(1, 3), 10.0 ** rng.uniform(-3, 1), 1e6]))
        scale = size * self.of(n, 1.0, 0.3)
        step = self.of(n, *(step for step in STEPS if step < size))
        charge = self.mixed(n, (2, 1, 1), scale * rng.uniform(0.5, 1, n), scale, np.ceil(scale / step) * step)
        discharge = self.mixed(n, (1, 1), charge, scale)
        made = self.limits(n, charge, discharge, step) | self.circle(n, charge, step) | self.curves(n)
        healthy = rng.random(n) < rng.choice([0.3, 0.95, 1.0])  # nothing is wrong: the rounding is what counts
        calm: dict[str, Floats | float] = {
            "soc": (made["soc_min"] + made["soc_max"]) / 2, "soc_taper": 0.0, "temperature": made["t_min"] + 5.0,
            "t_taper": 0.0, "bms_in": charge, "bms_out": discharge, "energy_kwh": 1e9, "good": 1.0,
            "available": float(Permit.YES), "may_charge": float(Permit.YES), "may_discharge": float(Permit.YES),
            "obeys": float(FOLLOWING), "by": float(Reason.RUNNING), "ramp_up": 1e9, "ramp_down": 1e9,
            **{f"{name}_points": 0.0 for name in CURVES},
        }  # fmt: skip
        for name, value in calm.items():
            made[name] = np.where(healthy, value, made[name])
        if rng.random() < 0.8:  # one direction leaves nothing of those who want the other one
            made["desired"] = np.abs(made["desired"]) * rng.choice([-1.0, 1.0])
            made["ramped"] = np.where(healthy, made["desired"], made["ramped"])
        return made

    def limits(self, n: int, charge: Floats, discharge: Floats, step: Floats) -> dict[str, Floats]:
        rng = self.rng
        soc_min, t_min = rng.uniform(0.0, 40.0, n), rng.uniform(-30.0, 10.0, n)
        soc_max, t_max = rng.uniform(soc_min + 10.0, 100.0), rng.uniform(t_min + 10.0, 60.0)
        ends = self.mixed(n, (1, 1, 1, 1), soc_min, soc_max, np.nextafter(soc_min, 99), np.nextafter(soc_max, 0))
        ramped = self.power(charge, step)
        return {
            "charge_kw": charge, "discharge_kw": discharge, "resolution_kw": step,
            "nameplate_charge_kw": self.mixed(n, (2, 1, 1), np.inf, charge, charge * rng.uniform(0.5, 2, n)),
            "nameplate_discharge_kw": self.mixed(n, (2, 1, 1), np.inf, discharge, np.abs(self.near(discharge, step))),
            "energy_kwh": charge * 10.0 ** rng.uniform(-2, 1, n), "horizon_s": rng.uniform(1.0, 3600.0, n),
            "soc_min": soc_min, "soc_max": soc_max, "t_min": t_min, "t_max": t_max,
            "soc_taper": self.mixed(n, (1, 2), 0.0, rng.uniform(0.5, 10, n)),
            "t_taper": self.mixed(n, (1, 2), 0.0, rng.uniform(0.5, 10, n)),
            "eff_charge": rng.uniform(0.5, 1.0, n), "eff_discharge": rng.uniform(0.5, 1.0, n),
            "promises_limits": self.of(n, 0.0, 1.0),
            "ramp_stop": self.mixed(n, (1, 2), np.inf, charge * rng.uniform(0.001, 1, n)),
            "ramp_up": charge * 10.0 ** rng.uniform(-3, 1, n), "ramp_down": charge * 10.0 ** rng.uniform(-3, 1, n),
            "soc": self.lost(self.mixed(n, (3, 1), rng.uniform(-5, 105, n), ends)),
            "temperature": self.lost(self.mixed(n, (4, 1, 1), rng.uniform(-40, 70, n), t_min, t_max)),
            "bms_in": self.lost(self.mixed(n, (1, 1, 1), charge * rng.uniform(-0.1, 1.1, n), charge, 0.0)),
            "bms_out": self.lost(np.abs(self.power(discharge, step))),
            "power": self.lost(self.power(charge, step)), "one": self.power(charge, step),
            "other": self.power(charge, step), "steady": self.lost(rng.uniform(0, 40, n)),
            "age": self.lost(rng.uniform(0, 40, n)), "valid_for_s": np.full(n, 3.0),
            "reverts_after_s": self.mixed(n, (1, 3), np.inf, rng.uniform(1, 20, n)),
            "reverts_to_kw": charge * self.of(n, 0.0, 0.0, -0.1, 0.1), "ramped": self.wild(ramped),
            "min_charge_kw": step * self.of(n, 0, 0, 3), "min_discharge_kw": step * self.of(n, 0, 0, 3),
            "good": self.of(n, 1, 1, 1, 1, 0), "available": self.of(n, *PERMITS), "may_charge": self.of(n, *PERMITS),
            "may_discharge": self.of(n, *PERMITS), "desired": self.wild(self.power(discharge, step)),
            "obeys": self.of(n, FOLLOWING, FOLLOWING, FOLLOWING, Condition.FOLLOWS, Condition.REMOTE),
            "by": self.of(n, Reason.RUNNING, Reason.RUNNING, *STOPPING, Reason.ACTIVATED),
            "fault": self.of(n, *[0] * 20, 4),
        }  # fmt: skip

    def curves(self, n: int) -> dict[str, Floats]:
        """Taper curves: most have none; of the others every point may be the last."""
        made: dict[str, Floats] = {}
        for name, low, high in zip(CURVES, (-40.0, -40.0, -5.0, -5.0), (70.0, 70.0, 105.0, 105.0), strict=True):
            made[f"{name}_points"] = self.of(n, 0, 0, 0, 0, 1, 2, 3, MOST_POINTS)
            at = np.sort(self.rng.uniform(low, high, (MOST_POINTS, n)), axis=0)
            for k in range(MOST_POINTS):
                made[f"{name}_at_{k}"] = at[k]
                made[f"{name}_share_{k}"] = self.mixed(n, (2, 1, 1), self.rng.uniform(0.0, 1.0, n), 0.0, 1.0)
        return made

    def circle(self, n: int, charge: Floats, step: Floats) -> dict[str, Floats]:
        """Apparent ratings; half of them so that the command lies on the circle, within a bit or a step."""
        s = charge * self.of(n, 1.0, 1.0, 0.5, 1.2, 1e-3)
        p_share, q_share = np.array(TRIPLES).T[:, self.rng.integers(len(TRIPLES), size=n)]
        q = self.mixed(n, (1, 1), s * self.rng.uniform(-1.3, 1.3, n), self.near(s * q_share, step))
        return {
            "apparent_kva": self.mixed(n, (8, 1), s, s * p_share), "reactive_kvar": self.mixed(n, (3, 1), s, s * 0.5),
            "ramp_kvar_s": self.mixed(n, (2, 1), 1e9, s * 0.1), "resolution_kvar": step,
            "kvar": self.wild(self.mixed(n, (1, 1, 1), q, 0.0, -q)), "asked_kvar": self.wild(q),
        }  # fmt: skip

    def site(self, n: int, whole: float) -> dict[str, Any]:
        rng = self.rng

        room = float(rng.choice([0.0, 1.0, np.inf, np.inf]))  # how much everything has beside what is drawn

        def power(most: float) -> float:
            half = most * rng.uniform(0.0, 1.2)
            return float(rng.choice([0.0, most, half, half, half, round(most * rng.uniform())]))

        def signed() -> float:
            return power(whole) * float(rng.choice([-1.0, 1.0]))

        def chosen(*values: float) -> float:
            return float(rng.choice(values))

        sizes = rng.integers(1, n + 1, size=int(rng.integers(0, 4)) if room < np.inf else 0).tolist()
        groups = [
            (chosen(1.0, 1.0, 0.7, 0.0) * (0.5 * room * whole + power(whole / n * members)),
             set(rng.choice(n, members, replace=False).tolist()))
            for members in sizes
        ]  # fmt: skip
        rise = {"rise": whole * 0.05}
        given = GIVEN | {name: whole * share for name, share in (("of", 0.8), ("first", 0.6), ("then", 0.2))}
        return {
            "import_limit": power(whole) + room * whole, "export_limit": power(whole) + room * whole,
            "import_margin": chosen(0.0, whole * 0.01), "export_margin": chosen(0.0, 0.1),
            "max_load": power(whole), "max_pv": power(whole) * chosen(0.1, 1.0), "poc_required": chosen(0.0, 0.0, 1.0),
            "other": chosen(signed(), signed() * 0.1, 0.0, np.nan), "seen": sorted((signed() * 0.1, signed() * 0.1)),
            "told": [chosen(power(whole), whole, np.nan, np.inf) for _ in range(2)],
            "told_age": rng.uniform(0, 100, 2).tolist(), "ceiling": [chosen(power(whole), np.nan) for _ in range(2)],
            "given": None if room == np.inf else (None, given, given | rise)[int(rng.integers(3))],
            "transformers": groups,
            "poc_good": chosen(1.0, 1.0, 0.0), "dt": chosen(0.1, 1.0, 2.0, 30.0), "q_first": chosen(0.0, 1.0),
            "other_off": 0.05 * whole * (n % 3),
        }  # fmt: skip
