"""What reactive power and the grid functions are compiled to: ratings per asset, parameters and curve of the site.

An asset has reactive power when its profile has the write point `reactive_power` and there is an apparent rating, its
own or its profile's; any other has none, and 0 kvar is its rating. What `grid_functions` does not say is the preset's.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from config.asset import Asset
from config.definition import Definition
from config.grid import FrequencyFunction, ReactiveFunction
from config.grid_code import DEFAULT, FrequencyRule, preset
from config.profile import Profile
from jit import constants as c

NOMINAL_HZ = 50.0
#: Parameters of P(f) where none is demanded: `from` 0 Hz is off.
_OFF = [0.0] * 5
_Q_OF_U, _COS_PHI, _FIXED = 1.0, 2.0, 3.0


def apparent_kva(asset: Asset, profile: Profile) -> float:
    """The radius of the asset's circle (kVA); 0: neither it nor its profile says one."""
    declared = profile.ratings.apparent if profile.ratings else None
    return asset.rated.apparent or declared or 0.0


def reactive_kvar(asset: Asset, profile: Profile) -> float:
    """The most reactive power that the asset can be asked for (kvar)."""
    apparent = apparent_kva(asset, profile)
    able = "reactive_power" in profile.write
    return min(asset.rated.reactive or apparent, apparent) if able else 0.0


def reactive_ratings(asset: Asset, profile: Profile) -> dict[str, float]:
    """Rows of `jit.constants` about reactive power."""
    return {
        "apparent_kva": apparent_kva(asset, profile),
        "reactive_kvar": reactive_kvar(asset, profile),
        "ramp_kvar_s": asset.ramp.reactive or asset.ramp.up,
        "resolution_kvar": profile.resolution_kvar,
    }


def rules(definition: Definition) -> tuple[FrequencyRule | None, FrequencyRule | None]:
    """P(f) above and below, as demanded; None where it is not."""
    functions, chosen = definition.site.grid_functions, preset(definition.site.grid_code)
    return (
        _rule(functions.over_frequency, DEFAULT.over, chosen.over if chosen else None),
        _rule(functions.under_frequency, DEFAULT.under, chosen.under if chosen else None),
    )


def _rule(written: FrequencyFunction | None, default: FrequencyRule, of_preset: FrequencyRule | None
          ) -> FrequencyRule | None:  # fmt: skip
    if written is None:
        return of_preset
    base = of_preset or default
    rate = base.return_pct_per_min if written.return_ is None else written.return_ * 60.0
    return FrequencyRule(
        base.from_hz if written.from_ is None else written.from_,
        base.droop_pct if written.droop is None else written.droop,
        written.of or base.of,
        rate,
        base.return_after_s if written.return_after is None else written.return_after,
    )


def stale_after(definition: Definition, meter: str) -> float:
    """Age from which the frequency of that meter (`site.poc`) is lost, s."""
    name = meter.removeprefix("site.")
    return definition.site.meters[name].stale_after if name in definition.site.meters else 0.0


def parameters(definition: Definition, profiles: Mapping[str, Profile], frequency_stale_s: float) -> c.F8:
    """The array `Constants.grid`."""
    over, under = rules(definition)
    return np.array(
        [*_frequency(over), *_frequency(under), *_reactive(definition, profiles), frequency_stale_s], np.float64
    )


def _frequency(rule: FrequencyRule | None) -> list[float]:
    if rule is None:
        return _OFF
    slope = 1.0 / (NOMINAL_HZ * rule.droop_pct / 100.0)
    rate = rule.return_pct_per_min / 100.0 / 60.0
    return [rule.from_hz, slope, float(rule.of == "rated"), rate, rule.return_after_s]


def _reactive(definition: Definition, profiles: Mapping[str, Profile]) -> list[float]:
    function, chosen = definition.site.grid_functions.reactive, preset(definition.site.grid_code) or DEFAULT
    if function is None:
        return [0.0] * 6
    assets = definition.assets.items()
    mode = _Q_OF_U if function.q_of_u else _COS_PHI if function.cos_phi else _FIXED
    together = sum(reactive_kvar(asset, profiles[name]) for name, asset in assets)
    return [
        mode,
        function.of or together,
        sum(asset.rated.discharge for _, asset in assets),
        chosen.time_constant_s if function.time_constant is None else function.time_constant,
        float(function.on_loss == "hold"),
        definition.site.nominal_voltage or 0.0,
    ]


def curve(function: ReactiveFunction | None) -> c.F8:
    """The array `Constants.curve`, [2, points]: voltage or power as a share, and what follows from it."""
    if function is None:
        return np.zeros((2, 1))
    if function.fixed is not None:
        return np.array([[0.0], [function.fixed.signed_kvar]])
    if function.cos_phi is not None:
        return np.array([[p.power / 100.0 for p in function.cos_phi], [p.distance for p in function.cos_phi]])
    points = function.q_of_u or []
    return np.array([[p.voltage / 100.0 for p in points], [p.signed_pct / 100.0 for p in points]])
