"""The grid operator's ceiling over REST, as the battery feels it: a whole process, killed and started again.

    this test ──HTTP──► bess-pipeline run --arm ──real Modbus──► simulated battery in a process of its own
"""

from __future__ import annotations

import json
import signal
import socket
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.real.until import until
from tests.safety.test_process_gone import WAIT_S, Plant, ended, profile

pytestmark = [
    pytest.mark.integration,
    pytest.mark.safety,
    pytest.mark.timeout(240),
    pytest.mark.req("LH-CTRL-002", "LH-SAFE-004", "LH-API-004", "LH-API-007"),
]

SITE = """\
version: 1
site: { name: told }
state_dir: STATE
endpoint: { listen: "127.0.0.1:PORT", tokens: { operator: !secret operator_token } }
assets:
  bess1:
    profile: fast
    connect: CONNECT
    rated: { charge: 250 kW, discharge: 250 kW, energy: 500 kWh }
    ramp: 500 kW/s
    identity: { serial: SIM-000001 }
limits:
  - grid_operator: { from: endpoint, ttl: 10 min, direction: export, of: 200 kW, on_loss: { then: 0 % } }
requests:
  - day_ahead: { from: endpoint, ttl: 26 h }
  - idle: 0 kW
profiles:
  fast:
"""
DAY = {"start": "2026-01-01T00:00:00Z", "end": "2035-01-01T00:00:00Z", "target_power_kw": 80.0}
WISH = {"type": "day_ahead", "market_bid_area": "DE-LU", "version": 1, "windows": [DAY]}
TOKEN = "operator-0123456789abcdef"


def stamp() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


async def answered(url: str, path: str, body: dict[str, Any]) -> httpx.Response:
    """The answer of the process, as soon as it listens."""
    async with httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        answers: list[httpx.Response] = []

        async def ask() -> bool:
            try:
                answers.append(await client.post(path, json=body))
            except httpx.TransportError:
                return False
            return True

        while not await ask():
            await until(lambda: listening(url), WAIT_S)
        return answers[0]


def listening(url: str) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) == 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def test_a_ceiling_over_http_limits_the_battery_and_stands_after_a_kill(tmp_path: Path) -> None:
    yaml, ready, port = tmp_path / "fast.yaml", tmp_path / "ready.json", free_port()
    yaml.write_text(profile("modbus"))
    (tmp_path / "operator_token").write_text(TOKEN)
    url = f"http://127.0.0.1:{port}"
    options = ["--storage", "modbus", "--profile", str(yaml), "--ready-file", str(ready)]
    with ExitStack() as stack:
        simulator = stack.enter_context(ended([sys.executable, "-m", "simulator", *options], tmp_path / "plant.log"))
        await until(lambda: ready.exists() or simulator.poll() is not None, WAIT_S)
        ports = json.loads(ready.read_text())
        plant = Plant(ports["control_port"])
        body = "".join(f"    {line}\n" for line in profile("modbus").splitlines() if not line.startswith("name:"))
        text = SITE.replace("STATE", str(tmp_path / "state")).replace("PORT", str(port))
        text = text.replace("CONNECT", f"modbus-tcp://127.0.0.1:{ports['modbus_port']}/1")
        (tmp_path / "site.yaml").write_text(text + body)
        command = [sys.executable, "-m", "pipeline", "run", "--arm", str(tmp_path / "site.yaml")]
        command += ["--secrets-dir", str(tmp_path)]

        with ended(command, tmp_path / "first.log") as first:
            assert (await answered(url, "/markets/schedules/import", WISH)).status_code == 200
            await until(lambda: plant.power_kw() == 80.0, WAIT_S)
            word = {"direction": "export", "percent": 15, "issued_at": stamp()}
            taken = await answered(url, "/limits/grid-operator", word)
            assert (taken.status_code, taken.json()["kw"]) == (200, 30.0)
            await until(lambda: plant.power_kw() == 30.0, WAIT_S)
            older = await answered(url, "/limits/grid-operator", word | {"issued_at": "2026-01-01T00:00:00Z"})
            assert (older.status_code, older.json()["error"]) == (409, "older-ceiling")
            last = await answered(url, "/limits/grid-operator", word | {"percent": 10, "issued_at": stamp()})
            first.send_signal(signal.SIGKILL)  # the answer is out: no tick needs to have seen it
            assert last.status_code == 200
            await until(lambda: first.poll() is not None, WAIT_S)

        with ended(command, tmp_path / "second.log"):
            again = await answered(url, "/markets/schedules/import", WISH | {"version": 2})
            assert again.status_code == 200, again.text
            await until(lambda: plant.power_kw() == 20.0, WAIT_S)
