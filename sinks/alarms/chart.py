"""The state chart of an alarm (ISA-18.2), as a table.

                 come                  acknowledge                go
    NORMAL ──────────► UNACKNOWLEDGED ─────────────► ACKNOWLEDGED ───► NORMAL, a latched one: LATCHED
      │                   │ go      ▲ come                                        │ acknowledge
      │                   ▼         │                                             ▼
      │                RETURNED ────┘ ──acknowledge──► NORMAL                   NORMAL
      │ come_hidden
      ▼
    SILENT ──show──► UNACKNOWLEDGED          came while shelved or suppressed by design: listed there, asks nobody
      └──────go────► NORMAL (a latched one: RETURNED)

What is not in the table changes nothing. Shelving and suppression are not states of their own: they hide an alarm from
the list of what needs somebody, and the chart goes on underneath. When a shelf ends while the condition holds, the
alarm asks anew, acknowledged or not. An acknowledgement says that somebody has seen it; it resets nothing in the plant.
"""

from __future__ import annotations

from enum import StrEnum


class AlarmState(StrEnum):
    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    LATCHED = "latched"
    SILENT = "silent"


class Event(StrEnum):
    COME = "come"
    COME_HIDDEN = "come_hidden"
    GO = "go"
    ACKNOWLEDGE = "acknowledge"
    SHOW = "show"
    UNSHELVE = "unshelve"


S, E = AlarmState, Event
TABLE: dict[tuple[AlarmState, Event], AlarmState] = {
    (S.NORMAL, E.COME): S.UNACKNOWLEDGED,
    (S.NORMAL, E.COME_HIDDEN): S.SILENT,
    (S.UNACKNOWLEDGED, E.ACKNOWLEDGE): S.ACKNOWLEDGED,
    (S.UNACKNOWLEDGED, E.GO): S.RETURNED,
    (S.ACKNOWLEDGED, E.GO): S.NORMAL,
    (S.ACKNOWLEDGED, E.UNSHELVE): S.UNACKNOWLEDGED,
    (S.RETURNED, E.COME): S.UNACKNOWLEDGED,
    (S.RETURNED, E.COME_HIDDEN): S.UNACKNOWLEDGED,
    (S.RETURNED, E.ACKNOWLEDGE): S.NORMAL,
    (S.LATCHED, E.COME): S.UNACKNOWLEDGED,
    (S.LATCHED, E.COME_HIDDEN): S.UNACKNOWLEDGED,
    (S.LATCHED, E.ACKNOWLEDGE): S.NORMAL,
    (S.SILENT, E.SHOW): S.UNACKNOWLEDGED,
    (S.SILENT, E.UNSHELVE): S.UNACKNOWLEDGED,
    (S.SILENT, E.ACKNOWLEDGE): S.ACKNOWLEDGED,
    (S.SILENT, E.GO): S.NORMAL,
}
#: Where a latched alarm goes instead: it is not forgotten before somebody has seen that it was there and is over.
LATCHED: dict[tuple[AlarmState, Event], AlarmState] = {
    (S.ACKNOWLEDGED, E.GO): S.LATCHED,
    (S.SILENT, E.GO): S.RETURNED,
}
#: The condition holds, or its off delay has not passed.
ACTIVE = frozenset({S.UNACKNOWLEDGED, S.ACKNOWLEDGED, S.SILENT})
#: Nobody is asked to look at it: somebody has, or there is nothing.
SEEN = frozenset({S.ACKNOWLEDGED, S.LATCHED, S.NORMAL})


def step(state: AlarmState, event: Event, *, latched: bool = False) -> AlarmState:
    """The state after `event`."""
    if latched and (state, event) in LATCHED:
        return LATCHED[state, event]
    return TABLE.get((state, event), state)
