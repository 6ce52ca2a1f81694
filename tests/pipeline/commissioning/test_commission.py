"""`commission` on a simulated battery in a process of its own: pulses, a kill under power, evidence that counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
