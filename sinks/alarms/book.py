"""The book of alarms: what becomes of a condition until somebody has seen it.

    condition holds ──► active, unacknowledged ──► acknowledged
    condition gone  ──► inactive; it stays listed until it has been acknowledged

An acknowledgement says that somebody has seen it; it resets nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from sinks.alarms.condition import Condition
from sinks.records import AlarmEvent
from sources.instant import format_utc


@dataclass(frozen=True, slots=True)
class Alarm:
    """A condition with its history: since when (UTC ns), whether it still holds and whether it was acknowledged."""

    condition: Condition
    since_ns: int
    active: bool
    acknowledged: bool

    def json(self) -> dict[str, object]:
        c = self.condition
        return {
            "id": c.id,
            "asset_id": c.asset,
            "priority": c.priority,
            "text": c.text,
            "response": c.response,
            "since": format_utc(self.since_ns),
            "active": self.active,
            "acknowledged": self.acknowledged,
        }


class AlarmBook:
    """The alarms of the process. `changed` receives every event for the history."""

    def __init__(self, changed: Callable[[AlarmEvent], None] = lambda _event: None) -> None:
        self._changed = changed
        self._alarms: dict[str, Alarm] = {}
        self._first_ns: dict[str, int] = {}

    def update(self, holding: Iterable[Condition], at_ns: int) -> None:
        """Conditions that hold now come or stay; all others go."""
        held = {condition.id: condition for condition in holding}
        self._first_ns = {name: self._first_ns.get(name, at_ns) for name in held}
        now = {name: c for name, c in held.items() if at_ns - self._first_ns[name] >= c.delay_s * 1e9}
        for name, condition in now.items():
            known = self._alarms.get(name)
            if known is None or not known.active:
                self._put(Alarm(condition, at_ns, active=True, acknowledged=False), at_ns)
            elif known.condition != condition:
                self._alarms[name] = replace(known, condition=condition)
        for name, alarm in list(self._alarms.items()):
            if name not in now and alarm.active:
                self._put(replace(alarm, active=False), at_ns)

    def acknowledge(self, name: str, at_ns: int) -> bool:
        """Note that somebody has seen it. False: no such alarm."""
        alarm = self._alarms.get(name)
        if alarm is None:
            return False
        self._put(replace(alarm, acknowledged=True), at_ns)
        return True

    def _put(self, alarm: Alarm, at_ns: int) -> None:
        c = alarm.condition
        self._alarms[c.id] = alarm
        if alarm.acknowledged and not alarm.active:
            del self._alarms[c.id]
        self._changed(
            AlarmEvent(c.id, c.asset, c.priority, c.text, at_ns, alarm.active, alarm.acknowledged, c.response)
        )

    def json(self) -> list[dict[str, object]]:
        """Unacknowledged first, then by priority and age."""
        listed = sorted(
            self._alarms.values(), key=lambda a: (a.acknowledged, not a.active, a.condition.priority, -a.since_ns)
        )
        return [alarm.json() for alarm in listed]
