"""A plug-in operator: charge at night until a target, no more than so many kWh a night.

It remembers how much it has charged in a row of its own; the row is in every frame, so a replay is exact.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from operators.plugin import Moment, Operator, Option, Rows, Writes

HOUR_NS = 3_600_000_000_000


def compute(now: Rows, before: Rows, moment: Moment, options: Mapping[str, float]) -> Rows:
    """Charge with `power` from 0 to 4 o'clock UTC below `until`; nothing to ask for otherwise."""
    night = moment.utc_ns // HOUR_NS % 24 < 4
    charged = np.nan_to_num(before["charged_kwh"]) if night else np.zeros_like(now["soc_pct"])
    wants = night & (now["soc_pct"] < options["until"]) & (charged < options["most"])
    charged += np.maximum(0.0, -np.nan_to_num(now["power_kw"])) * moment.dt_s / 3600.0
    return {"request_kw": np.where(wants, -options["power"], np.nan), "charged_kwh": charged}


night_charge = Operator(
    reads=("soc_pct", "power_kw"),
    before=("charged_kwh",),
    writes=(Writes("request_kw", "kW"), Writes("charged_kwh", "kWh", fail="hold")),
    compute=compute,
    options=(Option("power", "kW"), Option("until", "%", 80.0), Option("most", "kWh", 200.0)),
)
