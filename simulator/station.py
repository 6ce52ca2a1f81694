"""A Modbus TCP device on bytes: what it is told, what it says, and every lie a device was ever seen to tell.

    request bytes ─► Station.answer ─► reply bytes
                        │ └── Unit (the simulator's own reading of the profile) ── Plant or Meter
                        └── `said`, `heard`: every reply and every write, decoded here and not by the product

`heard` and `said` are all that the invariants know of the process. Units: kW (+ = discharging), s of loop time.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from config.profile import Profile
from simulator.modbus import TABLE_OF_CODE, Image, Unit
from simulator.plant import Plant
from simulator.points import from_device
from simulator.registers import Table, decode

READS: dict[int, Table] = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, BUSY = 1, 2, 3, 6


@dataclass(frozen=True, slots=True)
class Heard:
    """One write as it arrived: values of the written points in the chain's units; `taken`: the device acted on it."""

    at_s: float
    sent_s: float
    values: dict[str, float | str]
    taken: bool


@dataclass(frozen=True, slots=True)
class Said:
    """One reply as it left: the values that its words mean; None is "not implemented"."""

    at_s: float
    values: dict[str, float | None]


@dataclass
class Lies:
    """What is wrong with what the device says, and with what it does with what it hears. Each is a fault by itself."""

    frozen: bool = False  # answers with the page it had; its writes still act
    sentinel: set[str] = field(default_factory=set)  # points that are "not implemented" now
    scaled: dict[str, float] = field(default_factory=dict)  # points whose scale has changed
    swapped: bool = False  # words of wide values in the other order, both ways
    discards: bool = False  # writes are acknowledged and nothing happens
    busy: bool = False  # every request is answered with an exception
    rival_kw: float | None = None  # another master writes this set-point after each of ours


class Station:
    """One device behind one address. `advance(now)` brings its plant to the present before it speaks."""

    def __init__(self, profile: Profile, plant: Plant, clock: Callable[[], float], advance: Callable[[], None]) -> None:
        self.unit = Unit(1, profile, plant)
        self.profile, self.plant = profile, plant
        self.lies = Lies()
        self.heard: list[Heard] = []
        self.said: list[Said] = []
        self._clock, self._advance, self._sent_s = clock, advance, 0.0
        self._page: Image = self.unit.blank()

    def answer(self, octets: bytes, sent_s: float) -> bytes | None:
        """The reply to one request frame; None to what is no Modbus TCP."""
        if len(octets) < 8 or octets[2:4] != b"\0\0":
            return None
        self._advance()
        head, code, body = octets[:4], octets[7], octets[8:]
        self._sent_s = sent_s
        pdu = self._serve(code, body)
        return head + struct.pack(">HB", len(pdu) + 1, octets[6]) + pdu

    def _serve(self, code: int, body: bytes) -> bytes:
        if self.lies.busy:
            return bytes((code | 0x80, BUSY))
        if code in READS:
            return self._read(code, *struct.unpack(">HH", body[:4]))
        if code == 16:
            address, count = struct.unpack(">HH", body[:4])
            return self._write(code, address, list(struct.unpack(f">{count}H", body[5 : 5 + 2 * count])))
        return bytes((code | 0x80, ILLEGAL_FUNCTION))

    def _read(self, code: int, address: int, count: int) -> bytes:
        if not (self.lies.frozen or self.unit.still):
            self._page |= self._image()
        cells = [(READS[code], address + offset) for offset in range(count)]
        if not all(place in self._page for place in cells):
            return bytes((code | 0x80, ILLEGAL_ADDRESS))
        words = [self._page[place] for place in cells]
        self._note(READS[code], address, words)
        return struct.pack(f">BB{count}H", code, 2 * count, *words)

    def _image(self) -> Image:
        """The page of this instant, with what is wrong with it."""
        image = self.unit.image()
        for name, place in self.unit.reads.items():
            point = self.profile.read[name]
            spots = [(place.table, address) for address in place.addresses]
            words = [image[spot] for spot in spots]
            if name in self.lies.sentinel:
                words = _sentinel_words(int(point.sentinels[0]), place.words) if point.sentinels else words
            elif name in self.lies.scaled:
                words = [int(word * self.lies.scaled[name]) & 0xFFFF for word in words]
            if self.lies.swapped:
                words = words[::-1]
            image |= dict(zip(spots, words, strict=True))
        return image

    def _note(self, table: Table, address: int, words: list[int]) -> None:
        values: dict[str, float | None] = {}
        for name, place in self.unit.reads.items():
            offset = place.address - address
            if place.table == table and offset >= 0 and offset + place.words <= len(words):
                point = self.profile.read[name]
                raw = decode(point, words[offset : offset + place.words])
                told = None if raw in point.sentinels or raw != raw else from_device(self.profile, name, point, raw)
                values[name] = float(raw in point.yes) if point.yes and told is not None else told
        self.said.append(Said(self._clock(), values))

    def _write(self, code: int, address: int, words: list[int]) -> bytes:
        table = TABLE_OF_CODE[code]
        names = self.unit.covered(table, address, len(words))
        if not names:
            return bytes((code | 0x80, ILLEGAL_ADDRESS))
        values = self.unit.values(names, address, self._as_taken(names, address, words))
        if any(self.plant.refusal(name, value) is not None for name, value in values.items()):
            self.heard.append(Heard(self._clock(), self._sent_s, values, taken=False))
            return bytes((code | 0x80, ILLEGAL_VALUE))
        self.heard.append(Heard(self._clock(), self._sent_s, values, taken=not self.lies.discards))
        if not self.lies.discards:
            for name, value in values.items():
                self.plant.write(name, value)
        if self.lies.rival_kw is not None and "power" in values:
            self.plant.write("power", self.lies.rival_kw)
        return struct.pack(">BHH", code, address, len(words))

    def _as_taken(self, names: list[str], address: int, words: list[int]) -> list[int]:
        """The words as the device understands them."""
        if not self.lies.swapped:
            return words
        taken = list(words)
        for name in names:
            place = self.unit.writes[name]
            first = place.address - address
            taken[first : first + place.words] = words[first : first + place.words][::-1]
        return taken


def _sentinel_words(raw: int, words: int) -> list[int]:
    packed = (raw & (1 << (16 * words)) - 1).to_bytes(2 * words, "big")
    return [int.from_bytes(packed[i : i + 2], "big") for i in range(0, len(packed), 2)]
