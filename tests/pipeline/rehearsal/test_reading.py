"""Faults in the meaning of tests: each at its line and column, with the nearest that is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.rehearsal.site import FIRST, refusals, suite

pytestmark = pytest.mark.req("LH-NF-009")

#: What is written after `timeline:`, `expect:` or `given:`; the code; the text under the caret; what the help says.
FAULTS = [
    ("expect", "[ { at: 1 s, bess1.comand: 3 kW } ]", "E601", "bess1.comand", "`bess1.command`"),
    ("expect", "[ { at: 1 s, bess9.command: 3 kW } ]", "E601", "bess9.command", "`bess1.command`"),
    ("expect", "[ { at: 1 s, bess1: { comand: 3 kW } } ]", "E601", "comand", "`bess1.command`"),
    ("expect", '[ { always: "site.exprt <= 3 kW" } ]', "E601", "site.exprt", "`site.export`"),
    ("expect", '[ { always: "site.export <= bess1.comand" } ]', "E601", "bess1.comand", "`bess1.command`"),
    ("timeline", "[ { at: 1 s, bess1.discharge_limt: 3 kW } ]", "E601", "bess1.discharge_limt", "discharge_limit"),
    ("timeline", "[ { at: 1 s, bess1.command: 3 kW } ]", "E603", "bess1.command", "expect it"),
    ("timeline", "[ { at: 1 s, bess1.state: ready } ]", "E603", "bess1.state", "operator.stop"),
    ("given", "{ operator.stop: all }", "E603", "operator.stop", "timeline"),
    ("given", "{ bess1: { state: redy } }", "E605", "redy", "`ready`"),
    ("timeline", "[ { at: 1 s, operator.stop: bess9 } ]", "E605", "bess9", "`bess1`"),
    ("timeline", "[ { at: 1 s, bess1.available: 1 } ]", "E605", "1", "`true`"),
    ("expect", "[ { at: 1 s, bess1.state: dischargin } ]", "E605", "dischargin", "`discharging`"),
    ("expect", '[ { at: 1 s, bess1.reason: "because!" } ]', "E605", '"because!"', "ramp/down"),
    ("expect", '[ { always: "bess1.command <= bess1.soc" } ]', "E606", "bess1.soc", "powers"),
    ("expect", '[ { never: "bess1.state > fault" } ]', "E606", "fault", "`=`"),
    ("expect", '[ { always: "bess1.soc = unknown" } ]', "E606", "unknown", "always"),
    ("expect", "[ { at: 1 s, bess1.command: 3 } ]", "E203", "3", "`3 kW`"),
    ("expect", "[ { at: 1 s, bess1.soc: 3 kW } ]", "E204", "3 kW", "`%`"),
    ("expect", '[ { always: "site.export <= 3 kw" } ]', "E205", "3 kw", "`3 kW`"),
    ("timeline", "[ { at: 1 s, site.load: -3 kW } ]", "E206", "-3 kW", "magnitude"),
    ("timeline", "[ { at: 1 s, bess1.alarms: many } ]", "E203", "many", "no unit"),
    ("timeline", '[ { at: 1 s, bess1.alarms: "nan" } ]', "E203", '"nan"', "no unit"),
    ("timeline", "[ { at: 8 d, site.load: 3 kW } ]", "E607", "8 d", "`7 d`"),
    ("expect", "[ { at: 200 h, bess1.command: 3 kW } ]", "E607", "200 h", "`7 d`"),
]


@pytest.mark.parametrize(("key", "value", "code", "under", "advice"), FAULTS, ids=[f"{f[2]} {f[3]}" for f in FAULTS])
def test_a_fault_is_named_at_its_place(
    tmp_path: Path, key: str, value: str, code: str, under: str, advice: str
) -> None:
    expect = "" if key == "expect" else "\n  expect: [ { at: 1 s, bess1.command: 0 kW } ]"
    (problem,) = refusals(tmp_path, f"- name: it\n  {key}: {value}{expect}")
    assert problem.code == code
    assert problem.span is not None
    assert problem.span.line == FIRST + 1
    line = problem.span.source.line(problem.span.line)
    assert line[problem.span.column - 1 : problem.span.column - 1 + problem.span.width] == under
    assert advice in problem.help


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    found = refusals(
        tmp_path,
        """
        - name: one
          timeline: [ { at: 1 s, bess1.command: 3 kW } ]
          expect: [ { at: 1 s, bess1.comand: 3 kW }, { always: "site.exprt <= 3 kW" } ]
        """,
    )
    assert [problem.code for problem in found] == ["E603", "E601", "E601"]


def test_dotted_and_nested_say_the_same(tmp_path: Path) -> None:
    made = suite(
        tmp_path,
        """
        - name: dotted
          given: { bess1.soc: 55 %, site.poc.frequency: 50 Hz }
          timeline: [ { at: 2 s, requests.day_ahead.bess1: 40 kW } ]
          expect: [ { at: 3 s, bess1.command: 1 kW } ]
        - name: nested
          given: { bess1: { soc: 55 % }, site: { poc: { frequency: 50 Hz } } }
          timeline: [ { at: 2 s, requests: { day_ahead: { bess1: 40 kW } } } ]
          expect: [ { at: 3 s, bess1: { command: 1 kW } } ]
        """,
    )
    dotted, nested = made.scripts
    assert [(level.target, level.value, level.at_s) for level in (*dotted.given, *dotted.timeline)] == [
        (level.target, level.value, level.at_s) for level in (*nested.given, *nested.timeline)
    ]
    assert [e.quantities for e in dotted.expect] == [e.quantities for e in nested.expect]
