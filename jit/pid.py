"""Kernel of a PID controller: everything it remembers in rows, one controller per column.

    e = target − measured, 0 inside the dead band
    output = clamp(kp·e + I − kd·Δmeasured/dt)          I += ki·e·dt, unless that pushes further into the clamp

* Anti-windup by clamping (conditional integration): the integral waits while the output is clamped and the error would
  push it further; what pulls it back counts at once.
* The derivative is taken on the measurement, so that a new target gives no kick (Åström, Hägglund: Advanced PID
  Control, 2006, ch. 3).
* Bumpless: while something else holds the output (row `held`), the integral follows it, and the first output of its own
  is the held one plus what has changed since.
* Unknown is not zero: without a target or a measurement, or with options that make no sense, the output is absent (NaN)
  and the integral stays. A gap gives no derivative.

Gains in output per input, per input·s and per input/s; the code says what happened (`jit.codes.Control`).
"""

from __future__ import annotations

import numpy as np

from jit.build import F2, I2, RF2, F, N, kernel, term
from jit.codes import Control
from jit.constants import F8, I8
from jit.transforms import known

# options[row, column]
KP, KI, KD, OUT_LOW, OUT_HIGH, DEAD_BAND = range(6)
OPTIONS = 6
# rows from `row` on
OUTPUT, INTEGRAL, SEEN = range(3)
MEMORY = 3

CONTROLS, IN_BAND, AT_HIGH, AT_LOW = (
    int(Control.CONTROLS),
    int(Control.IN_DEAD_BAND),
    int(Control.CLAMPED_HIGH),
    int(Control.CLAMPED_LOW),
)
TRACKS, NO_INPUT, REFUSED, OVERFLOW = (
    int(Control.TRACKS),
    int(Control.NO_INPUT),
    int(Control.OPTIONS_REFUSED),
    int(Control.OVERFLOW),
)


@term
def sensible(options: F8, a: int) -> bool:
    """Whether a column's options can be computed with."""
    gains = known(options[KP, a]) and known(options[KI, a]) and known(options[KD, a])
    ordered: bool = options[OUT_LOW, a] <= options[OUT_HIGH, a] and options[DEAD_BAND, a] >= 0.0
    return gains and ordered


@term
def move(integral: float, p: float, d: float, step: float, low: float, high: float) -> tuple[float, float]:
    """Integral and output before the clamp. The integral waits where `step` would push further into the clamp."""
    grown = integral + step
    whole = (p + grown) + d
    if (whole > high and step > 0.0) or (whole < low and step < 0.0):
        return integral, (p + integral) + d
    return grown, whole


@kernel(F2, I2, RF2, RF2, N, N, N, N, N, F)
def pid(
    values: F8,
    codes: I8,
    past: F8,
    options: F8,
    target: int,
    measured: int,
    held: int,
    row: int,
    why: int,
    dt: float,
) -> None:
    """One step per column: `row` + OUTPUT, INTEGRAL, SEEN of `values`, `why` of `codes`; `held` −1: nothing holds it.

    `options` [6, columns]. With dt ≤ 0 no time has passed: neither integral nor derivative move.
    """
    for a in range(values.shape[1]):
        goal, seen, last = values[target, a], values[measured, a], past[row + SEEN, a]
        integral = past[row + INTEGRAL, a] if known(past[row + INTEGRAL, a]) else 0.0
        values[row + OUTPUT, a], values[row + INTEGRAL, a], values[row + SEEN, a] = np.nan, integral, np.nan
        if not sensible(options, a):
            codes[why, a] = REFUSED
            continue
        if not (known(goal) and known(seen)):
            codes[why, a] = NO_INPUT
            continue
        values[row + SEEN, a] = seen
        low, high = options[OUT_LOW, a], options[OUT_HIGH, a]
        inside = abs(goal - seen) < options[DEAD_BAND, a]
        error = 0.0 if inside else goal - seen
        p = options[KP, a] * error
        if held >= 0 and known(values[held, a]):
            values[row + OUTPUT, a], codes[why, a] = values[held, a], TRACKS
            values[row + INTEGRAL, a] = values[held, a] - p if known(values[held, a] - p) else integral
            continue
        step = options[KI, a] * error * dt if dt > 0.0 else 0.0
        d = 0.0 - options[KD, a] * (seen - last) / dt if dt > 0.0 and known(last) and not inside else 0.0
        grown, whole = move(integral, p, d, step, low, high)
        if not (known(grown) and known(whole)):
            codes[why, a] = OVERFLOW
            continue
        values[row + INTEGRAL, a] = grown
        values[row + OUTPUT, a] = min(high, max(low, whole))
        codes[why, a] = AT_HIGH if whole > high else (AT_LOW if whole < low else (IN_BAND if inside else CONTROLS))
