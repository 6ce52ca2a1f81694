"""Kernels of `snapshot` for the point of connection: what everything but the assets feeds in, and what was sent.

    meter ──► ring ─┐
                    ├─ both at one instant ─► other_kw ─► the worst of the last 15 minutes
    Σ assets ► ring ┘

A meter and the batteries are read at different instants. Both sums are kept in rings with the age of each entry, and
compared at the older of the two instants, linearly between entries: a battery that moves is no load that comes and
goes. Between two entries nobody saw when the power moved: by so much `other_kw` may be off either way, which fades in
seconds only, since a command that follows a wrong one moves the power again. A time stamp is believed as long as
nothing else seems to move with the batteries; then the reading is of some instant between its stamp, by a clock that is
not ours, and its arrival. Nothing is known (NaN) as soon as one part is not.

`holds_*` is what a battery may still hold: what it confirmed last and anything sent since, also while silent.
Powers in kW, + = feeding in; times in s. Errors are NaN in a row.
"""

from __future__ import annotations

import numpy as np

from jit import constants as c
from jit import rows as r
from jit.build import F1, F2, I1, I2, RF1, RF2, RI1, RI2, F, N, kernel, term
from jit.constants import F8, I8
from jit.joint import most
from jit.points import M_DEVICE

VALID = 1
ARMED = 2
WRITTEN, CONFIRMED, DIFFERENT = 1, 2, 6
MINUTES = r.MINUTES  # buckets of the worst case that stands in for a meter that is lost
MINUTE_S = 60.0
FADES_S = 5.0  # a doubt about what else hangs at the connection


@term
def push(site: F8, past_site: F8, row: int, slots: int, value: float, age: float, dt: float) -> None:
    """A ring, newest first: rows `row` … values, `row + slots` … their ages, which go on growing."""
    for k in range(slots - 1, 0, -1):
        site[row + k] = past_site[row + k - 1]
        site[row + slots + k] = past_site[row + slots + k - 1] + dt
    site[row], site[row + slots] = value, age


@term
def at_age(site: F8, row: int, slots: int, age: float, swing: float) -> tuple[float, float]:
    """The value of a ring that many seconds ago, linear between entries; beyond the last one known, that one.

    And how far it may be off: in the middle of two entries half of what lies between them, at an entry nothing. Of
    power that turns between two entries they show too little: it counts as moved by `swing` at least.
    """
    found, off = site[row], 0.0
    for k in range(1, slots):
        older, younger, then = site[row + slots + k], site[row + slots + k - 1], site[row + k]
        if not younger < age or older != older:
            break
        share = (age - younger) / (older - younger) if younger < age < older else 1.0
        off = most(abs(then - found), swing) * min(share, 1.0 - share)
        found = found + (then - found) * share if share < 1.0 else then
    return found, off


@term
def around(site: F8, row: int, slots: int, age: float, younger: float, swing: float) -> tuple[float, float, float]:
    """`at_age`, and how far it may be off where the entries may be younger by so much than they say."""
    found, off = at_age(site, row, slots, age, swing)
    wide = off
    if younger > 0.0:
        then, then_off = at_age(site, row, slots, age + younger, swing)
        wide = most(off, then_off + abs(then - found))
    return found, off, wide


@term
def worst_of(site: F8, past_site: F8, row: int, other: float, dt: float) -> None:
    """The most and the least of the last 15 minutes that were measured, in buckets of one minute.

    Without a measurement no minute passes: what was seen before a meter was lost does not fade away.
    """
    clock = row + 2 * MINUTES
    held = past_site[clock]
    held = held if held == held else 0.0
    known = other == other
    turn = known and held + dt >= MINUTE_S
    site[clock] = (held + dt if not turn else 0.0) if known else held
    most = least = site[r.LAST_OTHER_KW]
    for k in range(MINUTES - 1, -1, -1):
        source = k - 1 if turn and k > 0 else k
        high, low = past_site[row + source], past_site[row + MINUTES + source]
        if k == 0 and turn:
            high = low = other
        elif k == 0 and known:
            high = other if high != high or other > high else high
            low = other if low != low or other < low else low
        site[row + k], site[row + MINUTES + k] = high, low
        if high == high and not most >= high:
            most = high
        if low == low and not least <= low:
            least = low
    site[r.OTHER_MOST_KW], site[r.OTHER_LEAST_KW] = most, least


