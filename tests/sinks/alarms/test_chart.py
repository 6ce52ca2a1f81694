"""The state chart of an alarm, exhaustively: every state × every event, plain and latched (ISA-18.2)."""

from __future__ import annotations

from itertools import product

import pytest

from sinks.alarms.chart import ACTIVE, SEEN, AlarmState, Event, step

pytestmark = [pytest.mark.req("LH-OPS-004"), pytest.mark.safety]
S, E = AlarmState, Event

#               COME              COME_HIDDEN       GO          ACKNOWLEDGE     SHOW              UNSHELVE
CHART = {
    S.NORMAL: (S.UNACKNOWLEDGED, S.SILENT, S.NORMAL, S.NORMAL, S.NORMAL, S.NORMAL),
    S.UNACKNOWLEDGED: (S.UNACKNOWLEDGED, S.UNACKNOWLEDGED, S.RETURNED, S.ACKNOWLEDGED, S.UNACKNOWLEDGED,
                       S.UNACKNOWLEDGED),
    S.ACKNOWLEDGED: (S.ACKNOWLEDGED, S.ACKNOWLEDGED, S.NORMAL, S.ACKNOWLEDGED, S.ACKNOWLEDGED, S.UNACKNOWLEDGED),
    S.RETURNED: (S.UNACKNOWLEDGED, S.UNACKNOWLEDGED, S.RETURNED, S.NORMAL, S.RETURNED, S.RETURNED),
    S.LATCHED: (S.UNACKNOWLEDGED, S.UNACKNOWLEDGED, S.LATCHED, S.NORMAL, S.LATCHED, S.LATCHED),
    S.SILENT: (S.SILENT, S.SILENT, S.NORMAL, S.ACKNOWLEDGED, S.UNACKNOWLEDGED, S.UNACKNOWLEDGED),
}  # fmt: skip
LATCHED = {(S.ACKNOWLEDGED, E.GO): S.LATCHED, (S.SILENT, E.GO): S.RETURNED}
EVENTS = (E.COME, E.COME_HIDDEN, E.GO, E.ACKNOWLEDGE, E.SHOW, E.UNSHELVE)


@pytest.mark.parametrize(("state", "event", "latched"), [*product(S, EVENTS, (False, True))])
def test_every_transition(state: AlarmState, event: Event, latched: bool) -> None:
    plain = CHART[state][EVENTS.index(event)]
    assert step(state, event, latched=latched) is (LATCHED.get((state, event), plain) if latched else plain)


def test_all_events_are_judged() -> None:
    assert set(EVENTS) == set(Event)
    assert set(CHART) == set(AlarmState)


@pytest.mark.parametrize("latched", [False, True])
def test_nothing_that_holds_is_normal_and_nothing_unseen_is_forgotten(latched: bool) -> None:
    for state in S:
        assert step(state, E.COME, latched=latched) in ACTIVE
        assert step(state, E.GO, latched=latched) not in ACTIVE
    for event in EVENTS:
        if event is not E.ACKNOWLEDGE:
            assert step(S.UNACKNOWLEDGED, event, latched=latched) not in SEEN
            assert step(S.RETURNED, event, latched=latched) not in SEEN
