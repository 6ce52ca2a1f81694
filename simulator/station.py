"""A Modbus TCP device on bytes: what it is told, what it says, and every lie a device was ever seen to tell.

    request bytes ─► Station.answer ─► reply bytes
                        │ └── Unit (the simulator's own reading of the profile) ── Plant or Meter
                        └── `said`, `heard`: every reply and every write, decoded here and not by the product

`heard` and `said` are all that the invariants know of the process. Units: kW (+ = discharging), s of loop time.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import NamedTuple

from config.profile import Profile
from simulator.lies import Lies
from simulator.modbus import TABLE_OF_CODE, Unit
from simulator.page import Layout, Meaning
from simulator.plant import Plant
from simulator.registers import Table
from simulator.scales import Image

READS: dict[int, Table] = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, BUSY = 1, 2, 3, 6
WRITE_REGISTERS, MOST_WORDS = 16, 125
Written = tuple[int, list[int]]  # address and words of a write


class Heard(NamedTuple):
    """One write that arrived, as it was sent: values of the written points in the chain's units.

    `taken`: the device acted on it, as it was meant.
    """

    at_s: float
    sent_s: float
    values: dict[str, float | str]
    taken: bool


class Said(NamedTuple):
    """One reply that reached the process, when it left and as it arrived: what its words mean.

    None is "not implemented" or no number.
    """

    at_s: float
    values: Mapping[str, float | None]


class Asked(NamedTuple):
    """The newest request to read: its instant, the reply as it left, and what that means."""

    at_s: float
    reply: bytes
    layout: Layout


class Station:
    """One device behind one address. `advance(now)` brings its plant to the present before it speaks."""

    def __init__(
        self, profile: Profile, plant: Plant, clock: Callable[[], float], advance: Callable[[], None], unit: int = 1
    ) -> None:
        self.unit = Unit(unit, profile, plant)
        self.profile, self.plant = profile, plant
        self.lies = Lies()
        self.heard: list[Heard] = []
        self.said: list[Said] = []
        self._clock, self._advance = clock, advance
        self._page: Image = self.unit.blank()
        self._newest: dict[Layout, bytes] = {}  # what was said since, the newest last; not in the page yet
        self._layouts: dict[tuple[int, int, int], Layout | None] = {}
        self._plain: dict[bytes, Layout] = {}  # by request, without its transaction: what is asked again and again
        self._asked: Asked | None = None

    def answer(self, octets: bytes, sent_s: float, meant: bytes | None = None) -> bytes | None:
        """The reply to one request frame; None to what is none, is for another unit, or never ends."""
        self._advance()
        layout = self._plain.get(octets[2:])
        if layout is not None and meant is None and self.lies.none() and not self.unit.still:
            return self._honest(octets, layout)
        write = _written(octets)
        heard = self._hear(write if meant is None else _written(meant), sent_s)
        if self._asked is not None and sent_s > self._asked.at_s:
            self._asked = None  # whoever sends anew no longer waits for what it asked before
        if len(octets) < 12 or octets[2:4] != b"\0\0" or octets[6] != self.unit.id:
            return None
        if int.from_bytes(octets[4:6], "big") != len(octets) - 6:
            return None
        pdu = self._serve(octets, write, heard if meant is None else None)
        return octets[:4] + struct.pack(">HB", len(pdu) + 1, octets[6]) + pdu

    def repeated(self, octets: bytes, reply: bytes) -> bytes:
        """An earlier reply to the same reading, from whoever kept it: the device does not know."""
        said = octets[:4] + reply[4:]
        layout = self._layout(octets[7], *struct.unpack(">HH", octets[8:12]))
        if layout is not None and said[7] in READS:
            self._asked = Asked(self._clock(), said, layout)
        return said

    def delivered(self, reply: bytes) -> None:
        """Note what has reached the process, if it is the reply to the newest request."""
        asked = self._asked
        if asked is None or (reply is not asked.reply and not _same(reply, asked.reply)):
            return
        self._asked = None
        self.said.append(Said(asked.at_s, Meaning(asked.layout, reply[9 : 9 + reply[8]])))

    def _serve(self, octets: bytes, write: Written | None, heard: Heard | None) -> bytes:
        code, body = octets[7], octets[8:]
        refusal = BUSY if self.lies.busy else self.lies.exception()
        if refusal is not None:
            return bytes((code | 0x80, refusal))
        if code in READS:
            return self._read(octets, *struct.unpack(">HH", body[:4]))
        if write is None:
            return bytes((code | 0x80, ILLEGAL_FUNCTION))
        return self._write(code, *write, heard)

    def _read(self, octets: bytes, address: int, count: int) -> bytes:
        code = octets[7]
        layout = self._layout(code, address, count)
        still = self.lies.frozen or self.unit.still
        if layout is not None and layout.plain:
            self._plain[octets[2:]] = layout
            if not still and self.lies.honest():
                return self._honest(octets, layout)[7:]
        page = self._turned()
        page |= {} if still else self._image(page)
        if layout is None:
            return bytes((code | 0x80, ILLEGAL_ADDRESS))
        said = struct.pack(f">{count}H", *[page[place] for place in layout.cells])
        self._asked = Asked(self._clock(), octets[:4] + layout.head + said, layout)
        return bytes((code, 2 * count)) + said

    def _honest(self, octets: bytes, layout: Layout) -> bytes:
        """The reply to a reading of whole points, each as it is."""
        self._newest.pop(layout, None)
        said = self._newest[layout] = layout.octets()
        reply = octets[:4] + layout.head + said
        self._asked = Asked(self._clock(), reply, layout)
        return reply

    def _turned(self) -> Image:
        """The page as it was said last. It is put together when somebody needs it: who is honest never looks back."""
        for layout, octets in self._newest.items():
            self._page.update(zip(layout.cells, layout.words(octets), strict=True))
        self._newest.clear()
        return self._page

    def _layout(self, code: int, address: int, count: int) -> Layout | None:
        """What these registers mean; None when one of them is not there."""
        where = code, address, count
        if where not in self._layouts:
            there = [(READS[code], address + offset) in self._page for offset in range(count)]
            whole = 0 < count <= MOST_WORDS and all(there)
            self._layouts[where] = Layout(self.unit, code, READS[code], address, count) if whole else None
        return self._layouts[where]

    def _image(self, page: Image) -> Image:
        """The page of this instant, with what is wrong with it; `page` is the one before."""
        image = self.unit.image()
        for name, place in self.unit.reads.items():
            spots = [(place.table, address) for address in place.addresses]
            words, before = [image[spot] for spot in spots], [page[spot] for spot in spots]
            image |= dict(zip(spots, self.lies.says(name, self.profile.read[name], words, before), strict=True))
        return image

    def _hear(self, write: Written | None, sent_s: float) -> Heard | None:
        """Note a write as it was sent; whether it is taken shows once it is served."""
        names = self.unit.covered("holding", write[0], len(write[1])) if write is not None else None
        if write is None or not names:
            return None
        self.heard.append(Heard(self._clock(), sent_s, self.unit.values(names, *write), taken=False))
        return self.heard[-1]

    def _write(self, code: int, address: int, words: list[int], heard: Heard | None) -> bytes:
        """`heard` is what was noted of it, where it has arrived as it was sent."""
        names = self.unit.covered(TABLE_OF_CODE[code], address, len(words))
        if not names:
            return bytes((code | 0x80, ILLEGAL_ADDRESS))
        if heard is not None and not self.lies.swapped:
            values = heard.values
        else:
            values = self.unit.values(names, address, self._as_taken(names, address, words))
        if any(self.plant.refusal(name, value) for name, value in values.items()):
            return bytes((code | 0x80, ILLEGAL_VALUE))
        acts = 0 if self.lies.drops_write() else self.lies.tears(len(words))
        if heard is not None and acts == len(words):
            self.heard[-1] = Heard(heard.at_s, heard.sent_s, heard.values, taken=True)
        self._act(values, address, acts)
        if self.lies.rival_kw is not None and "power" in values:
            self.plant.write("power", self.lies.rival_kw)
        return struct.pack(">BHH", code, address, len(words))

    def _act(self, values: dict[str, float | str], address: int, words: int) -> None:
        """Let the points act that are whole within the first so many words."""
        places, end = self.unit.writes, address + words
        for name, value in values.items():
            if places[name].address + places[name].words <= end:
                self.plant.accept(name, value)

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


def _same(reply: bytes, said: bytes) -> bool:
    """Whether this is a whole reply to what was answered with `said`, whatever its values have become on the way."""
    if len(reply) < 9 or reply[:4] != said[:4] or reply[6:9] != said[6:9]:
        return False
    length = int.from_bytes(reply[4:6], "big")
    return length == reply[8] + 3 and len(reply) >= length + 6


def _written(octets: bytes) -> Written | None:
    """(address, words) of a request that writes several registers; None for anything else."""
    if len(octets) < 13 or octets[7] != WRITE_REGISTERS:
        return None
    address, count = struct.unpack(">HH", octets[8:12])
    if not 0 < count <= MOST_WORDS or octets[12] != 2 * count or len(octets) != 13 + 2 * count:
        return None
    return address, list(struct.unpack(f">{count}H", octets[13:]))
