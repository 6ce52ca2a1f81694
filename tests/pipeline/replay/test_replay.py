"""A recorded tick is recomputed exactly, from any tick on, and a difference is told where it arose."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from jit.frame import Frame
from pipeline.cli import main
from pipeline.compile import Compiled
from pipeline.exits import Exit
from pipeline.replay import report
from pipeline.replay.chain import Replayer, replayed
from pipeline.replay.compared import bytes_of
from pipeline.replay.report import compiled_of, replay
from sources.act import ActKind
from sources.recording.recording import Recording
from sources.schedule import ScheduleType, Withdrawal
from tests.recorded import recorded
from tests.rig import Rig, site

TICKS = 700


def happens(rig: Rig, rng: random.Random) -> None:
    """One of the things that can happen to a site."""
    battery = rng.choice(list(rig.batteries.values()))
    kind = rng.choice([kind for kind in ActKind if kind != ActKind.MANUAL])
    things: list[Callable[[], Any]] = [
        lambda: rig.schedule("day_ahead", rng.uniform(-300.0, 300.0), version=rig.index),
        lambda: rig.schedule("intraday", rng.uniform(-99.0, 99.0), "b1", start_s=rng.uniform(0, 60), end_s=90.0),
        lambda: rig.signal(Withdrawal(ScheduleType.DAY_AHEAD, None)),
        lambda: rig.by_hand(rng.uniform(-50.0, 50.0)),
        lambda: rig.act(kind, rng.choice((None, "b1"))),
        lambda: rig.act(ActKind.ACTIVATE),
        lambda: setattr(battery, "answers", not battery.answers),
        lambda: setattr(battery, "alarms", rng.choice((0.0, 1.0, 4.0))),
        lambda: setattr(battery, "soc", rng.uniform(5.0, 95.0)),
        lambda: setattr(battery, "missing", rng.choice((set(), {"soc"}, {"power"}))),
        lambda: setattr(rig, "frequency", rng.uniform(49.7, 50.3)),
        lambda: setattr(rig, "trusted", not rig.trusted),
        lambda: setattr(rig, "now_ns", rig.now_ns + rng.choice((-1, 1)) * 3_600_000_000_000),
    ]
    rng.choice(things)()


def lively(folder: Path, seed: int = 1, ticks: int = TICKS) -> Rig:
    """Two batteries with a service, and everything that can happen to them, drawn from a seed."""
    rng = random.Random(seed)
    rig, recorder = recorded(folder, definition=site(2, fcr_kw=40.0))
    for _ in range(ticks):
        if rng.random() < 0.15:
            happens(rig, rng)
        rig.tick(rng.choice((1.0, 1.0, 1.0, 1.003, 0.2, 7.0)))
    recorder.store.close()
    return rig


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("recording")
    lively(made)
    return made


@pytest.mark.req("LH-TEST-004", "LH-NF-008")
def test_every_frame_of_a_lively_run_comes_out_byte_for_byte(folder: Path) -> None:
    found = replay(Recording.open(folder))
    assert (found.ticks, found.different, found.notes) == (TICKS, 0, [])


def test_any_tick_in_the_middle_is_a_beginning(folder: Path) -> None:
    """The frame of a tick needs its sample, the documents that are held and the frame before, and nothing else."""
    recording = Recording.open(folder)
    rng = random.Random(7)
    chunks = list(recording.chunks())
    for _ in range(20):
        chunk = rng.choice(chunks)
        start = rng.randrange(len(chunk))
        frames = Replayer(compiled_of(recording.header)).frames(chunk, start)
        again = b"".join(bytes_of(frame) for _, frame in zip(range(30), frames, strict=False))
        assert chunk.rows[start:, chunk.form.frame].tobytes().startswith(again)


def test_replayed_gives_what_was_recorded_beside_what_comes_out(folder: Path) -> None:
    recording = Recording.open(folder)
    pairs = list(replayed(recording, compiled_of(recording.header)))
    assert len(pairs) == TICKS
    assert all(np.array_equal(entry.frame.matrices["codes"], frame.codes) for entry, frame in pairs)


def test_a_part_of_a_recording_can_be_asked_for(tmp_path: Path) -> None:
    rig, recorder = recorded(tmp_path)
    rig.run(60)
    recorder.store.close()
    recording = Recording.open(tmp_path)
    first, last = (recording.at(tick=tick).tick.utc_ns for tick in (10, 19))
    found = replay(recording, from_ns=first, to_ns=last)
    assert (found.ticks, found.from_ns, found.to_ns) == (10, first, last)
    assert found.digest != replay(recording).digest


def spoiled(stage: str, spoil: Callable[[Frame], None]) -> Callable[[Compiled], Replayer]:
    """Replayers in which a stage does one thing more."""

    def build(compiled: Compiled) -> Replayer:
        made = Replayer(compiled)
        found = next(one for one in made.stages if one.id == stage)
        step = found.step

        def spoils(frame: Frame) -> None:
            step(frame)
            spoil(frame)

        found.step = spoils
        return made

    return build


def raises(_frame: Frame) -> None:
    raise ArithmeticError("on purpose")


def test_a_difference_names_the_first_stage_and_row_and_stays_where_it_arose(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ramp of one asset is off by one bit in one tick: that tick differs, and the ticks behind it do not."""

    def off(frame: Frame) -> None:
        if frame.tick == 100:
            frame["ramped_kw"][1] = np.nextafter(frame["ramped_kw"][1], np.inf)

    monkeypatch.setattr(report, "Replayer", spoiled("ramp", off))
    found = replay(Recording.open(folder))
    assert found.different == 1
    one = found.differences[0]
    assert (one.tick, one.stage, one.row, one.asset) == (100, "ramp", "ramped_kw", "b2")


