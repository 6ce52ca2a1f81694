"""The steps of `commission` against a device that does, or does not do, what its profile declares."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from config.catalogue import profile
from pipeline.check import check
from pipeline.commissioning.evidence import Step, device, keep, lacking
from pipeline.commissioning.findings import Series
from pipeline.commissioning.steps import Pulse, pulses, reversion, reverts_within_s
from tests.pipeline.commissioning.test_findings import SITE

pytestmark = [pytest.mark.req("LH-CONF-002", "LH-SAFE-007"), pytest.mark.safety]

STORAGE = profile("sunspec-storage")
PULSE = Pulse.of(STORAGE, 250.0, 0.05)


class Device:
    """A process and its battery in steps of a second: power is `gain` times what is asked, and held so."""

    def __init__(self, gain: float = 1.0, holds: float = 1.0, refuses: str = "") -> None:
        self.now_s, self.asked, self.gain, self.holds, self.refuses = 0.0, 0.0, gain, holds, refuses

    def clock(self) -> float:
        return self.now_s

    def by_hand(self, power_kw: float, dead_man_s: float) -> str:
        assert dead_man_s <= 60.0
        self.asked = power_kw
        return self.refuses

    def seen(self) -> Mapping[str, Any]:
        self.now_s += 1.0
        power = self.gain * self.asked
        return {"state": "maintenance", "why": "by hand", "poc_kw": 3.0 + power,
                "telemetry": {"active_power_kw": power, "soc_percent": 50.0},
                "write": {"readback_kw": self.holds * self.asked}}  # fmt: skip


def test_a_device_that_does_what_it_is_told_passes_every_step() -> None:
    steps = list(pulses(Device(), STORAGE, PULSE))
    assert [step.name for step in steps] == ["ready", "zero", "discharging", "zero", "charging", "zero"]
    assert all(step.passed for step in steps)
    assert "the meter moved by +12.5 kW" in steps[2].seen


@pytest.mark.hazard("row 6")
@pytest.mark.parametrize(
    ("device", "name", "said"),
    [
        (Device(gain=-1.0), "discharging", "-12.5 kW instead of 12.5 kW"),
        (Device(gain=0.0), "discharging", "0.0 kW instead of"),
        (Device(gain=10.0), "discharging", "125.0 kW instead of"),
        (Device(holds=256.0), "discharging", "the device holds 3200 kW and was written 12.5 kW"),
        (Device(refuses="refused with 409: in fault"), "ready", "in fault"),
    ],
)
def test_the_first_step_that_fails_is_the_last(device: Device, name: str, said: str) -> None:
    """Reliability §2 row 6: a sign, a scale or a word order that is wrong is found by a small pulse."""
    steps = list(pulses(device, STORAGE, PULSE))
    assert [step.passed for step in steps[:-1]] == [True] * (len(steps) - 1)
    assert (steps[-1].passed, steps[-1].name) == (False, name)
    assert said in steps[-1].seen


@pytest.mark.hazard("H5i")
@pytest.mark.parametrize(
    ("powers", "passed", "said"),
    [
        (((100.0, 12.5), (110.0, 0.0), (120.0, 0.0)), True, "10.0 s after the process was killed"),
        (((100.0, 12.5), (120.0, 12.5)), False, "still 12.5 kW after 20 s"),
        (((105.0, 0.0), (120.0, 12.5)), False, "still 12.5 kW"),
        ((), False, "nothing could be read"),
    ],
)
def test_the_reversion_is_judged_by_what_was_read(powers: Any, passed: bool, said: str) -> None:
    step = reversion(STORAGE, Series(powers), 100.0, PULSE)
    assert (step.passed, said in step.seen) == (passed, True)


def test_a_device_without_reversion_is_not_proven() -> None:
    step = reversion(profile("simulator"), Series(((1.0, 0.0),)), 0.0, PULSE)
    assert (step.passed, step.seen) == (False, "the profile declares no reversion")
    assert reverts_within_s(profile("simulator")) > 0.0


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda _path: None, ""),
        (lambda path: path.unlink(), "never commissioned"),
        (lambda path: path.write_text("{"), "cannot be read"),
        (lambda path: path.write_text(path.read_text().replace('"version": 3', '"version": 1')), "another device"),
        (lambda path: path.write_text(path.read_text().replace('"passed": true', '"passed": false')), "step"),
    ],
)
def test_evidence_counts_for_the_device_it_was_taken_from(tmp_path: Path, spoil: Any, said: str) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(SITE, encoding="utf-8")
    found = check(site)
    assert found.definition is not None
    of = device(found.definition.assets["bess1"], found.profiles["bess1"])
    spoil(keep(tmp_path / "state", "bess1", of, "2026-01-31T12:00:00Z", "J. Doe", [Step("ready", True, "")]))
    told = list(lacking(found.definition, found.profiles, tmp_path / "state"))
    assert len(told) == (1 if said else 0)
    assert all(said in text for text in told)
