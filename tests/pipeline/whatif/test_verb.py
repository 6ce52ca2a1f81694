"""`replay FILE --definition NEW.yaml` at the command line: text, JSON, a page, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jit.twins import on_twins
from pipeline.cli import main
from pipeline.exits import Exit
from tests.pipeline.whatif.lives import live, small
from tests.rig import Rig, site

pytestmark = pytest.mark.req("LH-TEST-004")

#: The rig of `tests.rig` as a file, with a slower ramp.
NEW = """\
version: 1
site:
  name: rig
  cycle: 1 s
  meters: { poc: { profile: rig-meter, connect: broker, topic: poc } }
connections: { broker: { url: "mqtts://127.0.0.1:8883" } }
profiles:
  rig-storage:
    version: 1
    protocol: mqtt
    kind: storage
    sign: positive_is_discharge
    read:
      soc: { path: soc, unit: "%" }
      soh: { path: soh, unit: "%" }
      power: { path: power, unit: kW }
      temperature: { path: temperature, unit: °C }
      available: { path: available, type: bool, "yes": [1] }
      alarms: { path: alarms }
      remote: { path: remote, type: bool, "yes": [1] }
      charge_limit: { path: charge_limit, unit: kW }
      discharge_limit: { path: discharge_limit, unit: kW }
      heartbeat: { path: heartbeat }
      setpoint: { path: setpoint, unit: kW }
    write: { power: { path: power, unit: kW } }
    write_order: [power]
    fresh_by: heartbeat
    alarms: { 0: { text: fire, critical: true }, 1: { text: isolation, critical: true }, 2: { text: fan } }
    watchdog: { point: power, every: 1 s, reverts_after: 10 s }
    response: { dead_time: 1 s, lag: 1 s }
    resolution: 100 W
  rig-meter:
    version: 1
    protocol: mqtt
    kind: meter
    sign: positive_is_discharge
    read:
      power: { path: power, unit: kW }
      frequency: { path: frequency, unit: Hz }
      heartbeat: { path: heartbeat }
    fresh_by: heartbeat
defaults: { soc: { min: 10 %, max: 90 % }, ramp: 10 kW/s }
assets:
  b1: { profile: rig-storage, connect: broker, topic: b1, rated: { charge: 250 kW, discharge: 250 kW, energy: 40 kWh } }
requests:
  - commitment: { from: broker, topic: commitment, ttl: 26 h }
  - intraday: { from: broker, topic: intraday, ttl: 26 h }
  - day_ahead: { from: broker, topic: day_ahead, ttl: 26 h }
  - idle: 0 kW
"""


@pytest.fixture(autouse=True)
def on_plain_kernels() -> Iterator[None]:
    with on_twins():
        yield


def asked(rig: Rig) -> None:
    rig.schedule("day_ahead", 80.0)
    rig.run(15)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    live(tmp_path / "recording", small(site(assets=1)), asked)
    (tmp_path / "new.yaml").write_text(NEW, encoding="utf-8")
    return tmp_path


def replay(folder: Path, *more: str) -> Result:
    named = [str(folder / "recording"), "--definition", str(folder / "new.yaml")]
    return CliRunner().invoke(main, ["replay", *named, *more])


def test_it_says_what_would_have_changed(folder: Path) -> None:
    done = replay(folder)
    assert done.exit_code == Exit.OK, done.output
    assert "Other commands in 22 ticks: b1 in " in done.stdout
    assert "ramping to 80 kW discharge" in done.stdout
    assert "Modelled: power = recorded + response" in done.stdout


def test_json_has_everything_and_nothing_else(folder: Path) -> None:
    told = json.loads(replay(folder, "--json", "--differences", "1").stdout)
    assert told["new"]["assets"]["b1"]["discharged_kwh"] < told["recorded"]["assets"]["b1"]["discharged_kwh"]
    assert len(told["first_differences"]) == 1
    assert told["notes"]


def test_a_page_is_written(folder: Path) -> None:
    done = replay(folder, "--page", str(folder / "out.html"))
    assert done.exit_code == Exit.OK
    shown = (folder / "out.html").read_text(encoding="utf-8")
    assert shown.startswith("<!doctype html>")
    assert "What new.yaml would have done" in shown


def test_a_page_cannot_be_without_a_definition(folder: Path) -> None:
    done = CliRunner().invoke(main, ["replay", str(folder / "recording"), "--page", str(folder / "out.html")])
    assert done.exit_code == Exit.USAGE
    assert "needs --definition" in done.output


def test_a_definition_that_is_wrong_is_refused_with_its_place(folder: Path) -> None:
    (folder / "new.yaml").write_text(NEW.replace("ramp: 10 kW/s", "ramp: 10 kW"), encoding="utf-8")
    done = replay(folder)
    assert done.exit_code == Exit.INVALID
    assert "new.yaml:" in done.output


def test_another_cycle_is_refused(folder: Path) -> None:
    (folder / "new.yaml").write_text(NEW.replace("cycle: 1 s", "cycle: 100 ms"), encoding="utf-8")
    done = replay(folder, "--json")
    assert done.exit_code == Exit.FAILED
    assert "site.cycle: 1 s was recorded" in json.loads(done.stdout)["error"]


def test_a_window_without_a_tick_is_an_error(folder: Path) -> None:
    done = replay(folder, "--from", "2031-01-01T00:00:00Z")
    assert done.exit_code == Exit.FAILED
    assert "has no tick there" in done.output