@kernel(F1, F1, F, RI2, RI1, F2, I2, RF2, F1, I1, RF1, N, N, F)
def others(
    ages: F8,
    arrived_s: F8,
    now_s: float,
    place: I8,
    site_place: I8,
    values: F8,
    codes: I8,
    past: F8,
    site: F8,
    site_codes: I8,
    past_site: F8,
    row: int,
    slots: int,
    dt: float,
) -> None:
    """other_kw = poc_kw − Σ power_kw at one instant, ± other_off_kw.

    Power swings as far as either sum did lately, or as the commands did that the batteries follow.
    `row` is the first of `slots` × 4 ring rows and the minutes.
    """
    fed = oldest = last_s = told = 0.0
    for a in range(values.shape[1]):
        fed += values[r.POWER_KW, a] if codes[r.QUALITY, a] == VALID else np.nan
        device = place[M_DEVICE, a]
        oldest = ages[device] if ages[device] > oldest else oldest
        last_s = arrived_s[device] if a == 0 or arrived_s[device] > last_s else last_s
        step = abs(values[r.SENT_KW, a] - past[r.SENT_KW, a])
        told += most(0.0, step)
    off = past_site[r.OTHER_OFF_KW]
    off = off * (1.0 - dt / FADES_S) if off == off and dt < FADES_S else 0.0
    site[r.OTHER_KW] = np.nan
    site[r.LAST_OTHER_KW] = past_site[r.LAST_OTHER_KW]
    if slots > 0:
        good = site_codes[r.POC_QUALITY] == VALID
        poc, metered = row + 2 * slots, ages[site_place[1]]
        push(site, past_site, row, slots, fed, oldest if fed == fed else 0.0, dt)
        push(site, past_site, poc, slots, site[r.POC_KW] if good else np.nan, metered if good else 0.0, dt)
        if good and fed == fed:
            instant = max(oldest, metered)
            swing = most(most(told, abs(site[poc] - site[poc + 1])), abs(site[row] - site[row + 1]))
            met_s = now_s - arrived_s[site_place[1]]
            there, there_off, there_wide = around(site, poc, slots, instant, metered - met_s, swing)
            ours, ours_off, ours_wide = around(site, row, slots, instant, oldest - (now_s - last_s), swing)
            other, was = there - ours, past_site[r.LAST_OTHER_KW]
            moved = most(0.0, past_site[r.OTHER_OFF_KW]) + most(0.0, abs(other - was))
            site[r.OTHER_KW] = other
            off = most(most(off, there_off + ours_off), min(there_wide + ours_wide, moved))
        if site[r.OTHER_KW] == site[r.OTHER_KW]:
            site[r.LAST_OTHER_KW] = site[r.OTHER_KW]
        worst_of(site, past_site, row + 4 * slots, site[r.OTHER_KW], dt)
        site[r.OTHER_OFF_KW] = off
    else:
        site[r.OTHER_MOST_KW] = site[r.OTHER_LEAST_KW] = np.nan
        site[r.OTHER_OFF_KW] = 0.0


@kernel(F2, I2, RF2, RI2, RF2, F)
def hold_on(values: F8, codes: I8, past: F8, past_codes: I8, ratings: F8, dt: float) -> None:
    """sent_kw, holds_low_kw, holds_high_kw and steady_s, for how long the same has been sent.

    An outcome that is new in this tick leaves what it says is held and what was sent last: one write is in flight at a
    time, and it is the newest. Once nothing else was sent for longer than the device waits before it reverts (and a
    write may be late), no older command can still be in force.
    """
    for a in range(values.shape[1]):
        sent = past[r.COMMAND_KW, a] if past_codes[r.AUTHORITY, a] == ARMED else np.nan
        was, steady = past[r.SENT_KW, a], past[r.STEADY_S, a]
        same = sent == was or (sent != sent and was != was)
        steady = steady + dt if same and steady == steady else 0.0
        low, high = past[r.HOLDS_LOW_KW, a], past[r.HOLDS_HIGH_KW, a]
        status, age = codes[r.WRITE_STATUS, a], past[r.WRITE_AGE_S, a]
        anew = not values[r.WRITE_AGE_S, a] >= age + 0.5 * dt
        held = values[r.READBACK_KW, a] if status == DIFFERENT else values[r.WRITTEN_KW, a]
        if anew and (status == WRITTEN or status == CONFIRMED) and held == held:
            low = high = held
        elif steady > ratings[c.REVERTS_AFTER_S, a] + ratings[c.VALID_FOR_S, a]:
            low = high = sent
        elif held == held:
            low, high = held if not low <= held else low, held if not high >= held else high
        if sent == sent:
            low, high = sent if not low <= sent else low, sent if not high >= sent else high
        values[r.SENT_KW, a], values[r.STEADY_S, a] = sent, steady
        values[r.HOLDS_LOW_KW, a], values[r.HOLDS_HIGH_KW, a] = low, high
