"""An alarm: a condition with its history. And the shelf, where somebody puts it for a while."""

from __future__ import annotations

from dataclasses import dataclass

from sinks.alarms.chart import ACTIVE, SEEN, AlarmState
from sinks.alarms.condition import Condition
from sources.instant import format_utc

#: No alarm is put away for longer than a day (s).
LONGEST_SHELF_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Alarm:
    """Since when it holds (UTC ns), in which state it is, who has seen it.

    `first`: it came when its asset had no other alarm, so what came later may follow from it.
    """

    condition: Condition
    state: AlarmState
    since_ns: int
    first: bool = False
    by: str = ""
    seen_ns: int = 0

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def acknowledged(self) -> bool:
        return self.state in SEEN


@dataclass(frozen=True, slots=True)
class Shelf:
    """Who put an alarm away, why, from when and until when (UTC ns)."""

    by: str
    reason: str
    at_ns: int
    until_ns: int

    def over(self, now_ns: int) -> bool:
        """Its time is up, or the clock has been set back so far that nobody meant this."""
        return now_ns >= self.until_ns or self.until_ns - now_ns > LONGEST_SHELF_S * 1e9


def entry(
    alarm: Alarm, *, shelf: Shelf | None, suppressed_by: str | None, chattering: bool, led: bool
) -> dict[str, object]:
    """The alarm as the list shows it. `led`: others came after it, of the same asset."""
    c = alarm.condition
    found: dict[str, object] = {
        "id": c.id,
        "asset_id": c.asset,
        "priority": c.priority,
        "text": c.text,
        "response": c.response,
        "since": format_utc(alarm.since_ns),
        "state": "shelved" if shelf else "suppressed" if suppressed_by else str(alarm.state),
        "active": alarm.active,
        "acknowledged": alarm.acknowledged,
        "first_out": alarm.first and led,
        "chattering": chattering,
    }
    if alarm.by:
        found |= {"acknowledged_by": alarm.by, "acknowledged_at": format_utc(alarm.seen_ns)}
    if shelf:
        found |= {"shelved_by": shelf.by, "shelved_until": format_utc(shelf.until_ns), "shelved_reason": shelf.reason}
    if suppressed_by:
        found["suppressed_by"] = suppressed_by
    return found
