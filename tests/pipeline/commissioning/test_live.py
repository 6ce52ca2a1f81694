"""`check --live` against a real Modbus server and a real broker: what is there is told, and nothing is ever written."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from config.catalogue import profile
from jit.twins import on_twins
from pipeline.check import check
from pipeline.commissioning.listening import NeverWrittenError, ReadOnly, listen
from pipeline.commissioning.verb import check_live
from pipeline.exits import Exit
from tests.real.modbus import Server, load
from tests.real.mosquitto import Mosquitto, mosquitto
from tests.real.observer import Observer

__all__ = ["mosquitto"]
pytestmark = [pytest.mark.req("LH-CONF-002", "LH-SAFE-007"), pytest.mark.integration]

READING = {1, 2, 3, 4}


def site(tmp_path: Path, battery: str, identity: str = "", more: str = "") -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(f"""
version: 1
site: {{ name: plant }}
{more}
assets:
  bess1:
    {battery}
    {identity}
    rated: {{ charge: 250 kW, discharge: 250 kW, energy: 500 kWh }}
    soc: {{ min: 10 %, max: 90 % }}
    temperature: {{ min: 0 °C, max: 50 °C }}
    ramp: {{ up: 50 kW/s, down: 50 kW/s }}
requests: [{{ idle: 0 kW }}]
""", encoding="utf-8")
    return path


async def test_a_modbus_battery_is_told_and_never_written(tmp_path: Path) -> None:
    async with Server(profile("sunspec-storage")) as server:
        await server.put_sample()
        server.requests.clear()
        found = check(site(tmp_path, f"profile: sunspec-storage\n    connect: {server.url()}"))
        assert found.definition is not None, found.diagnostics
        with on_twins():
            heard = await listen(found.definition, found.profiles, 1.5)
        assert {function for function, _, _ in server.requests} <= READING
    assert len(heard["bess1"].readings) >= 2


async def test_the_verb_shows_what_a_device_says_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = {"firmware": {"register": "holding 41000", "length": 2, "label": "Firmware"}}
    declared = f"profiles: {{ acme: {{ extends: sunspec-storage, texts: {json.dumps(texts)} }} }}"
    async with Server(load("sunspec-storage", texts=texts)) as server:
        await server.put_sample()
        await server.put("holding 41000", 0x322E, 0x3137)
        found = check(site(tmp_path, f"profile: acme\n    connect: {server.url()}", more=declared))
        assert found.definition is not None, found.diagnostics
        with on_twins():
            await asyncio.to_thread(check_live, found, 1.5, deny_warnings=False, in_json=False)
        said = capsys.readouterr().out
        assert any(line.split() == ["firmware", "2.17"] for line in said.splitlines()), said


async def test_the_verb_names_what_is_wrong_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sample discharges with 80 kW; another serial number answers than is asked for."""
    async with Server(profile("sunspec-storage")) as server:
        await server.put_sample()
        await server.put("holding 40052", *(0x4142,) * 16)
        found = check(site(tmp_path, f"profile: sunspec-storage\n    connect: {server.url()}",
                           "identity: { serial: ACME-1 }"))  # fmt: skip
        with on_twins():
            code = await asyncio.to_thread(check_live, found, 1.5, deny_warnings=False, in_json=True)
    told = json.loads(capsys.readouterr().out)
    assert code == Exit.FAILED
    assert told["devices"]["bess1"]["power"]["shown"] == "80 kW discharging"
    assert any("another device answers" in finding["text"] for finding in told["findings"])


async def test_a_battery_on_mqtt_is_told_from_its_messages(mosquitto: Mosquitto, tmp_path: Path) -> None:
    battery = "profile: mqtt-storage\n    connect: broker\n    topic: plant/bess1"
    path = site(tmp_path, battery, more=f"connections: {{ broker: {{ url: '{mosquitto.url}' }} }}")
    found = check(path)
    assert found.definition is not None, found.diagnostics
    payload = json.loads(str(profile("mqtt-storage").sample["payload"]))
    with on_twins():
        listening = asyncio.create_task(listen(found.definition, found.profiles, 5.0))
        async with Observer(mosquitto.url) as device:
            while not listening.done():
                device.publish("plant/bess1/telemetry", payload)
                await asyncio.wait({listening}, timeout=0.2)
            assert not device.on("plant/bess1/command")
    assert (await listening)["bess1"].readings


def test_nothing_answers_is_an_exit_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = check(site(tmp_path, "profile: sunspec-storage\n    connect: modbus-tcp://127.0.0.1:1/1"))
    with on_twins():
        assert check_live(found, 1.0, deny_warnings=False, in_json=False) == Exit.UNREACHABLE
    assert "says nothing" in capsys.readouterr().out


async def test_a_write_is_refused_before_a_byte_leaves() -> None:
    connection = ReadOnly("127.0.0.1", 1, clock=asyncio.get_running_loop().time)
    with pytest.raises(NeverWrittenError):
        await connection.write(1, "holding", 0, [1], allowed=lambda: True)
