"""The end of a process, seen from the device: killed, told to end, and told to end while the device is away.

    bess-pipeline run --arm ──Modbus, MQTT, OPC UA──► simulated battery in a process of its own ──its door──► this test

What is waited for are conditions of the device; its reversion is shortened to 5 s to keep the wait short.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.exits import Exit
from tests.conftest import ROOT
from tests.real.mosquitto import Mosquitto, mosquitto
from tests.real.observer import Observer
from tests.real.until import until

__all__ = ["mosquitto"]
pytestmark = [
    pytest.mark.integration,
    pytest.mark.safety,
    pytest.mark.timeout(240),
    pytest.mark.req("LH-OPS-002", "LH-SAFE-001", "LH-NF-004", "LH-MODB-002", "LH-MQTT-003", "LH-OPCUA-002"),
]
PROTOCOLS = ["modbus", "mqtt", "opcua"]
WAIT_S = 90.0  # starting a process on a busy machine

SITE = """\
version: 1
site: { name: gone }
state_dir: STATE
chain: { command: { valid_for: 3 s } }
connections: { broker: { url: "BROKER" }, ess: { url: "opc.tcp://127.0.0.1:OPCUA" } }
assets:
  bess1:
    profile: fast
    connect: CONNECT
    rated: { charge: 250 kW, discharge: 250 kW, energy: 500 kWh }
    ramp: 500 kW/s
    identity: { serial: SIM-000001 }
requests:
  - day_ahead: { from: broker, topic: gone/day-ahead, ttl: 26 h }
  - idle: 0 kW
profiles:
  fast:
"""


def profile(protocol: str) -> str:
    """The profile that ships, with a reversion after 5 s."""
    name = {"modbus": "sunspec-storage", "mqtt": "mqtt-storage", "opcua": "opcua-ess"}[protocol]
    text = (ROOT / f"config/profiles/{name}.yaml").read_text()
    return text.replace("constant: 10 }", "constant: 5 }").replace("reverts_after: 10 s", "reverts_after: 5 s")


class Plant:
    """The simulator's own door: what the battery truly does."""

    def __init__(self, port: int) -> None:
        self.door = f"http://127.0.0.1:{port}"

    def state(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.door}/state", timeout=5.0) as answer:  # noqa: S310
            state: dict[str, Any] = json.loads(answer.read())
            return state

    def battery(self) -> dict[str, Any]:
        battery: dict[str, Any] = self.state()["battery"]
        return battery

    def power_kw(self) -> float:
        return float(self.battery()["power_kw"])

    def pull_the_cable(self, *, out: bool = True) -> float:
        """Out, or in again. Returns the plant's own time, in which it acts at its next step."""
        body = json.dumps({"on": out}).encode()
        request = urllib.request.Request(  # noqa: S310
            f"{self.door}/faults/cable", body, {"content-type": "application/json"})  # fmt: skip
        urllib.request.urlopen(request, timeout=5.0).close()  # noqa: S310
        return float(self.state()["uptime_s"])


@contextmanager
def ended(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "BESS_PIPELINE_PLAIN": "1"}
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, env=environment, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


class Running:
    def __init__(self, plant: Plant, pipeline: subprocess.Popen[bytes], log: Path) -> None:
        self.plant, self.pipeline, self._log = plant, pipeline, log

    @property
    def log(self) -> str:
        return self._log.read_text()

    async def gone(self) -> int:
        await until(lambda: self.pipeline.poll() is not None, WAIT_S)
        return self.pipeline.returncode


@contextmanager
def discharging(protocol: str, folder: Path, broker: Mosquitto) -> Iterator[Running]:
    """A pipeline that is armed and a battery that follows it, both in processes of their own."""
    yaml, ready = folder / "fast.yaml", folder / "ready.json"
    yaml.write_text(profile(protocol))
    options = ["--storage", protocol, "--profile", str(yaml), "--ready-file", str(ready)]
    options += ["--broker", broker.url] if protocol == "mqtt" else []
    with ExitStack() as stack:
        simulator = stack.enter_context(ended([sys.executable, "-m", "simulator", *options], folder / "plant.log"))
        while not ready.exists():
            assert simulator.poll() is None, (folder / "plant.log").read_text()
        ports = json.loads(ready.read_text())
        connect = {
            "modbus": f"modbus-tcp://127.0.0.1:{ports['modbus_port']}/1",
            "mqtt": "broker\n    topic: battery/bess1",
            "opcua": 'ess\n    node: "ns=2;s=ESS"',
        }[protocol]
        text = SITE.replace("BROKER", broker.url).replace("CONNECT", connect)
        text = text.replace("OPCUA", str(ports["opcua_port"] or 4840))
        body = "".join(f"    {line}\n" for line in profile(protocol).splitlines() if not line.startswith("name:"))
        (folder / "site.yaml").write_text(text.replace("STATE", str(folder / "state")) + body)
        command = [sys.executable, "-m", "pipeline", "run", "--arm", str(folder / "site.yaml")]
        pipeline = stack.enter_context(ended(command, folder / "pipeline.log"))
        yield Running(Plant(ports["control_port"]), pipeline, folder / "pipeline.log")


