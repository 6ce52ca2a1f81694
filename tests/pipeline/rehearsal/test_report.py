"""What a failure shows: its line, expected and got, the decision, the ticks around; and the same for programs."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pipeline.rehearsal import marbles, report
from pipeline.rehearsal.report import Result
from tests.pipeline.rehearsal.site import FIRST, outcomes

pytestmark = pytest.mark.req("LH-NF-008")

COLUMN = 36  # of the value that is not got
TESTS = """
- name: the limit holds
  expect: [ { at: 1 s, bess1.command: 0 kW } ]
- name: <a limit> & "its" ramp
  timeline:
    - { at: 0 s, requests.day_ahead: 100 kW }
    - { at: 10 s, bess1.discharge_limit: 80 kW }
  expect:
    - { at: 10 s, bess1.command: 37 kW }
    - { never: "site.export >= 90 kW" }
"""


@pytest.fixture
def results(tmp_path: Path) -> list[Result]:
    return [Result("site.yaml", outcome) for outcome in outcomes(tmp_path, TESTS)]


def test_the_text_shows_all_that_explains_a_failure(results: list[Result]) -> None:
    said = report.text(results)
    first, rest = said.split("\n", 1)
    assert first.startswith("ok    the limit holds   site.yaml:")
    assert f"site.yaml:{FIRST + 7}:{COLUMN}" in rest
    assert f"{FIRST + 7} |       - {{ at: 10 s, bess1.command: 37 kW }}\n" in rest
    assert f"   |{' ' * COLUMN}^^^^^\n" in rest
    assert "= at 10 s: expected bess1.command 37 kW, got 30 kW (resolve/reserve.fcr)\n" in rest
    assert "bess1 at 10 s: 30 kW discharge" in rest
    assert "asked         100.0 kW            requests.day_ahead\n" in rest
    assert "= at 1 s: expected never site.export >= 90 kW, got site.export 100 kW; 9 ticks until 9 s" in rest
    assert said.endswith("1 passed, 1 failed")


def test_marbles_show_the_ticks_around(results: list[Result]) -> None:
    outcome = results[1].outcome
    failure = outcome.failures[1]
    assert marbles.strip(outcome, failure) == [
        "time            7 s ─ 8 s ─ 9 s ─ 10 s",
        "bess1.asked     100 ─ · ─── · ─── ·",
        "bess1.high      250 ─ · ─── · ─── 80",
        "bess1.command   100 ─ · ─── · ─── 30 ✗",
    ]
    assert marbles.as_json(outcome, failure)["rows"]["bess1.command"] == [100.0, 100.0, 100.0, 30.0]


def test_json_has_the_same(results: list[Result]) -> None:
    said = json.loads(json.dumps(report.as_json(results)))
    assert (said["passed"], said["failed"]) == (1, 1)
    good, bad = said["tests"]
    assert (good["name"], good["passed"], good["simulated_s"], good["failures"]) == ("the limit holds", True, 1.0, [])
    failure = bad["failures"][1]
    assert (failure["line"], failure["column"], failure["at_s"]) == (FIRST + 7, COLUMN, 10.0)
    assert (failure["expected"], failure["got"]) == ("bess1.command 37 kW", "30 kW")
    assert failure["reason"] == "resolve/reserve.fcr"
    assert failure["decisions"][0]["command_kw"] == 30.0
    assert failure["marbles"]["at_s"] == [7.0, 8.0, 9.0, 10.0]


def test_junit_is_xml_with_one_case_per_test(results: list[Result]) -> None:
    root = ET.fromstring(report.junit(results))  # noqa: S314 - our own text
    assert (root.tag, root.attrib["tests"], root.attrib["failures"]) == ("testsuites", "2", "1")
    (suite,) = root
    assert [case.attrib["name"] for case in suite] == ["the limit holds", '<a limit> & "its" ramp']
    assert suite.attrib["name"] == suite[0].attrib["classname"] == "site.yaml"
    assert suite[0].find("failure") is None
    failure = suite[1].find("failure")
    assert failure is not None
    assert failure.attrib["message"].startswith("at 1 s: expected never site.export")
    assert "bess1.command 37 kW" in (failure.text or "")
