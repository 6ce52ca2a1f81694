"""The process around the chain: a stream that has ended is noticed, and silence holds to the last byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jit import rows as r
from jit.codes import Authority, Mode
from jit.frame import Frame
from operators.cut import Command, cut
from pipeline.options import Options
from pipeline.process import Process
from pipeline.run import zero
from pipeline.watchdog import Watchdog
from sinks.closing import closing
from sources.tick import Tick
from tests.rig import METER, START_NS, site, storage


def process(folder: Path, assets: int = 1) -> Process:
    profiles = {f"b{i + 1}": storage() for i in range(assets)} | {"site.poc": METER}
    made = Process(site(assets), profiles, Options(armed=True, state_dir=folder))
    made.subscribe()
    return made


def tick(made: Process, index: int) -> None:
    made.tick(Tick(index, 100.0 + index, START_NS + index * 10**9, 1.0))


@pytest.mark.req("LH-NF-004", "LH-RT-001")
@pytest.mark.hazard("row 38", "L6")
async def test_ticks_of_an_ended_stream_do_not_feed_the_watchdog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends the stream: a process that computes nothing any more must be ended, not kept alive by its timer."""
    made, fed = process(tmp_path), []
    made.finished.append(lambda: fed.append(made.view.frame))
    tick(made, 0)
    assert len(fed) == 1

    def broken(_frame: Frame) -> Frame:
        raise MemoryError("once")

    with monkeypatch.context() as once:
        once.setattr(Frame, "seal", broken)
        tick(made, 1)
    tick(made, 2)  # the stream is gone: no frame
    assert len(fed) == 1
    assert made.failures["chain"] >= 2
    await made.journal.close()


@pytest.mark.req("LH-NF-004")
def test_a_watchdog_counts_from_its_start_not_from_the_first_finished_tick() -> None:
    """A first tick that never finishes is a stop of ticks too."""
    now: list[float] = [0.0]
    ended: list[int] = []
    dog = Watchdog(0.02, 70, ended.append, lambda: now[0])
    dog.start()
    now[0] = 0.021
    dog._thread.join(5.0)
    assert ended == [70]


class Recorder:
    """A writer that notes what is asked of it."""

    closed: Command | None = None

    def __init__(self) -> None:
        self.calls: list[str] = []

    def offer(self, _command: Any) -> None:
        self.calls.append("offer")

    def silence(self) -> None:
        self.calls.append("silence")

    async def run(self) -> None:
        raise NotImplementedError

    async def stop(self, _within_s: float, /) -> bool:
        self.calls.append("stop")
        return True


@pytest.mark.req("LH-OPS-002", "LH-KTX-002")
async def test_the_end_of_the_process_writes_nothing_to_an_asset_that_is_silent(tmp_path: Path) -> None:
    """One battery was switched to LOCAL while the process ran: somebody works there, the other one gets its 0 kW."""
    made = process(tmp_path, 2)
    tick(made, 0)
    shown = made.view.frame
    assert shown is not None
    codes = shown.codes.copy()
    codes[r.AUTHORITY] = np.array([Authority.ARMED, Authority.SILENT])
    shown.codes = codes
    first, second = Recorder(), Recorder()
    made.field.writers = {"b1": first, "b2": second}
    made.field.wrote = {"b1", "b2"}
    assert await zero(made)
    assert (first.calls, second.calls) == (["stop"], [])
    await made.journal.close()


@pytest.mark.safety
@pytest.mark.req("LH-OPS-002", "LH-PERSIST-002")
async def test_d1_the_0_kw_that_ends_the_process_is_recorded_like_every_other_command(tmp_path: Path) -> None:
    """Reliability D1: what was written last stands in the table of commands too."""
    made = process(tmp_path)
    tick(made, 0)
    shown, records, history = made.view.frame, list[Command](), Recorder()
    assert shown is not None
    codes = shown.codes.copy()
    codes[r.AUTHORITY] = Authority.ARMED
    shown.codes = codes
    last = cut(shown, 0)
    assert last is not None
    writer = Recorder()
    writer.closed = closing(last, 100.0, 101.5, 104.5, 1)
    made.field.writers, made.field.wrote = {"b1": writer}, {"b1"}
    history.closed = records.append  # type: ignore[assignment]
    made.histories = {"db": history}  # type: ignore[dict-item]
    assert await zero(made)
    (command,) = records
    assert (command.power_kw, command.mode, command.reason) == (0.0, Mode.STOP, "the process ends: 0 kW")
    assert command.id != last.id
    assert command.issued_ns - last.issued_ns == 1_500_000_000
    await made.journal.close()


@pytest.mark.req("LH-KTX-002")
async def test_a_silent_tick_takes_back_what_waits_at_the_writer(tmp_path: Path) -> None:
    made = process(tmp_path)
    writer = Recorder()
    made.field.writers["b1"] = writer
    deliver = made.field.write("b1")
    tick(made, 0)
    assert made.view.frame is not None
    deliver(made.view.frame)  # INIT: silent
    assert writer.calls == ["silence"]
    await made.journal.close()
