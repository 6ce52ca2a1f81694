"""Terms of `effect`: what a device may have been told to do, and what it may therefore be doing.

    command, receipts ──► unconfirmed_low_kw … unconfirmed_high_kw ──► ring of as many ticks as the dead time needs
    ring, lag ─────────► least_kw ≤ power ≤ most_kw, and expected_kw of a device exactly as declared

A device may hold the last confirmed set-point or any sent since: as long as an outcome is missing, both count. The
envelope is sound for every device that is not slower than declared: dead time and lag may be anything from 0 up to
their declared values, measurements up to one poll old. The lag is an implicit Euler step, lag/(lag + dt), which is
never faster than exp(−dt/lag). While nothing is written nothing is known of what the device was told (NaN).

Powers in kW, + = discharging.
"""

from __future__ import annotations

import numpy as np

from jit import constants as c
from jit import rows as r
from jit.build import term
from jit.constants import F8, I8
from jit.joint import least, most
from jit.layout import Layout

ARMED = 2
WRITTEN, CONFIRMED, DIFFERENT = 1, 2, 6
VALID = 1


@term
def tell(
    values: F8, codes: I8, past: F8, past_codes: I8, ratings: F8, first: int, older: int, dt: float
) -> None:
    """unconfirmed_low_kw, unconfirmed_high_kw, and the ring of their `older` predecessors in rows from `first` on."""
    for a in range(values.shape[1]):
        low = high = sent = past[r.COMMAND_KW, a]
        if past_codes[r.AUTHORITY, a] != ARMED or sent != sent:
            values[r.UNCONFIRMED_LOW_KW, a] = values[r.UNCONFIRMED_HIGH_KW, a] = np.nan
            continue
        status, written = codes[r.WRITE_STATUS, a], values[r.WRITTEN_KW, a]
        taken = status == WRITTEN or status == CONFIRMED
        reached = taken and abs(written - sent) <= ratings[c.RESOLUTION_KW, a]
        if not reached and status != 0:
            low, high = least(low, written), most(high, written)
            if status == DIFFERENT:
                low, high = least(low, values[r.READBACK_KW, a]), most(high, values[r.READBACK_KW, a])
            renewed = taken and values[r.WRITE_AGE_S, a] < past[r.WRITE_AGE_S, a] + 0.5 * dt
            if not renewed:
                low, high = least(low, past[r.UNCONFIRMED_LOW_KW, a]), most(high, past[r.UNCONFIRMED_HIGH_KW, a])
        values[r.UNCONFIRMED_LOW_KW, a], values[r.UNCONFIRMED_HIGH_KW, a] = low, high
    for k in range(older):
        low_row = first + 2 * (k - 1) if k > 0 else r.UNCONFIRMED_LOW_KW
        high_row = first + 2 * (k - 1) + 1 if k > 0 else r.UNCONFIRMED_HIGH_KW
        for a in range(values.shape[1]):
            values[first + 2 * k, a], values[first + 2 * k + 1, a] = past[low_row, a], past[high_row, a]


@term
def window(values: F8, ratings: F8, first: int, older: int) -> None:
    """told_low_kw, told_high_kw: the extremes of what counts within dead time and poll; unknown if a part of it is."""
    for a in range(values.shape[1]):
        values[r.TOLD_LOW_KW, a] = values[r.UNCONFIRMED_LOW_KW, a]
        values[r.TOLD_HIGH_KW, a] = values[r.UNCONFIRMED_HIGH_KW, a]
    for k in range(older):
        for a in range(values.shape[1]):
            if k + 1 < ratings[c.WINDOW_TICKS, a]:
                low, high = values[first + 2 * k, a], values[first + 2 * k + 1, a]
                if low != low or low < values[r.TOLD_LOW_KW, a]:
                    values[r.TOLD_LOW_KW, a] = low
                if high != high or high > values[r.TOLD_HIGH_KW, a]:
                    values[r.TOLD_HIGH_KW, a] = high


@term
def envelope(values: F8, codes: I8, past: F8, past_codes: I8, ratings: F8, first: int, older: int, dt: float) -> None:
    """least_kw, most_kw and expected_kw. The envelope begins at what is measured once all of the window is known."""
    for a in range(values.shape[1]):
        low, high, power = values[r.TOLD_LOW_KW, a], values[r.TOLD_HIGH_KW, a], values[r.POWER_KW, a]
        usable = codes[r.QUALITY, a] == VALID
        was_least, was_most, was = past[r.LEAST_KW, a], past[r.MOST_KW, a], past[r.EXPECTED_KW, a]
        if was_least != was_least and usable:
            was_least = was_most = power
        lag = ratings[c.LAG_S, a]
        kept = lag / (lag + dt) if lag + dt > 0.0 else 1.0
        known = low == low and high == high and was_least == was_least and was_most == was_most
        values[r.LEAST_KW, a] = low - max(0.0, low - was_least) * kept if known else np.nan
        values[r.MOST_KW, a] = high + max(0.0, was_most - high) * kept if known else np.nan
        if past_codes[r.AUTHORITY, a] != ARMED or was != was:
            values[r.EXPECTED_KW, a] = power if usable and power == power else 0.0
            continue
        slot = min(int(ratings[c.DEAD_TICKS, a]), older)
        row = first + 2 * (slot - 1) if slot > 0 else r.UNCONFIRMED_LOW_KW
        goal = 0.5 * (values[row, a] + values[row + 1, a])
        values[r.EXPECTED_KW, a] = goal + (was - goal) * kept if goal == goal else was


def told_rows(layout: Layout) -> tuple[int, int]:
    """First index of the ring in values, and over how many ticks it reaches."""
    older = 0
    while f"told.{older + 1}.low_kw" in layout.value_index:
        older += 1
    return layout.value_index.get("told.1.low_kw", len(layout.values)), older
