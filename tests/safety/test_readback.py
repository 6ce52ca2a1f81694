"""A device that acknowledges, discards, and agrees again at 0 kW: held once, latched when it happens again.

Reliability §2 row 17, §3.2 F13: at 0 kW a device that discards its writes looks healthy, so every return of permission
ends in the next difference. The second one within an hour of agreement is the lasting alarm.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jit import constants as c
from jit import rows as r
from jit.codes import Authority, Latch, Quality, Reason, State
from jit.states import CALM_S, differ
from operators.status import asset_status
from pipeline.compile import compile_definition
from sinks.checkpoint import restore, store
from sources.act import ActKind
from tests.rig import METER, Rig, site, storage

pytestmark = [
    pytest.mark.safety,
    pytest.mark.req("LH-CTRL-007", "LH-SAFE-004", "LH-SM-002"),
    pytest.mark.hazard("row 17", "S9"),
]
TEXT = "the device holds another set-point than the one written, for long or again"


def discarding(cycle: str) -> Rig:
    """At 0 kW when it begins to discard, then asked for 40 kW."""
    rig = Rig(site(cycle=cycle)).ready()
    rig.run(4)
    rig.batteries["b1"].held, rig.batteries["b1"].discards = 0.0, True
    rig.schedule("day_ahead", 40.0)
    return rig


def episodes(rig: Rig, seconds: float) -> list[float]:
    """When permission went because of a difference (s from now), until it latches."""
    began, held, found = rig.now_s, False, []
    while rig.now_s - began < seconds and not rig.frame["latch"][0]:
        rig.tick()
        now = rig.frame["state_by"][0] == Reason.READBACK_DIFFERS
        if now and not held:
            found.append(rig.now_s - began)
        held = now
    return found


def test_row_17_a_device_that_agrees_at_0_kw_latches_the_second_time(cycle: str) -> None:
    rig = discarding(cycle)
    assert len(episodes(rig, 200.0)) == 1, "the declared `else` once; the second difference is no hold any more"
    assert rig.frame["latch"][0] == Latch.READBACK
    assert rig.frame["state"][0] == State.FAULT
    assert asset_status(rig.frame, 0)["latched"] == TEXT
    rig.run(400)
    assert rig.power == [0.0]


def test_after_an_acknowledgement_it_is_held_once_again_before_it_latches() -> None:
    rig = discarding("1 s")
    episodes(rig, 300.0)
    assert rig.frame["latch"][0] == Latch.READBACK
    rig.run(15)
    rig.act(ActKind.ACKNOWLEDGE)
    rig.run(2)
    assert rig.frame["latch"][0] == 0
    assert rig.frame["differed"][0] == 0
    rig.act(ActKind.ACTIVATE)
    assert len(episodes(rig, 300.0)) == 1
    assert rig.frame["latch"][0] == Latch.READBACK


def test_what_differed_before_a_restart_counts_after_it(tmp_path: Path) -> None:
    """A code that latches is on disk with the tick that changes it."""
    rig = discarding("1 s")
    layout = rig.compiled.layout
    assert layout.codes[layout.code_index["differed"]].latch
    while rig.frame["differed"][0] == 0:
        rig.tick()
    assert rig.frame["latch"][0] == 0
    store(tmp_path / "checkpoint", rig.frame.to_bytes())
    fresh = Rig(site(), past=restore(tmp_path / "checkpoint", layout))
    fresh.batteries["b1"].held, fresh.batteries["b1"].discards = 0.0, True
    fresh.schedule("day_ahead", 40.0)
    fresh.tick()
    assert episodes(fresh, 200.0) == []
    assert fresh.frame["latch"][0] == Latch.READBACK


def counted(
    count: int, agreed_s: float, before_s: float, now_s: float, *, armed: bool = True, good: bool = True
) -> tuple[int, float]:
    """(differed, agreed_s) after one tick of 1 s by the kernel; a difference counts from 2 s on."""
    compiled = compile_definition(site(), {"b1": storage(), "site.poc": METER})
    ratings = compiled.constants.ratings
    values, codes = np.zeros((len(r.VALUE_ROWS), 1)), np.zeros((len(r.CODE_ROWS), 1), np.int64)
    past, past_codes = np.zeros_like(values), np.zeros_like(codes)
    past[r.AGREED_S], past[r.DIFFERENT_S], past_codes[r.DIFFERED] = agreed_s, before_s, count
    past_codes[r.AUTHORITY] = Authority.ARMED if armed else Authority.SILENT
    values[r.DIFFERENT_S], codes[r.QUALITY] = now_s, Quality.VALID if good else Quality.STALE
    assert ratings[c.READBACK_S, 0] == 2.0
    differ(values, codes, past, past_codes, ratings, 1.0)
    return int(codes[r.DIFFERED, 0]), float(values[r.AGREED_S, 0])


@pytest.mark.parametrize(
    ("given", "after"),
    [
        ((0, np.nan, np.nan, 0.0), (0, 0.0)),  # the first tick
        ((0, 9.0, 1.0, 2.0), (1, 0.0)),  # it begins to differ
        ((1, 0.0, 2.0, 3.0), (1, 0.0)),  # it goes on
        ((1, 0.0, 3.0, 1.0), (1, 1.0)),  # less than `within` is nothing yet
        ((1, CALM_S - 2.0, 1.0, 2.0), (2, 0.0)),  # again, before the hour has passed
        ((1, CALM_S - 2.0, 0.0, 0.0), (1, CALM_S - 1.0)),
        ((1, CALM_S - 1.0, 0.0, 0.0), (0, CALM_S)),  # a calm hour: forgotten
        ((0, CALM_S, 1.0, 2.0), (1, 0.0)),
        ((2, 5.0, 1.0, 2.0), (2, 0.0)),  # twice is enough
        ((1, np.nan, np.nan, 0.0), (1, 0.0)),  # a restart: the hour begins anew
        ((1, 7.0, np.nan, 2.0), (2, 0.0)),  # and what differs after it is another time
    ],
)
def test_the_second_time_counts_until_an_hour_of_agreement_has_passed(
    given: tuple[int, float, float, float], after: tuple[int, float]
) -> None:
    assert counted(*given) == after


def test_an_hour_in_which_nothing_is_written_or_known_does_not_count() -> None:
    assert counted(1, 7.0, 0.0, 0.0, armed=False) == (1, 7.0)
    assert counted(1, 7.0, 0.0, 0.0, good=False) == (1, 7.0)
