"""A real pymodbus client against the simulator's server: every point decodes by the library's own conversion."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from config.profile import Point, Profile
from simulator import points
from simulator.modbus import ModbusDevice
from simulator.plant import Plant
from simulator.registers import Cell, cell, decode, encode
from tests.simulator.conftest import a_plant, until

pytestmark = pytest.mark.integration

SUNSPEC = points.load("sunspec-storage")
METER = points.load("grid-meter")
ODD = Profile.model_validate(
    {
        "name": "odd",
        "version": 1,
        "protocol": "modbus",
        "kind": "storage",
        "sign": "positive_is_charge",
        "addressing": "one_based",
        "read": {
            "soc": {"register": "input 1", "type": "float32", "word_order": "little", "unit": "%"},
            "power": {"register": "input 3", "type": "int32", "word_order": "little", "scale": 10, "unit": "W"},
            "setpoint": {"register": "holding 1", "type": "int32", "word_order": "little", "scale": 10, "unit": "W"},
            "dc_voltage": {"register": "input 10", "type": "float64", "word_order": "little", "unit": "kV"},
            "temperature": {"register": "input 20", "type": "int16", "scale": 0.5, "offset": -40, "unit": "°C"},
            "available": {"register": "discrete 8", "type": "bool", "yes": [1]},
            "remote": {"register": "coil 5", "type": "bool", "yes": [1]},
            "heartbeat": {"register": "input 30", "type": "uint16"},
        },
        "write": {
            "power": {"register": "holding 1", "type": "int32", "word_order": "little", "scale": 10, "unit": "W"},
            "mode": {"register": "holding 3", "type": "uint16", "values": {0: "stop", 1: "run"}},
        },
        "write_order": ["power", "mode"],
        "watchdog": {"point": "power", "reverts_after": "10 s"},
    }
)
Client = AsyncModbusTcpClient


@asynccontextmanager
async def serving(
    plant: Plant, storage: Profile | None = SUNSPEC, meter: Profile | None = None
) -> AsyncIterator[tuple[ModbusDevice, Client]]:
    device = ModbusDevice([(plant, profile) for profile in (storage, meter) if profile is not None], "127.0.0.1", 0)
    await device.start()
    client = Client(
        "127.0.0.1", port=device.port, timeout=1.0, retries=0, reconnect_delay=0.05, reconnect_delay_max=0.2
    )
    try:
        assert await client.connect()
        yield device, client
    finally:
        client.close()
        await device.cut()


async def words(client: Client, place: Cell, unit: int = 1) -> list[int]:
    if place.table in ("coil", "discrete"):
        call = client.read_coils if place.table == "coil" else client.read_discrete_inputs
        bits: Any = await call(place.address, count=1, device_id=unit)
        assert not bits.isError(), bits
        return [int(bits.bits[0])]
    read = client.read_holding_registers if place.table == "holding" else client.read_input_registers
    answer: Any = await read(place.address, count=place.words, device_id=unit)
    assert not answer.isError(), answer
    return list(answer.registers)


async def seen(client: Client, profile: Profile, name: str, unit: int = 1) -> float:
    """A point in the device's engineering units, by pymodbus' own conversion."""
    point = profile.read[name]
    raw = await words(client, cell(profile, name, point), unit)
    if point.type == "bool":
        return float(raw[0])
    kind = getattr(Client.DATATYPE, point.type.upper())
    number = Client.convert_from_registers(raw, kind, word_order=point.word_order or "big")
    assert isinstance(number, int | float)
    return number * point.scale + point.offset


async def put(client: Client, profile: Profile, name: str, number: float, unit: int = 1) -> Any:
    point = profile.write[name]
    kind = getattr(Client.DATATYPE, point.type.upper())
    encoded = Client.convert_to_registers(round(number / point.scale), kind, word_order=point.word_order or "big")
    return await client.write_registers(cell(profile, name, point).address, encoded, device_id=unit)


def settle(plant: Plant, seconds: float) -> None:
    for _ in range(round(seconds * 10)):
        plant.advance(0.1)


@pytest.mark.req("LH-MODB-001", "LH-TEST-003")
async def test_every_point_of_the_sunspec_profile_decodes(plant: Plant) -> None:
    plant.write("power", 80.0)
    settle(plant, 5.0)
    async with serving(plant) as (_, client):
        said = {name: value for name, value in plant.reported().values.items() if name in SUNSPEC.read}
        factors = {"W": 1000.0, "var": 1000.0}
        for name, value in said.items():
            expected = value * factors.get(SUNSPEC.read[name].unit, 1.0) if value is not None else None
            assert await seen(client, SUNSPEC, name) == pytest.approx(
                expected, abs=SUNSPEC.read[name].scale / 2 + 1e-9
            ), name
        assert await seen(client, SUNSPEC, "power") == 80_000
        assert await seen(client, SUNSPEC, "state") == 3
        assert await seen(client, SUNSPEC, "available") == 3
        assert await seen(client, SUNSPEC, "remote") == 0
        assert await seen(client, SUNSPEC, "alarms") == 0
        assert await seen(client, SUNSPEC, "heartbeat") == 50


@pytest.mark.req("LH-MODB-003", "LH-MODB-004")
async def test_a_device_of_other_habits_decodes_too() -> None:
    plant = a_plant(feeds="power")
    plant.write("power", 80.0)
    settle(plant, 5.0)
    async with serving(plant, ODD) as (_, client):
        assert await seen(client, ODD, "power") == -80_000  # this device counts charging as +
        assert await seen(client, ODD, "setpoint") == -80_000
        assert await seen(client, ODD, "soc") == pytest.approx(plant.reported().values["soc"], rel=1e-6)
        assert await seen(client, ODD, "dc_voltage") == pytest.approx(
            (plant.reported().values["dc_voltage"] or 0) / 1000
        )
        assert await seen(client, ODD, "temperature") == pytest.approx(25.0)
        assert await seen(client, ODD, "available") == 1
        assert await seen(client, ODD, "remote") == 1
        assert not (await put(client, ODD, "power", 100_000)).isError()  # charge 100 kW
        assert plant.state.battery.setpoint_kw == -100.0
        assert not (await put(client, ODD, "mode", 0)).isError()
        assert plant.state.battery.setpoint_kw == 0.0


@pytest.mark.req("LH-MODB-001")
async def test_the_meter_is_a_unit_of_its_own(plant: Plant) -> None:
    plant.write("power", 100.0)
    settle(plant, 5.0)
    async with serving(plant, SUNSPEC, METER) as (_, client):
        poc = plant.state.grid.poc_kw
        assert await seen(client, METER, "power", unit=2) == pytest.approx(-1000.0 * poc, rel=1e-6)  # + = drawing
        assert await seen(client, METER, "frequency", unit=2) == pytest.approx(plant.state.grid.frequency_hz, abs=1e-5)
        assert await seen(client, METER, "heartbeat", unit=2) == 50


@pytest.mark.req("LH-MODB-002", "LH-TEST-003")
async def test_a_written_setpoint_moves_the_plant_and_reads_back(plant: Plant) -> None:
    async with serving(plant) as (device, client):
        for name in (*SUNSPEC.arm, *SUNSPEC.write_order):
            constant = SUNSPEC.write[name].constant
            number = {"power": -120_500.0, "heartbeat": 7.0}.get(name, constant)
            assert number is not None
            assert not (await put(client, SUNSPEC, name, number)).isError(), name
        assert await seen(client, SUNSPEC, "setpoint") == -120_500  # at once, not at the next refresh
        settle(plant, 5.0)
        await device.refresh()
        assert await seen(client, SUNSPEC, "power") == -120_500
        assert plant.state.battery.power_kw == pytest.approx(-120.5)
        assert (plant.model.battery.reverts_after_s, plant.writes.refused) == (10.0, 0)


@pytest.mark.req("LH-MODB-002")
async def test_several_points_in_one_request_act_together(plant: Plant) -> None:
    async with serving(plant) as (_, client):
        power = Client.convert_to_registers(500, Client.DATATYPE.INT32)
        block = [1, 1, *power, 0, 0]  # enable, unit_mode, power, revert_power
        answer: Any = await client.write_registers(40247, block, device_id=1)
        assert not answer.isError()
        assert plant.state.battery.setpoint_kw == 50.0


@pytest.mark.safety
@pytest.mark.req("LH-SAFE-007")
async def test_a_setpoint_beyond_the_rating_is_refused_and_nothing_of_the_request_acts(plant: Plant) -> None:
    async with serving(plant) as (_, client):
        await put(client, SUNSPEC, "power", 10_000)
        block = [0, 1, *Client.convert_to_registers(2600, Client.DATATYPE.INT32), 0, 0]
        answer: Any = await client.write_registers(40247, block, device_id=1)
        assert (answer.isError(), answer.exception_code) == (True, 3)
        assert plant.state.battery.setpoint_kw == 10.0
        assert await seen(client, SUNSPEC, "setpoint") == 10_000


@pytest.mark.req("LH-MODB-005")
@pytest.mark.parametrize(
    ("address", "values"),
    [(40250, [5]), (40296, [500]), (40075, [1]), (40249, [0, 1, 0])],
    ids=["half a set-point", "a measurement", "an undeclared register", "one and a half points"],
)
async def test_writes_that_do_not_cover_whole_points_are_illegal(plant: Plant, address: int, values: list[int]) -> None:
    async with serving(plant) as (_, client):
        answer: Any = await client.write_registers(address, values, device_id=1)
        assert (answer.isError(), answer.exception_code) == (True, 2)
        assert plant.state.battery.setpoint_kw == 0.0


@pytest.mark.req("LH-MODB-005")
async def test_undeclared_registers_are_illegal_addresses(plant: Plant) -> None:
    async with serving(plant) as (_, client):
        for address, count in ((0, 1), (40075, 1), (40080, 3), (65_535, 1)):
            answer: Any = await client.read_holding_registers(address, count=count, device_id=1)
            assert (answer.isError(), answer.exception_code) == (True, 2), address


@pytest.mark.req("LH-TEST-003")
async def test_a_device_that_has_no_soc_sends_its_sentinel(plant: Plant) -> None:
    plant.board.switch("nan", True, 0.0)
    plant.advance(0.1)
    async with serving(plant) as (_, client):
        assert await words(client, cell(SUNSPEC, "soc", SUNSPEC.read["soc"])) == [0xFFFF]


@pytest.mark.req("LH-TEST-003")
async def test_a_frozen_device_answers_its_old_page_and_loses_writes(plant: Plant) -> None:
    async with serving(plant) as (device, client):
        await put(client, SUNSPEC, "power", 50_000)
        settle(plant, 3.0)
        await device.refresh()
        page = {name: await seen(client, SUNSPEC, name) for name in SUNSPEC.read}
        plant.board.switch("freeze", True, plant.state.uptime_s)
        settle(plant, 1.0)
        assert not (await put(client, SUNSPEC, "power", 10_000)).isError()
        settle(plant, 20.0)
        await device.refresh()
        assert {name: await seen(client, SUNSPEC, name) for name in SUNSPEC.read} == page
        assert plant.state.battery.power_kw == 0.0  # the real device lost its heartbeat meanwhile
        plant.board.switch("freeze", False, plant.state.uptime_s)
        plant.advance(0.1)
        await device.refresh()
        assert await seen(client, SUNSPEC, "heartbeat") > page["heartbeat"]


@pytest.mark.req("LH-TEST-003")
async def test_local_control_and_alarm_show_in_their_registers(plant: Plant) -> None:
    plant.board.switch("local", True, 0.0)
    plant.board.switch("alarm", True, 0.0)
    plant.board.switch("unavailable", True, 0.0)
    plant.board.switch("over_temperature", True, 0.0)
    settle(plant, 20.0)
    async with serving(plant) as (_, client):
        assert await seen(client, SUNSPEC, "remote") == 1
        assert await seen(client, SUNSPEC, "available") == 1  # disconnected
        assert await seen(client, SUNSPEC, "state") == 6
        assert int(await seen(client, SUNSPEC, "alarms")) == 1 << 20 | 1 << 2  # contactor, temperature warning
        assert await seen(client, SUNSPEC, "temperature") == pytest.approx(60.0)
        assert not (await put(client, SUNSPEC, "power", 10_000)).isError()
        assert await seen(client, SUNSPEC, "setpoint") == 0


@pytest.mark.req("LH-TEST-003")
async def test_a_cut_cable_drops_and_refuses_and_the_same_port_returns(plant: Plant) -> None:
    async with serving(plant) as (device, client):
        port = device.port
        await device.cut()
        await until(lambda: not client.connected)
        with pytest.raises(ModbusException):
            await client.read_holding_registers(40296, count=1, device_id=1)
        other = Client("127.0.0.1", port=port, timeout=0.5, retries=0)
        assert not await other.connect()
        other.close()
        await device.refresh()  # nothing to refresh, nothing raised
        await device.restore()
        await device.restore()
        assert (device.serving, device.port) == (True, port)
        await until(lambda: client.connected)
        assert await seen(client, SUNSPEC, "soc") == pytest.approx(50.0)


async def test_a_port_that_is_taken_is_an_error(plant: Plant) -> None:
    async with serving(plant) as (device, _):
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{device.port}"):
            await ModbusDevice([(plant, SUNSPEC)], "127.0.0.1", device.port).start()


#: A code of which the plant knows nothing says that nothing is wrong.
_CODE = {"uint16": [0], "int16": [0], "float32": [0x7FC0, 0]}


@pytest.mark.req("LH-MODB-004")
@pytest.mark.parametrize(
    ("kind", "order", "number", "expected"),
    [
        ("int16", None, -1.0, [0xFFFF]),
        ("int16", None, 1e9, [0x7FFF]),
        ("uint16", None, -5.0, [0]),
        ("int32", "big", -2.0, [0xFFFF, 0xFFFE]),
        ("int32", "little", -2.0, [0xFFFE, 0xFFFF]),
        ("float32", "big", 1.5, [0x3FC0, 0]),
        ("uint64", "little", 1.0, [1, 0, 0, 0]),
        ("uint16", None, None, [0xFFFF]),
        ("int16", None, None, [0x8000]),
        ("float32", "big", None, [0x7FC0, 0]),
    ],
)
def test_words_of_numbers(kind: str, order: str | None, number: float | None, expected: list[int]) -> None:
    point = Point.model_validate({"type": kind, "word_order": order, "unit": "kW"})
    assert encode(point, number) == expected
    assert encode(point.model_copy(update={"unit": ""}), number) == (expected if number is not None else _CODE[kind])
    if number is not None and abs(number) < 1e6 and number > -3:
        assert decode(point, expected) == number


def test_a_number_never_looks_like_the_sentinel() -> None:
    assert encode(Point(type="uint16", sentinels=[0xFFFF]), 65_535.0) == [0xFFFE]
    assert encode(Point(type="int16", sentinels=[-32768]), -40_000.0) == [0x8001]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"register_": "holding"}, "is not a register"),
        ({"register_": "tape 5"}, "is not"),
        ({"register_": "input 65535"}, "outside"),
    ],
)
def test_a_profile_that_cannot_be_served_is_refused(plant: Plant, change: dict[str, str], message: str) -> None:
    point = SUNSPEC.read["heartbeat"].model_copy(update=change)
    broken = SUNSPEC.model_copy(update={"read": {"heartbeat": point}})
    with pytest.raises(points.ProfileError, match=message):
        ModbusDevice([(plant, broken)], "127.0.0.1", 0)
