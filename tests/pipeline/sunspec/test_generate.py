"""Profiles made of SunSpec models: complete, checked in the field, at the addresses that are known to be right."""

from __future__ import annotations

import re
from typing import Any

import pytest

from config.profile import Profile
from jit.codes import WriteStatus
from pipeline.lint import lint
from pipeline.sunspec.generate import CannotGenerateError, Kind, generate, standard
from pipeline.sunspec.rates import Most
from pipeline.sunspec.recording import sample
from sources.modbus.blocks import read_blocks, write_runs
from tests.real.modbus import load
from tests.sinks.modbus.test_writer import bench

STORAGE = [1, 701, 704, 713, 715, 802]
CHAINS: list[tuple[Kind, list[int]]] = [
    *(("inverter", [1, number]) for number in (101, 102, 103, 111, 112, 113)),
    *(("inverter", [1, number, 120, 121, 122, 123, 124]) for number in (103, 113)),
    *(("meter", [1, number]) for number in (201, 202, 203, 204, 211, 212, 213, 214)),
    ("inverter", [1, *range(701, 716)]),
    ("storage", STORAGE), ("storage", [*STORAGE, 803]), ("storage", [1, 103, 704, 802]),
    ("storage", [1, 113, 124, 704]), ("storage", [1, *range(701, 716)]), ("storage", [1, 103, 704, 715, 802, 803]),
]  # fmt: skip


def made(kind: Kind, models: list[int], base: int = 40000) -> Profile:
    return Profile.model_validate(generate(standard(models, base), kind, "made"))


@pytest.mark.req("LH-MODB-003", "LH-CONF-002", "LH-DOM-005")
@pytest.mark.parametrize(("kind", "models"), CHAINS)
@pytest.mark.parametrize("base", [40000, 0, 50000])
def test_every_chain_makes_a_profile_that_decodes_its_own_sample(kind: Kind, models: list[int], base: int) -> None:
    profile = made(kind, models, base)
    registers = {f"{b.table} {b.address}": [0x8000] * b.count for b in read_blocks(profile)}
    proven = profile.model_copy(update={"sample": sample(profile, registers)})
    assert [finding for finding in lint(proven) if finding.severity == "error"] == []
    assert next(iter(profile.expects.values())) == [0x5375, 0x6E53]
    for block in read_blocks(profile):
        assert block.address >= base + 2


@pytest.mark.req("LH-MODB-002")
def test_a_storage_profile_agrees_with_the_one_that_was_written_by_hand() -> None:
    ours, known = made("storage", STORAGE), load("sunspec-storage")
    for name in known.write:
        here, there = ours.write[name], known.write[name]
        assert (here.register, here.type, here.constant) == (there.register, there.type, there.constant)
    for name in ("state", "power", "reactive_power", "setpoint", "remote", "heartbeat", "charge_limit",
                 "discharge_limit", "available", "alarms", "dc_voltage", "dc_current"):  # fmt: skip
        assert ours.read[name].register == known.read[name].register, name
        assert ours.read[name].sentinels == known.read[name].sentinels, name
    assert ours.arm == known.arm
    assert ours.write_order == known.write_order
    assert {n: p.register for n, p in ours.identity.items()} == {n: p.register for n, p in known.identity.items()}
    critical = {bit for bit, alarm in known.alarms.items() if alarm.critical}
    assert {bit for bit, alarm in ours.alarms.items() if alarm.critical} == critical


def test_reversion_and_heartbeat_are_used_where_the_device_has_them() -> None:
    with_heartbeat, without = made("storage", STORAGE), made("storage", [1, 103, 704, 802])
    assert with_heartbeat.watchdog is not None
    assert with_heartbeat.watchdog.point == "heartbeat"
    assert without.watchdog is not None
    assert (without.watchdog.point, without.arm) == ("power", ("revert_after", "revert_power", "revert_enable"))
    run = write_runs(without, without.write_order)[0]
    assert [point.name for point in run.points] == ["enable", "unit_mode", "power"]


