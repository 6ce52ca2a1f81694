"""One battery of a recording, told something else: what it would have done instead of what it did.

    recorded power + (response to the new commands − response to those that were given)     = power       kW
    recorded SoC   − (energy of the new power      − energy of the recorded one) / capacity  = SoC         %

Only the *difference* is modelled: noise, losses, ageing and every odd reading stay as they were, and with the same
commands the result is the recording itself, exactly. A device that did not follow is not made to: what exceeded its
command stays as recorded, what fell short gives that much at most, and one in local control does what it did.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import inf, nan

from config.definition import Asset
from config.profile import Profile
from jit.codes import Deviation, WriteStatus
from pipeline.rehearsal.plant import taken_pct
from pipeline.whatif.response import Response

_TAKEN = (WriteStatus.UNKNOWN, WriteStatus.WRITTEN, WriteStatus.CONFIRMED, WriteStatus.DIFFERENT)
_SHORT, _STUCK = int(Deviation.SHORT), int(Deviation.STUCK)
#: It does as it likes.
_OWN = frozenset(map(int, (Deviation.BEYOND, Deviation.WRONG_SIGN, Deviation.FOREIGN)))
#: Commands that a receipt may still speak of.
_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Told:
    """What a frame commanded one asset: kW and kvar, None when it was silent."""

    power: float | None
    reactive: float = 0.0


SILENT = Told(None)


@dataclass(slots=True)
class Battery:
    """`change_kw` and `change_pct` are added to what was recorded. `asset` and `profile` are those of the recording."""

    asset: Asset
    profile: Profile
    response: Response
    change_kw: float = 0.0
    change_pct: float = 0.0
    follows: bool = True
    held: tuple[float, float] = (0.0, 0.0)  # what the device was last told: by those that were, by the others
    silent_s: float = inf
    told: deque[tuple[int, Told, Told]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    power_kw: float = nan  # as recorded, when it was last read
    arrived_s: float = -inf

    def begin(self, now_s: float, power_kw: float) -> None:
        """It does what it does, on both sides."""
        held = power_kw if power_kw == power_kw else 0.0
        self.held, self.power_kw, self.change_kw = (held, held), held, 0.0
        self.response.begin(now_s, held)
        self.told.clear()

    def listen(self, since_s: float, dt_s: float, status: int) -> None:
        """What became of the commands of the tick before, which were written at `since_s`."""
        if not self.told:
            return
        _, given, other = self.told[-1]
        reached = given.power is None or status in _TAKEN
        old, new = self.held
        if given.power is None:
            old = self.power_kw if self.power_kw == self.power_kw else old
        elif reached:
            old = given.power
        self.silent_s = self.silent_s + dt_s if other.power is None else 0.0
        if other.power is not None:
            new = other.power if reached else new
        elif given.power is None:
            new = old  # both are silent: it does what it did
        elif self.profile.watchdog is not None and self.silent_s >= self.profile.watchdog.reverts_after:
            new = self.profile.watchdog.reverts_to_kw
        self.held = (old, new)
        self.response.tell(since_s, old, new)

    def moves(self, power_kw: float, arrived_s: float, seen: int, *, local: bool) -> None:
        """A reading came: the recorded power, and the deviation that the recorded frame sees or acts on."""
        if arrived_s == self.arrived_s or power_kw != power_kw:
            return
        self.arrived_s, self.power_kw = arrived_s, power_kw
        self.follows = not local and seen not in (_SHORT, _STUCK) and seen not in _OWN
        if local or seen in _OWN:
            self.change_kw = 0.0
        elif seen == _SHORT:
            most = abs(power_kw)
            _, new = self.response.at(arrived_s)
            self.change_kw = min(most, max(-most, new)) - power_kw
        elif seen != _STUCK:
            old, new = self.response.at(arrived_s)
            self.change_kw = new - old

    def spends(self, dt_s: float) -> None:
        """Energy: what was not taken is still there."""
        if self.change_kw == 0.0 or self.power_kw != self.power_kw:
            return
        new, old = self.power_kw + self.change_kw, self.power_kw
        self.change_pct -= taken_pct(self.asset, new, dt_s) - taken_pct(self.asset, old, dt_s)

    def heard(self, tick: int) -> tuple[Told, Told]:
        """The commands of a tick; the oldest that is remembered, where that is longer ago."""
        return next(((old, new) for index, old, new in reversed(self.told) if index <= tick), (SILENT, SILENT))

