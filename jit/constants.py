"""What does not change from tick to tick: ratings per asset, parameters of the site and of every service.

All arrays are read-only float64 or int64. Row numbers are module constants so that kernels compile them in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
import numpy.typing as npt

F8 = npt.NDArray[np.float64]
I8 = npt.NDArray[np.int64]

# ratings[row, asset]
(
    CHARGE_KW,
    DISCHARGE_KW,
    ENERGY_KWH,
    SOC_MIN,
    SOC_MAX,
    SOC_TAPER,
    T_MIN,
    T_MAX,
    T_TAPER,
    EFF_CHARGE,
    EFF_DISCHARGE,
    RAMP_UP,
    RAMP_DOWN,
    RAMP_STOP,
    STALE_AFTER,
    FROZEN_AFTER,
    FRESH_FOR,
    CLEAR_FOR,
    MIN_CHARGE_KW,
    MIN_DISCHARGE_KW,
    RESOLUTION_KW,
    HORIZON_S,
    DEAD_TIME_S,
    LAG_S,
    PROMISES_LIMITS,
    HAS_PROOF,
    SIGN_FOR_S,
    REVERTS_AFTER_S,
    VALID_FOR_S,
    READBACK_S,
    NAMEPLATE_CHARGE_KW,
    NAMEPLATE_DISCHARGE_KW,
    REENTRY_AFTER_S,
    CALM_FOR_S,
    APPARENT_KVA,
    REACTIVE_KVAR,
    RAMP_KVAR_S,
    RESOLUTION_KVAR,
    DWELL_ABOVE,
    DWELL_AT_MOST_S,
    WINDOW_TICKS,
    DEAD_TICKS,
    TOLERANCE_KW,
    EFFECT_FOR_S,
    EFFECT_ELSE,
    EFFECT_THEN,
    HELD_KW,
    REVERTS_TO_KW,
    SOC_JUMP,
    POWER_JUMP,
    TEMPERATURE_JUMP,
    PHYSICS_PCT,
    PHYSICS_S,
    STATE_CHARGING,
    STATE_DISCHARGING,
) = range(55)
# taper curves, behind the other ratings: for each the number of its points (0: none), where they are, their shares
MOST_POINTS = 6
CURVE_ROWS = 1 + 2 * MOST_POINTS
T_CHARGE, T_DISCHARGE, SOC_CHARGE, SOC_DISCHARGE = range(55, 55 + 4 * CURVE_ROWS, CURVE_ROWS)
CURVES = ("t_charge", "t_discharge", "soc_charge", "soc_discharge")
RATING_NAMES = (
    "charge_kw",
    "discharge_kw",
    "energy_kwh",
    "soc_min",
    "soc_max",
    "soc_taper",
    "t_min",
    "t_max",
    "t_taper",
    "eff_charge",
    "eff_discharge",
    "ramp_up",
    "ramp_down",
    "ramp_stop",
    "stale_after",
    "frozen_after",
    "fresh_for",
    "clear_for",
    "min_charge_kw",
    "min_discharge_kw",
    "resolution_kw",
    "horizon_s",
    "dead_time_s",
    "lag_s",
    "promises_limits",
    "has_proof",
    "sign_for_s",
    "reverts_after_s",
    "valid_for_s",
    "readback_s",
    "nameplate_charge_kw",
    "nameplate_discharge_kw",
    "reentry_after_s",
    "calm_for_s",
    "apparent_kva",
    "reactive_kvar",
    "ramp_kvar_s",
    "resolution_kvar",
    "dwell_above",
    "dwell_at_most_s",
    "window_ticks",
    "dead_ticks",
    "tolerance_kw",
    "effect_for_s",
    "effect_else",
    "effect_then",
    "held_kw",
    "reverts_to_kw",
    "soc_jump",
    "power_jump",
    "temperature_jump",
    "physics_pct",
    "physics_s",
    "state_charging",
    "state_discharging",
    *(f"{curve}_{what}" for curve in CURVES for what in (
        "points", *(f"{axis}_{k}" for axis in ("at", "share") for k in range(MOST_POINTS)))),
)  # fmt: skip

# masks[row, asset]
CRITICAL_ALARMS, MUST_PROVE = range(2)
MASKS = 2

# steps[row, asset]: the time-outs (s) of the start sequence, then of the stop sequence; 0 = no such step
MOST_STEPS = 20

# site[row]
(
    IMPORT_LIMIT,
    EXPORT_LIMIT,
    IMPORT_MARGIN,
    EXPORT_MARGIN,
    MAX_LOAD,
    MAX_PV,
    POC_STALE_AFTER,
    CYCLE_S,
    POC_REQUIRED,
    Q_FIRST,
    CLOCK_HOLD_S,
    RELIEF_KW,
    MEAN_IMPORT_LIMIT,
    MEAN_EXPORT_LIMIT,
    MEAN_IMPORT_WINDOW_S,
    MEAN_EXPORT_WINDOW_S,
) = range(16)
SITE_NAMES = (
    "import_limit",
    "export_limit",
    "import_margin",
    "export_margin",
    "max_load",
    "max_pv",
    "poc_stale_after",
    "cycle_s",
    "poc_required",
    "q_first",
    "clock_hold_s",
    "relief_kw",
    "mean_import_limit",
    "mean_export_limit",
    "mean_import_window_s",
    "mean_export_window_s",
)

# grid[row]: five parameters of P(f) above and below, from `OVER` and `UNDER` on, then those of reactive power
F_FROM, F_SLOPE, F_OF_RATED, F_RETURN, F_WAIT_S = range(5)
OVER, UNDER = 0, 5
Q_FUNCTION, Q_OF_KVAR, Q_RATED_KW, Q_TAU_S, Q_HOLDS, NOMINAL_V, F_STALE_S = range(10, 17)
GRID_PARAMETERS = 17

# service[row, service]
FULL_AT_HZ, INSENSITIVITY_HZ, ENERGY_H, SERVICE_RAMP_KW_S, MAX_AGE_S, HOLD_S = range(6)
SERVICE_NAMES = ("full_at_hz", "insensitivity_hz", "energy_h", "service_ramp_kw_s", "max_age_s", "hold_s")

# ceilings[row, direction]: import, export; CEILING_OF_KW is ∞ where none is declared
CEILING_OF_KW, CEILING_TTL_S, CEILING_BEFORE_KW, CEILING_HOLD_S, CEILING_THEN_KW, CEILING_RISE_KW_S = range(6)
CEILING_NAMES = (
    "ceiling_of_kw",
    "ceiling_ttl_s",
    "ceiling_before_kw",
    "ceiling_hold_s",
    "ceiling_then_kw",
    "ceiling_rise_kw_s",
)


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """What assets share. Group 0 are all of them, the others stand behind a transformer each.

    `members[starts[g]:starts[g + 1]]` are the columns of group g, `kva` its limit (∞ for group 0).
    """

    starts: I8
    members: I8
    kva: F8
    ceilings: F8

    @classmethod
    def of(cls, assets: int, groups: Sequence[tuple[float, Sequence[int]]] = (), ceilings: F8 | None = None) -> Shared:
        """`groups`: limit in kVA and columns of every transformer."""
        columns = [list(range(assets)), *(sorted(members) for _, members in groups)]
        return cls(
            np.cumsum([0, *map(len, columns)], dtype=np.int64),
            np.array([column for group in columns for column in group], np.int64),
            np.array([np.inf, *(limit for limit, _ in groups)]),
            np.full((len(CEILING_NAMES), 2), np.inf) if ceilings is None else ceilings,
        )

    @property
    def arrays(self) -> tuple[F8 | I8, ...]:
        return self.starts, self.members, self.kva, self.ceilings


@dataclass(frozen=True, slots=True, eq=False)
class Constants:
    """`ratings` [names, assets], `masks` [names, assets], `site` [names], `service` [names, services].

    `split` [services, assets]: sold capacity in kW. `grid`: parameters of the grid functions; `curve` [2, points]: of
    the one for reactive power. `steps` [2 · MOST_STEPS, assets]: time-outs of the sequences.
    """

    ratings: F8
    masks: I8
    site: F8
    service: F8
    split: F8
    shared: Shared
    grid: F8 = field(default_factory=lambda: np.zeros(GRID_PARAMETERS))
    curve: F8 = field(default_factory=lambda: np.zeros((2, 1)))
    steps: F8 = field(default_factory=lambda: np.zeros((2 * MOST_STEPS, 1)))

    def __post_init__(self) -> None:
        for array in self.arrays:
            array.flags.writeable = False

    @property
    def arrays(self) -> tuple[F8 | I8, ...]:
        own = self.ratings, self.masks, self.site, self.service, self.split, self.grid, self.curve
        return *own, self.steps, *self.shared.arrays

    @property
    def digest(self) -> str:
        return sha256(b"".join(array.tobytes() for array in self.arrays)).hexdigest()
