"""An operator's act: an event, never a level. All acts since the last tick enter the snapshot in order.

A stop is written to the journal with fsync before it is acknowledged; a stop that stands when the process starts is
read back as `restored` and acts in the first tick (LH-API-006).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import nan

#: The longest time (s) for which power by hand stands without being renewed.
LONGEST_DEAD_MAN_S = 60.0


class ActKind(StrEnum):
    STOP = "stop"
    RELEASE = "release"
    ACKNOWLEDGE = "acknowledge"
    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"
    LOCK_OUT = "lock_out"
    UNLOCK = "unlock"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class OperatorAct:
    """Who did what to which asset (None: all of them), when (UTC, ns) and why. `id` is unique per act.

    An act of kind MANUAL is of one asset and says its power (kW, + = discharging) and for how long (s) it stands unless
    it is renewed.
    """

    id: str
    kind: ActKind
    asset: str | None
    operator: str
    role: str
    reason: str
    at_ns: int
    restored: bool = False
    power_kw: float = nan
    dead_man_s: float = nan
    override: bool = False  # an engineer lifts what somebody else has locked
