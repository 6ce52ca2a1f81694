"""Draws in which something shared is in the way, and what of it was: most of the sites of the long comparison.

Free draws seldom meet: a limit of the point of connection, drawn by itself, leaves nothing or everything. Here nothing
else is wrong, all want one direction, and bounds are drawn from what is wished: a part of it, exactly it, one step or
one bit beside it. Drawn by themselves, so that they meet in every combination: the site's limit, the grid operator's
ceiling, transformers, the circle, the ramp, batteries that are not proven at their command, and what they still hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jit import rows as r
from jit.codes import Condition, Permit, Reason
from jit.constants import CURVES
from jit.project import DOWN, UP
from jit.reactive import CIRCLE
from tests.jit.limiter_case import FOLLOWING, GIVEN, NAN, Case

if TYPE_CHECKING:
    from tests.jit.oracle_draws import Draws

Floats = NDArray[np.float64]
SHARE = 0.85  # of all sites
#: Nothing is wrong with a battery, whatever else was drawn for it.
CALM: dict[str, float] = {
    "soc": 50.0, "soc_min": 10.0, "soc_max": 90.0, "soc_taper": 0.0, "temperature": 20.0, "t_min": 0.0, "t_max": 50.0,
    "t_taper": 0.0, "energy_kwh": 1e9, "good": 1.0, "available": float(Permit.YES), "may_charge": float(Permit.YES),
    "may_discharge": float(Permit.YES), "obeys": float(FOLLOWING), "by": float(Reason.RUNNING), "fault": 0.0,
    "nameplate_charge_kw": np.inf, "nameplate_discharge_kw": np.inf, "ramp_up": 1e9, "ramp_down": 1e9,
    "ramp_kvar_s": 1e9, "asked_kvar": 0.0, "kvar": 0.0, "one": NAN, "other": NAN,
    **{f"{name}_points": 0.0 for name in CURVES},
}  # fmt: skip


def narrow(draws: Draws, columns: dict[str, Floats], site: dict[str, Any]) -> None:
    """Rewrite a free draw, all of its batteries and its site, so that what is shared leaves less than is wished."""
    rng, n = draws.rng, len(columns["soc"])
    sign = float(rng.choice([-1.0, 1.0]))
    rated = columns["discharge_kw" if sign > 0.0 else "charge_kw"]
    wish = draws.mixed(n, (3, 1, 1, 1), rated * rng.uniform(0.1, 1.0, n), rated, rated * 1.5, rated * rng.uniform())
    columns |= {name: np.full(n, value) for name, value in CALM.items()}
    columns["desired"], columns["ramped"] = sign * wish, sign * wish
    columns["apparent_kva"] = rated * draws.of(n, 1.0, 1.2, 1.2)
    columns["reactive_kvar"] = columns["apparent_kva"].copy()
    site |= {"transformers": [], "given": None, "import_limit": np.inf, "export_limit": np.inf, "dt": site["dt"]}
    wish, power = np.minimum(wish, rated), columns["power"]
    columns["bms_in"] = columns["bms_out"] = draws.mixed(n, (2, 1), rated * 2.0, wish)
    hold(draws, columns, sign * wish)
    lost = unproven(draws, columns) if n > 1 and rng.random() < 0.4 else np.zeros(n, np.bool_)
    worst = np.where(np.isnan(power), rated, np.maximum(sign * power, sign * columns["reverts_to_kw"]))
    held = np.nan_to_num(np.maximum(sign * columns["one"], sign * columns["other"]))
    taken = np.where(lost, np.maximum(0.0, np.maximum(worst, held)), wish * 0.0)
    if rng.random() < 0.5:
        slow(draws, columns, wish * sign, site["dt"])
    if rng.random() < 0.5:
        turned(draws, columns, wish, sign)
    wish = np.where(lost, 0.0, wish)
    if rng.random() < 0.5:
        behind_transformers(draws, columns, site, wish, taken)
    connected(draws, site, wish, float(taken.sum()), sign, columns["resolution_kw"])


def hold(draws: Draws, columns: dict[str, Floats], wish: Floats) -> None:
    """What earlier commands, not confirmed yet, may have left in the devices: for some all that is wished, or more."""
    rng, n = draws.rng, len(wish)
    if rng.random() < 0.5:
        columns["one"], columns["other"] = wish * rng.uniform(0.0, 1.2, n), wish * draws.of(n, 0.0, 0.5, 1.0, 1.0)


def unproven(draws: Draws, columns: dict[str, Floats]) -> NDArray[np.bool_]:
    """Some, never all: out of reach, in local control, not following, or without permission."""
    rng, n = draws.rng, len(columns["soc"])
    lost = rng.random(n) < rng.choice([0.1, 0.4])
    lost[rng.integers(n)], lost[rng.integers(n)] = True, False
    way = rng.integers(4, size=n)
    columns["good"] = np.where(lost & (way == 0), 0.0, 1.0)
    columns["obeys"] = np.where(lost & (way == 1), float(Condition.REMOTE), columns["obeys"])
    columns["obeys"] = np.where(lost & (way == 2), float(Condition.FOLLOWS), columns["obeys"])
    for name in ("may_charge", "may_discharge"):
        columns[name] = np.where(lost & (way >= 2), float(Permit.NO), columns[name])
    return np.asarray(lost)


def slow(draws: Draws, columns: dict[str, Floats], wish: Floats, dt: float) -> None:
    """The ramp does not reach what is wished, from some way below, beyond, or the other side of zero."""
    rng, n = draws.rng, len(wish)
    late = rng.random(n) < 0.6
    columns["ramped"] = np.where(late, wish * rng.uniform(-0.5, 1.3, n), columns["ramped"])
    rate = np.abs(wish) * rng.uniform(0.02, 0.8, n) / dt + 1e-6
    columns["ramp_up"] = np.where(late, rate, columns["ramp_up"])
    columns["ramp_down"] = np.where(late, rate * draws.of(n, 0.3, 1.0, 3.0), columns["ramp_down"])


def turned(draws: Draws, columns: dict[str, Floats], wish: Floats, sign: float) -> None:
    """Reactive power is wished beside it: little, or as much as takes the battery to the circle or a bit beyond."""
    rng, n = draws.rng, len(wish)
    s = columns["apparent_kva"]
    beside = np.sqrt(np.maximum(0.0, s * s - wish * wish))
    q = draws.mixed(n, (2, 2, 1), s * rng.uniform(0.0, 0.3, n), beside * rng.uniform(1.0, 1.3, n), beside)
    columns["asked_kvar"] = q * float(rng.choice([-1.0, 1.0]))
    columns["kvar"] = draws.mixed(n, (2, 1), columns["asked_kvar"], columns["asked_kvar"] * 0.5)
    if rng.random() < 0.5:
        columns["reactive_kvar"] = s * draws.of(n, 0.3, 0.6, 1.0)


def behind_transformers(
    draws: Draws, columns: dict[str, Floats], site: dict[str, Any], wish: Floats, taken: Floats
) -> None:
    """One to three, overlapping or not, each with room for a part of what its members wish."""
    rng, n = draws.rng, len(wish)
    groups: list[tuple[float, set[int]]] = []
    for _ in range(int(rng.integers(1, 4))):
        members = rng.choice(n, int(rng.integers(1, n + 1)), replace=False)
        left = float(wish[members].sum()) * float(rng.choice([1.0, 1.5, *rng.uniform(0.1, 1.0, 4)]))
        kvar = float(np.abs(columns["asked_kvar"][members]).sum())
        groups.append((float(np.hypot(left + float(taken[members].sum()), kvar)), set(members.tolist())))
    site["transformers"] = groups


def connected(draws: Draws, site: dict[str, Any], wish: Floats, taken: float, sign: float, step: Floats) -> None:
    """The site's limit and the ceiling, on a measured or a declared rest; edges at exactly what is wished."""
    rng, whole = draws.rng, float(wish.sum())
    way, counted = ("export", 1.0) if sign > 0.0 else ("import", -1.0)
    measured = bool(rng.random() < 0.8)
    rest = whole * float(rng.choice([0.0, *rng.uniform(-1.0, 1.0, 3)])) if measured else np.nan
    site |= {"other": rest, "poc_good": 1.0, "poc_required": 0.0, "seen": [np.nan, np.nan]}
    site |= {"max_load": whole * 0.3, "max_pv": whole * 0.2}
    beside = counted * rest if measured else (site["max_pv"] if sign > 0.0 else site["max_load"])

    def bound() -> float:
        edge = whole + float(rng.choice([0.0, -1.0, 1.0])) * float(rng.choice(step))
        left = float(rng.choice([*(whole * rng.uniform(0.05, 1.0, 5)), edge, np.nextafter(whole, 0.0)]))
        return max(0.0, left + taken + beside)

    if rng.random() < 0.6:
        site[f"{way}_limit"] = bound() + site[f"{way}_margin"]
    if rng.random() < 0.5:
        site["given"], site["told_age"], site["ceiling"] = GIVEN | {"of": whole}, [0.0, 0.0], [np.nan, np.nan]
        site["told"] = [bound(), bound()]


