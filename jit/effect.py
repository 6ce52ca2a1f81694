"""Kernel of `snapshot`: what a device should be doing by now, and for how long it has done something else.

    commands sent, declared response ──► expected_kw ──► wrong_sign_s, beyond_s
    receipts ──────────────────────────► different_s

Nothing is judged while nothing is written or data are bad. Powers in kW, + = discharging; times in s.
"""

from __future__ import annotations

from jit import constants as c
from jit import rows as r
from jit.build import F2, I2, RF2, RI2, F, kernel
from jit.constants import F8, I8

VALID = 1
ARMED = 2
CONFIRMED = 2
WRITE_FAILED = 3  # REFUSED and above
DIFFERENT = 6


@kernel(F2, I2, RF2, RI2, RF2, F)
def follow(values: F8, codes: I8, past: F8, past_codes: I8, ratings: F8, dt: float) -> None:
    """What the device should be doing by now, and for how long it has done the opposite.

    expected_kw is the previous command through a first order lag of dead time + lag. Wrong sign (reliability S8): both
    clearly away from zero (5 % expected, 2 % measured) with opposite signs, counted in seconds while armed.
    different_s counts for how long the device has held another set-point than the one written, while its data are good.
    beyond_s counts for how long the power has been further from zero than expected, by more than a tenth of the rating
    (reliability S9): such a device is not proven at its command, whether its write failed or was accepted.
    """
    for a in range(values.shape[1]):
        held = past[r.DIFFERENT_S, a]
        held = held if held == held else 0.0
        status = codes[r.WRITE_STATUS, a]
        if past_codes[r.AUTHORITY, a] != ARMED:  # silent: nothing was written that the device should hold
            values[r.DIFFERENT_S, a] = 0.0
        elif status == DIFFERENT and codes[r.QUALITY, a] == VALID:
            values[r.DIFFERENT_S, a] = held + dt
        elif status == CONFIRMED or status == DIFFERENT:  # a frozen or silent page says nothing about the set-point
            values[r.DIFFERENT_S, a] = 0.0
        else:
            values[r.DIFFERENT_S, a] = held
        rated = max(ratings[c.CHARGE_KW, a], ratings[c.DISCHARGE_KW, a])
        was = past[r.EXPECTED_KW, a]
        power = values[r.POWER_KW, a]
        usable = codes[r.QUALITY, a] == VALID
        held_wrong, held_beyond = past[r.WRONG_SIGN_S, a], past[r.BEYOND_S, a]
        held_wrong = held_wrong if held_wrong == held_wrong else 0.0
        held_beyond = held_beyond if held_beyond == held_beyond else 0.0
        if past_codes[r.AUTHORITY, a] != ARMED or was != was:
            values[r.EXPECTED_KW, a] = power if usable else 0.0
            values[r.WRONG_SIGN_S, a] = values[r.BEYOND_S, a] = 0.0
            continue
        span = ratings[c.DEAD_TIME_S, a] + ratings[c.LAG_S, a]
        step = dt / span if dt < span else 1.0
        target = past[r.COMMAND_KW, a]
        expected = was + (target - was) * step if target == target else was
        values[r.EXPECTED_KW, a] = expected
        opposite = (expected > 0.05 * rated and power < -0.02 * rated) or (
            expected < -0.05 * rated and power > 0.02 * rated
        )
        goal = target if target == target else expected  # a device may well be faster than it is said to be
        most, least = max(0.0, max(expected, goal)), min(0.0, min(expected, goal))
        beyond = power > most + 0.1 * rated or power < least - 0.1 * rated
        if not usable:
            values[r.WRONG_SIGN_S, a] = 0.0
            values[r.BEYOND_S, a] = held_beyond
            continue
        values[r.BEYOND_S, a] = held_beyond + dt if beyond else 0.0
        if codes[r.WRITE_STATUS, a] >= WRITE_FAILED:  # it may follow an older command: no evidence either way
            values[r.WRONG_SIGN_S, a] = held_wrong
        else:
            values[r.WRONG_SIGN_S, a] = held_wrong + dt if opposite else 0.0
