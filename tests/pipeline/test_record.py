"""`record` as a user types it, on a simulated battery: every tick is kept, and nothing is written to the device."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sources.recording.recording import Recording
from tests.simulator.test_process import ROOT, started

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240), pytest.mark.req("LH-TEST-004", "LH-OPS-001")]

SITE = """\
version: 1
site: {{ name: recorded }}
state_dir: {folder}/state
assets:
  bess1:
    profile: sunspec-storage
    connect: modbus-tcp://127.0.0.1:{port}/1
    rated: {{ charge: 250 kW, discharge: 250 kW, energy: 500 kWh }}
    ramp: 500 kW/s
requests:
  - idle: 0 kW
outputs:
  other: {{ type: recording, folder: {folder}/other }}
"""


def test_a_definition_is_recorded_in_shadow_and_the_verb_says_what_it_holds(tmp_path: Path) -> None:
    """Its other outputs and its state directory stay untouched; it ends by itself, with a closed file."""
    site, kept = tmp_path / "site.yaml", tmp_path / "kept"
    with started(tmp_path, "--broker", "none") as simulator:
        site.write_text(SITE.format(folder=tmp_path, port=simulator.modbus_port))
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", "record", str(site), "--output", str(kept), "--for", "5s", "--json"],
            cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        written = simulator.state()["writes"]["by_point"]
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert written == {}
    assert (said["site"], said["assets"]) == ("recorded", ["bess1"])
    (part,) = said["parts"]
    assert (part["closed"], part["lost"]) == (True, 0)
    assert part["ticks"] >= 4
    assert sum(len(chunk) for chunk in Recording.open(kept).chunks()) == part["ticks"]
    assert not (tmp_path / "other").exists()
    assert not (tmp_path / "state").exists()