def test_a_stage_that_raises_in_the_replay_is_the_difference(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`fault` is every stage's row: the stage's own rows tell first."""
    monkeypatch.setattr(report, "Replayer", spoiled("command", raises))
    found = replay(Recording.open(folder))
    assert found.different == TICKS
    assert {one.stage for one in found.differences} == {"command"}
    assert len(found.differences) == report.SHOWN


def test_the_verb_says_identical_and_its_digest(folder: Path) -> None:
    done = CliRunner().invoke(main, ["replay", str(folder), "--json"])
    assert done.exit_code == Exit.OK
    said = json.loads(done.stdout)
    assert (said["identical"], said["ticks"], said["digest"]) == (True, TICKS, replay(Recording.open(folder)).digest)
    text = CliRunner().invoke(main, ["replay", str(folder)]).stdout
    assert f"identical; digest {said['digest']}" in text


def test_the_verb_ends_with_65_when_a_frame_differs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "Replayer", spoiled("command", raises))
    done = CliRunner().invoke(main, ["replay", str(folder)])
    assert done.exit_code == int(Exit.DIFFERENT) == 65
    assert "command wrote b1 " in done.stdout
    assert f"... and {TICKS - report.SHOWN} more ticks" in done.stdout


@pytest.mark.parametrize("wrong", [["--speed", "0"], ["--speed", "fast"], ["--from", "yesterday"]])
def test_the_verb_refuses_what_it_cannot_read(folder: Path, wrong: list[str]) -> None:
    assert CliRunner().invoke(main, ["replay", str(folder), *wrong]).exit_code == Exit.USAGE


def test_the_verb_shows_reasons_at_a_pace(folder: Path) -> None:
    done = CliRunner().invoke(main, ["replay", str(folder), "--speed", "1e9", "--json"])
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"at", "tick", "asset", "why"} == set(lines[0])
    assert lines[-1]["identical"]


def test_a_folder_without_a_recording_and_an_empty_window_are_failures(tmp_path: Path, folder: Path) -> None:
    assert CliRunner().invoke(main, ["replay", str(tmp_path)]).exit_code == Exit.FAILED
    late = ["--from", "2099-01-01T00:00:00Z"]
    assert CliRunner().invoke(main, ["replay", str(folder), *late]).exit_code == Exit.FAILED
