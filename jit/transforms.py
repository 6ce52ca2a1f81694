"""Kernels of `transform:` steps: one value row in, one value row out, everything they remember in rows beside it.

    values[source] ──► step ──► values[row]        state in values[row + 1 …], the past in past[row …]

Every kernel works on one matrix: the assets' columns, or the site as a matrix of one column. What is not a finite
number is absent, and absent stays absent: only `hold_last` bridges it. Windows and delays are slots of equal length,
newest first, that move on when a slot's time has passed; a slot is one cycle unless the window has more than
`MOST_SLOTS` of them. Times in s. A result that is not finite is absent.
"""

from __future__ import annotations

import numpy as np

from jit.build import F2, I2, RF2, F, N, kernel, term
from jit.codes import Quality
from jit.constants import F8, I8

#: Rows that a window or a delay takes at most.
MOST_SLOTS = 120
#: More than this many steps cannot be counted exactly: no power is that large.
MOST_STEPS = 1e15
VALID, SUBSTITUTED, MISSING = int(Quality.VALID), int(Quality.SUBSTITUTED), int(Quality.MISSING)

# rows of `average` and `delay` behind their output
FILLED_S, FIRST_SLOT = 1, 2
SUM, KNOWN_S = 0, 1  # of `average`, behind its slots


@term
def known(value: float) -> bool:
    """Whether it is a finite number."""
    finite: bool = value - value == 0.0
    return finite


@term
def finite(value: float) -> float:
    """The value, or absent."""
    if value - value == 0.0:
        return value
    return np.nan


@term
def moved(filled_s: float, slot_s: float, slots: int) -> int:
    """Slots that have passed: the nearest whole number, so that a late tick does not lose one."""
    count = filled_s / slot_s + 0.5
    if not count < slots + 1.0:
        return slots + 1
    return int(count) if count > 0.0 else 0


@kernel(F2, RF2, N, N, N, F, F)
def average(values: F8, past: F8, source: int, row: int, slots: int, slot_s: float, dt: float) -> None:
    """Mean over what was known within the window, weighted with time."""
    sum_row = row + FIRST_SLOT + slots + SUM
    known_row = row + FIRST_SLOT + slots + KNOWN_S
    for a in range(values.shape[1]):
        now = values[source, a]
        present = known(now)
        filled = past[row + FILLED_S, a] if known(past[row + FILLED_S, a]) else 0.0
        total = past[sum_row, a] if known(past[sum_row, a]) else 0.0
        weight = past[known_row, a] if known(past[known_row, a]) else 0.0
        filled += dt
        if present:
            total += now * dt
            weight += dt
        steps = moved(filled, slot_s, slots)
        mean = finite(total / weight) if weight > 0.0 else np.nan
        if steps > 0:
            filled = filled - steps * slot_s if steps <= slots else 0.0
            total = 0.0
            weight = 0.0
        values[row + FILLED_S, a] = filled
        values[sum_row, a] = total
        values[known_row, a] = weight
        for k in range(slots):
            values[row + FIRST_SLOT + k, a] = past[row + FIRST_SLOT + k - steps, a] if k >= steps else mean
            if known(values[row + FIRST_SLOT + k, a]):
                total += values[row + FIRST_SLOT + k, a] * slot_s
                weight += slot_s
        values[row, a] = np.nan
        if present:
            values[row, a] = finite(total / weight) if weight > 0.0 else now


@kernel(F2, RF2, N, N, N, F, F)
def delay(values: F8, past: F8, source: int, row: int, slots: int, slot_s: float, dt: float) -> None:
    """The value of `slots` slots ago. Absent while there is none, and while the request is absent now."""
    for a in range(values.shape[1]):
        now = values[source, a]
        present = known(now)
        filled = past[row + FILLED_S, a] if known(past[row + FILLED_S, a]) else 0.0
        filled += dt
        steps = moved(filled, slot_s, slots)
        if steps > 0:
            filled = filled - steps * slot_s if steps <= slots else 0.0
        values[row + FILLED_S, a] = filled
        for k in range(slots + 1):
            slot = now if k == 0 else past[row + FIRST_SLOT, a]  # what a late tick passed over was the newest then
            if k >= steps:
                slot = past[row + FIRST_SLOT + k - steps, a]
            values[row + FIRST_SLOT + k, a] = finite(slot)
        values[row, a] = values[row + FIRST_SLOT + slots, a] if present else np.nan


