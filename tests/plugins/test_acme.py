"""The worked example of docs/plugins.md: a package with an operator and a profile, found by its entry points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from config.diagnostics import render
from config.request import Request
from pipeline.run import graph_of
from tests.config.marked import PLANT
from tests.pipeline.test_check import checked
from tests.rig import START_NS, Rig, site

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


def test_a_profile_with_another_name_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from acme_bess import profiles  # type: ignore[import-not-found]  # on the path of these tests alone

    monkeypatch.setattr(profiles, "RACK_3", profiles.RACK_3.replace("name: acme-rack-3", "name: sunspec-storage"))
    found = checked(PLANT.replace("profile: sunspec-storage", "profile: acme-rack-3"))
    assert [problem.code for problem in found.diagnostics] == ["E508"]
