"""Random conditions, delays and people against a model that is as simple as the words of the standard."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.alarms.book import AlarmBook
from sinks.alarms.condition import Condition
from tests.rig import START_NS

pytestmark = [pytest.mark.req("LH-OPS-004"), pytest.mark.safety]
S = 1_000_000_000
ON, OFF = (0.0, 2.0, 0.0, 5.0), (0.0, 0.0, 3.0, 7.0)
CONDITIONS = [
    Condition(f"c{i}", "b1" if i % 2 else None, i % 3 + 1, f"text {i}", "Do it, please", ON[i], OFF[i])
    for i in range(4)
]


@dataclass
class Model:
    """One alarm, told in whole ticks of 20 s … 1 min apart so that nothing chatters."""

    condition: Condition
    active: bool = False
    waiting: bool = False  # for somebody
    held_s: float = 0.0
    gone_s: float = 0.0
    fresh: bool = True
    seen: list[str] = field(default_factory=list)

    def tick(self, holds: bool, dt: float) -> None:
        if holds:
            self.gone_s, self.held_s = 0.0, 0.0 if self.fresh else self.held_s + dt
            if not self.active and self.held_s >= self.condition.delay_s:
                self.active = self.waiting = True
        else:
            self.held_s, self.gone_s = 0.0, self.gone_s + dt if self.active and self.fresh else 0.0
            if self.active and self.gone_s >= self.condition.off_delay_s:
                self.active = False
        self.fresh = not holds

    @property
    def shown(self) -> str | None:
        if self.active:
            return "unacknowledged" if self.waiting else "acknowledged"
        return "returned" if self.waiting else None


STEPS = st.lists(
    st.tuples(st.lists(st.booleans(), min_size=4, max_size=4), st.none() | st.integers(0, 3)), min_size=1, max_size=60
)


@settings(max_examples=150, deadline=None)
@given(steps=STEPS)
def test_the_list_is_what_the_standard_says(steps: list[tuple[list[bool], int | None]]) -> None:
    book, models, now = AlarmBook(), [Model(condition) for condition in CONDITIONS], 0.0
    for holds, acknowledged in steps:
        now += 20.0
        holding = [condition for condition, held in zip(CONDITIONS, holds, strict=True) if held]
        book.update(holding, START_NS + int(now * S), now)
        for model, held in zip(models, holds, strict=True):
            model.tick(held, 20.0)
        if acknowledged is not None:
            assert book.acknowledge(CONDITIONS[acknowledged].id, START_NS) == (models[acknowledged].shown is not None)
            models[acknowledged].waiting = False
        shown = {str(item["id"]): item["state"] for item in book.json()}
        assert shown == {m.condition.id: m.shown for m in models if m.shown is not None}
