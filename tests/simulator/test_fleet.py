"""Several batteries in one process, each on every protocol at once: one plant each, whoever looks at it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from asyncua import Client, ua
from asyncua.ua.uaerrors import BadNoCommunication
from pymodbus.client import ModbusTcpClient

from simulator import build, cli
from tests.real.mosquitto import Mosquitto
from tests.simulator.test_process import started, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.req("LH-TEST-003")]


def _opcua(port: int, node: str, write: float | None = None) -> ua.DataValue:
    return asyncio.run(_asked(port, node, write))


async def _asked(port: int, node: str, write: float | None) -> ua.DataValue:
    async with Client(f"opc.tcp://127.0.0.1:{port}") as client:
        variable = client.get_node(node)
        if write is not None:
            await variable.write_value(ua.DataValue(ua.Variant(write, ua.VariantType.Double)))
        return await variable.read_data_value(raise_on_bad_status=False)


def test_two_batteries_on_every_protocol_at_once_are_two_plants_behind_one_meter(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    options = ("--assets", "2", "--storage", "all", "--profile", "simulator", "--broker", mosquitto.url, "--gateway")
    with started(tmp_path, *options, "--load", "0", "--pv", "0") as simulator:
        ready = json.loads((tmp_path / "ready.json").read_text())
        assert [(one["id"], one["unit"], one["node"], one["topic"]) for one in ready["assets"]] == [
            ("bess1", 1, "ns=2;s=bess1", "battery/bess1"), ("bess2", 2, "ns=2;s=bess2", "battery/bess2"),
        ]  # fmt: skip
        url = f"http://127.0.0.1:{simulator.control_port}"
        with ModbusTcpClient("127.0.0.1", port=simulator.modbus_port, timeout=2.0, retries=0) as client:
            assert not client.write_registers(200, [400], device_id=2).isError()
            assert not client.write_registers(202, [3], device_id=2).isError()
            wait_for(lambda: client.read_holding_registers(110, count=1, device_id=2).registers == [400])
            assert client.read_holding_registers(110, count=1, device_id=1).registers == [0]
            wait_for(lambda: httpx.get(f"{url}/state").json()["grid"]["poc_kw"] == 40.0)
            power = _opcua(ready["opcua_port"], "ns=2;s=bess2.ActivePower")
            assert power.Value is not None
            assert power.Value.Value == 40.0
            wait_for(lambda: all(f"'battery/{name}/telemetry'" in mosquitto.log for name in ("bess1", "bess2")))
            simulator.fault("cable", on=True, asset="bess2")
            wait_for(lambda: client.read_holding_registers(110, count=1, device_id=2).isError())
            assert client.read_holding_registers(110, count=1, device_id=2).exception_code == 11
            assert not client.read_holding_registers(110, count=1, device_id=1).isError()
        lost = _opcua(ready["opcua_port"], "ns=2;s=bess2.ActivePower")
        assert lost.StatusCode is not None
        assert lost.StatusCode.is_bad()
        with pytest.raises(BadNoCommunication):
            _opcua(ready["opcua_port"], "ns=2;s=bess2.SetpointRequest", write=10.0)
        there = _opcua(ready["opcua_port"], "ns=2;s=bess1.ActivePower")
        assert there.Value is not None
        state = httpx.get(f"{url}/state").json()["assets"]
        assert (state["bess1"]["faults"]["cable"]["on"], state["bess2"]["faults"]["cable"]["on"]) == (False, True)


def test_each_battery_has_a_server_of_its_own_that_alone_is_cut(tmp_path: Path) -> None:
    with started(tmp_path, "--assets", "2", "--profile", "simulator-hil", "--asset", "rack7") as simulator:
        ports = {one["id"]: one["modbus_port"] for one in json.loads((tmp_path / "ready.json").read_text())["assets"]}
        assert list(ports) == ["rack7", "rack8"]
        simulator.fault("cable", on=True, asset="rack7")
        wait_for(lambda: not simulator.state()["modbus"]["serving"])
        with ModbusTcpClient("127.0.0.1", port=ports["rack8"], timeout=2.0, retries=0) as client:
            said = client.read_input_registers(1, count=18, device_id=1).registers
            numbers = client.convert_from_registers(said, client.DATATYPE.FLOAT32, word_order="little")
            assert isinstance(numbers, list)
            power, _, volts, hertz, _, available, soc, soh, _ = numbers
        assert (power, volts, available, soc, soh) == pytest.approx((0.0, 1.0, 1.0, 55.0, 98.6))
        assert hertz == pytest.approx(50.0, abs=0.2)


def test_a_scenario_is_played_from_the_start_and_names_the_battery(tmp_path: Path) -> None:
    text = "name: low\nsteps: [ { at: 0 s, set: { soc: 12.5 % } }, { at: 1 h, begin: [local] } ]\n"
    (tmp_path / "low.yaml").write_text(text)
    with started(tmp_path, "--scenario", str(tmp_path / "low.yaml"), "--speed", "3600") as simulator:
        wait_for(lambda: simulator.state()["scenario"]["ended"])
        wait_for(lambda: not simulator.state()["battery"]["remote"])
        assert simulator.state()["battery"]["soc_percent"] == pytest.approx(12.5)
        values = {"soc_percent": 80.0, "load_kw": 20.0, "pv_kw": 5.0}
        httpx.post(f"http://127.0.0.1:{simulator.control_port}/values", json=values).raise_for_status()
        wait_for(lambda: simulator.state()["grid"]["poc_kw"] == -15.0)
        assert simulator.state()["battery"]["soc_percent"] == pytest.approx(80.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--assets", "2", "--node", "ns=2;s=ESS"], "--node ns=2;s=ESS is the same for every battery"),
        (["--assets", "2", "--topic", "t"], "--topic t is the same for every battery"),
        (["--assets", "2", "--modbus-port", "65535"], "2 servers from port 65535 on are too many"),
        (["--node", "here"], "--node here: this is not a node id"),
        (["--storage", "all"], "mqtt-storage speaks mqtt: name its broker"),
        (["--storage", "modbus,opcua", "--profile", "simulator,mqtt-storage"], "speaks mqtt, not modbus, opcua"),
        (["--scenario", "no-such.yaml"], "no-such.yaml"),
        (["--scenario", "no-such.json"], "no-such.json: cannot be read"),
    ],
)
def test_why_a_fleet_cannot_start_is_one_line(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BESS_PIPELINE_DATA", raising=False)
    assert cli.main(options) == cli.CANNOT_START
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_the_state_of_charge_of_each_battery_is_kept(tmp_path: Path) -> None:
    options = cli.parser().parse_args(["--assets", "2", "--soc", "30", "--state-file", str(tmp_path / "kept.json")])
    made = build.plants(options, build.profiles(options), None, 0.0)
    (tmp_path / "kept.json").write_text(json.dumps(build.kept(made) | {"soc_percent": 1.0}))
    assert build.kept_soc_pct(tmp_path / "kept.json") == {"": 1.0, "bess1": 30.0, "bess2": 30.0}
    again = build.plants(options, build.profiles(options), None, 0.0)
    assert [plant.value("soc") for plant in again.values()] == pytest.approx([30.0, 30.0])