async def at_full_power(running: Running, broker: Mosquitto) -> None:
    """80 kW by a schedule that covers yesterday to tomorrow."""
    now = datetime.now(UTC).replace(microsecond=0)
    start, issued, end = (f"{now + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in (-1, 0, 1))
    windows = [{"start": start, "end": end, "target_power_kw": 80.0}]
    schedule = {"type": "day_ahead", "market_bid_area": "DE-LU", "version": 1, "issued_at": issued, "windows": windows}
    async with Observer(broker.url) as market:
        market.publish("gone/day-ahead", schedule, retain=True)
        await market.settled()
    await until(lambda: running.plant.power_kw() == 80.0 or running.pipeline.poll() is not None, WAIT_S)
    assert running.pipeline.poll() is None, running.log


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.hazard("row 11", "H5i")
async def test_h5i_a_process_that_is_killed_leaves_the_device_at_its_reversion_value(
    protocol: str, tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """Reliability H5i, §2 row 11: SIGKILL while discharging; the device goes to 0 kW by itself."""
    with discharging(protocol, tmp_path, mosquitto) as running:
        await at_full_power(running, mosquitto)
        assert running.plant.battery()["reverts_after_s"] == 5.0
        running.pipeline.send_signal(signal.SIGKILL)
        assert await running.gone() == -signal.SIGKILL
        await until(lambda: running.plant.power_kw() == 0.0, 30.0)
        assert running.plant.battery()["reverted"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.hazard("H6i", "peer 12")
async def test_h6i_sigterm_ends_in_0_kw_written_and_confirmed(
    protocol: str, tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """Reliability H6i: 0 kW is what the device holds when the process is gone; it did not have to revert."""
    with discharging(protocol, tmp_path, mosquitto) as running:
        await at_full_power(running, mosquitto)
        running.pipeline.send_signal(signal.SIGTERM)
        assert await running.gone() == Exit.OK, running.log
        battery = running.plant.battery()
        assert (battery["setpoint_kw"], battery["reverted"]) == (0.0, False)
        assert "0 kW written and confirmed" in running.log


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.hazard("H6i")
async def test_h6i_sigterm_with_the_cable_out_says_so_and_leaves_it_to_the_reversion(
    protocol: str, tmp_path: Path, mosquitto: Mosquitto
) -> None:
    with discharging(protocol, tmp_path, mosquitto) as running:
        await at_full_power(running, mosquitto)
        pulled_s = running.plant.pull_the_cable()
        await until(lambda: running.plant.state()["uptime_s"] > pulled_s + 0.3)
        running.pipeline.send_signal(signal.SIGTERM)
        assert await running.gone() == Exit.UNCONFIRMED, running.log
        assert "0 kW was not confirmed within 3" in running.log
        await until(lambda: running.plant.power_kw() == 0.0, 30.0)


@pytest.mark.req("LH-OPCUA-001", "LH-OPCUA-003", "LH-PROT-003")
@pytest.mark.hazard("row 10")
async def test_a_server_on_opc_ua_that_goes_and_comes_back_is_followed_again(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """Reliability §2 row 10: the server drops every connection; the device reverts, and is led again afterwards."""
    with discharging("opcua", tmp_path, mosquitto) as running:
        await at_full_power(running, mosquitto)
        running.plant.pull_the_cable()
        await until(lambda: running.plant.power_kw() == 0.0, 30.0)
        assert running.plant.battery()["reverted"]
        running.plant.pull_the_cable(out=False)
        await until(lambda: running.plant.power_kw() == 80.0, WAIT_S)
        running.pipeline.send_signal(signal.SIGTERM)
        assert await running.gone() == Exit.OK, running.log
        assert running.plant.battery()["setpoint_kw"] == 0.0
