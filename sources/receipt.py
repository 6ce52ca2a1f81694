"""A receipt: what became of one of our own writes. It is a reading about ourselves and enters the next snapshot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import nan

from jit.codes import WriteStatus


@dataclass(frozen=True, slots=True)
class Receipt:
    """Outcome of the write of the command computed in `tick` for `asset`.

    `at_s` is scheduler time (s) of the outcome; `written_kw` the power that the bytes said (after rounding to the
    device's resolution), `readback_kw` the set-point that the device held afterwards (NaN if not read).
    `contested`: the connection was closed by the other side again and again, as another master would.
    `latency_s` is the time from the sealed frame to the outcome.
    """

    asset: str
    tick: int
    at_s: float
    status: WriteStatus
    written_kw: float = nan
    readback_kw: float = nan
    latency_s: float = nan
    detail: str = ""
    contested: bool = False


EmitReceipt = Callable[[Receipt], None]
