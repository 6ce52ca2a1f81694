"""The whole process on Modbus bytes against the simulated plant, recorded, and lived through with another ramp."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from config.definition import Definition
from jit.frame import MATRICES
from jit.twins import on_twins
from pipeline.simulation.site import definition
from pipeline.simulation.world import World
from pipeline.whatif.identified import identified
from pipeline.whatif.loop import compiled_of, framed, lived, ticks
from pipeline.whatif.plant import RecordedPlant
from sinks.recording.store import Keeping, Store
from sources.recording.form import Form
from sources.recording.header import describe
from sources.recording.recording import Recording
from tests.recorded import Inline

pytestmark = pytest.mark.req("LH-TEST-004")

#: kW of 250 kW, and one digit of SoC (%): how far the modelled life may be from the one that was really lived.
POWER_KW, SOC_PCT = 1.0, 0.1


@pytest.fixture(autouse=True)
def on_plain_kernels() -> Iterator[None]:
    with on_twins():
        yield


def slower(site: Definition) -> Definition:
    assets = {
        name: asset.model_copy(update={"ramp": asset.ramp.model_copy(update={"up": 10.0, "down": 10.0})})
        for name, asset in site.assets.items()
    }
    return site.model_copy(update={"assets": assets})


def live(folder: Path, site: Definition) -> Recording:
    """Two steps of a schedule."""
    with World(site, folder / "state", seed=3) as world:
        process = world.process
        compiled = process.compiled
        header = describe(compiled.definition, compiled.profiles, compiled.layout, version="0", kernels="k", boot="b")
        recorder = Inline("world", Store(folder / "recording", header, Keeping()), Form(compiled.layout))
        process.entry.snapshot.witnesses = (recorder,)

        def offer() -> None:
            if process.view.frame is not None:
                recorder.offer(process.view.frame)

        process.finished.append(offer)
        world.schedule(160.0)
        world.run(25.0)
        world.schedule(-120.0)
        world.run(30.0)
        recorder.store.close()
    return Recording.open(folder / "recording")


def test_the_simulated_plant_is_lived_through_as_it_would_have_been(tmp_path: Path) -> None:
    site = definition(2)
    recording, truths = live(tmp_path / "one", site), live(tmp_path / "other", slower(site))
    old, new = compiled_of(recording), compiled_of(truths)
    known = {asset: one.response for asset, one in identified(ticks(recording, old), old).items()}
    apart = moved = 0.0
    for moment, entry in zip(lived(recording, RecordedPlant(old, new, known)), truths, strict=True):
        truth = framed(entry.frame, new)
        apart = max(apart, float(np.nanmax(np.abs(moment.now["power_kw"] - truth["power_kw"]), initial=0.0)))
        moved = max(moved, float(np.nanmax(np.abs(moment.then["power_kw"] - truth["power_kw"]), initial=0.0)))
        assert np.nanmax(np.abs(moment.now["soc_pct"] - truth["soc_pct"]), initial=0.0) <= SOC_PCT + 1e-9
    assert apart < POWER_KW < moved


def test_and_with_the_same_definition_it_is_itself(tmp_path: Path) -> None:
    recording = live(tmp_path, definition(2))
    old = compiled_of(recording)
    moments = list(lived(recording, RecordedPlant(old, old)))
    assert len(moments) > 50
    for name in MATRICES:
        assert all(getattr(m.then, name).tobytes() == getattr(m.now, name).tobytes() for m in moments)
