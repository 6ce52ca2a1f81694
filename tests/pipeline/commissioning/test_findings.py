"""`check --live` judges what devices said: a wrong sign, scale or silence is named; what was not shown is a note."""

from __future__ import annotations

from math import nan
from typing import Any

import numpy as np
import pytest

from config.asset import Asset
from config.catalogue import profile
from jit.codes import Proved, Quality
from pipeline.check import check
from pipeline.commissioning.findings import Finding, findings
from pipeline.commissioning.listening import Heard
from sources.points import point_names
from sources.reading import Reading

pytestmark = [pytest.mark.req("LH-CONF-002", "LH-PROT-003"), pytest.mark.safety]

SITE = """
version: 1
site: { name: plant, meters: { poc: { profile: grid-meter, connect: "modbus-tcp://127.0.0.1:502/2" } } }
assets:
  bess1:
    profile: sunspec-storage
    connect: modbus-tcp://127.0.0.1:502/1
    rated: { charge: 100 kW, discharge: 100 kW, energy: 200 kWh }
    soc: { min: 10 %, max: 90 % }
    temperature: { min: 0 °C, max: 50 °C }
    ramp: { up: 50 kW/s, down: 50 kW/s }
requests: [{ idle: 0 kW }]
"""
USUAL = {"soc": 50.0, "power": 0.0, "dc_current": 0.0, "remote": 1.0, "available": 1.0, "alarms": 0.0,
         "charge_limit": 100.0, "discharge_limit": 100.0, "temperature": 20.0}  # fmt: skip
GOOD, S = int(Quality.VALID), 1_000_000_000


@pytest.fixture(scope="module")
def definition(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("site") / "site.yaml"
    path.write_text(SITE, encoding="utf-8")
    found = check(path)
    assert found.definition is not None, found.diagnostics
    return found.definition


def heard(name: str, *told: dict[str, float], apart_s: float = 60.0, **more: Any) -> Heard:
    """A device that said these one after the other; a heartbeat counts on by itself."""
    shipped = profile(name)
    names = point_names(shipped)
    readings = []
    for count, said in enumerate(told):
        every = {"heartbeat": float(count), "frequency": 50.0, "voltage": 400.0} | said
        values = np.array([every.get(point, 1.0) for point in names])
        quality = np.array([GOOD if every.get(point, 1.0) == every.get(point, 1.0) else int(Quality.MISSING)
                            for point in names])  # fmt: skip
        readings.append(Reading("device", count * apart_s, values, quality, **more))
    return Heard(shipped, readings)


def battery(*told: dict[str, float], **more: Any) -> Heard:
    return heard("sunspec-storage", *(USUAL | said for said in told), **more)


def judged(definition: Any, device: Heard, meter: Heard | None = None) -> list[Finding]:
    every = {"bess1": device} | ({} if meter is None else {"site.poc": meter})
    return findings(definition, every, 0, device.readings[-1].arrived_s if device.readings else 0.0)


@pytest.mark.parametrize(
    ("told", "severity", "said"),
    [
        (({"power": 50.0, "dc_current": 60.0}, {"soc": 50.5, "power": 50.0, "dc_current": 60.0}), "error", "`sign`"),
        (({"power": -50.0, "dc_current": -60.0}, {"soc": 49.0, "power": -50.0, "dc_current": -60.0}), "error", "fell"),
        (({"power": 50.0, "dc_current": -60.0},), "error", "one sign is wrong"),
        (({"power": 800.0, "dc_current": 60.0},), "error", "wrong scale or word order"),
        (({"soc": nan},), "error", "soc never had a value"),
        (({"temperature": 900.0},), "error", "temperature is 900"),
        (({"charge_limit": 5000.0},), "warning", "charge_limit is 5000 kW and 100 kW is rated"),
        (({"discharge_limit": nan},), "warning", "discharge_limit is promised and missing"),
        (({"discharge_limit": 37.0},), "note", "37 kW now, below the 100 kW"),
        (({"alarms": 2.0},), "warning", "Over-temperature alarm (critical: it latches)"),
        (({"remote": 0.0},), "note", "local control"),
        (({"available": 0.0},), "note", "not available"),
        (({"heartbeat": 7.0},) * 3, "warning", "`heartbeat` never changed"),
        (({},), "note", "not shown by it; listen longer"),
    ],
)
def test_what_a_battery_says_is_judged(definition: Any, told: Any, severity: str, said: str) -> None:
    found = [finding for finding in judged(definition, battery(*told)) if said in finding.text]
    assert [finding.severity for finding in found] == [severity]


def test_a_battery_that_is_as_declared_gives_no_error(definition: Any) -> None:
    told = ({"power": 50.0, "dc_current": 60.0}, {"soc": 49.5, "power": 50.0, "dc_current": 60.0})
    assert not [f for f in judged(definition, battery(*told)) if f.severity != "note"]


@pytest.mark.parametrize(("metered", "severity"), [(50.0, None), (-50.0, "error"), (0.0, None)])
def test_the_meter_has_to_see_what_the_battery_does(definition: Any, metered: float, severity: str | None) -> None:
    device = battery({"power": 0.0}, {"power": 60.0, "dc_current": 60.0})
    found = judged(definition, device, heard("grid-meter", {"power": 10.0}, {"power": 10.0 + metered}))
    signs = [finding.severity for finding in found if "the meter's `sign` is wrong" in finding.text]
    assert signs == ([] if severity is None else [severity])


def test_silence_a_foreign_device_and_a_wrong_clock_are_told(definition: Any) -> None:
    silent = Heard(profile("sunspec-storage"))
    assert [f.text for f in judged(definition, silent)] == ["says nothing: no reading had a usable value"]
    other = battery({}, stamp_ns=-30 * S)
    other.proved, other.detail = Proved.FOREIGN, "another device answers: its serial is `B`, not `A`"
    found = {(f.severity, f.text) for f in judged(definition, other)}
    assert ("error", other.detail) in found
    assert ("warning", "its clock is 30.0 s behind ours") in found


def test_an_asset_knows_its_rating(definition: Any) -> None:
    asset: Asset = definition.assets["bess1"]
    assert (asset.rated.charge, asset.rated.discharge) == (100.0, 100.0)
