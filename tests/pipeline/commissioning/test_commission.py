"""`commission` on a simulated battery in a process of its own: pulses, a kill under power, evidence that counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.commissioning.commission import CommissionError, _carried_out, _door
from pipeline.commissioning.steps import Pulse
from pipeline.exits import Exit
from tests.conftest import ROOT
from tests.real.until import until
from tests.safety.test_process_gone import Plant, ended, profile

pytestmark = [
    pytest.mark.integration, pytest.mark.safety, pytest.mark.timeout(240),
    pytest.mark.req("LH-CONF-002", "LH-SAFE-007", "LH-OPS-002"), pytest.mark.hazard("row 6", "row 11", "H5i"),
]  # fmt: skip

SITE = """\
version: 1
site: { name: proving }
state_dir: STATE
endpoint: { listen: "127.0.0.1:PORT", tokens: { operator: !secret operator_token } }
assets:
  bess1:
    profile: fast
    connect: modbus-tcp://127.0.0.1:MODBUS/1
    rated: { charge: 250 kW, discharge: 250 kW, energy: 500 kWh }
    ramp: 500 kW/s
    identity: { serial: SIM-000001 }
requests: [{ idle: 0 kW }]
profiles:
  fast:
"""


async def test_a_battery_is_commissioned_and_the_evidence_is_kept(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir(mode=0o700)
    token = tmp_path / "secrets" / "operator_token"
    token.write_text("a token of more than sixteen characters")
    token.chmod(0o600)
    yaml, ready = tmp_path / "fast.yaml", tmp_path / "ready.json"
    yaml.write_text(profile("modbus"))
    simulator = [sys.executable, "-m", "simulator", "--profile", str(yaml), "--ready-file", str(ready)]
    with ended(simulator, tmp_path / "plant.log"):
        await until(ready.exists, 60.0)
        ports = json.loads(ready.read_text())
        body = "".join(f"    {line}\n" for line in profile("modbus").splitlines() if not line.startswith("name:"))
        text = SITE.replace("STATE", str(tmp_path / "state")).replace("MODBUS", str(ports["modbus_port"]))
        (tmp_path / "site.yaml").write_text(text.replace("PORT", str(_free_port())) + body)
        command = [sys.executable, "-m", "pipeline", "commission", "bess1", str(tmp_path / "site.yaml"), "--yes",
                   "--person", "J. Doe", "--secrets-dir", str(tmp_path / "secrets"), "--json"]  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "BESS_PIPELINE_PLAIN": "1"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
        assert done.returncode == Exit.OK, done.stdout + done.stderr + _log(tmp_path)
        assert Plant(ports["control_port"]).power_kw() == 0.0
    told = json.loads(done.stdout)
    assert [step["name"] for step in told["steps"]][-2:] == ["power before the silence", "reversion"]
    assert (told["passed"], told["by"]) == (True, "J. Doe")
    assert json.loads((tmp_path / "state" / "commissioned-bess1.json").read_text()) == told
    journal = (tmp_path / "state" / "journal.jsonl").read_text().splitlines()
    assert json.loads(journal[-1])["body"]["what"] == "end", "the kill was meant, and is no crash"


def _free_port() -> int:
    from pipeline.demo import free_ports

    return free_ports(1)[0]


def _log(folder: Path) -> str:
    log = folder / "state" / "commission.log"
    return log.read_text() if log.exists() else ""


def test_no_second_process_is_started_where_one_answers(tmp_path: Path) -> None:
    """The pulses would go through the process that is there, and the one that is killed would be another."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        definition = _definition(f"127.0.0.1:{server.server_port}")
        found: Any = SimpleNamespace(profiles={"bess1": None})
        begun = _carried_out(found, definition, "bess1", Pulse(5.0, 1.0), tmp_path / "s.yaml", tmp_path, "J. Doe")
        with pytest.raises(CommissionError, match="answers at http:"):
            next(begun)
        server.shutdown()
    assert not (tmp_path / "commission.log").exists(), "nothing was started"


@pytest.mark.parametrize(
    ("listen", "url"),
    [("127.0.0.1:8088", "http://127.0.0.1:8088"), ("0.0.0.0:8088", "http://127.0.0.1:8088"),
     ("10.20.0.5:8088", "http://10.20.0.5:8088"), ("[::1]:8088", "http://[::1]:8088"), ("[::]:8088", "http://[::1]:8088")],
)  # fmt: skip
def test_the_endpoint_is_asked_where_it_listens(listen: str, url: str) -> None:
    assert _door(_definition(listen))[0] == url


def _definition(listen: str) -> Any:
    token = SimpleNamespace(reveal=lambda: "a token of more than sixteen characters")
    endpoint = SimpleNamespace(listen=listen, tls=None, tokens=SimpleNamespace(operator=token, engineer=None))
    return SimpleNamespace(endpoint=endpoint, state_dir=".")
