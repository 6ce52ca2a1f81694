"""The way to one host: it loses, delays, doubles, repeats, damages and splits what runs over it.

    request ──► damaged? lost? doubled? late? ──► Host.answer ──► reply ──► the same, and in pieces ──► client

The faults act on bytes: nothing here knows what they mean. Every fault draws from a random stream of its own, so that
one that is switched on does not shift the others. Shares are probabilities per message, times are s.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

LATENCY_S = 0.002
LATE_S = (0.05, 3.0)  # what comes late, or a second time, comes so much later
HEADER = 8  # a damaged header: transaction, protocol, length, unit, function of Modbus TCP


class Host(Protocol):
    """What stands at the far end: bytes in, bytes out (none: silence). `sent_s` is when they left the sender.

    `meant` is what the sender had written where the way has changed it; b"" where the bytes are a copy that the sender
    knows nothing of. `delivered` says which bytes of a reply have reached the sender.
    """

    def answer(self, octets: bytes, sent_s: float, meant: bytes | None = None) -> bytes | None: ...

    def delivered(self, reply: bytes) -> None: ...


class Open(Protocol):
    """A connection that stands. `deaf`: the other side forgot it, and nothing passes any more."""

    deaf: bool

    def reset(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Carried:
    """A message on its way: it needs so long, and arrives as these bytes. `copy`: it was sent once and comes again."""

    takes_s: float
    octets: bytes
    copy: bool = False


@dataclass
class Line:
    """`delay_s` is the mean of an exponential distribution on top of the latency, each way."""

    host: Host
    streams: Callable[[str], random.Random]
    cut: bool = False  # connections drop and are refused
    silent: bool = False  # connections stand, nothing passes
    clogged: bool = False  # the same, by another fault
    drop: float = 0.0  # requests and replies that are lost
    delay_s: float = 0.0
    late: float = 0.0  # messages that come much later than the others
    doubled: float = 0.0  # messages that come twice
    replayed: float = 0.0  # replies before which an earlier one comes again
    damaged: float = 0.0  # messages with flipped, missing, further bytes or a wrong header
    pieces: float = 0.0  # replies that come in two pieces
    most: int = 0  # connections that the other side bears: beyond that the oldest has to go; 0: any
    open_: list[Open] = field(default_factory=list)
    _dice: dict[str, random.Random] = field(default_factory=dict, repr=False)
    _earlier: bytes = b""

    @property
    def dead(self) -> bool:
        """Nothing passes."""
        return self.cut or self.silent or self.clogged

    @property
    def plain(self) -> bool:
        """Nothing is wrong with it."""
        spoiled = self.drop or self.delay_s or self.late or self.doubled or self.replayed or self.damaged or self.pieces
        return not (spoiled or self.cut or self.silent or self.clogged)

    def carry(self, octets: bytes) -> list[Carried]:
        """What becomes of one message: nothing, one arrival, or two."""
        if self.plain:
            return [Carried(LATENCY_S, octets)]
        if self.dead or self._chance("drop", self.drop):
            return []
        first = Carried(self._takes(), self._spoiled(octets))
        if not self._chance("doubled", self.doubled):
            return [first]
        return [first, Carried(first.takes_s + self._roll("doubled").uniform(0.0, LATE_S[1]), first.octets, copy=True)]

    def bring(self, reply: bytes) -> list[Carried]:
        """What becomes of a reply: the same, and an earlier one may come once more before it."""
        arrivals = self.carry(reply)
        if arrivals and self._earlier and self._chance("replayed", self.replayed):
            arrivals.insert(0, Carried(max(0.0, arrivals[0].takes_s - 1e-4), self._earlier, copy=True))
        self._earlier = reply
        return arrivals

    def split(self, octets: bytes) -> tuple[bytes, ...]:
        """The pieces in which bytes arrive."""
        if len(octets) < 2 or not self._chance("pieces", self.pieces):
            return (octets,)
        at = self._roll("pieces").randrange(1, len(octets))
        return octets[:at], octets[at:]

    def break_(self) -> None:
        """Every connection over it is reset by the other side."""
        for transport in list(self.open_):
            transport.reset()

    def admit(self, transport: Open) -> None:
        """One more connection; where it is one too many, the oldest one goes."""
        self.open_.append(transport)
        while 0 < self.most < len(self.open_):
            self.open_[0].reset()

    def forget(self) -> None:
        """The other side forgets every connection that stands, without a word."""
        for transport in self.open_:
            transport.deaf = True

    def _roll(self, what: str) -> random.Random:
        if what not in self._dice:
            self._dice[what] = self.streams(what)
        return self._dice[what]

    def _chance(self, what: str, share: float) -> bool:
        return share > 0.0 and self._roll(what).random() < share

    def _takes(self) -> float:
        takes = LATENCY_S + (self._roll("delay").expovariate(1.0 / self.delay_s) if self.delay_s else 0.0)
        return takes + (self._roll("late").uniform(*LATE_S) if self._chance("late", self.late) else 0.0)

    def _spoiled(self, octets: bytes) -> bytes:
        return damage(octets, self._roll("damaged")) if self._chance("damaged", self.damaged) else octets


def damage(octets: bytes, rng: random.Random) -> bytes:
    """The same bytes with one thing wrong: flipped bits, an end that is missing, bytes too many, a wrong header."""
    spoiled = bytearray(octets)
    match rng.choice(("flip", "truncated", "longer", "header")):
        case "flip":
            for _ in range(rng.randint(1, 3)):
                spoiled[rng.randrange(len(spoiled))] ^= 1 << rng.randrange(8)
        case "truncated":
            del spoiled[rng.randrange(len(spoiled)) :]
        case "longer":
            spoiled += rng.randbytes(rng.randint(1, 20))
        case _:
            spoiled[rng.randrange(min(HEADER, len(spoiled)))] ^= rng.randint(1, 255)
    return bytes(spoiled)
