"""A condition: something that holds now and needs somebody's response (ISA-18.2: no response, no alarm)."""

from __future__ import annotations

from dataclasses import dataclass, field

HIGH, MEDIUM, LOW = 1, 2, 3
#: No alarm by itself: it only explains others (an asset in maintenance).
MARK = 0


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that holds now. `key` is unique per asset; `asset` None is the site.

    It becomes an alarm once it has held for `delay_s`, and returns to normal once it has been gone for `off_delay_s`.
    A `latched` one stays in the list after it has returned until somebody has acknowledged that, too. `consequence_of`
    names the keys (of the same asset) that explain it: while one of them holds, it is listed as suppressed.
    """

    key: str
    asset: str | None
    priority: int
    text: str
    response: str
    delay_s: float = 0.0
    off_delay_s: float = 0.0
    latched: bool = False
    consequence_of: tuple[str, ...] = ()
    id: str = field(init=False, compare=False)
    causes: tuple[str, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        where = self.asset or "site"
        object.__setattr__(self, "id", f"{where}.{self.key}")
        object.__setattr__(self, "causes", tuple(f"{where}.{key}" for key in self.consequence_of))