def met(case: Case) -> set[str]:
    """What was in the way of a case that has run, and left something."""
    by, limited, found = case.codes[r.LIMITED_BY], case.values[r.LIMITED_KW], set[str]()
    flows = limited != 0.0
    for name, limit in (("site", r.L_SITE), ("transformer", r.L_TRANSFORMER), ("ceiling", r.L_GRID_OPERATOR)):
        cut = flows & (by == limit + 1)
        if cut.any():
            found |= {name, *({f"site {'export' if limited[cut][0] > 0.0 else 'import'}"} if name == "site" else ())}
            taken = [high if limited[cut][0] > 0.0 else -low for low, high in case.reach]
            found |= {"not proven"} if any(taken) else set()
    beside = (case.codes[r.LIMITED_KVAR_BY] == CIRCLE) | (case.codes[r.KVAR_BY] == CIRCLE)
    if (flows & (case.values[r.COMMAND_KVAR] != 0.0) & (beside | (by == r.L_APPARENT + 1))).any():
        found.add("circle")
    waits = (int(Reason.SITE_LIMITED), int(Reason.TRANSFORMER_LIMITED))
    ramp_by, moves = case.codes[r.RAMP_BY], case.values[r.RAMPED_KW] != 0.0
    found |= {"room not free yet"} if (np.isin(ramp_by, waits) & moves).any() else set()
    found |= {"ramp"} if np.isin(ramp_by, (UP, DOWN)).any() else set()
    return found | ({"power"} if (case.values[r.COMMAND_KW] != 0.0).any() else set())
