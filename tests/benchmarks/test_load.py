"""Fifty batteries on fifty Modbus TCP connections, 200 points each in every second: the armed process, from outside.

    field: 50 batteries, 50 ports ◄──Modbus TCP──► the production process, its page open      a loop that only ticks

How late ticks begin, which were missed, what the process costs a second, and, read at the devices, whether every
set-point of every battery came. Fifteen points are the battery's own and 185 are numbers that are others in every
second, so that nothing is saved by values that stand still. `BESS_BENCH_FULL=1` takes ten minutes instead of one.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from config import catalogue
from tests.benchmarks.field import FIRST
from tests.benchmarks.ledger import Ledger
from tests.benchmarks.plant import Parts
from tests.benchmarks.test_lateness import tell
from tests.real.mosquitto import free_port
from tests.real.until import until

FULL = os.environ.get("BESS_BENCH_FULL") == "1"
ASSETS, POINTS, POWER_KW = 50, 200, 2_000.0
OPERATOR = "operator-token-of-a-benchmark-0123456789"
SITE = """\
version: 1
site: {{ name: load, cycle: 1 s, import_limit: 20 MW, export_limit: 20 MW }}
defaults:
  soc:  {{ min: 10 %, max: 90 % }}
  ramp: 50 kW/s
assets:
{assets}
requests:
  - day_ahead: {{ from: endpoint, ttl: 26 h }}
  - idle: 0 kW
endpoint:
  listen: "127.0.0.1:{port}"
  anonymous_viewer: true
  tokens: {{ viewer: !secret viewer_token, operator: !secret operator_token, engineer: !secret engineer_token }}
state_dir: "{state}"
profiles:
  large:
    extends: sunspec-storage
    version: 1
    poll: 1 s
    read:
{points}
"""


def definition(ports: list[int], folder: Path, port: int) -> str:
    more = POINTS - len(catalogue.profile("sunspec-storage").read)
    point = '      p{0}: {{ register: holding {1}, type: uint16, scale: 0.1, unit: "%", sentinels: [0xFFFF] }}'
    rated = "rated: { charge: 250 kW, discharge: 250 kW, energy: 500 kWh }"
    asset = '  b{0}: {{ profile: large, connect: "modbus-tcp://127.0.0.1:{1}/1", {2} }}'
    return SITE.format(
        assets="\n".join(asset.format(number, place, rated) for number, place in enumerate(ports, 1)),
        points="\n".join(point.format(number, FIRST + number) for number in range(more)),
        port=port, state=folder / "state",
    )  # fmt: skip


def ask(port: int) -> bool:
    """Hand in a schedule of yesterday to tomorrow; whether the endpoint is there and took it."""
    now = datetime.now(UTC).replace(microsecond=0)
    start, issued, end = (f"{now + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in (-1, 0, 1))
    windows = [{"start": start, "end": end, "target_power_kw": POWER_KW}]
    schedule = {"type": "day_ahead", "market_bid_area": "DE-LU", "version": 1, "issued_at": issued, "windows": windows}
    token = {"authorization": f"Bearer {OPERATOR}", "content-type": "application/json"}
    url = f"http://127.0.0.1:{port}/markets/schedules/import"
    with suppress(OSError), urlopen(Request(url, json.dumps(schedule).encode(), token), timeout=5.0) as answer:
        return bool(answer.status < 300)
    return False


@pytest.mark.timeout(2400)
@pytest.mark.req("LH-RT-004")
async def test_fifty_connections(benchmark: Any, ledger: Ledger, tmp_path: Path) -> None:
    ticks, warm = 600 if FULL else 60, 20
    for role in ("viewer", "operator", "engineer"):
        (tmp_path / f"{role}_token").write_text(OPERATOR.replace("operator", role))
    port, file = free_port(), tmp_path / "load.yaml"
    parts = Parts(tmp_path, {**os.environ, "PORT": str(port)})
    options = ("--ticks", str(ticks), "--warm", str(warm))
    with parts.started("field", str(ASSETS), str(tmp_path / "field.json"), report="field.json") as field:
        await until(field.path.exists, 60.0, "the batteries listen")
        file.write_text(definition(json.loads(field.path.read_text())["ports"], tmp_path, port))
        with (
            parts.serving(*options, file=file) as run,
            parts.started("pulse", "1", str(tmp_path / "pulse.json"), report="pulse.json") as pulse,
            parts.started("crowd", parts.url, "2", "0", str(tmp_path / "crowd.json"), report="crowd.json"),
        ):
            await until(lambda: run.process.poll() is not None or ask(port), 60.0, "the schedule is taken")
            report = await run.report(within_s=120 + 2 * (ticks + warm))
            still = pulse.end()
        seen = field.end()
    tell(ledger, f"{ASSETS} connections × {POINTS} points", report, still, {0.99: 50.0})
    share = "the fifty batteries' own process"
    name, took = f"processor time a second, {ASSETS} × {POINTS} points", 1e3 * report["cpu_share"]
    asked = f"{seen['reads']:,} reads and {seen['writes']:,} writes in all"
    ledger.add(name, took, "ms", reference=share, reference_figure=1e3 * seen["cpu_share"], note=asked)
    ledger.add("longest time between two set-points of a battery", seen["gap_s"], "s", 1.5, reference="the cycle",
               reference_figure=1.0)  # fmt: skip
    assert seen["power_kw"] == pytest.approx(POWER_KW, rel=0.05), "every battery gave its part"
    benchmark.pedantic(lambda: seen["gap_s"], rounds=3)
