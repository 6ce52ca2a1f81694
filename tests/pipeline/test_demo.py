"""The demo as its user meets it: one command, real processes, one address, and an end at 0 kW."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipeline import broker
from pipeline.demo import (
    TOKENS,
    DemoError,
    Options,
    answers,
    claimed,
    finished,
    free_ports,
    is_free,
    make_secrets,
    prepare,
    tail,
)
from pipeline.exits import Exit
from tests.real.until import until

START_S = 90.0


class Demo:
    """A running `bess-pipeline demo` and what it said."""

    def __init__(self, state: Path, *options: str) -> None:
        self.state = state
        command = [sys.executable, "-P", "-m", "pipeline", "demo", "--state", str(state), "--json", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.place: dict[str, str] = json.loads(self.process.stdout.readline())

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.place["url"] + path, timeout=5.0) as answer:  # noqa: S310
            return json.loads(answer.read())

    def post(self, path: str, body: dict[str, Any]) -> int:
        token = Path(self.place["secrets"], "operator_token").read_text()
        request = urllib.request.Request(  # noqa: S310
            self.place["url"] + path, json.dumps(body).encode(),
            {"authorization": f"Bearer {token}", "content-type": "application/json"})  # fmt: skip
        with urllib.request.urlopen(request, timeout=5.0) as answer:  # noqa: S310
            return int(answer.status)

    def plant(self) -> dict[str, Any]:
        with urllib.request.urlopen(self.place["simulator_url"] + "state", timeout=5.0) as answer:  # noqa: S310
            value: dict[str, Any] = json.loads(answer.read())
            return value

    def battery(self) -> dict[str, Any]:
        """What the pipeline knows of the battery; nothing while it does not answer or has not begun."""
        with suppress(OSError):
            status: dict[str, Any] = self.get("battery/bess1/status")
            return status
        return {}

    def power_kw(self) -> float | None:
        value = self.battery().get("telemetry", {}).get("active_power_kw")
        return None if value is None else float(value)

    def processes(self) -> dict[str, int]:
        """The demo's children by what they run."""
        listed = subprocess.run(["ps", "-ww", "-o", "pid=,args=", "--ppid", str(self.process.pid)],
                                check=True, capture_output=True, text=True).stdout  # fmt: skip
        words = {"broker": "mosquitto -c", "simulator": "-m simulator", "database": "pipeline.database",
                 "pipeline": "-m pipeline run"}  # fmt: skip
        lines = listed.splitlines()
        return {name: int(line.split()[0]) for line in lines for name, word in words.items() if word in line}

    def end(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGINT)
        _, said = self.process.communicate(timeout=40.0)
        return self.process.returncode, said


@contextmanager
def demo(state: Path, *options: str) -> Iterator[Demo]:
    running = Demo(state, *options)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
            running.process.communicate(timeout=40.0)


@pytest.mark.integration
@pytest.mark.timeout(300)
@pytest.mark.req("LH-OPS-002", "LH-OPS-003", "LH-NF-004", "LH-API-006", "LH-KTX-002", "LH-MKT-001")
@pytest.mark.skipif(broker.mosquitto() is None, reason="mosquitto is not installed")
async def test_the_main_job(tmp_path: Path) -> None:
    """A schedule is followed; what is killed comes back; a stop outlives a restart; the end is 0 kW."""
    state = tmp_path / "demo"
    with demo(state) as running:
        await until(lambda: abs(running.power_kw() or 0.0) > 5.0, START_S, "power follows the schedule")
        names = running.processes()
        assert set(names) == {"broker", "simulator", "database", "pipeline"}
        for name in ("broker", "simulator", "database", "pipeline"):
            old = running.processes()[name]
            os.kill(old, signal.SIGKILL)
            again = partial(lambda name, old: running.processes().get(name, old) != old, name, old)
            await until(again, 15.0, f"{name} runs again")
        await until(lambda: abs(running.power_kw() or 0.0) > 5.0, START_S, "power after everything was killed once")
        assert running.post("operator/stop", {"reason": "a test stops it"}) == 200
        await until(lambda: abs(running.power_kw() or 99.0) < 0.5, 20.0, "0 kW after the stop")
        os.kill(running.processes()["pipeline"], signal.SIGKILL)
        await until(lambda: not answers(running.place["url"]), 20.0)
        await until(lambda: answers(running.place["url"]), 30.0)
        await until(lambda: running.battery().get("state") == "emergency_stop", 30.0, "still stopped")
        code, said = running.end()
    assert code == Exit.OK, said
    assert "0 kW" in said
    assert not (state / "simulator.json").exists()


