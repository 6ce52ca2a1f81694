"""What a device was ever seen to get wrong, as words in its registers: every lie is a fault by itself.

Shares are probabilities per point, reply or write; they draw from `rng` and from nothing else.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import Any

from config.profile import Point
from simulator.registers import RANGE, decode, encode

EXCEPTIONS = (1, 2, 3, 4, 5, 6, 8, 10, 11)
ODD = (math.nan, math.inf, -math.inf, 1e-45, -0.0, 3.4e38, -3.4e38)
#: The same in a document.
ODD_MEMBERS: tuple[Any, ...] = (math.nan, math.inf, -math.inf, 5e-324, -0.0, 1e308, -1e308, None, True, "n/a")


@dataclass
class Lies:
    """What is wrong with what the device says, and with what it does with what it hears."""

    rng: random.Random = field(default_factory=lambda: random.Random(0))
    frozen: bool = False  # answers with the page it had; its writes still act
    sentinel: set[str] = field(default_factory=set)  # points that are "not implemented" now
    scaled: dict[str, float] = field(default_factory=dict)  # points whose scale, or sign, has changed
    odd: float = 0.0  # points that say NaN, an infinity, a denormal number, a sentinel or an end of their range
    torn: float = 0.0  # replies that mix two instants in one wide value, writes of which a part acts
    swapped: bool = False  # words of wide values in the other order, both ways
    discards: bool = False  # writes are acknowledged and nothing happens
    discarded: float = 0.0  # the same, of some
    busy: bool = False  # every request is answered with an exception
    refused: float = 0.0  # the same, of some, with any code
    rival_kw: float | None = None  # another master writes this set-point after each of ours

    def says(self, name: str, point: Point, words: list[int], before: list[int]) -> list[int]:
        """The words of a point as the device says them; `before` are those of its last reply."""
        if name in self.sentinel:
            words = sentinel_words(point, words)
        elif name in self.scaled:
            words = encode(point, decode(point, words) * self.scaled[name])
        elif self._chance(self.odd):
            words = self._odd(point, words)
        elif len(words) > 1 and self._chance(self.torn):
            words = [*before[:1], *words[1:]]
        return words[::-1] if self.swapped else words

    def tells(self, name: str, member: Any) -> Any:
        """A point of a JSON document as the device publishes it."""
        if name in self.sentinel:
            return None
        if name in self.scaled and isinstance(member, int | float):
            return member * self.scaled[name]
        return self.rng.choice(ODD_MEMBERS) if self._chance(self.odd) else member

    def none(self) -> bool:
        """Whether a request to read is answered, with every point as it is now."""
        return not (self.frozen or self.busy or self.refused) and self.honest()

    def honest(self) -> bool:
        """Whether every point is said as it is."""
        return not (self.sentinel or self.scaled or self.odd or self.torn or self.swapped)

    def exception(self) -> int | None:
        """The code with which a request is refused, if it is."""
        return self.rng.choice(EXCEPTIONS) if self._chance(self.refused) else None

    def drops_write(self) -> bool:
        return self.discards or self._chance(self.discarded)

    def tears(self, words: int) -> int:
        """How many words of a write act."""
        return self.rng.randrange(words) if self._chance(self.torn) else words

    def _odd(self, point: Point, words: list[int]) -> list[int]:
        if point.type in RANGE:
            low, high = RANGE[point.type]
            ends = [raw for raw in (low, high) if raw not in point.sentinels]
            raw = self.rng.choice([*ends, *(int(s) for s in point.sentinels)])
            return _integer_words(raw, len(words))
        return encode(point.model_copy(update={"sentinels": ()}), self.rng.choice(ODD))

    def _chance(self, share: float) -> bool:
        return share > 0.0 and self.rng.random() < share


def sentinel_words(point: Point, words: list[int]) -> list[int]:
    """The words of "not implemented", where the point has any."""
    if point.type not in RANGE:
        return encode(point, None)
    return _integer_words(int(point.sentinels[0]), len(words)) if point.sentinels else words


def _integer_words(raw: int, words: int) -> list[int]:
    packed = (raw & (1 << (16 * words)) - 1).to_bytes(2 * words, "big")
    return [int.from_bytes(packed[i : i + 2], "big") for i in range(0, len(packed), 2)]
