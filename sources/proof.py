"""A proof: what a device has shown of itself in this connection. Like a receipt, a reading about our own writes.

    connected ──► nothing is proved ──identity read──► IDENTITY ──reversion read back──► IDENTITY | REVERSION
                                            └─► another device answers: FOREIGN, and nothing is written

What was proved before a reconnection counts for nothing: the first proof of every connection is an empty one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jit.codes import Proved


@dataclass(frozen=True, slots=True)
class Proof:
    """What is proved of the device of `asset` now; `detail` says what is not, for the log."""

    asset: str
    at_s: float
    proved: Proved
    detail: str = ""


EmitProof = Callable[[Proof], None]
