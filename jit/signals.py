"""Kernels of `snapshot`: how old every device's answer is, and the outcome of writes and the requests into rows.

    arrival, time stamp ──► age per device; a stamp from the future makes the device's points invalid
    receipts ────────────► written_kw, readback_kw, write_age_s, write_status
    offers ──────────────► a value row for P, one for Q, a code row and two site rows per request

Ages and times in s, powers in kW. NaN stays NaN.
"""

from __future__ import annotations

import numpy as np

from jit import rows as r
from jit.build import F1, F2, I1, I2, RI1, F, N, kernel
from jit.constants import F8, I8

#: No time stamp: a device whose clock says 1970 is old, not without a stamp.
NO_STAMP = int(np.iinfo(np.int64).min)

VALID = 1
TIME = 64

# rows of what is known of the newest write to each asset
WRITTEN, READBACK, WRITTEN_S = range(3)


@kernel(F1, F1, I1, RI1, I1, F, F, F)
def age(
    ages: F8,
    arrived_s: F8,
    stamps_ns: I8,
    device_of_point: I8,
    point_codes: I8,
    now_s: float,
    utc_ns: float,
    future_s: float,
) -> None:
    """`ages` [devices] s: since arrival, or by the device's own stamp when older.

    A stamp more than `future_s` ahead takes VALID from the device's points and says TIME (LH-SAFE-006).
    """
    early = False
    for d in range(ages.shape[0]):
        old = now_s - arrived_s[d]
        if stamps_ns[d] != NO_STAMP:
            own = (utc_ns - stamps_ns[d]) * 1e-9
            early = early or own < -future_s
            if own > old:  # noqa: PLR1730  # what is not a number stays so, and counts as too old
                old = own
        ages[d] = old
    if early:
        for p in range(point_codes.shape[0]):
            stamp = stamps_ns[device_of_point[p]]
            if stamp != NO_STAMP and (utc_ns - stamp) * 1e-9 < -future_s:
                point_codes[p] = (point_codes[p] & ~VALID) | TIME


@kernel(F2, I2, F1, F2, I1, F2, F2, I2, F1, F1, F, N, N, N)
def receive(
    values: F8,
    codes: I8,
    site: F8,
    outcomes: F8,
    status: I8,
    asked_kw: F8,
    asked_kvar: F8,
    why: I8,
    site_kw: F8,
    site_kvar: F8,
    now_s: float,
    first: int,
    code_first: int,
    site_first: int,
) -> None:
    """`outcomes` [3, assets] and `status` of the newest writes; `asked_*`, `why` [requests, assets] and `site_*`."""
    for a in range(values.shape[1]):
        values[r.WRITTEN_KW, a] = outcomes[WRITTEN, a]
        values[r.READBACK_KW, a] = outcomes[READBACK, a]
        values[r.WRITE_AGE_S, a] = now_s - outcomes[WRITTEN_S, a]
        codes[r.WRITE_STATUS, a] = status[a]
    requests = site_kw.shape[0]
    for q in range(requests):
        site[site_first + q], site[site_first + requests + q] = site_kw[q], site_kvar[q]
        for a in range(values.shape[1]):
            values[first + q, a], values[first + requests + q, a] = asked_kw[q, a], asked_kvar[q, a]
            codes[code_first + q, a] = why[q, a]
