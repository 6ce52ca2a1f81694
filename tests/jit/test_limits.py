"""The intersection of the limits, against its statement: the least per direction, its name, the next one, the room."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from jit import rows as r
from jit.limits import LIMITS, bind

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-CTRL-002")]

FIRST = len(r.VALUE_ROWS)
#: Limits of one battery in one direction; the others have nothing to say.
STACKS = [(), *product((0.0, 80.0, 100.0), repeat=1), *product((0.0, 80.0, 100.0), repeat=2),
          *product((80.0, 90.0, 100.0), repeat=3)]  # fmt: skip


@pytest.mark.parametrize("last", [False, True], ids=["the first limits", "the last limits"])
def test_the_least_binds_and_the_first_of_equals_is_named_then_the_next(last: bool) -> None:
    """One battery per stack: charging as the stack says, discharging the other way round."""
    n = len(STACKS)
    values, codes = np.full((FIRST + 2 * LIMITS, n), np.nan), np.full((len(r.CODE_ROWS), n), 99, np.int64)
    values[FIRST::2], values[FIRST + 1 :: 2] = -np.inf, np.inf
    for a, stack in enumerate(STACKS):
        for k, kw in enumerate(stack):
            row = FIRST + 2 * (LIMITS - len(stack) + k if last else k)
            values[row, a], values[row + 1, n - 1 - a] = -kw, kw
    with np.errstate(invalid="ignore"):  # ∞ − ∞: no limit at all, no room to tell
        bind(values, codes, FIRST)
    for a, stack in enumerate(STACKS):
        begin = LIMITS - len(stack) if last else 0
        ranked = [*sorted((kw, begin + k + 1) for k, kw in enumerate(stack)), (np.inf, 0), (np.inf, 0)]
        (least, by), (second, next_by) = ranked[:2]
        room = second - least if least < np.inf else np.nan
        low = (values[r.LOW_KW, a], codes[r.LOW_BY, a], codes[r.LOW_NEXT_BY, a], values[r.LOW_ROOM_KW, a])
        b = n - 1 - a
        high = (values[r.HIGH_KW, b], codes[r.HIGH_BY, b], codes[r.HIGH_NEXT_BY, b], values[r.HIGH_ROOM_KW, b])
        assert low == pytest.approx((-least, by, next_by, room), nan_ok=True), stack
        assert high == pytest.approx((least, by, next_by, room), nan_ok=True), stack
