"""Put a running plant into another situation: what scenarios and the control API set, each with its range and unit.

State of charge and temperature go on from the new value. Load, PV and frequency then stand still at theirs; they belong
to the site, so that they are set for every battery behind the same meter.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from simulator.frequency import Frequency
from simulator.plant import Plant

RANGES: dict[str, tuple[float, float]] = {
    "soc_percent": (0.0, 100.0),
    "soh_percent": (0.0, 100.0),
    "temperature_celsius": (-60.0, 100.0),
    "ambient_celsius": (-60.0, 100.0),
    "load_kw": (0.0, 1e6),
    "pv_kw": (0.0, 1e6),
    "frequency_hz": (45.0, 55.0),
}
RATING = {"soh_percent": "soh_pct", "ambient_celsius": "ambient_c"}
SITE = {"load_kw": "steady_load_kw", "pv_kw": "steady_pv_kw"}


class SituationError(ValueError):
    """A value that there is not, or that is out of range."""


def checked(values: Mapping[str, float]) -> Mapping[str, float]:
    """The values, if all of them are known and in range. Raises SituationError."""
    for name, value in values.items():
        if name not in RANGES:
            raise SituationError(f"there is no value {name!r}; one of: {', '.join(RANGES)}")
        low, high = RANGES[name]
        if not (math.isfinite(value) and low <= value <= high):
            raise SituationError(f"{name} lies between {low:g} and {high:g}, not {value:g}")
    return values


def become(plant: Plant, values: Mapping[str, float]) -> None:
    """Take these values, which are `checked`; others stay as they are."""
    battery = plant.state.battery
    if "soc_percent" in values:
        battery = battery._replace(energy_kwh=plant.model.battery.energy_kwh * values["soc_percent"] / 100.0)
    if "temperature_celsius" in values:
        battery = battery._replace(temperature_c=values["temperature_celsius"])
    plant.state = plant.state._replace(battery=battery)
    for each in (plant, *plant.beside):
        site: dict[str, Any] = {field: values[name] for name, field in SITE.items() if name in values}
        each.model = replace(each.model, site=replace(each.model.site, **site))
        if "frequency_hz" in values:
            steady = Frequency(array("d", [values["frequency_hz"]]), "set")
            each.model = replace(each.model, frequency=steady)
        each.state = each.state._replace(model=each.model)
    rating = {field: values[name] for name, field in RATING.items() if name in values}
    plant.model = replace(plant.model, battery=replace(plant.model.battery, **rating))
