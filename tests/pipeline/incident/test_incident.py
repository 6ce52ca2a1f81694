"""An incident becomes a test that passes against the code that produced it, and fails against another."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from config.definition import Definition, RecordingOutput
from jit import limits as kernels
from jit import rows as r
from jit.build import version
from pipeline.check import check
from pipeline.cli import main
from pipeline.compile import Compiled, compile_definition
from pipeline.exits import Exit
from pipeline.incident.made import incident, script
from pipeline.incident.window import UnfitError, window
from pipeline.rehearsal.runner import run
from pipeline.rehearsal.vocabulary import Vocabulary
from pipeline.rehearsal.world import World
from pipeline.simulation import site as simulated
from pipeline.simulation.storm import Strike, endure
from pipeline.simulation.world import World as Simulation
from sinks.recording.store import Keeping, Store
from sources.act import ActKind
from sources.recording.form import Form
from sources.recording.header import describe
from sources.recording.recording import Recording
from tests.recorded import Inline, recorded
from tests.rig import Rig, site

pytestmark = pytest.mark.req("LH-TEST-004", "LH-NF-005", "LH-NF-008")
SCENARIO = Path(__file__).parents[2] / "scenarios" / "battery.yaml"


def passes(text: str, compiled: Compiled) -> bool:
    return run(script(text, Vocabulary.of(compiled.definition, compiled.profiles)), compiled).passed


def bms_drops(rig: Rig) -> None:
    rig.batteries["b1"].discharge_limit = 37.0
    rig.run(6)
    rig.batteries["b1"].discharge_limit = 250.0


def alarm_latches(rig: Rig) -> None:
    rig.batteries["b1"].alarms = 2.0
    rig.run(4)
    rig.batteries["b1"].alarms = 0.0
    rig.run(12)
    rig.act(ActKind.ACKNOWLEDGE)
    rig.run(2)
    rig.act(ActKind.ACTIVATE)


def operator_stops(rig: Rig) -> None:
    rig.act(ActKind.STOP)
    rig.run(5)
    rig.act(ActKind.RELEASE)
    rig.run(3)
    rig.act(ActKind.ACTIVATE)


def silence(rig: Rig) -> None:
    rig.batteries["b1"].answers = False
    rig.run(8)
    rig.batteries["b1"].answers = True


def frozen(rig: Rig) -> None:
    rig.batteries["b1"].beats = False
    rig.run(8)
    rig.batteries["b1"].beats = True


def frequency_falls(rig: Rig) -> None:
    rig.frequency = 49.85
    rig.run(8)
    rig.frequency = 50.0


def schedule_changes(rig: Rig) -> None:
    rig.schedule("intraday", -120.0, version=2, end_s=7.0)


HAPPENINGS = (bms_drops, alarm_latches, operator_stops, silence, frozen, frequency_falls, schedule_changes)


def happened(folder: Path, what: Callable[[Rig], None]) -> Rig:
    """A battery at work, something happens to it, and half a minute later it is over."""
    rig, recorder = recorded(folder, definition=site(fcr_kw=40.0))
    rig.ready()
    rig.schedule("day_ahead", 120.0)
    rig.run(6)
    what(rig)
    rig.run(12)
    recorder.store.close()
    return rig


@pytest.mark.parametrize("what", HAPPENINGS, ids=lambda what: what.__name__)
def test_what_happened_passes_and_is_short(what: Callable[[Rig], None], tmp_path: Path) -> None:
    """Given, changes only, and what is expected where something turns: no line for a tick in which nothing does."""
    happened(tmp_path, what)
    found = window(Recording.open(tmp_path), 20.0, None)
    text = incident(found).text
    assert passes(text, found.compiled)
    assert len(text.splitlines()) < 60


def lower_rated(compiled: Compiled) -> Compiled:
    """The same definition with a battery rated at half of what it was."""
    definition = compiled.definition
    assets = {
        name: asset.model_copy(update={"rated": asset.rated.model_copy(update={"discharge": 60.0})})
        for name, asset in definition.assets.items()
    }
    return compile_definition(definition.model_copy(update={"assets": assets}), compiled.profiles)


def test_another_definition_does_not_pass(tmp_path: Path) -> None:
    happened(tmp_path, bms_drops)
    found = window(Recording.open(tmp_path), 20.0, None)
    assert not passes(incident(found).text, lower_rated(found.compiled))


def test_other_code_does_not_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limiter that lets 10 kW more through than the BMS allows."""
    happened(tmp_path, bms_drops)
    found = window(Recording.open(tmp_path), 20.0, None)
    text, band = incident(found).text, kernels.band

    def wider(values: Any, *others: Any) -> None:
        band(values, *others)
        values[r.HIGH_KW] += 10.0

    monkeypatch.setattr(kernels, "band", wider)
    assert not passes(text, found.compiled)


