"""A battery behind an OPC UA server in memory: what its nodes say, with status and time stamp, and what it hears.

`heard` and `said` are as those of a `Station`: all that the invariants know of the process. A value counts as said only
when its status is Good and nothing stands in for it, it is a number of the declared kind, and its source time stamp is
no older, and no further ahead, than `STAMPED_S`. The node that counts up is written before the power, which feeds the
watchdog.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from config.node import below
from config.profile import Profile
from simulator.lies import Lies
from simulator.plant import Plant
from simulator.points import from_device, reader
from simulator.station import Heard, Said

REVERTS_S = 10.0
STAMPED_S = 60.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CODES = {
    "Good": 0, "GoodLocalOverride": 0x0096_0000, "UncertainLastUsableValue": 0x4090_0000,
    "UncertainSubstituteValue": 0x4091_0000, "UncertainSensorNotAccurate": 0x4093_0000,
    "BadSensorFailure": 0x808C_0000, "BadNotConnected": 0x808A_0000, "BadNoCommunication": 0x8031_0000,
    "BadWaitingForInitialData": 0x8032_0000, "BadOutOfService": 0x808D_0000, "BadSessionIdInvalid": 0x8025_0000,
    "BadTooManyOperations": 0x8010_0000, "BadUserAccessDenied": 0x801F_0000, "BadOutOfRange": 0x803C_0000,
    "BadNotWritable": 0x803B_0000, "BadTypeMismatch": 0x8074_0000, "BadNodeIdUnknown": 0x8034_0000,
}  # fmt: skip
NAMES = {code: name for name, code in CODES.items()}
DENIALS = ("BadUserAccessDenied", "BadOutOfRange", "BadNotWritable", "BadTooManyOperations")


@dataclass(frozen=True, slots=True)
class Status:
    value: int


@dataclass(frozen=True, slots=True)
class Content:
    Value: Any


@dataclass(frozen=True, slots=True)
class Told:
    """A data value, with the standard's names."""

    Value: Content
    StatusCode: Status
    SourceTimestamp: datetime

    def differs(self, other: Told) -> bool:
        """What a subscription tells: another status or another value."""
        return self.StatusCode != other.StatusCode or repr(self.Value) != repr(other.Value)


class OpcuaStation:
    """`root` is the node of the battery; `now` is the loop's time (s), `utc_ns` the device's own clock.

    `codes`: points whose status is not Good. `ahead_s`: its time stamps are so far off; None: they stand still with
    its values. `denied`: what it answers to each write instead of taking it.
    """

    def __init__(
        self, profile: Profile, plant: Plant, root: str, now: Callable[[], float], utc_ns: Callable[[], int],
        advance: Callable[[], None],
    ) -> None:  # fmt: skip
        self.profile, self.plant = profile, plant
        self.lies = Lies()
        self.codes: dict[str, int] = {}
        self.ahead_s: float = 0.0
        self.denied = ""
        self.heard: list[Heard] = []
        self.said: list[Said] = []
        self._now, self._utc_ns, self._advance = now, utc_ns, advance
        self._reads = {below(root, str(point.node)): name for name, point in profile.read.items()}
        self._writes = {below(root, str(point.node)): name for name, point in profile.write.items()}
        self._readers = {name: reader(profile, name, point) for name, point in profile.read.items()}
        self._page: dict[str, Told] = {}
        self._known: dict[str, float | None] = {}
        self._beat = 0.0

    # --- what it says -------------------------------------------------------------------------------------------------

    def sample(self, node: str) -> Told:
        """The node as it is now; a frozen device repeats what it said last."""
        self._advance()
        name = self._reads[node]
        if not (name in self._page and (self.lies.frozen or self.plant.effects.frozen)):
            self._page[name] = Told(self._content(name), Status(self._status(name)), self._stamp())
        return self._page[name]

    def _content(self, name: str) -> Content:
        point, number = self.profile.read[name], self._readers[name](self.plant)
        if number is None or name in self.lies.sentinel:
            return Content(None)
        whole = not point.type.startswith("float")
        member: Any = bool(number) if point.type == "bool" else round(number) if whole else number
        return Content(member if self.lies.honest() else self.lies.tells(name, member))

    def _status(self, name: str) -> int:
        missing = name in self.lies.sentinel or self._readers[name](self.plant) is None
        return CODES["BadSensorFailure"] if missing else self.codes.get(name, 0)

    def _stamp(self) -> datetime:
        return EPOCH + timedelta(microseconds=self._utc_ns() // 1000, seconds=self.ahead_s)

    def note(self, found: Mapping[str, Told]) -> None:
        """These have arrived: until now nobody could know them, and what was not told again stands."""
        names = {self._reads[node]: value for node, value in found.items()}
        self._known = self._known | {name: self._meaning(name, value) for name, value in names.items()}
        if len(self._known) == len(self._reads):
            self.said.append(Said(self._now(), self._known))

    def _meaning(self, name: str, value: Told) -> float | None:
        point, found = self.profile.read[name], value.Value.Value
        off_s = (value.SourceTimestamp - EPOCH).total_seconds() - self._utc_ns() * 1e-9
        if value.StatusCode.value != 0 or abs(off_s) > STAMPED_S:
            return None
        if isinstance(found, bool) is not (point.type == "bool") or not isinstance(found, int | float):
            return None
        told = from_device(self.profile, name, point, float(found))
        return float(found in point.yes) if point.yes else told if isfinite(told) else None

    # --- what it hears ------------------------------------------------------------------------------------------------

    def write(self, node: str, kind: str, raw: float, sent_s: float) -> int:
        """The status of a write."""
        self._advance()
        name = self._writes.get(node)
        if name is None:
            return CODES["BadNodeIdUnknown"]
        point = self.profile.write[name]
        if kind != point.type:
            return CODES["BadTypeMismatch"]
        meant = from_device(self.profile, name, point, float(raw))
        refusal = self._refusal(name, meant)
        discards = self.lies.drops_write()
        if name == "heartbeat":
            self._beat = meant
        elif name == "power":
            values: dict[str, float | str] = {"power": meant, "heartbeat": self._beat, "revert_after": REVERTS_S}
            self.heard.append(Heard(self._now(), sent_s, values, taken=not (refusal or discards)))
        if not (refusal or discards):
            self.plant.write(name, meant)
        if name == "power" and self.lies.rival_kw is not None:
            self.plant.write("power", self.lies.rival_kw)
        return CODES[refusal] if refusal else 0

    def _refusal(self, name: str, meant: float) -> str:
        if self.denied:
            return self.denied
        if self.lies.busy or self.lies.exception() is not None:
            return self.lies.rng.choice(DENIALS)
        return "BadOutOfRange" if self.plant.refusal(name, meant) is not None else ""
