"""Random cases for the limiter: matrices for the kernels, and the same facts in rational numbers for the oracle."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from math import sqrt
from typing import Any

import numpy as np
from hypothesis import strategies as st

from jit import constants as c
from jit import limits
from jit import rows as r
from jit.codes import Condition, Permit, Reason
from jit.constants import Constants, Shared
from tests.jit import oracle
from tests.jit.oracle import bounded, exact

ASSETS = 3
STOPPING = (Reason.VALUES_LOST, Reason.WAITING_FOR_VALUES)
POWER = st.one_of(st.sampled_from([0.0, 10.0, 100.0, 250.0]), st.floats(0.0, 1000.0))
SIGNED = st.one_of(st.sampled_from([0.0, -50.0, 50.0]), st.floats(-1000.0, 1000.0))
NAN = float("nan")
GIVEN = {"of": 400.0, "ttl": 30.0, "first": 300.0, "hold": 20.0, "then": 120.0, "rise": 0.0}
FOLLOWING = Condition.FOLLOWS | Condition.REMOTE

VALUES = {
    r.SOC_PCT: "soc",
    r.TEMPERATURE_C: "temperature",
    r.BMS_CHARGE_KW: "bms_in",
    r.BMS_DISCHARGE_KW: "bms_out",
    r.POWER_KW: "power",
    r.STEADY_S: "steady",
    r.AGE_S: "age",
    r.DESIRED_KW: "desired",
}
CODES = {
    r.QUALITY: "good",
    r.AVAILABLE: "available",
    r.MAY_CHARGE: "may_charge",
    r.MAY_DISCHARGE: "may_discharge",
    r.STATE_BY: "by",
    r.CONDITIONS: "obeys",
}
#: Random cases per test; `tests.jit.oracle_long` is the long mode.
CASES = 150


@st.composite
def columns(draw: st.DrawFn) -> dict[str, Any]:
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
        "unconfirmed": sorted((draw(SIGNED), draw(SIGNED))) if draw(st.booleans()) else [NAN, NAN],
        "steady": maybe(st.floats(0.0, 40.0)),
        "age": maybe(st.floats(0.0, 40.0)),
        "reverts_after_s": draw(st.one_of(st.just(np.inf), st.floats(1.0, 20.0))),
        "valid_for_s": 3.0,
        "reverts_to_kw": draw(st.sampled_from([0.0, 0.0, -20.0, 30.0])),
        "resolution_kw": draw(st.sampled_from([0.001, 0.1, 0.25, 1.0, 10.0])),
        "min_charge_kw": draw(st.sampled_from([0.0, 10.0])),
        "min_discharge_kw": draw(st.sampled_from([0.0, 10.0])),
        "kvar": draw(st.one_of(st.just(0.0), SIGNED)),
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
def sites(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "import_limit": draw(st.one_of(POWER, st.just(np.inf))),
        "export_limit": draw(st.one_of(POWER, st.just(np.inf))),
        "import_margin": draw(st.sampled_from([0.0, 5.0])),
        "export_margin": draw(st.sampled_from([0.0, 5.0])),
        "max_load": draw(POWER),
        "max_pv": draw(POWER),
        "poc_required": float(draw(st.booleans())),
        "other": draw(st.one_of(SIGNED, SIGNED, st.just(NAN))),
        "other_off": draw(st.one_of(st.just(0.0), POWER)),
        "seen": sorted((draw(SIGNED), draw(SIGNED))) if draw(st.booleans()) else [NAN, NAN],
        "told": draw(st.lists(st.one_of(POWER, st.just(NAN), st.just(np.inf)), min_size=2, max_size=2)),
        "told_age": draw(st.lists(st.floats(0.0, 100.0), min_size=2, max_size=2)),
        "ceiling": draw(st.lists(st.one_of(POWER, st.just(NAN)), min_size=2, max_size=2)),
        "given": draw(st.one_of(st.none(), st.just(GIVEN), st.just(GIVEN | {"rise": 20.0}))),
        "transformers": draw(
            st.lists(st.tuples(POWER, st.sets(st.integers(0, ASSETS - 1), min_size=1)), min_size=0, max_size=2)
        ),
        "poc_good": float(draw(st.sampled_from([True, True, False]))),
        "dt": draw(st.sampled_from([0.1, 1.0, 2.0, 30.0])),
    }


class Case:
    """The kernels' matrices for a case, and the oracle's batteries."""

    def __init__(self, batteries: list[dict[str, Any]], site: dict[str, Any]) -> None:
        self.batteries, self.given = batteries, site
        n = len(batteries)
        ratings = np.array([[battery.get(name, 0.0) for battery in batteries] for name in c.RATING_NAMES])
        self.first = len(r.VALUE_ROWS)
        self.values = np.full((self.first + 2 * len(r.LIMITS), n), np.nan)
        self.codes = np.zeros((len(r.CODE_ROWS), n), np.int64)
        self.past = np.full_like(self.values, np.nan)
        self.values[r.EFFECT_LOW_KW], self.values[r.EFFECT_HIGH_KW] = -np.inf, np.inf
        for limit in (r.L_APPARENT, r.L_FREQUENCY):  # `jit.reactive` and `jit.grid` have an oracle of their own
            row = self.first + 2 * limit
            self.values[row], self.values[row + 1] = -np.inf, np.inf
        for row, name in VALUES.items():
            self.values[row] = [battery[name] for battery in batteries]
        self.values[r.HOLDS_LOW_KW] = [battery["unconfirmed"][0] for battery in batteries]
        self.values[r.HOLDS_HIGH_KW] = [battery["unconfirmed"][1] for battery in batteries]
        self.past[r.RAMPED_KW] = [battery["ramped"] for battery in batteries]
        self.past_codes = np.zeros_like(self.codes)
        self.past_codes[r.AUTHORITY] = 2
        self.past[r.RAMPED_KVAR] = [battery["kvar"] for battery in batteries]
        self.values[r.ASKED_KVAR] = [battery.get("asked_kvar", battery["kvar"]) for battery in batteries]
        for row, name in CODES.items():
            self.codes[row] = [int(battery[name]) for battery in batteries]
        self.band_row = len(r.SITE_VALUE_ROWS)
        self.site = np.full(self.band_row + 2 * len(site["transformers"]), np.nan)
        self.site[r.OTHER_KW], self.site[r.OTHER_OFF_KW] = site["other"], site.get("other_off", 0.0)
        self.site[r.OTHER_LEAST_KW], self.site[r.OTHER_MOST_KW] = site["seen"]
        self.past_site = np.full_like(self.site, np.nan)
        for d in range(2):
            self.site[r.CEILING_TOLD_IMPORT_KW + d] = site["told"][d]
            self.site[r.CEILING_AGE_IMPORT_S + d] = site["told_age"][d]
            self.past_site[r.CEILING_IMPORT_KW + d] = site["ceiling"][d]
        self.site_codes = np.zeros(len(r.SITE_CODE_ROWS), np.int64)
        self.site_codes[r.POC_QUALITY] = int(site["poc_good"])
        parameters = np.array([site.get(name, 0.0) for name in c.SITE_NAMES])
        empty = np.zeros((0, n))
        self.constants = Constants(
            ratings, np.zeros((1, n), np.int64), parameters, np.zeros((6, 0)), empty, self._shared(n)
        )

    def _shared(self, assets: int) -> Shared:
        given = self.given["given"]
        groups = [(limit, sorted(members)) for limit, members in self.given["transformers"]]
        if given is None:
            return Shared.of(assets, groups)
        column = [given["of"], given["ttl"], given["first"], given["hold"], given["then"], given["rise"] or np.inf]
        return Shared.of(assets, groups, np.array([column, column]).T.copy())

    def band(self) -> None:
        shared = self.constants.shared
        for array in (self.past, self.past_codes, self.past_site):
            array.flags.writeable = False
        limits.band(
            self.values,
            self.codes,
            self.site,
            self.site_codes,
            self.past,
            self.past_codes,
            self.past_site,
            self.constants.ratings,
            self.constants.site,
            shared.ceilings,
            shared.kva,
            shared.starts,
            shared.members,
            self.first,
            self.band_row,
            self.given["dt"],
            self.given["dt"],
        )

    @cached_property
    def proven(self) -> list[bool]:
        return [
            all((b["good"], int(b["obeys"]) & Condition.FOLLOWS, Permit.YES in (b["may_charge"], b["may_discharge"])))
            for b in self.batteries
        ]

    @cached_property
    def reach(self) -> list[tuple[Fraction, Fraction]]:
        """What each battery may be doing."""
        return [
            oracle.possible(
                oracle.Reach(
                    sure,
                    not b["good"],
                    bool(int(b["obeys"]) & Condition.REMOTE),
                    exact(b["power"]),
                    (exact(b["unconfirmed"][0]), exact(b["unconfirmed"][1])),
                    (Fraction(b["charge_kw"]), Fraction(b["discharge_kw"])),
                    Fraction(b["reverts_to_kw"]),
                    exact(b["reverts_after_s"] + b["valid_for_s"]),
                    exact(b["steady"]),
                    exact(b["age"]),
                )
            )
            for b, sure in zip(self.batteries, self.proven, strict=True)
        ]

    @cached_property
    def groups(self) -> dict[str, list[tuple[list[int], Fraction | None, Fraction | None]]]:
        """Members and rooms, inward and outward, of every group by the name of its limit."""
        given = self.given
        off = given.get("other_off", 0.0)
        least, most = exact(given["other"] - off), exact(given["other"] + off)
        others = (least, most) if given["poc_good"] and least is not None and most is not None else None
        declared = (Fraction(given["max_pv"]), Fraction(given["max_load"]))
        seen = exact(given["seen"][0]), exact(given["seen"][1])
        around = oracle.surroundings(others, given["poc_required"] > 0.5, declared, seen)
        feeds, draws = around or (None, None)

        def limit(name: str) -> Fraction | None:
            whole = exact(given[f"{name}_limit"])
            return None if whole is None else whole - Fraction(given[f"{name}_margin"])

        ceilings = [
            None if kw is None else oracle.room(kw, by) for kw, by in zip(self.ceilings(), (draws, feeds), strict=True)
        ]
        def among(members: set[int]) -> list[dict[str, Any]]:
            return [self.batteries[member] for member in members]

        transformers: list[tuple[list[int], Fraction | None, Fraction | None]] = []
        for kva, members in given["transformers"]:
            kvars = [(bounded(b["kvar"]), bounded(b.get("asked_kvar", b["kvar"]))) for b in among(members)]
            none = Fraction(0)
            over, under = (sum((most(none, *pair) for pair in kvars), none) for most in (max, min))
            kvar = max(over, -under)
            left = max(Fraction(0), Fraction(kva) ** 2 - kvar**2)
            root = Fraction(sqrt(left))
            transformers.append((sorted(members), root, root))
        everyone = list(range(len(self.batteries)))
        return {
            "transformer": transformers,
            "site": [(everyone, oracle.room(limit("import"), draws), oracle.room(limit("export"), feeds))],
            "grid_operator": [(everyone, ceilings[0], ceilings[1])],
        }

    def ceilings(self) -> list[Fraction | None]:
        """What the grid operator allows in either direction."""
        given = self.given
        if given["given"] is None:
            return [None, None]
        dt = Fraction(given["dt"])
        exactly = {name: Fraction(value) for name, value in given["given"].items()}
        return [
            oracle.ceiling("no limit" if told == np.inf else exact(told), Fraction(age), exactly, exact(before), dt)
            for told, age, before in zip(given["told"], given["told_age"], given["ceiling"], strict=True)
        ]

    @cached_property
    def joint(self) -> list[tuple[list[int], oracle.Interval]]:
        """The groups in the order of projection, with what is left for their proven members together."""
        reach = self.reach
        return [
            (members, oracle.group_band(room_in, room_out, oracle.taken([reach[member] for member in members])))
            for name in ("transformer", "site", "grid_operator")
            for members, room_in, room_out in self.groups[name]
        ]

    def parts(self, limit: str) -> list[oracle.Interval]:
        """Every battery's own part in what the groups of a limit leave."""
        found: list[oracle.Interval] = [oracle.FREE] * len(self.batteries)
        for members, room_in, room_out in self.groups[limit]:
            whole = oracle.taken([self.reach[member] for member in members])
            for member in members:
                less, more = oracle.part(room_in, room_out, whole, self.reach[member], self.proven[member])
                low, high = found[member]
                found[member] = (
                    less if low is None or (less is not None and less > low) else low,
                    more if high is None or (more is not None and more < high) else high,
                )
        return found

    def oracle_terms(self) -> list[dict[str, oracle.Interval]]:
        dt, site = Fraction(self.given["dt"]), self.parts("site")
        transformers, told = self.parts("transformer"), self.parts("grid_operator")
        return [
            oracle.terms(
                replace(battery_of(b), transformer=transformers[column], grid_operator=told[column]), dt, site[column]
            )
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
        curves={
            name: [(f(f"{name}_at_{k}"), f(f"{name}_share_{k}")) for k in range(int(b.get(f"{name}_points", 0.0)))]
            for name in c.CURVES
        },
    )


def close(found: float, expected: Fraction | None) -> bool:
    if expected is None:
        return abs(found) == np.inf
    if found == expected.numerator / expected.denominator:  # the nearest float: no need for rational numbers
        return True
    size = max(Fraction(1), abs(expected))
    return bool(np.isfinite(found)) and abs(Fraction(found) - expected) <= Fraction(1, 10**9) * size
