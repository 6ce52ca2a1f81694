"""The book of alarms: what becomes of a condition until somebody has seen it.

    conditions of a tick ─► on delay ─► hidden? ─► the chart (`sinks.alarms.chart`) ─► list, events
                                          │
                             shelved by somebody, or suppressed by its declared cause

Guarantees: deterministic in the frames; delays run in the frames' elapsed seconds, a shelf ends by their UTC. In a
flood whatever has high priority is taken in the tick in which it is due, of the rest at most `AT_ONCE` changes a tick
(the others in the next ones), and the list is cut behind the most urgent. What is remembered is bounded by `MOST`.
A consequence stays suppressed for `LINGER_S` after its cause has gone, so that the plant has time to recover; then it
is an alarm. A shelf stays in the list until its end, whether or not its condition holds.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from heapq import nsmallest

from sinks.alarms.alarm import LONGEST_SHELF_S, Alarm, Shelf, entry
from sinks.alarms.chart import AlarmState, Event, step
from sinks.alarms.chatter import Chatter
from sinks.alarms.condition import HIGH, MARK, MEDIUM, Condition
from sinks.records import AlarmEvent

#: Alarms that are kept; beyond it those that have returned go first, the least urgent and oldest before the others.
MOST = 20_000
#: How many the list shows at once: more are a flood that nobody reads.
SHOWN = 500
#: Changes of lower priority that one tick takes: a tick must not wait for the alarms of the one before.
AT_ONCE = 500
LINGER_S = 30.0
#: A flood (EEMUA 191): this many alarms within so many seconds.
FLOOD, FLOOD_S = 10, 600.0
#: How long an alarm of before the restart waits for its condition: devices have to answer first.
RESTORED_S = 60.0


class AlarmBook:
    """The alarms of the process. `changed` receives every event for the history; `version` counts what changed."""

    def __init__(self, changed: Callable[[AlarmEvent], None] = lambda _event: None) -> None:
        self._changed = changed
        self.alarms: dict[str, Alarm] = {}
        self.shelves: dict[str, Shelf] = {}
        self.version = 0
        self._held: dict[str, Condition] = {}
        self._coming: dict[str, float] = {}
        self._going: dict[str, float] = {}
        self._suppressed: dict[str, tuple[str, float]] = {}
        self._groups: Counter[str | None] = Counter()
        self._chatter = Chatter()
        self._asked: deque[float] = deque(maxlen=FLOOD)
        self._now_s = 0.0
        self._restored = False
        self._listed: tuple[int, list[dict[str, object]]] = (-1, [])
        self._counted: tuple[int, dict[str, int]] = (-1, {})

    def restore(self, alarms: Iterable[Alarm], shelves: dict[str, Shelf]) -> None:
        """What the book held before the restart. A condition that does not hold any more goes after `RESTORED_S`."""
        self.shelves |= shelves
        for alarm in alarms:
            self._put(alarm)
            if alarm.active:
                self._going[alarm.condition.id] = RESTORED_S
        self.shelves |= {name: shelf for name, shelf in shelves.items() if name in self.alarms}
        self._restored = True

    # --- every tick ---------------------------------------------------------------------------------------------------

    def update(self, holding: Iterable[Condition], at_ns: int, now_s: float) -> None:
        """Conditions that hold now come or stay; all others go. `at_ns` UTC, `now_s` elapsed time."""
        if self._restored:  # their time starts with the first tick
            self._restored, self._going = False, dict.fromkeys(self._going, now_s + RESTORED_S)
        self._now_s = now_s
        held = {condition.id: condition for condition in holding}
        before, self._held = self._held, held
        if not (held or before or self._going or self._suppressed or self.shelves):
            self._chatter.sweep(now_s)
            return
        came = self._compare(before, held, now_s)
        for name in [name for name, due_s in self._going.items() if now_s >= due_s][:AT_ONCE]:
            del self._going[name]
            self._fire(name, Event.GO, at_ns)
        self._come([name for name in came if not held[name].causes], at_ns)
        self._suppress(at_ns)
        self._come([name for name in came if held[name].causes], at_ns)
        for name in [name for name, shelf in self.shelves.items() if shelf.over(at_ns)]:
            self.unshelve(name, at_ns)
        self._chatter.sweep(now_s)

    def _compare(self, before: dict[str, Condition], held: dict[str, Condition], now_s: float) -> list[str]:
        """Start and stop the delays. Returns what has held for its on delay, most urgent first."""
        for name, condition in held.items():
            known = before.get(name)
            if known is None:
                alarm = self.alarms.get(name)
                if alarm is not None and alarm.active:
                    self._going.pop(name, None)
                elif condition.priority != MARK:
                    self._coming[name] = now_s
                if alarm is not None:
                    self._retitle(name, condition)
            elif known is not condition and known != condition:
                self._retitle(name, condition)
        for name in [name for name in before if name not in held]:
            self._coming.pop(name, None)
            alarm = self.alarms.get(name)
            if alarm is not None and alarm.active:
                self._going[name] = now_s + alarm.condition.off_delay_s + self._chatter.hold_s(name)
        due = [name for name, since_s in self._coming.items() if now_s - since_s >= held[name].delay_s]
        due.sort(key=lambda name: held[name].priority)
        return due[: max(AT_ONCE, sum(held[name].priority <= HIGH for name in due))]

    def _retitle(self, name: str, condition: Condition) -> None:
        alarm = self.alarms.get(name)
        if alarm is not None and alarm.condition != condition:
            self.alarms[name] = replace(alarm, condition=condition)
            self.version += 1

    def _come(self, names: list[str], at_ns: int) -> None:
        for name in names:
            del self._coming[name]
            hidden = name in self.shelves or name in self._suppressed
            self._chatter.came(name, self._now_s)
            self._fire(name, Event.COME_HIDDEN if hidden else Event.COME, at_ns)

    def _suppress(self, at_ns: int) -> None:
        for name, condition in self._held.items():
            cause = next(filter(self._explains, condition.causes), None) if condition.causes else None
            if cause is not None:
                self.version += name not in self._suppressed
                self._suppressed[name] = (cause, self._now_s)
        for name, (_, seen_s) in list(self._suppressed.items()):
            if self._now_s - seen_s > LINGER_S:
                del self._suppressed[name]
                self.version += 1
                if name not in self.shelves:
                    self._fire(name, Event.SHOW, at_ns)
            elif name not in self._held and not self._listed_active(name):
                del self._suppressed[name]
                self.version += 1

    def _explains(self, cause: str) -> bool:
        condition = self._held.get(cause)
        return (condition is not None and condition.priority == MARK) or self._listed_active(cause)

    def _listed_active(self, name: str) -> bool:
        alarm = self.alarms.get(name)
        return alarm is not None and alarm.active

    # --- what people do -----------------------------------------------------------------------------------------------

    def acknowledge(self, name: str, at_ns: int, by: str = "") -> bool:
        """Note that somebody has seen it. False: no such alarm."""
        if name not in self.alarms:
            return False
        self._fire(name, Event.ACKNOWLEDGE, at_ns, by)
        return True

    def shelve(self, name: str, shelf: Shelf) -> bool:
        """Put it away until `shelf.until_ns`, a day at most. False: no such alarm."""
        alarm = self.alarms.get(name)
        if alarm is None:
            return False
        until_ns = min(shelf.until_ns, shelf.at_ns + int(LONGEST_SHELF_S * 1e9))
        self.shelves[name] = replace(shelf, until_ns=until_ns)
        self.version += 1
        self._tell(alarm, shelf.at_ns, shelf.by)
        return True

    def unshelve(self, name: str, at_ns: int, by: str = "") -> bool:
        """Take it back: while its condition holds it asks anew. False: it is not shelved."""
        if self.shelves.pop(name, None) is None:
            return False
        told = name not in self._suppressed and self._fire(name, Event.UNSHELVE, at_ns, by)
        alarm = self.alarms[name]
        self._put(alarm)
        if not told:
            self._tell(alarm, at_ns, by)
        return True

    # --- the chart ----------------------------------------------------------------------------------------------------

    def _fire(self, name: str, event: Event, at_ns: int, by: str = "") -> bool:
        alarm = self.alarms.get(name)
        was = alarm.state if alarm else AlarmState.NORMAL
        c = alarm.condition if alarm else self._held[name]
        state = step(was, event, latched=c.latched)
        if state is was:
            return False
        if alarm is None or event in (Event.COME, Event.COME_HIDDEN):
            c = self._held[name]
            first = not self._groups[c.asset] if was is AlarmState.NORMAL else bool(alarm and alarm.first)
            alarm = Alarm(c, state, at_ns, first)
        elif event is Event.ACKNOWLEDGE:
            alarm = replace(alarm, state=state, by=by, seen_ns=at_ns)
        else:
            alarm = replace(alarm, state=state)
        if state is AlarmState.UNACKNOWLEDGED:
            self._asked.append(self._now_s)
        self._put(alarm)
        self._tell(alarm, at_ns, by)
        return True

    def _put(self, alarm: Alarm) -> None:
        name, group = alarm.condition.id, alarm.condition.asset
        self.version += 1
        known = self.alarms.pop(name, None)
        if alarm.state is not AlarmState.NORMAL or name in self.shelves:
            self.alarms[name] = alarm
        stood = known is not None and known.state is not AlarmState.NORMAL
        self._groups[group] += (alarm.state is not AlarmState.NORMAL) - stood
        if len(self.alarms) > MOST:
            self._make_room()

    def _make_room(self) -> None:
        returned = [alarm for name, alarm in self.alarms.items() if not alarm.active and name not in self.shelves]
        for alarm in sorted(returned, key=lambda a: (-a.condition.priority, a.since_ns))[: MOST // 10]:
            self._put(replace(alarm, state=AlarmState.NORMAL))

    def _tell(self, alarm: Alarm, at_ns: int, by: str) -> None:
        c = alarm.condition
        state = "shelved" if c.id in self.shelves else str(alarm.state)
        self._changed(AlarmEvent(c.id, c.asset, c.priority, c.text, at_ns, alarm.active, alarm.acknowledged,
                                 c.response, state, by))  # fmt: skip

    # --- what people see ----------------------------------------------------------------------------------------------

    @property
    def flood(self) -> bool:
        """More alarms in ten minutes than anybody can answer."""
        return len(self._asked) == FLOOD and self._now_s - self._asked[0] <= FLOOD_S

    def hidden(self, name: str) -> bool:
        return name in self.shelves or name in self._suppressed

    def _rank(self, alarm: Alarm) -> tuple[bool, int, bool, bool, bool, int]:
        """What is shown before what when not everything can be: by priority, and what came first before the rest."""
        c = alarm.condition
        return (self.hidden(c.id), c.priority, alarm.acknowledged, not alarm.active, not alarm.first, -alarm.since_ns)

    def _urgency(self, alarm: Alarm) -> tuple[bool, bool, bool, int, int]:
        """Unacknowledged before acknowledged, active before returned, then by priority; the newest of equals first."""
        c = alarm.condition
        return (self.hidden(c.id), alarm.acknowledged, not alarm.active, c.priority, -alarm.since_ns)

    def json(self, limit: int = SHOWN) -> list[dict[str, object]]:
        """At most `limit`, the most urgent first; what is shelved or suppressed stands behind."""
        if limit == SHOWN and self._listed[0] == self.version:
            return self._listed[1]
        shown = nsmallest(limit, self.alarms.values(), key=self._rank)
        entries = [self._entry(alarm) for alarm in sorted(shown, key=self._urgency)]
        if limit == SHOWN:
            self._listed = (self.version, entries)
        return entries

    def _entry(self, alarm: Alarm) -> dict[str, object]:
        name = alarm.condition.id
        cause = self._suppressed.get(name)
        return entry(
            alarm,
            shelf=self.shelves.get(name),
            suppressed_by=cause[0] if cause else None,
            chattering=self._chatter.hold_s(name) > 0.0,
            led=self._groups[alarm.condition.asset] > 1,
        )

    def counts(self) -> dict[str, int | bool]:
        """How many are active per priority, how many are put away or explained by others, and whether it is a flood."""
        if self._counted[0] != self.version:
            found = Counter(self._place(alarm) for alarm in self.alarms.values())
            places = ("high", "medium", "low", "over", "shelved", "suppressed")
            self._counted = (self.version, {place: found[place] for place in places})
        return {**self._counted[1], "flood": self.flood}

    def _place(self, alarm: Alarm) -> str:
        name = alarm.condition.id
        if self.hidden(name):
            return "shelved" if name in self.shelves else "suppressed"
        return {HIGH: "high", MEDIUM: "medium"}.get(alarm.condition.priority, "low") if alarm.active else "over"