@kernel(F2, RF2, N, N, F, F)
def low_pass(values: F8, past: F8, source: int, row: int, lag_s: float, dt: float) -> None:
    """First order lag, implicit Euler: stable for every dt. It begins at the first value."""
    for a in range(values.shape[1]):
        now, last = values[source, a], past[row, a]
        if not known(now):
            values[row, a] = np.nan
        elif not known(last):
            values[row, a] = now
        else:
            values[row, a] = finite(last + (now - last) * (dt / (lag_s + dt)))


@kernel(F2, I2, RF2, N, N, N, F, F)
def hold_last(values: F8, codes: I8, past: F8, source: int, row: int, code: int, most_s: float, dt: float) -> None:
    """The last known value for at most `most_s` after it vanished, marked as substituted."""
    for a in range(values.shape[1]):
        now, last = values[source, a], past[row, a]
        old = past[row + 1, a] + dt
        if known(now):
            values[row, a] = now
            values[row + 1, a] = 0.0
            codes[code, a] = VALID
        elif known(last) and old <= most_s:
            values[row, a] = last
            values[row + 1, a] = old
            codes[code, a] = SUBSTITUTED
        else:
            values[row, a] = np.nan
            values[row + 1, a] = np.nan
            codes[code, a] = MISSING


@kernel(F2, RF2, N, N, F)
def dead_band(values: F8, past: F8, source: int, row: int, band: float) -> None:
    """Follow a change of at least `band`, stay where it was within it."""
    for a in range(values.shape[1]):
        now, last = values[source, a], past[row, a]
        if not known(now):
            values[row, a] = np.nan
        elif known(last) and abs(now - last) < band:
            values[row, a] = last
        else:
            values[row, a] = now


@kernel(F2, RF2, N, N, F, F)
def rate_limit(values: F8, past: F8, source: int, row: int, per_s: float, dt: float) -> None:
    """Move toward the value no faster than `per_s`. It begins at the first value; `dt` earns no credit for a pause."""
    step = per_s * dt
    for a in range(values.shape[1]):
        now, last = values[source, a], past[row, a]
        if not known(now):
            values[row, a] = np.nan
        elif not known(last) or abs(now - last) <= step:
            values[row, a] = now
        elif now > last:
            values[row, a] = finite(last + step)
        else:
            values[row, a] = finite(last - step)


@kernel(F2, N, N, F, F)
def clamp(values: F8, source: int, row: int, low: float, high: float) -> None:
    """At most `high`, at least `low`."""
    for a in range(values.shape[1]):
        now = values[source, a]
        if not known(now):
            values[row, a] = np.nan
        elif now > high:
            values[row, a] = high
        elif now < low:
            values[row, a] = low
        else:
            values[row, a] = now


@kernel(F2, N, N, F, F)
def linear(values: F8, source: int, row: int, factor: float, offset: float) -> None:
    """`factor` times the value, plus `offset`: the steps `scale` and `offset`."""
    for a in range(values.shape[1]):
        now = values[source, a]
        values[row, a] = finite(now * factor + offset) if known(now) else np.nan


@kernel(F2, N, N, F)
def round_to(values: F8, source: int, row: int, step: float) -> None:
    """The largest multiple of `step` that is not above |value|; a billionth of a step is no difference."""
    for a in range(values.shape[1]):
        now = values[source, a]
        count = abs(now) / step + 1e-9 if step > 0.0 else 0.0
        if not known(now) or not count < MOST_STEPS:
            values[row, a] = np.nan
        elif step <= 0.0:
            values[row, a] = now
        elif now < 0.0:
            values[row, a] = 0.0 - float(int(count)) * step
        else:
            values[row, a] = float(int(count)) * step
