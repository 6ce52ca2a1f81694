"""A recording lived through again: with the same definition it is itself, with another what would have been."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from config.definition import Definition
from jit.codes import Permit, WriteStatus
from jit.frame import MATRICES, Frame, carry, from_bytes
from jit.twins import on_twins
from pipeline.compile import compile_definition
from pipeline.whatif.identified import identified
from pipeline.whatif.loop import IncomparableError, Moment, compiled_of, fitting, framed, lived, ticks
from pipeline.whatif.plant import RecordedPlant
from sources.act import ActKind
from sources.recording.recording import Recording
from tests.pipeline.replay.test_replay import lively
from tests.pipeline.whatif.lives import live, small
from tests.recorded import recorded
from tests.rig import Rig, meter, site, storage

pytestmark = pytest.mark.req("LH-TEST-004", "LH-NF-008")

#: How far a modelled run may be from the run that really took place: kW, % of SoC.
POWER_KW, SOC_PCT, SITE_KW = 6.0, 0.05, 12.0


@pytest.fixture(autouse=True)
def on_plain_kernels() -> Iterator[None]:
    with on_twins():
        yield


def eventful(rig: Rig) -> None:
    """Schedules, a BMS limit, a silent battery, a stop, local control, load: a little of everything."""
    rig.schedule("day_ahead", 80.0)
    rig.run(20)
    rig.batteries["b1"].discharge_limit = 30.0
    rig.run(15)
    rig.schedule("day_ahead", -120.0, version=2)
    rig.run(20)
    rig.batteries["b2"].answers = False
    rig.run(8)
    rig.batteries["b2"].answers = True
    rig.other_kw = -250.0
    rig.run(20)
    rig.batteries["b1"].remote = 0.0
    rig.run(5)
    rig.batteries["b1"].remote = 1.0
    rig.act(ActKind.STOP, "b2")
    rig.run(10)
    rig.act(ActKind.RELEASE, "b2")
    rig.run(3)
    rig.act(ActKind.ACTIVATE)
    rig.run(20)


def calm(rig: Rig) -> None:
    """What a schedule asks and a load that moves."""
    for version, (power, load) in enumerate(((80.0, 0.0), (-60.0, -120.0), (0.0, -300.0), (120.0, 40.0)), start=1):
        rig.schedule("day_ahead", power, version=version)
        rig.other_kw = load
        rig.run(20)


def changed(recording: Recording, definition: Definition) -> list[Moment]:
    old = compiled_of(recording)
    new = compile_definition(definition, old.profiles)
    fitting(old, new)
    responses = identified(ticks(recording, old), old)
    known = {asset: one.response for asset, one in responses.items()}
    return list(lived(recording, RecordedPlant(old, new, known)))


def same(one: Frame, other: Frame) -> bool:
    return all(getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in MATRICES)


def test_with_the_same_definition_every_frame_is_the_recorded_one(tmp_path: Path) -> None:
    """The tolerance of a closed loop with the same definition is 0: only the change of a command is modelled."""
    recording = live(tmp_path, small(site(assets=2)), eventful, noise_kw=2.0)
    old = compiled_of(recording)
    moments = list(lived(recording, RecordedPlant(old, compile_definition(*recording.definition()))))
    assert len(moments) > 100
    assert [moment.now.tick for moment in moments if not same(moment.then, moment.now)] == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_so_it_is_whatever_happens(tmp_path: Path, seed: int) -> None:
    """Stops, alarms, silence, jumps of the clock, pauses, by hand: drawn from a seed."""
    lively(tmp_path, seed, 300)
    recording = Recording.open(tmp_path)
    old = compiled_of(recording)
    moments = list(lived(recording, RecordedPlant(old, old)))
    assert [moment.now.tick for moment in moments if not same(moment.then, moment.now)] == []
    assert len(moments) == 300


@pytest.mark.parametrize("seed", [4, 5])
def test_another_definition_lives_through_whatever_happens(tmp_path: Path, seed: int) -> None:
    """No stage raises, and no command leaves the band of its own frame."""
    lively(tmp_path, seed, 300)
    other = small(site(assets=3), ramp={"up": 7.0, "down": 90.0}, soc={"min": 30.0, "max": 60.0})
    recording = Recording.open(tmp_path)
    old = compiled_of(recording)
    new = compile_definition(other, old.profiles | {"b3": storage()})
    for moment in lived(recording, RecordedPlant(old, new)):
        now = moment.now
        assert np.all((now["low_kw"] <= now["command_kw"]) & (now["command_kw"] <= now["high_kw"]))
        assert not now["fault"].any()


def test_so_it_is_over_a_restart(tmp_path: Path) -> None:
    """What latched is kept over a restart, what was told is not (reliability §2 row 12)."""
    one = small(site(assets=1))
    first, recorder = recorded(tmp_path, definition=one)
    first.ready()
    first.schedule("day_ahead", 80.0)
    first.run(10)
    first.act(ActKind.DEACTIVATE, "b1")
    first.run(3)
    recorder.store.close()
    stored = from_bytes(first.frame.to_bytes())
    past, _ = carry(stored, first.compiled.layout)
    start_ns = first.now_ns + 20_000_000_000
    second, recorder = recorded(tmp_path, definition=one, past=past, start_ns=start_ns)
    second.run(12)
    recorder.store.close()
    recording = Recording.open(tmp_path)
    assert len(recording.parts) == 2
    old = compiled_of(recording)
    moments = list(lived(recording, RecordedPlant(old, old)))
    assert [k for k, moment in enumerate(moments) if not same(moment.then, moment.now)] == []
    assert moments[-1].now["activated"][0] == Permit.NO


def test_so_it_is_from_any_tick_in_the_middle(tmp_path: Path) -> None:
    recording = live(tmp_path, small(site(assets=2)), eventful)
    old = compiled_of(recording)
    instants = [entry.tick.utc_ns for entry in recording]
    for start in (instants[1], instants[37], instants[-5]):
        moments = list(lived(recording, RecordedPlant(old, old), from_ns=start))
        assert moments[0].now.utc_ns == start
        assert all(same(moment.then, moment.now) for moment in moments)


@pytest.mark.parametrize(
    ("change", "cycle"),
    [
        ({"ramp": {"up": 8.0, "down": 8.0}}, "1 s"),
        ({"ramp": {"up": 8.0, "down": 8.0}}, "100 ms"),
        ({"soc": {"min": 40.0, "max": 54.6}}, "1 s"),
        ({"rated": {"charge": 20.0, "energy": 40.0}}, "1 s"),
    ],
    ids=["slower ramp", "slower ramp at 100 ms", "narrower SoC", "less charging"],
)
def test_another_definition_gives_what_that_definition_really_gives(
    tmp_path: Path, change: dict[str, dict[str, float]], cycle: str
) -> None:
    """The same weather was lived with both definitions, by batteries with a response and losses of their own."""
    one, other = small(site(assets=2, cycle=cycle)), small(site(assets=2, cycle=cycle), **change)
    moments = changed(live(tmp_path / "one", one, calm, noise_kw=0.5), other)
    truths = live(tmp_path / "other", other, calm, noise_kw=0.5)
    new = compiled_of(truths)
    moved = apart = 0.0
    for moment, entry in zip(moments, truths, strict=True):
        truth, then, now = framed(entry.frame, new), moment.then, moment.now
        assert np.abs(now["soc_pct"] - truth["soc_pct"]).max() < SOC_PCT
        assert abs(now.at_site("poc_kw") - truth.at_site("poc_kw")) < SITE_KW
        apart = max(apart, float(np.abs(now["power_kw"] - truth["power_kw"]).max()))
        moved = max(moved, float(np.abs(then["power_kw"] - truth["power_kw"]).max()))
    assert apart < POWER_KW < moved


def test_what_a_limit_leaves_is_followed_through_the_meter(tmp_path: Path) -> None:
    """A site limit of NEW acts on the meter that its own commands change, not on the recorded one."""
    one = small(site(assets=2))
    other = one.model_copy(update={"site": one.site.model_copy(update={"import_limit": 200.0})})
    moments = changed(live(tmp_path, one, calm), other)
    later = [moment for moment in moments if moment.now.tick > 45]
    assert min(moment.then.at_site("poc_kw") for moment in later) < -290.0  # the load alone, in the third window
    charging = [moment for moment in moments if moment.then.at_site("poc_kw") < -175.0 < -170.0]
    assert charging
    assert all(moment.now.at_site("poc_kw") > -210.0 for moment in moments if 30 < moment.now.tick < 47)


def test_a_battery_that_gives_less_gives_no_more_now(tmp_path: Path) -> None:
    def refuses(rig: Rig) -> None:
        rig.schedule("day_ahead", 100.0)
        rig.run(5)
        rig.batteries["b1"].follows = False
        rig.run(40)

    one = small(site(assets=1))
    moments = changed(live(tmp_path, one, refuses), small(site(assets=1), ramp={"up": 8.0, "down": 8.0}))
    assert max(moment.now["power_kw"][0] for moment in moments[-10:]) <= 1.0


def test_writes_that_failed_fail_again_and_the_device_keeps_what_it_had(tmp_path: Path) -> None:
    def cut_off(rig: Rig) -> None:
        rig.schedule("day_ahead", 40.0)
        rig.run(15)
        rig.batteries["b1"].outcome = WriteStatus.FAILED
        rig.batteries["b1"].discards = True
        rig.schedule("day_ahead", 90.0, version=2)
        rig.run(3)

    one = small(site(assets=1))
    moments = changed(live(tmp_path, one, cut_off), small(site(assets=1), rated={"discharge": 30.0, "energy": 40.0}))
    last = moments[-1]
    assert last.then["power_kw"][0] == pytest.approx(40.0, abs=0.5)
    assert last.now["power_kw"][0] == pytest.approx(30.0, abs=0.5)


def test_a_battery_that_is_only_new_is_modelled_from_the_middle_of_its_band(tmp_path: Path) -> None:
    recording = live(tmp_path, small(site(assets=1)), calm)
    old = compiled_of(recording)
    definition = small(site(assets=2))
    new = compile_definition(definition, old.profiles | {"b2": storage()})
    plant = RecordedPlant(old, new)
    moments = list(lived(recording, plant))
    assert "b2.power" in plant.assumed
    assert moments[0].now["soc_pct"][1] == 50.0
    asked = [moment.now["power_kw"][1] for moment in moments]
    assert max(asked) == pytest.approx(60.0, abs=5.0)  # half of what the site was asked
    assert moments[-1].now["soc_pct"][1] != 50.0
    assert all(abs(b - a) < 60.0 for a, b in pairwise(asked))


def test_another_order_of_points_is_the_same_recording(tmp_path: Path) -> None:
    """By device and point, by asset: not by place."""
    recording = live(tmp_path, small(site(assets=2)), eventful)
    old = compiled_of(recording)
    written = small(site(assets=2))
    turned = written.model_copy(update={"assets": dict(reversed(written.assets.items()))})
    new = compile_definition(turned, old.profiles | {"site.poc": meter("power", "frequency", "voltage")})
    plant = RecordedPlant(old, new)
    for moment in lived(recording, plant):
        assert moment.now["power_kw"][::-1].tolist() == pytest.approx(moment.then["power_kw"].tolist(), nan_ok=True)
    assert plant.assumed == ["site.poc.voltage"]


@pytest.mark.parametrize(
    ("definition", "said"),
    [(site(assets=1, cycle="100 ms"), "site.cycle: 1 s was recorded"), (site(assets=1), "none of other")],
)
def test_what_cannot_be_compared_says_so(tmp_path: Path, definition: Definition, said: str) -> None:
    old = compiled_of(live(tmp_path, small(site(assets=1)), lambda rig: rig.run(2)))
    name = "other" if "other" in said else "b1"
    renamed = definition.model_copy(update={"assets": {name: definition.assets["b1"]}})
    with pytest.raises(IncomparableError, match=said):
        fitting(old, compile_definition(renamed, {name: storage(), "site.poc": old.profiles["site.poc"]}))
