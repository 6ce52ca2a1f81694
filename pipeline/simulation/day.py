"""A recorded day drives the world: its grid frequency at the meter, and a schedule that a day-ahead market would make.

    hours = prices(path, "2023-06-05")            # EUR/MWh, one per hour from 00:00 UTC
    world.plan(trades(hours, power_kw=200.0))     # charge in the cheapest hours, discharge in the dearest ones

`$BESS_PIPELINE_DATA` points to recordings (`frequency/*.csv.gz`, `*day_ahead*.csv` with `timestamp,price`); without it
the day is the shipped one: a generated frequency and the usual shape of prices. Raises `DayError`.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from simulator.frequency import Frequency, found, generated, recorded

HOUR_S = 3600.0
#: The usual shape of a day, EUR/MWh: a valley by night and at noon, a peak in the morning and in the evening.
USUAL = (62, 58, 55, 53, 54, 63, 82, 101, 104, 88, 70, 55, 46, 42, 48, 61, 84, 110, 128, 131, 115, 96, 82, 71)
Trade = tuple[float, float, float]  # from s, until s, kW (+ = discharging)


class DayError(ValueError):
    """A recording has no such day."""


def frequency(environment: Mapping[str, str] | None = None) -> Frequency:
    """The first recorded day, or a generated one."""
    path = found(dict(os.environ if environment is None else environment))
    return generated(1) if path is None else recorded(path)


def prices(path: Path, day: str) -> tuple[float, ...]:
    """EUR/MWh of the 24 hours of a UTC day such as `2023-06-05`."""
    with path.open(encoding="utf-8", newline="") as lines:
        hours = [float(row["price"]) for row in csv.DictReader(lines) if row["timestamp"].startswith(day)]
    if len(hours) != 24:
        raise DayError(f"{path}: {len(hours)} hours of {day} instead of 24")
    return tuple(hours)


def recorded_prices(environment: Mapping[str, str] | None = None, day: str = "2023-06-05") -> tuple[float, ...]:
    """Of a recorded day where there is a recording, else the usual ones."""
    folder = (os.environ if environment is None else environment).get("BESS_PIPELINE_DATA")
    path = next(iter(sorted(Path(folder).glob("*day_ahead*.csv"))), None) if folder else None
    return tuple(map(float, USUAL)) if path is None else prices(path, day)


def trades(hours: Sequence[float], power_kw: float, *, each: int = 4, hour_s: float = HOUR_S) -> list[Trade]:
    """Charge in the `each` cheapest hours and discharge in as many of the dearest; in order of time."""
    order = sorted(range(len(hours)), key=lambda hour: (hours[hour], hour))
    powers = dict.fromkeys(order[:each], -power_kw) | dict.fromkeys(order[-each:], power_kw)
    return [(hour * hour_s, (hour + 1) * hour_s, powers[hour]) for hour in sorted(powers)]
