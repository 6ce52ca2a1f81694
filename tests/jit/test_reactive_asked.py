"""Who is asked for how much reactive power, what it leaves of the band, and which step is given as the reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from jit import constants as c
from jit import reactive
from jit import rows as r
from jit.codes import Authority, Permit, Reason

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-SAFE-003")]

NAN, INF = np.nan, np.inf
ROWS, SITE_ROWS, REQUESTS = len(r.VALUE_ROWS), len(r.SITE_VALUE_ROWS), 2
LIMIT = ROWS + REQUESTS
NOBODY, FOLLOWS, GRID = Reason.NO_REQUEST, Reason.FOLLOWS_REQUEST, Reason.GRID_REACTIVE


class Three:
    """Running batteries of 100, 50 and 100 kvar within 200 kVA; two requests, each for one of them or for the site."""

    def __init__(self, **facts: Any) -> None:
        self.values, self.codes = np.full((LIMIT + 2, 3), NAN), np.zeros((len(r.CODE_ROWS), 3), np.int64)
        self.past, self.past_codes = np.zeros_like(self.values), np.zeros_like(self.codes)
        self.ratings, self.constants = np.zeros((len(c.RATING_NAMES), 3)), np.zeros(len(c.SITE_NAMES))
        self.site = np.full(SITE_ROWS + REQUESTS, NAN)
        usual: dict[str, Any] = {
            "may_charge": Permit.YES, "was_authority": Authority.ARMED, "quality": 1, "apparent_kva": 200.0,
            "reactive_kvar": [100.0, 50.0, 100.0], "asked_kvar": 0.0,
        }  # fmt: skip
        values, codes = [row.name for row in r.VALUE_ROWS], [row.name for row in r.CODE_ROWS]
        for key, value in (usual | facts).items():
            name = key.removeprefix("was_")
            matrices = (self.past, self.past_codes) if name != key else (self.values, self.codes)
            if name in c.RATING_NAMES and key == name:
                self.ratings[c.RATING_NAMES.index(name)] = value
                if name != "reactive_kvar":  # a rating and a measurement share the name
                    continue
            matrix, names = (matrices[0], values) if name in values else (matrices[1], codes)
            matrix[names.index(name)] = value

    def ask(self, q_first: bool = False) -> list[float]:
        self.constants[c.Q_FIRST] = float(q_first)
        reactive.ask(self.values, self.codes, self.site, self.past, self.past_codes, self.ratings, self.constants,
                     ROWS, SITE_ROWS, REQUESTS, LIMIT)  # fmt: skip
        return [float(q) for q in self.values[r.ASKED_KVAR]]

    @property
    def band(self) -> list[tuple[float, float]]:
        return list(zip(self.values[LIMIT].tolist(), self.values[LIMIT + 1].tolist(), strict=True))


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("own", "whole", "expected", "by"),
    [
        ({}, {}, [0.0, 0.0, 0.0], [0, 0, 0]),
        ({0: [30.0, NAN, NAN]}, {}, [30.0, 0.0, 0.0], [1, 0, 0]),
        ({0: [NAN, NAN, 0.5]}, {}, [0.0, 0.0, 0.5], [0, 0, 1]),
        ({}, {0: 125.0}, [50.0, 25.0, 50.0], [1, 1, 1]),
        ({}, {1: 0.5}, [0.2, 0.1, 0.2], [2, 2, 2]),
        ({}, {0: 0.0, 1: 99.0}, [0.0, 0.0, 0.0], [1, 1, 1]),
        ({0: [30.0, NAN, NAN]}, {0: 75.0}, [30.0, 25.0, 50.0], [1, 1, 1]),
        ({0: [30.0, NAN, NAN]}, {1: 75.0}, [30.0, 25.0, 50.0], [1, 2, 2]),
        ({1: [30.0, NAN, NAN]}, {0: 25.0}, [10.0, 5.0, 10.0], [1, 1, 1]),
        ({0: [30.0, NAN, NAN], 1: [99.0, 7.0, NAN]}, {}, [30.0, 7.0, 0.0], [1, 2, 0]),
        ({1: [NAN, 7.0, NAN]}, {1: 75.0}, [37.5, 7.0, 37.5], [2, 2, 2]),
        ({}, {0: 300.0}, [120.0, 60.0, 120.0], [1, 1, 1]),
    ],
)
def test_the_first_request_that_says_something_is_followed_its_own_before_one_for_the_site(
    sign: float, own: dict[int, list[float]], whole: dict[int, float], expected: list[float], by: list[int]
) -> None:
    """For the site it is shared by rating; what nobody has room for, too, so that the limit is seen that cuts it."""
    three = Three()
    for request, asked in own.items():
        three.values[ROWS + request] = sign * np.array(asked)
    for request, kvar in whole.items():
        three.site[SITE_ROWS + request] = sign * kvar
    assert three.ask() == pytest.approx([sign * q for q in expected])
    assert three.codes[r.KVAR_REQUEST_BY].tolist() == by
    assert three.codes[r.ASKED_KVAR_BY].tolist() == [FOLLOWS if request else NOBODY for request in by]


@pytest.mark.parametrize("must", [125.0, -125.0, 0.0])
def test_what_the_grid_code_demands_goes_before_every_request(must: float) -> None:
    three = Three(kvar_request_by=9)
    three.values[ROWS], three.site[SITE_ROWS] = 30.0, 99.0
    three.site[r.MUST_KVAR] = must
    assert three.ask() == pytest.approx([0.4 * must, 0.2 * must, 0.4 * must])
    assert three.codes[r.ASKED_KVAR_BY].tolist() == [GRID] * 3
    assert three.codes[r.KVAR_REQUEST_BY].tolist() == [0] * 3


@pytest.mark.parametrize("demanded", [True, False], ids=["grid code", "request"])
@pytest.mark.parametrize("running", [{"may_charge": [2, 2, 1]}, {"may_charge": 1, "may_discharge": [2, 2, 1]}])
def test_who_may_not_run_has_no_part_in_it(running: dict[str, Any], demanded: bool) -> None:
    three = Three(**running)
    three.site[r.MUST_KVAR if demanded else SITE_ROWS] = 75.0
    assert three.ask() == pytest.approx([50.0, 25.0, 0.0])
    three = Three(**running)
    three.values[ROWS] = 20.0
    assert three.ask() == [20.0, 20.0, 0.0]
    assert three.codes[r.KVAR_REQUEST_BY].tolist() == [1, 1, 1]


def test_without_anybody_who_can_nothing_is_shared() -> None:
    three = Three(reactive_kvar=0.0)
    three.site[SITE_ROWS] = 75.0
    assert three.ask() == [0.0, 0.0, 0.0]
    assert three.codes[r.KVAR_REQUEST_BY].tolist() == [1, 1, 1]


@pytest.mark.parametrize("demanded", [True, False], ids=["grid code", "request"])
@pytest.mark.parametrize(
    ("ramped", "q_first", "expected"),
    [
        ([192.0, 0.0, 0.0], False, [56.0, 35.0 + 14.0 / 3.0, 70.0 + 28.0 / 3.0]),
        ([-192.0, 0.0, 0.0], False, [56.0, 35.0 + 14.0 / 3.0, 70.0 + 28.0 / 3.0]),
        ([192.0, 0.0, 0.0], True, [70.0, 35.0, 70.0]),
        ([NAN, 0.0, 0.0], False, [70.0, 35.0, 70.0]),
    ],
)
def test_who_has_less_room_beside_its_power_gives_less_unless_reactive_power_goes_first(
    demanded: bool, ramped: list[float], q_first: bool, expected: list[float]
) -> None:
    """192² + 56² = 200²."""
    three = Three(was_ramped_kw=ramped)
    three.site[r.MUST_KVAR if demanded else SITE_ROWS] = 175.0
    assert three.ask(q_first=q_first) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("facts", "q_first", "most"),
    [
        ({}, False, 200.0),
        ({"apparent_kva": 0.0}, False, INF),
        ({"apparent_kva": 0.0}, True, INF),
        ({"apparent_kva": 0.5}, False, 0.5),
        ({}, True, 200.0),
        ({"was_ramped_kvar": 56.0}, False, 200.0),
        ({"was_ramped_kvar": 56.0}, True, 192.0),
        ({"was_ramped_kvar": -56.0}, True, 192.0),
        ({"was_ramped_kvar": 900.0, "reactive_kvar": 56.0}, True, 192.0),
        ({"was_ramped_kvar": 56.0, "was_fault": 4}, True, 200.0),
        ({"was_ramped_kvar": NAN}, True, 200.0),
        ({"was_ramped_kvar": 56.0, "was_authority": Authority.SILENT, "reactive_kvar": 120.0}, True, 160.0),
        ({"was_ramped_kvar": 56.0, "was_authority": Authority.SILENT, "quality": 2}, True, 200.0),
    ],
)
def test_with_reactive_power_first_the_band_is_what_it_leaves_of_the_circle(
    facts: dict[str, Any], q_first: bool, most: float
) -> None:
    """The largest Q that this tick can still send: what it was, or what is asked; after silence what is measured."""
    three = Three(**facts)
    three.ask(q_first=q_first)
    assert three.band[0] == (-most, most)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_what_is_asked_counts_for_the_circle_where_it_is_more_than_what_was(sign: float) -> None:
    three = Three(reactive_kvar=120.0, was_ramped_kvar=56.0)
    three.values[ROWS] = [sign * 120.0, sign * 20.0, NAN]
    three.ask(q_first=True)
    assert [high for _, high in three.band] == [160.0, 192.0, 192.0]


UP, DOWN, CIRCLE, ROUNDED = Reason.RAMP_UP, Reason.RAMP_DOWN, Reason.APPARENT_LIMITED, Reason.ROUNDED


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("limited", "ramped", "sent", "facts", "why"),
    [
        (50.0, 50.0, 50.0, {}, FOLLOWS),
        (50.0, 30.0, 30.0, {}, UP),
        (30.0, 50.0, 50.0, {}, DOWN),
        (30.0, -30.0, -30.0, {}, DOWN),
        (50.5, 50.5, 50.0, {}, ROUNDED),
        (50.5, 50.5, 50.0, {"limited_kvar_by": CIRCLE}, CIRCLE),
        (50.5, 50.5, 50.0, {"limited_kvar_by": Reason.REACTIVE_RATED}, ROUNDED),
        (0.0, 0.0, 0.0, {"fault": 4}, Reason.STAGE_FAULT),
        (0.0, 0.0, 0.0, {"fault": 4, "authority": Authority.SILENT}, Reason.SILENT),
        (0.0, 0.0, 0.0, {"may_charge": 1, "limited_kvar_by": Reason.REACTIVE_FORBIDDEN}, Reason.REACTIVE_FORBIDDEN),
    ],
)
def test_the_reason_for_reactive_power_is_the_last_step_that_changed_it(
    sign: float, limited: float, ramped: float, sent: float, facts: dict[str, Any], why: Reason
) -> None:
    usual: dict[str, Any] = {"authority": Authority.ARMED, "limited_kvar_by": FOLLOWS}
    three = Three(limited_kvar=sign * limited, ramped_kvar=sign * ramped, **usual | facts)
    assert reactive.reason(three.values, three.codes, sign * sent, 0) == why
