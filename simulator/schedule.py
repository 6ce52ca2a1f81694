"""A day-ahead schedule as a market would send it: quarter hours in UTC, today and tomorrow, lively and feasible.

    {"type": "day_ahead", "market_bid_area": "DE-LU", "version": …, "issued_at": "…Z",
     "windows": [{"start": "…Z", "end": "…Z", "target_power_kw": -120.0}, …]}

The pattern depends on seed and day alone. It is planned so that a battery that starts the day half full stays between
25 and 75 % and ends it half full again. `version` is the UTC second of issue, so that it increases over restarts too.
Powers in kW, + = discharging; multiples of 10 between −`power_kw` and +`power_kw`.
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

WINDOW_H = 0.25
WINDOWS_A_DAY = 96
STEP_KW = 10.0
EFFICIENCY = 0.95  # each way


def day_ahead(utc_s: float, seed: int, power_kw: float, energy_kwh: float, asset: str | None = None) -> dict[str, Any]:
    """The document that covers today and tomorrow of this instant (UTC, s since 1970)."""
    issued = datetime.fromtimestamp(int(utc_s), UTC)
    windows = []
    for day in (issued.date(), issued.date() + timedelta(days=1)):
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        for number, power in enumerate(powers(day, seed, power_kw, energy_kwh)):
            begin = midnight + timedelta(hours=WINDOW_H * number)
            end = begin + timedelta(hours=WINDOW_H)
            windows.append({"start": _rfc(begin), "end": _rfc(end), "target_power_kw": power})
    document: dict[str, Any] = {"asset_id": asset} if asset is not None else {}
    return document | {
        "type": "day_ahead",
        "market_bid_area": "DE-LU",
        "version": int(utc_s),
        "issued_at": _rfc(issued),
        "windows": windows,
    }


def powers(day: date, seed: int, power_kw: float, energy_kwh: float) -> list[float]:
    """The day's 96 powers (kW)."""
    draw = random.Random(f"day-ahead-{seed}-{day.isoformat()}")
    stored, result = 0.5 * energy_kwh, []
    sign = draw.choice((-1.0, 1.0))
    left = 0
    for number in range(WINDOWS_A_DAY):
        if left == 0:
            sign, left = -sign, draw.randint(1, 4)
        left -= 1
        wanted = sign * power_kw * draw.choice((0.2, 0.4, 0.6, 0.8, 1.0))
        least, most = _room(stored, energy_kwh, power_kw, WINDOWS_A_DAY - 1 - number)
        if not least <= wanted <= most:
            sign, left = -sign, draw.randint(1, 3)
            wanted = max(least, min(most, -wanted))
        power = float(int(wanted / STEP_KW) * STEP_KW)
        stored -= power * WINDOW_H * (1.0 / EFFICIENCY if power > 0 else EFFICIENCY)
        result.append(power + 0.0)
    return result


def _room(stored: float, energy_kwh: float, power_kw: float, left: int) -> tuple[float, float]:
    """(least, most) power of a window so that 25 to 75 % hold, narrowing to half full as the day ends."""
    reach = left * power_kw * WINDOW_H * EFFICIENCY * 0.5  # half the power is kept for the way back
    low = max(0.25 * energy_kwh, 0.5 * energy_kwh - reach)
    high = min(0.75 * energy_kwh, 0.5 * energy_kwh + reach)
    most = (stored - low) * EFFICIENCY / WINDOW_H
    least = (stored - high) / EFFICIENCY / WINDOW_H
    return max(-power_kw, min(power_kw, least)), max(-power_kw, min(power_kw, most))


def _rfc(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