@pytest.mark.integration
@pytest.mark.timeout(180)
@pytest.mark.req("LH-MQTT-001", "LH-MQTT-002", "LH-MQTT-005")
@pytest.mark.skipif(broker.mosquitto() is None, reason="mosquitto is not installed")
async def test_a_battery_over_mqtt(tmp_path: Path) -> None:
    with demo(tmp_path / "demo", "--battery", "mqtt") as running:
        await until(lambda: abs(running.power_kw() or 0.0) > 5.0, START_S, "power over MQTT")
        code, said = running.end()
    assert code == Exit.OK, said


async def test_one_state_folder_belongs_to_one_demo(tmp_path: Path) -> None:
    with claimed(tmp_path), pytest.raises(DemoError, match="another demo runs"), claimed(tmp_path):
        pass
    with claimed(tmp_path):
        pass


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not is_free(port)
        with pytest.raises(DemoError, match="in use"):
            prepare(Options(tmp_path, port=port), tmp_path, lambda line: None)
    assert len(set(free_ports(4))) == 4


@pytest.mark.req("LH-API-007")
def test_secrets_are_made_once_and_for_this_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    make_secrets(folder)
    tokens = {name: (folder / name).read_text() for name in TOKENS}
    assert len(set(tokens.values())) == len(TOKENS)
    assert all(len(token) >= 32 for token in tokens.values())
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all((folder / name).stat().st_mode & 0o777 == 0o600 for name in TOKENS)
    (folder / "viewer_token").write_text("")
    make_secrets(folder)
    assert (folder / "operator_token").read_text() == tokens["operator_token"]
    assert (folder / "viewer_token").read_text()


@pytest.mark.parametrize(
    ("code", "first", "exit_code"),
    [(0, True, Exit.OK), (0, False, Exit.OK), (75, True, Exit.UNCONFIRMED), (-9, True, Exit.UNCONFIRMED),
     (-15, True, Exit.OK), (-15, False, Exit.UNCONFIRMED), (None, True, Exit.OK), (None, False, Exit.UNCONFIRMED)],
)  # fmt: skip
@pytest.mark.req("LH-OPS-002")
def test_what_the_end_of_the_pipeline_means(code: int | None, first: bool, exit_code: Exit) -> None:
    said: list[str] = []
    assert finished(code, said.append, first=first) is exit_code
    assert "kW" in said[0] or "nothing was written" in said[0]


def test_the_end_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    assert tail(log) == "  (empty)"
    log.write_text('plain\n{"message": "told"}\n[1]\n')
    assert tail(log) == "  plain\n  told\n  [1]"


def test_without_mosquitto_amqtt_stands_in_and_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    made: list[Path] = []
    monkeypatch.setattr(broker, "mosquitto", lambda: None)
    monkeypatch.setattr(broker, "_install", made.append)
    program = broker.program(tmp_path, 21883, said.append)
    assert program.command == [str(tmp_path / "broker-environment/bin/amqtt"), "-c", str(tmp_path / "amqtt.yaml")]
    assert "127.0.0.1:21883" in (tmp_path / "amqtt.yaml").read_text()
    assert made == [tmp_path / "broker-environment"]
    assert "amqtt" in said[0]


def test_no_broker_at_all_names_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object, **options: object) -> None:
        raise subprocess.CalledProcessError(1, "pip", stderr="no network\n")

    monkeypatch.setattr(broker, "mosquitto", lambda: None)
    monkeypatch.setattr("venv.create", lambda *_, **__: None)
    monkeypatch.setattr("subprocess.run", refused)
    with pytest.raises(broker.BrokerError, match=r"no network.*apt-get install mosquitto"):
        broker.program(tmp_path, 21883, lambda line: None)
    assert not (tmp_path / "broker-environment").exists()
