"""What the kernel says of its clock: the daemon's estimate, or nothing that could be trusted."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from pipeline.clock_error import STA_NANO, STA_UNSYNC, TIME_ERROR, Timex, clock_error_s, error_of

pytestmark = pytest.mark.req("LH-RT-001")


@pytest.mark.parametrize(
    ("answer", "said", "expected"),
    [
        (0, {"esterror": 1_500}, 0.0015),
        (0, {"esterror": 100, "offset": -20_000}, 0.02),
        (0, {"esterror": 100, "offset": 20_000_000, "status": STA_NANO}, 0.02),
        (0, {"esterror": 100, "status": STA_UNSYNC}, inf),
        (TIME_ERROR, {"esterror": 100}, inf),
        (-1, {}, inf),
    ],
    ids=["estimate", "slewing", "slewing in ns", "not synchronised", "in error", "refused"],
)
def test_the_error_in_seconds(answer: int, said: dict[str, Any], expected: float) -> None:
    assert error_of(answer, Timex(**said)) == pytest.approx(expected)


def test_this_machine_answers_or_is_not_trusted() -> None:
    assert 0.0 <= clock_error_s() <= inf
