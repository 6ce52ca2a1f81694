"""No operator improves quality or freshness: nothing they say is better than what came (rule 12)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jit import rows as r
from jit.codes import Quality
from operators.snapshot import Snapshot
from operators.validate import Plausible, judge
from sources.reading import Reading
from sources.tick import Tick
from tests.rig import START_NS
from tests.wild import compiled

pytestmark = [pytest.mark.req("LH-DOM-004", "LH-CTRL-007"), pytest.mark.safety]

SITE = compiled(assets=1)
FIRST, LAST = SITE.layout.devices["b1"]
NAMES = [name.removeprefix("b1.") for name in SITE.layout.points[FIRST:LAST]]
REQUIRED = [NAMES.index(name) for name in ("soc", "power", "temperature", "available", "remote", "alarms")]
VALID, BAD = int(Quality.VALID), int(sum(Quality)) & ~int(Quality.VALID)
WELL = {"soc": 55.0, "temperature": 25.0, "available": 1.0, "remote": 1.0}

quality = st.one_of(st.just(VALID), st.just(VALID), st.integers(0, BAD | VALID))
number = st.one_of(st.floats(-300.0, 300.0), st.sampled_from([np.nan, np.inf, -np.inf, 0.0]))


def worse_or_equal(after: Any, before: Any) -> bool:
    """Valid only where it was, and every trouble that was there is there."""
    kept = np.asarray(before) & ~VALID & ~np.asarray(after)
    return bool(((np.asarray(after) & VALID) <= (np.asarray(before) & VALID)).all() and not kept.any())


@settings(max_examples=300, deadline=None)
@given(values=st.lists(number, min_size=4, max_size=4), codes=st.lists(quality, min_size=4, max_size=4))
def test_validate_only_takes_away(values: list[float], codes: list[int]) -> None:
    """And no value is repaired: each is what it was."""
    plausible = Plausible(np.array([-10.0, -np.inf, 0.0, 5.0]), np.array([10.0, np.inf, 100.0, 5.0]))
    given_ = Reading("b1", 1.0, np.array(values), np.array(codes, np.int64))
    judged = judge(given_, plausible)
    assert worse_or_equal(judged.quality, given_.quality)
    assert judged.values.tobytes() == given_.values.tobytes()
    assert (judged.arrived_s, judged.stamp_ns) == (given_.arrived_s, given_.stamp_ns)


@settings(max_examples=300, deadline=None)
@given(
    codes=st.lists(quality, min_size=len(NAMES), max_size=len(NAMES)),
    old_s=st.floats(0.0, 10.0),
    stamp_s=st.none() | st.floats(-20.0, 20.0),
)
def test_an_asset_is_never_better_or_fresher_than_what_it_needs(
    codes: list[int], old_s: float, stamp_s: float | None
) -> None:
    state = Snapshot.of(SITE.layout, SITE.constants, SITE.places, SITE.offers(), armed=True)
    values = np.array([WELL.get(name, 0.0) for name in NAMES])
    stamp = None if stamp_s is None else START_NS - int(stamp_s * 1e9)
    state.signal(Reading("b1", 100.0 - old_s, values, np.array(codes, np.int64), stamp))
    frame = state.frame(Tick(1, 100.0, START_NS, 1.0))
    seen = int(frame.codes[r.QUALITY, 0])
    answered = any(not code & Quality.PROTOCOL for code in codes)
    assert worse_or_equal(frame.point_codes[FIRST:LAST], codes)
    for index in REQUIRED:
        assert worse_or_equal(seen, codes[index])
    age = float(frame.values[r.AGE_S, 0])
    assert not age < old_s - 1e-6
    if answered and stamp_s is not None:
        assert not age < stamp_s - 1e-6
