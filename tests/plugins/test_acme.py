"""The worked example of docs/plugins.md: a package with an operator and a profile, found by its entry points."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from config.definition import PluginOutput
from config.diagnostics import render
from config.request import Request
from pipeline.options import Options
from pipeline.process import Process
from pipeline.run import graph_of
from sources.tick import Tick
from tests.config.marked import PLANT
from tests.pipeline.test_check import checked
from tests.real.until import until
from tests.rig import METER, START_NS, Rig, site, storage

HERE = Path(__file__).parent
NIGHT_NS = START_NS // 86_400_000_000_000 * 86_400_000_000_000
ASKED = "  - plugin: { name: night-charge, options: { power: 20 kW, until: 60 % } }\n"
IDLE = "  - idle: 0 kW\n"


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))


def rig(**options: str) -> Rig:
    plain = site()
    written = {"power": "20 kW", **options}
    plugin = Request.model_validate({"kind": "plugin", "plugin": {"name": "night-charge", "options": written}})
    requests = [*plain.requests[:-1], plugin, plain.requests[-1]]
    return Rig(plain.model_copy(update={"requests": requests}), start_ns=NIGHT_NS).ready()


@pytest.mark.req("LH-ARCH-003", "LH-CONF-001")
def test_a_definition_names_it_and_its_profile() -> None:
    text = PLANT.replace(IDLE, ASKED + IDLE).replace("profile: sunspec-storage", "profile: acme-rack-3")
    found = checked(text)
    assert found.ok, render(found.diagnostics)
    nodes = {node["id"]: node for node in graph_of(found)["nodes"]}
    own = nodes["requests.night-charge"]
    assert own["reads"] == ["soc_pct", "power_kw"]
    assert own["before"] == ["requests.night-charge.charged_kwh"]
    assert "requests.night-charge.asked_kw" in nodes["resolve"]["reads"]
    assert found.profiles["one"].title == "Acme rack 3"


def test_it_charges_at_night_up_to_its_target() -> None:
    run = rig(until="60 %")
    run.run(3)
    assert run.power == [-20.0]
    run.batteries["b1"].soc = 61.0
    run.run(3)
    assert run.power == [0.0]


def test_it_remembers_in_a_row_of_its_own() -> None:
    run = rig(most="0.05 kWh")
    run.run(20)
    assert run.frame["requests.night-charge.charged_kwh"][0] >= 0.05
    assert run.power == [0.0]


def test_the_day_has_no_opinion() -> None:
    run = rig()
    run.now_ns += 12 * 3_600_000_000_000
    run.run(3)
    assert np.isnan(run.frame["requests.night-charge.asked_kw"][0])
    assert run.power == [0.0]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ("{ until: 60 % }", "E102", "the option `power` is missing"),
        ("{ power: 20 kWh }", "E204", "an energy"),
        ("{ power: 20 }", "E203", "expected a power"),
        ("{ power: 20 kW, untill: 60 % }", "E101", "did you mean `until`?"),
    ],
)
def test_its_options_are_checked_by_dimension(options: str, code: str, words: str) -> None:
    asked = f"  - plugin: {{ name: night-charge, options: {options} }}\n"
    (problem,) = checked(PLANT.replace(IDLE, asked + IDLE)).diagnostics
    assert problem.code == code
    assert words in f"{problem.message} {problem.help}"


def test_the_nearest_name_is_suggested() -> None:
    (problem,) = checked(PLANT.replace(IDLE, ASKED.replace("night-charge", "nigth-charge") + IDLE)).diagnostics
    assert (problem.code, problem.help) == ("E105", "did you mean `night-charge`?")


async def test_its_source_and_its_output_run_in_the_process(tmp_path: Path) -> None:
    from acme_bess import ends  # type: ignore[import-not-found]  # on the path of these tests alone

    plain = site()
    day_ahead = Request.model_validate({"kind": "day_ahead", "schedule": {"from": "acme-market", "ttl": "26 h"}})
    outputs = {"cloud": PluginOutput.model_validate({"type": "plugin", "name": "acme-cloud"})}
    changes = {"requests": [day_ahead, plain.requests[-1]], "outputs": outputs}
    profiles = {"b1": storage(), "site.poc": METER}
    made = Process(plain.model_copy(update=changes), profiles, Options(state_dir=tmp_path))
    made.subscribe()
    tasks = [asyncio.ensure_future(job()) for job in (made.field.jobs["requests.day_ahead"], made.states["cloud"].run)]
    await until(lambda: made.entry.snapshot.offers.schedules)
    made.tick(Tick(0, 100.0, START_NS, 1.0))
    made.tick(Tick(1, 101.0, START_NS + 10**9, 1.0))
    await until(lambda: ends.TAKEN)
    assert ends.TAKEN[0]["state"]["name"] == "rig"
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await made.journal.close()


def test_a_profile_with_another_name_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from acme_bess import profiles

    monkeypatch.setattr(profiles, "RACK_3", profiles.RACK_3.replace("name: acme-rack-3", "name: sunspec-storage"))
    found = checked(PLANT.replace("profile: sunspec-storage", "profile: acme-rack-3"))
    assert [problem.code for problem in found.diagnostics] == ["E508"]