def test_it_begins_in_the_middle_from_what_was_remembered(tmp_path: Path) -> None:
    """A window that begins on a ramp, behind a latched fault: its rows stand in `given`."""
    rig, recorder = recorded(tmp_path, definition=site())
    rig.ready()
    rig.schedule("day_ahead", 200.0)
    rig.run(2)
    ramping = rig.frame.utc_ns
    rig.run(6)
    rig.batteries["b1"].alarms = 2.0
    rig.run(1)
    rig.batteries["b1"].alarms = 0.0
    rig.run(20)
    recorder.store.close()
    found = window(Recording.open(tmp_path), 8.0, None)
    text = incident(found).text
    assert "b1.before.latch: 1" in text
    assert passes(text, found.compiled)
    without = "\n".join(line for line in text.splitlines() if "before.latch" not in line)
    assert not passes(without, found.compiled)
    begun = window(Recording.open(tmp_path), 2.0, ramping + 2_000_000_000)
    text = incident(begun).text
    assert "b1.before.ramped_kw" in text
    assert passes(text, begun.compiled)


STRIKES = (
    Strike("silence", "b1", 0.0, 9.0),
    Strike("limit", "b1", 0.0, 9.0, {"limit_kw": 37.0}),
    Strike("sentinel", "b1", 0.0, 9.0, {"point": "soc"}),
    Strike("meter", "poc", 0.0, 9.0),
    Strike("alarm", "b1", 0.0, 9.0),
    Strike("unavailable", "b1", 0.0, 9.0),
)


@pytest.mark.parametrize("strike", STRIKES, ids=lambda strike: strike.kind)
def test_a_fault_on_bytes_passes_as_a_test(strike: Strike, tmp_path: Path) -> None:
    """The whole process with an inverter that lags and answers that are half a second old: the fault and its end."""
    limits = {"export_limit": "400 kW", "import_limit": "300 kW"}
    kept = {"rec": RecordingOutput(type="recording", folder=str(tmp_path / "rec"))}
    definition = simulated.definition(1, site=limits).model_copy(update={"outputs": kept})
    with Simulation(definition, tmp_path, seed=2) as it:
        it.schedule(180.0)
        endure(it.run(20.0), [strike], quiet_s=12.0)
        assert it.process.view.hello()["recordings"] == [str(tmp_path / "rec")]  # where `why --at` finds it
    found = window(Recording.open(tmp_path / "rec"), 25.0, None)
    text = incident(found).text
    assert passes(text, found.compiled)
    assert not passes(text, lower_rated(found.compiled))


def test_what_cannot_be_said_is_not_written(tmp_path: Path) -> None:
    rig, recorder = recorded(tmp_path, definition=site())
    rig.ready()
    rig.run(5)
    rig.by_hand(30.0)
    rig.run(5)
    rig.tick(3.0)
    rig.run(3)
    recorder.store.close()
    said = CliRunner().invoke(main, ["record", "--as-test", "12s", str(tmp_path)])
    assert said.exit_code == Exit.FAILED
    assert "no test is written: tick " in said.output
    assert "came 3.000 s after the one before" in said.output
    with pytest.raises(UnfitError, match="by hand"):
        window(Recording.open(tmp_path), 8.0, rig.frame.utc_ns - 6_000_000_000)


def test_a_clock_that_was_set_is_said(tmp_path: Path) -> None:
    rig, recorder = recorded(tmp_path, definition=site())
    rig.ready()
    rig.now_ns += 3_600_000_000_000
    rig.run(3)
    recorder.store.close()
    with pytest.raises(UnfitError, match="the clock was set before tick"):
        window(Recording.open(tmp_path), 6.0, None)


def recorded_scenario(folder: Path) -> Definition:
    """The scenario's battery, recorded while its BMS limit drops."""
    checked = check(SCENARIO, env_stub=True)
    assert checked.definition is not None
    compiled = compile_definition(checked.definition, dict(checked.profiles))
    of = compiled.definition, compiled.profiles, compiled.layout
    header = describe(*of, version="0", kernels=version(), boot="boot")
    recorder = Inline("scenario", Store(folder, header, Keeping()), Form(compiled.layout))
    world = World(compiled)
    world.entry.snapshot.witnesses = (recorder,)
    for second in range(40):
        if second == 10:
            world.request("day_ahead", 100.0, None)
        if second in (20, 30):
            world.plant.devices["bess1"].pin("discharge_limit", 37.0 if second == 20 else 250.0)
        world.plant.passes(world.cycle)
        recorder.offer(world.step())
    recorder.store.close()
    return compiled.definition


def test_from_the_command_line_into_a_file_beside_the_definition(tmp_path: Path) -> None:
    """`record --as-test 25s REC > battery_incident_test.yaml`, then `test battery.yaml`; a lower limit fails it."""
    recorded_scenario(tmp_path / "rec")
    definition = tmp_path / "battery.yaml"
    shutil.copy(SCENARIO, definition)
    made = CliRunner().invoke(main, ["record", "--as-test", "25s", str(tmp_path / "rec")])
    assert made.exit_code == Exit.OK, made.output
    assert "it passes against what was recorded" in made.stderr
    (tmp_path / "battery_incident_test.yaml").write_text(made.stdout)
    tested = CliRunner().invoke(main, ["test", str(definition), "-k", "incident"])
    assert tested.exit_code == Exit.OK, tested.output
    definition.write_text(definition.read_text().replace("discharge: 250 kW, energy", "discharge: 80 kW, energy"))
    failed = CliRunner().invoke(main, ["test", str(definition), "-k", "incident"])
    assert failed.exit_code == Exit.FAILED
    assert "expected bess1.command 100 kW" in failed.output
