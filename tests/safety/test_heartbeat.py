"""The heartbeat to the device is a by-product of a completed tick: it stops when anything on the way stops."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.options import Options
from pipeline.process import Process
from sources.tick import Tick
from tests.rig import METER, START_NS, Rig, site, storage

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-CTRL-007", "LH-RT-003", "LH-NF-004")]

STAGES = ("state_machine", "limits", "resolve", "ancillary", "constrain", "ramp", "command")


class Hang(BaseException):
    """A stage that never returns: no guard sees it, and nothing behind it in this tick happens."""


def running() -> Rig:
    rig = Rig(site(fcr_kw=20.0)).ready()
    rig.schedule("day_ahead", 80.0)
    rig.run(5)
    return rig


def beats(rig: Rig) -> list[int]:
    """The heartbeats that were handed to the writer."""
    return [commands[0].heartbeat for commands in rig.sent if commands[0] is not None]


@pytest.mark.hazard("F5")
def test_f5_the_heartbeat_is_the_number_of_completed_armed_ticks() -> None:
    """Reliability F5: one more per completed tick, none while nothing is written."""
    rig = running()
    found = beats(rig)
    assert found == list(range(1, len(found) + 1))
    rig.batteries["b1"].remote = 0.0
    rig.run(10)
    assert beats(rig) == found
    assert rig.frame["heartbeat"][0] == found[-1]


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.hazard("row 36", "F5")
def test_row_36_a_stage_that_hangs_stops_the_heartbeat(name: str) -> None:
    """Reliability §2 row 36: no timer of its own keeps it alive."""
    rig = running()
    before = beats(rig)
    stage = next(stage for stage in rig.stages if stage.id == name)
    step = stage.step

    def hang(_frame: object) -> None:
        raise Hang

    stage.step = hang
    for _ in range(5):
        with pytest.raises(Hang):
            rig.tick()
    assert beats(rig) == before
    stage.step = step
    rig.run(1)
    assert beats(rig) == [*before, before[-1] + 1]


@pytest.mark.parametrize("name", STAGES)
async def test_row_36_a_stage_that_hangs_does_not_feed_the_watchdog(tmp_path: Path, name: str) -> None:
    """The process is ended when ticks stop finishing; the device's reversion covers the gap."""
    made = Process(site(), {"b1": storage(), "site.poc": METER}, Options(armed=True, state_dir=tmp_path))
    fed = list[int]()
    made.finished.append(lambda: fed.append(1))  # where the watchdog is fed
    made.subscribe()
    made.tick(Tick(0, 100.0, START_NS, 1.0))
    assert len(fed) == 1

    def hang(_frame: object) -> None:
        raise Hang

    next(stage for stage in made.stages if stage.id == name).step = hang
    with pytest.raises(Hang):
        made.tick(Tick(1, 101.0, START_NS + 10**9, 1.0))
    assert len(fed) == 1
    await made.journal.close()
