"""How far the machine's clock may be off: what the kernel was told by the time daemon.

    adjtimex ──► synchronised? ──► estimated error (s)      not synchronised, not answered, not Linux ──► infinity

Read-only (`modes` = 0): it needs no privilege. Where a container forbids even that, the error is unknown, and unknown
is not trusted. Layout: `struct timex` of Linux on 64 bits, man 2 adjtimex.
"""

from __future__ import annotations

import ctypes
from math import inf

TIME_ERROR, STA_UNSYNC, STA_NANO = 5, 0x0040, 0x2000


class Timex(ctypes.Structure):
    """The head of `struct timex`, and room for the rest of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def error_of(answer: int, timex: Timex) -> float:
    """Estimated error in s: the daemon's estimate, or what is still being slewed if that is more."""
    if answer in (-1, TIME_ERROR) or timex.status & STA_UNSYNC:
        return inf
    slewed = abs(timex.offset) * (1e-9 if timex.status & STA_NANO else 1e-6)
    return float(max(timex.esterror * 1e-6, slewed))


def clock_error_s() -> float:
    """Asks the kernel; infinity when it cannot be asked."""
    timex = Timex()
    try:
        answer = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    except (AttributeError, OSError):
        return inf
    return error_of(answer, timex)
