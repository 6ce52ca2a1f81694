from __future__ import annotations

import json
from pathlib import Path

import pytest

from config.diagnostics import Diagnostic, Related, as_json, ordered, render
from config.load import load_source
from config.plain import Surroundings
from config.source import Source

pytestmark = pytest.mark.req("LH-NF-009")

TEXT = """\
version: 1
site:
  name: nordhafen
  timezone: Europe/Berlin
  meters: {}
# seven
  import_limit: 300                    # at the point of connection
"""


def problem(code: str, start: int, width: int, help_text: str = "") -> Diagnostic:
    source = Source("site.yaml", TEXT)
    return Diagnostic(code, "expected a power, got `300`", source.span(start, start + width), help_text)


def test_an_error_looks_as_designed() -> None:
    start = TEXT.index("300")
    shown = render([problem("E203", start, 3, "write a number and a unit, e.g. `300 kW`")])
    assert (
        shown
        == """\
error[E203]: expected a power, got `300`
 --> site.yaml:7:17
  |
7 |   import_limit: 300                    # at the point of connection
  |                 ^^^
  = help: write a number and a unit, e.g. `300 kW`

1 error
"""
    )


def test_the_gutter_grows_with_the_line_number_and_two_places_are_shown() -> None:
    text = "\n" * 8 + "soc: 1\n" + "\n" * 9 + "    soc: 2\n"
    source = Source("s.yaml", text)
    first, second = source.span(8, 11), source.span(text.rindex("soc"), text.rindex("soc") + 3)
    shown = render(
        [Diagnostic("E004", "`soc` is written twice", second, "keep one", (Related(first, "first written here"),))]
    )
    assert (
        shown
        == """\
error[E004]: `soc` is written twice
  --> s.yaml:19:5
   |
19 |     soc: 2
   |     ^^^
  ::: s.yaml:9:1: first written here
   |
 9 | soc: 1
   | ---
   = help: keep one

1 error
"""
    )


def test_a_problem_without_a_text_names_the_file() -> None:
    assert (
        render([Diagnostic("E001", "cannot read it", None, file="x.yaml")])
        == "error[E001]: cannot read it\n --> x.yaml\n\n1 error\n"
    )


def test_problems_are_sorted_by_place_and_each_is_shown_once() -> None:
    late, early = problem("E203", 60, 3), problem("E203", 5, 3)
    assert [found.span for found in ordered([late, early, late])] == [early.span, late.span]


def test_json_carries_the_place_for_editors() -> None:
    start = TEXT.index("300")
    form = as_json(problem("E203", start, 3, "help"))
    assert json.loads(json.dumps(form)) == {
        "code": "E203",
        "severity": "error",
        "message": "expected a power, got `300`",
        "help": "help",
        "file": "site.yaml",
        "line": 7,
        "column": 17,
        "end_column": 20,
        "text": "  import_limit: 300                    # at the point of connection",
        "related": [],
    }


def test_colour_is_for_terminals_only() -> None:
    found = [problem("E203", 5, 3)]
    assert "\x1b[" not in render(found)
    assert "\x1b[1;31merror[E203]\x1b[0m" in render(found, colour=True)


def test_wide_characters_keep_the_caret_under_its_token() -> None:
    source = Source("x.yaml", "a: 电池 on\n")
    lines = render([Diagnostic("E005", "m", source.span(6, 8))]).splitlines()
    assert lines[4] == "  |         ^^"


@pytest.mark.parametrize(
    "line",
    [
        "password: hunter2",
        'password: "hun ter2"',
        "password: hunter2, with a comma # and a hash",
        "  - password: hunter2",
        "db: { url: x, password: hunter2, user: y }",
        "db: { url: x, password: 'hunter2' }",
        "db: { password: hun ter2, user: y }",
        "pasword: hunter2",
        "mqtt_passwd: hunter2",
        "api-key: hunter2",
        "tokens: { viewer: hunter2 }",
        '"password": hunter2',
        "url: mqtt://ems:hunter2@broker:1883",
        "url: postgresql://ems:hunter2@db/x",
    ],
)
@pytest.mark.req("LH-NF-004")
def test_a_line_is_shown_without_its_secrets_and_keeps_its_width(line: str) -> None:
    shown = Source("x.yaml", line).line(1)
    assert "hunter2" not in shown
    assert "ter2" not in shown
    assert "comma" not in shown
    assert len(shown) == len(line)


@pytest.mark.parametrize("line", ["password: !secret mqtt_password", "import_limit: 300", "anonymous_viewer: true"])
def test_a_line_without_secrets_is_shown_as_it_is(line: str) -> None:
    assert Source("x.yaml", line).line(1) == line


def test_nothing_of_a_written_secret_appears_in_any_diagnostic() -> None:
    broken = "  db: { url: 'postgresql://u:hunter2@x/y', password: 0123456 }\n  x: { password: hunter2 }\n"
    text = f"version: 1\nconnections:\n{broken}"
    loaded = load_source(Source("x.yaml", text), Path(), Surroundings())
    shown = render(loaded.diagnostics) + json.dumps([as_json(found) for found in loaded.diagnostics])
    assert "E005" in shown
    assert "E208" in shown
    assert "E211" in shown
    assert "hunter2" not in shown
    assert "0123456" not in shown


def test_control_characters_do_not_reach_the_terminal() -> None:
    shown = render([Diagnostic("E101", "`a\x1b[2Jb` is not a key", Source("x.yaml", "a\x1b[2J: 1").span(0, 1))])
    assert "\x1b" not in shown
