"""When a register is written, against a real Modbus server: with every command, once a connection, once a day."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pymodbus.constants import ExcCodes

from config.definition import Rated
from config.profile import Profile
from jit.codes import WriteStatus
from sinks.modbus.cadence import Cadence
from sinks.modbus.wear import Wear
from sources.modbus.blocks import write_runs
from tests.real.modbus import load
from tests.real.until import until
from tests.sinks.modbus.test_writer import RATED, bench

LOGIN = 40320


def logged_in(**point: Any) -> Profile:
    """The built-in storage with a register that is written in its own time, before everything else."""
    plain = load("sunspec-storage", timeout=0.3)
    write: dict[str, Any] = {name: point.model_dump(by_alias=True) for name, point in plain.write.items()}
    write["login"] = {"register": f"holding {LOGIN}", "type": "uint16", "constant": 4711, **point}
    return load("sunspec-storage", timeout=0.3, write=write, write_order=["login", *plain.write_order])


@pytest.mark.integration
@pytest.mark.req("LH-MODB-002", "LH-MODB-003")
async def test_a_login_goes_first_once_in_each_connection_and_again_after_a_refusal() -> None:
    async with bench(logged_in(cadence="once")) as device:
        for tick in (1, 2):
            device.offer(50.0, tick=tick)
            assert (await device.receipt(tick)).status is WriteStatus.CONFIRMED
        order = [address for address, _ in device.wire.writes()]
        assert order == [LOGIN, 40247, 40306, 40247, 40306]

        device.server.refuse[40247] = ExcCodes.ILLEGAL_ADDRESS
        device.offer(50.0, tick=3)
        assert (await device.receipt(3)).status is WriteStatus.REFUSED
        device.server.refuse.clear()
        device.offer(50.0, tick=4)
        await device.receipt(4)
        assert [address for address, _ in device.wire.writes()].count(LOGIN) == 2

        device.wire.cut()
        await until(lambda: device.wire.connections == 2 and not device.writer.proving.lacks())
        device.offer(50.0, tick=5)
        await device.receipt(5)
        assert [address for address, _ in device.wire.writes()].count(LOGIN) == 3


@pytest.mark.integration
@pytest.mark.safety
async def test_a_login_alone_is_never_written_while_the_asset_is_silent() -> None:
    async with bench(logged_in(cadence="once")) as device:
        await until(lambda: not device.writer.proving.lacks())
        assert device.wire.writes() == []


@pytest.mark.req("LH-MODB-003")
def test_once_a_day_means_once_a_utc_day_over_restarts_too(tmp_path: Path) -> None:
    profile, day, path = logged_in(cadence="daily"), [20_000], tmp_path / "writes.json"
    run = write_runs(profile, profile.write_order)[0]
    rated = Rated(charge=1.0, discharge=1.0, energy=1.0)

    def process() -> tuple[Cadence, Wear]:
        wear = Wear(profile, rated, None, lambda: day[0], path)
        return Cadence(wear, lambda: 0.0), wear

    cadence, wear = process()
    assert cadence.due(run, last=False)
    wear.sent(run, [4711])
    assert not cadence.due(run, last=False)
    assert not process()[0].due(run, last=False)
    day[0] += 1
    assert process()[0].due(run, last=False)
    path.write_text("{", encoding="utf-8")
    assert not process()[0].due(run, last=False), "unreadable: today counts as written"


def test_a_cooldown_leaves_a_register_alone_but_not_at_the_end() -> None:
    now = [0.0]
    profile = logged_in(cooldown="60 s")
    cadence = Cadence(Wear(profile, RATED), lambda: now[0])
    run = write_runs(profile, profile.write_order)[0]
    assert run.cooldown_s == 60.0
    assert cadence.due(run, last=False)
    cadence.sent(run)
    now[0] = 59.9
    assert not cadence.due(run, last=False)
    assert cadence.due(run, last=True)
    now[0] = 60.0
    assert cadence.due(run, last=False)


def test_points_that_are_due_at_other_times_are_not_in_one_request() -> None:
    plain = load("sunspec-storage").model_dump(by_alias=True)
    write = {**plain["write"], "enable": {**plain["write"]["enable"], "cadence": "once"}}
    profile = load("sunspec-storage", write=write)
    runs = write_runs(profile, profile.write_order)
    assert [[point.name for point in run.points] for run in runs] == [["enable"], ["unit_mode", "power"], ["heartbeat"]]


@pytest.mark.integration
@pytest.mark.req("LH-MODB-002")
async def test_a_device_that_knows_single_writes_only_gets_fc6() -> None:
    plain = load("sunspec-storage", timeout=0.3).model_dump(by_alias=True)
    power = {"register": "holding 40249", "type": "int16", "scale": 100, "unit": "W"}
    enable = {"register": "holding 40247", "type": "uint16", "constant": 1}
    profile = load(
        "sunspec-storage", timeout=0.3, write={"enable": enable, "power": power}, write_order=["enable", "power"],
        write_function="single", watchdog=None, read={**plain["read"], "setpoint": power},
    )  # fmt: skip
    async with bench(profile, armed=False) as device:
        device.offer(-37.0)
        assert (await device.receipt()).status is WriteStatus.CONFIRMED
        asked = [(function, address) for function, address, _ in device.server.requests if function > 4]
        assert list(dict.fromkeys(asked)) == [(6, 40247), (6, 40249)]


@pytest.mark.integration
@pytest.mark.safety
@pytest.mark.hazard("row 15")
async def test_a_point_that_is_read_back_and_holds_something_else_makes_the_write_different() -> None:
    """Reliability §1.4: read back all: a device that drops the enable register would ignore the set-point."""
    plain = load("sunspec-storage", timeout=0.3).model_dump(by_alias=True)
    write = {**plain["write"], "enable": {**plain["write"]["enable"], "read_back": True}}
    async with bench(load("sunspec-storage", timeout=0.3, write=write)) as device:
        device.offer(50.0)
        assert (await device.receipt()).status is WriteStatus.CONFIRMED
        await device.server.put("holding 40247", 0)
        device.server.discard = True
        device.offer(50.0, tick=2)
        receipt = await device.receipt(2)
        assert receipt.status is WriteStatus.DIFFERENT
        assert receipt.detail == "`enable` holds 0, not 1"
