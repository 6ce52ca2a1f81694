"""A gateway in front of several devices: one address, one unit each, an answer kept for a while, few clients.

    clients ══ Gateway ─┬─ unit 1: Station
                        └─ unit 2: Station

`keeps_s` is how old an answer to a reading may be that it gives again without asking the device (0: it asks). How many
clients it bears is the line's business (`Line.most`): the oldest has to go.
"""

from __future__ import annotations

from collections.abc import Callable

from simulator.station import READS, Station


class Gateway:
    """`units` by their number. What is for none of them stays without an answer."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.units: dict[int, Station] = {}
        self.keeps_s = 0.0
        self.from_memory = 0  # answers that no device gave
        self._clock = clock
        self._kept: dict[bytes, tuple[float, bytes]] = {}

    def answer(self, octets: bytes, sent_s: float, meant: bytes | None = None) -> bytes | None:
        station = self._station(meant or octets)
        if station is None:
            return None
        if not self.keeps_s or len(octets) != 12 or octets[7] not in READS or meant is not None:
            return station.answer(octets, sent_s, meant)
        kept = self._kept.get(octets[6:])
        if kept is not None and self._clock() - kept[0] < self.keeps_s:
            self.from_memory += 1
            return station.repeated(octets, kept[1])
        reply = station.answer(octets, sent_s)
        if reply is not None:
            self._kept[octets[6:]] = self._clock(), reply
        return reply

    def delivered(self, reply: bytes) -> None:
        station = self._station(reply)
        if station is not None:
            station.delivered(reply)

    def _station(self, octets: bytes) -> Station | None:
        return self.units.get(octets[6]) if len(octets) > 6 else None
