"""The simulator as a process: it announces itself, serves, is driven, and ends cleanly."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymodbus.client import ModbusTcpClient

from simulator import cli
from simulator.build import kept_soc_pct
from tests.real.mosquitto import Mosquitto

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parent.parent.parent


def wait_for(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.05)
    pytest.fail(f"did not come true within {seconds} s")


class Running:
    def __init__(self, process: subprocess.Popen[str], ready: dict[str, Any]) -> None:
        self.process = process
        self.modbus_port, self.control_port, self.pid = ready["modbus_port"], ready["control_port"], ready["pid"]

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = httpx.get(f"http://127.0.0.1:{self.control_port}/state").json()
        return state

    def fault(self, name: str, **wish: object) -> None:
        httpx.post(f"http://127.0.0.1:{self.control_port}/faults/{name}", json=wish).raise_for_status()


@contextmanager
def started(tmp_path: Path, *options: str) -> Iterator[Running]:
    ready = tmp_path / "ready.json"
    environment = {name: value for name, value in os.environ.items() if name != "BESS_PIPELINE_DATA"}
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "--ready-file", str(ready), *options],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        wait_for(lambda: ready.exists() or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        yield Running(process, json.loads(ready.read_text()))
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.req("LH-TEST-003")
def test_it_announces_serves_obeys_and_ends(tmp_path: Path) -> None:
    with started(tmp_path, "--lively", "--soc", "60") as simulator:
        assert simulator.pid == simulator.process.pid
        with ModbusTcpClient("127.0.0.1", port=simulator.modbus_port, timeout=2.0, retries=0) as client:
            power = client.convert_to_registers(-1000, client.DATATYPE.INT32)
            assert not client.write_registers(40247, [1, 1, *power, 0, 0], device_id=1).isError()
            assert not client.write_registers(40306, [0, 1], device_id=1).isError()
            wait_for(lambda: simulator.state()["battery"]["power_kw"] == -100.0)
            simulator.fault("cable", on=True)
            wait_for(lambda: not simulator.state()["modbus"]["serving"])
            with pytest.raises(OSError, match="refused"):
                socket.create_connection(("127.0.0.1", simulator.modbus_port), timeout=1.0)
            simulator.fault("cable", on=False)
            wait_for(lambda: simulator.state()["modbus"]["serving"])
        socket.create_connection(("127.0.0.1", simulator.modbus_port), timeout=1.0).close()
        simulator.process.send_signal(signal.SIGTERM)
        out, err = simulator.process.communicate(timeout=10.0)
        assert simulator.process.returncode == 0, err
        assert out.startswith(f"simulator ready: modbus-tcp://127.0.0.1:{simulator.modbus_port}/1, control http://")
        assert len(out.splitlines()) == 1
        assert err == ""
        assert not (tmp_path / "ready.json").exists()


@pytest.mark.req("LH-TEST-003")
def test_no_broker_is_none_and_a_battery_on_mqtt_needs_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.parser().parse_args(["--broker", "none"]).broker is None
    assert cli.parser().parse_args(["--broker", ""]).broker is None
    assert cli.main(["--storage", "mqtt", "--broker", "none"]) == cli.CANNOT_START
    assert "mqtt-storage speaks mqtt: name its broker" in capsys.readouterr().err


@pytest.mark.req("LH-TEST-003")
def test_a_restart_drops_the_connection_once_and_forgets_the_reversion(tmp_path: Path) -> None:
    with started(tmp_path) as simulator:
        with ModbusTcpClient("127.0.0.1", port=simulator.modbus_port, timeout=2.0, retries=0) as client:
            for address, words in ((40256, [0, 10]), (40255, [1])):
                assert not client.write_registers(address, words, device_id=1).isError()
            wait_for(lambda: simulator.state()["battery"]["reverts_after_s"] == 10.0)
            simulator.fault("reset", on=True)
            wait_for(lambda: simulator.state()["battery"]["reverts_after_s"] is None)
        wait_for(lambda: simulator.state()["modbus"]["serving"])
        with ModbusTcpClient("127.0.0.1", port=simulator.modbus_port, timeout=2.0, retries=0) as client:
            assert client.read_holding_registers(40255, count=3, device_id=1).registers == [0, 0, 0]
            serial = client.read_holding_registers(40052, count=5, device_id=1).registers
            assert b"".join(word.to_bytes(2, "big") for word in serial) == b"SIM-000001"
        assert simulator.state()["writes"]["by_point"] == {"revert_after": 1, "revert_enable": 1}


@pytest.mark.req("LH-TEST-003")
def test_a_killed_plant_goes_on_from_the_same_state_of_charge(tmp_path: Path) -> None:
    kept = tmp_path / "plant.json"
    kept.write_text('{"soc_percent": 71.5}')
    for _ in range(2):
        (tmp_path / "ready.json").unlink(missing_ok=True)
        with started(tmp_path, "--state-file", str(kept), "--soc", "20") as simulator:
            assert simulator.state()["battery"]["soc_percent"] == pytest.approx(71.5)
            simulator.process.kill()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"soc_percent": "7"}', '{"soc_percent": 101}', '{"soc_percent": NaN}']
)
def test_a_kept_state_that_makes_no_sense_is_ignored(tmp_path: Path, text: str) -> None:
    (tmp_path / "plant.json").write_text(text)
    assert kept_soc_pct(tmp_path / "plant.json") == {}
    assert kept_soc_pct(tmp_path / "missing.json") == {}


@pytest.mark.req("LH-TEST-003", "LH-MQTT-001")
def test_without_a_broker_it_serves_and_finds_the_broker_later(tmp_path: Path, mosquitto: Mosquitto) -> None:
    mosquitto.kill()
    with started(tmp_path, "--storage", "mqtt", "--broker", mosquitto.url) as simulator:
        assert simulator.modbus_port is None
        assert simulator.state()["broker"] == {"url": mosquitto.url, "connected": False}
        mosquitto.start()
        wait_for(lambda: simulator.state()["broker"]["connected"])
        wait_for(lambda: "'battery/bess1/telemetry'" in mosquitto.log and "'demo/poc/meter/telemetry'" in mosquitto.log)
        simulator.process.send_signal(signal.SIGINT)
        assert simulator.process.wait(timeout=10.0) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--profile", "no-such"], "no-such.yaml: cannot be read"),
        (["--profile", "grid-meter"], "describes a meter, not a storage"),
        (["--profile", "mqtt-storage"], "speaks mqtt, not modbus"),
        (["--frequency", "no-such.csv"], "no-such.csv: cannot be read"),
        (["--broker", "http://x"], "a broker URL looks like"),
    ],
)
def test_why_it_cannot_start_is_one_line(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BESS_PIPELINE_DATA", raising=False)
    assert cli.main(options) == 2
    error = capsys.readouterr().err
    assert error.startswith("simulator: cannot start: ")
    assert message in error
    assert len(error.splitlines()) == 1


def test_a_taken_port_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert cli.main(["--modbus-port", port]) == 2
        assert cli.main(["--control-port", port]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert port in errors[0]


@pytest.mark.parametrize(
    "options", [["--soc", "120"], ["--capacity", "0"], ["--modbus-port", "70000"], ["--speed", "nan"]]
)
def test_options_out_of_range_are_refused(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        cli.main(options)
    assert refused.value.code == 2
    assert "is not between" in capsys.readouterr().err
