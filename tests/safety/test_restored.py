"""A frame that was stored and read back continues to the bit, and a replay of the same signals gives the same bytes."""

from __future__ import annotations

import numpy as np
import pytest

from jit.frame import Past, from_bytes
from jit.twins import on_twins
from sources.act import ActKind
from tests.rig import Rig, site

pytestmark = pytest.mark.req("LH-TEST-004", "LH-NF-007")


def story(rig: Rig, k: int) -> None:
    """What happens in tick k: everything that leaves traces in timers, latches, ramps and services."""
    rig.frequency = 50.0 + 0.03 * ((k * 7) % 9 - 4)
    rig.other_kw = 20.0 * ((k * 5) % 7 - 3)
    battery = rig.batteries["b2"]
    battery.soc = 30.0 + (k * 3) % 40
    battery.answers = k % 17 not in (3, 4, 5, 6)
    rig.meter_answers = k % 23 not in (8, 9, 10, 11, 12)
    battery.alarms = 1.0 if k == 20 else 0.0
    acts = {
        12: ActKind.STOP,
        16: ActKind.RELEASE,
        18: ActKind.ACTIVATE,
        34: ActKind.ACKNOWLEDGE,
        36: ActKind.DEACTIVATE,
        40: ActKind.ACTIVATE,
    }
    if k in acts:
        rig.act(acts[k], "b2" if k != 36 else "b1")
    if k % 9 == 1:
        rig.schedule("day_ahead", 40.0 * ((k // 9) % 5 - 2), version=k)


def definition(cycle: str) -> object:
    plain = site(2, fcr_kw=60.0, cycle=cycle)
    return plain.model_copy(update={"site": plain.site.model_copy(update={"export_limit": 150.0, "max_pv": 30.0})})


def live(cycle: str, ticks: int) -> Rig:
    rig = Rig(definition(cycle))  # type: ignore[arg-type]
    for k in range(ticks):
        story(rig, k)
        rig.tick()
    return rig


def test_the_same_signals_give_the_same_bytes(cycle: str) -> None:
    one, other = live(cycle, 60), live(cycle, 60)
    assert [frame.to_bytes() for frame in one.frames] == [frame.to_bytes() for frame in other.frames]


@pytest.mark.req("LH-ARCH-006", "LH-TEST-005")
@pytest.mark.parametrize("seconds", ["1 s", "100 ms"])
def test_compiled_and_plain_chains_give_the_same_bytes(seconds: str) -> None:
    one = live(seconds, 60)
    with on_twins():
        other = live(seconds, 60)
    assert [frame.to_bytes() for frame in one.frames] == [frame.to_bytes() for frame in other.frames]


@pytest.mark.parametrize("at", [1, 7, 13, 15, 22, 25, 33, 38, 45])
def test_a_stored_frame_continues_to_the_bit(at: int, cycle: str) -> None:
    rig, twin = live(cycle, at), live(cycle, at)
    stored = from_bytes(rig.frame.to_bytes())
    assert stored.header["layout"] == rig.compiled.layout.digest
    past = Past(stored.header["tick"], *(stored.matrices[name] for name in ("values", "codes", "site", "site_codes")))
    assert np.array_equal(past.values, rig.frame.values, equal_nan=True)
    rig.entry.snapshot.past = past
    for k in range(at, at + 40):
        story(rig, k)
        story(twin, k)
        assert rig.tick().to_bytes() == twin.tick().to_bytes(), k