@pytest.mark.parametrize(("kind", "models", "why"), [
    ("storage", [1, 802, 704], "no model measures its power"),
    ("storage", [1, 103, 704], "no model says its state of charge"),
    ("storage", [1, 103, 124], "no model takes a set-point"),
    ("storage", [1, 103, 802], "no model takes a set-point"),
    ("storage", [103, 704, 802], "no model 1"),
    ("meter", [1, 103], "no model measures its power"),
    ("inverter", [1, 203], "no model measures its power"),
])  # fmt: skip
def test_what_is_missing_is_said(kind: Kind, models: list[int], why: str) -> None:
    with pytest.raises(CannotGenerateError, match=re.escape(why)):
        made(kind, models)


@pytest.mark.integration
@pytest.mark.safety
@pytest.mark.req("LH-MODB-002", "LH-MODB-003")
@pytest.mark.hazard("row 7", "row 9")
@pytest.mark.parametrize("exponent", [0, 2])
async def test_a_device_with_its_own_scale_is_armed_and_commanded(exponent: int) -> None:
    """On a real server: time, value and enable of the reversion, then the set-point in the device's powers of ten."""
    values: dict[str, Any] = generate(standard(STORAGE), "storage", "made") | {"timeout": "100 ms"}
    profile = Profile.model_validate(values)
    async with bench(profile, armed=False) as device:
        for register, words in profile.expects.items():
            await device.server.put(register, *words)
        await device.server.put("holding 40280", exponent)  # WSet_SF
        device.offer(50.0)
        receipt = await device.receipt()
        assert receipt.status is WriteStatus.CONFIRMED, receipt.detail
        assert [address for address, _ in device.wire.writes()] == [40256, 40251, 40255, 40247, 40306]
        high, low = await device.server.get("holding 40249", 2)
        assert (high << 16 | low) * 10**exponent == 50_000
        await device.server.put("holding 40225", 705)  # an update has moved the models
        device.wire.cut()
        device.offer(60.0, tick=2)
        assert (await device.receipt(2)).status in (WriteStatus.FAILED, WriteStatus.WITHHELD)
        assert (await device.server.get("holding 40249", 2))[1] * 10**exponent % 65536 == 50_000 % 65536


@pytest.mark.integration
@pytest.mark.safety
@pytest.mark.req("LH-MODB-002")
@pytest.mark.hazard("row 7", "row 8")
@pytest.mark.parametrize(("kw", "out_rate", "in_rate"), [(2.0, 4000, -4000), (-1.2345, -2469, 2469), (0.0, 0, 0)])
async def test_model_124_gets_both_rates_in_one_request(kw: float, out_rate: int, in_rate: int) -> None:
    """5 kW are 100 %: rates in 0.01 %, toward zero; another WChaMax would make another power of them."""
    values = generate(standard([1, 103, 124]), "storage", "made", most=Most(50, 2)) | {"timeout": "100 ms"}
    profile = Profile.model_validate(values)
    rates = {name: int(str(profile.write[name].register).split()[1]) for name in profile.write}
    async with bench(profile, armed=False) as device:
        for register, words in profile.expects.items():
            await device.server.put(register, *words)
        await device.server.put(str(profile.write["power"].scale_register), 0xFFFE)
        device.offer(kw)
        receipt = await device.receipt()
        assert receipt.status is WriteStatus.CONFIRMED, receipt.detail
        assert rates["charge_rate"] == rates["power"] + 1
        order = [address for address, _ in device.wire.writes()]
        assert order == [rates["revert_after"], rates["power"], rates["control"]]
        held = await device.server.get(f"holding {rates['power']}", 2)
        assert [word - 65536 if word & 0x8000 else word for word in held] == [out_rate, in_rate]
        where = next(register for register, words in profile.expects.items() if words == [50])
        await device.server.put(where, 60)
        device.wire.cut()
        device.offer(3.0, tick=2)
        assert (await device.receipt(2)).status in (WriteStatus.FAILED, WriteStatus.WITHHELD)
        assert await device.server.get(f"holding {rates['power']}", 2) == held
