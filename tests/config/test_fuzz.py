"""Whatever a file holds: `load` and `check` answer with diagnostics, never with an exception, and print them.

1,100 inputs in a test run, 22,000 with `BESS_PIPELINE_FUZZ=nightly` (`make fuzz`).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.diagnostics import as_json, render
from config.load import Loaded, load, load_source
from config.plain import Surroundings
from config.source import Source
from pipeline.check import check_loaded
from tests.config.marked import PLANT

pytestmark = pytest.mark.req("LH-CONF-003", "LH-NF-009")

STUB = Surroundings(stub=True)
NIGHTLY = os.environ.get("BESS_PIPELINE_FUZZ") == "nightly"
EXAMPLES = Path(__file__).parents[2] / "config" / "examples"
TEXTS = [PLANT, *(path.read_text(encoding="utf-8") for path in sorted(EXAMPLES.glob("*.yaml")))]
TOKENS = [
    *":{}[]-,&*!|>'\"%@`#?~\n\t \r",
    *("- ", ": ", "\n  ", "<<", "!secret ", "!include ", "&a ", "*a", "${", "}", "---\n", "...\n", "%YAML 1.1\n", "x-"),
    *("on", "010", ".nan", "null", "300", "300 kW", "1e9", "1:30", "\x00", "\u2028", "電", "\ud7ff", "from", "ttl"),
]


def sound(loaded: Loaded) -> None:
    text = render(loaded.diagnostics)
    for problem in loaded.diagnostics:
        assert problem.code in text
        assert as_json(problem)["code"] == problem.code
        assert problem.span is None or (problem.span.line >= 1 and problem.span.column >= 1 and problem.span.width >= 1)
    assert loaded.definition is not None or loaded.diagnostics
    checked = check_loaded(loaded, stub=True)
    assert render(checked.diagnostics) or checked.ok
    assert checked.ok or checked.diagnostics


def many(count: int) -> settings:
    """So many inputs, twenty times as many at night."""
    return settings(max_examples=count * (20 if NIGHTLY else 1), deadline=None)


@many(200)
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    sound(load_source(Source("x.yaml", text), Path("/nonexistent"), STUB))


@many(200)
@given(st.lists(st.sampled_from(TOKENS), max_size=40).map("".join))
def test_any_punctuation(text: str) -> None:
    sound(load_source(Source("x.yaml", text), Path("/nonexistent"), STUB))


@many(250)
@given(
    st.sampled_from(TEXTS),
    st.integers(0, 9000),
    st.integers(0, 12),
    st.lists(st.sampled_from(TOKENS), max_size=3).map("".join),
)
def test_a_definition_with_a_piece_replaced(whole: str, place: int, width: int, piece: str) -> None:
    start = place % (len(whole) + 1)
    text = whole[:start] + piece + whole[start + width :]
    sound(load_source(Source("x.yaml", text), Path("/nonexistent"), STUB))


@many(100)
@given(st.sampled_from(TEXTS), st.integers(0, 9000))
def test_a_definition_cut_off(whole: str, end: int) -> None:
    sound(load_source(Source("x.yaml", whole[: end % (len(whole) + 1)]), Path("/nonexistent"), STUB))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["300 kW", "broker", "3 s", "x y", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["charge", "ttl", "kind", "x"]), inner),
    max_leaves=6,
)
PATHS = [
    "version",
    "site",
    "assets",
    "requests",
    "ancillary",
    "chain",
    "endpoint",
    "outputs",
    "connections",
    "profiles",
    "limits",
    "inputs",
    "interlocks",
    "alarms",
    "tests",
    "time",
]


@many(150)
@given(st.dictionaries(st.sampled_from([*PATHS, "defaults", "x-a"]), VALUES))
def test_any_values_under_the_right_keys(values: dict[str, object]) -> None:
    text = "".join(f"{key}: {flow(value)}\n" for key, value in values.items())
    sound(load_source(Source("x.yaml", text), Path("/nonexistent"), STUB))


@many(100)
@given(st.sampled_from([line for line in PLANT.splitlines() if ":" in line]), VALUES)
def test_a_plant_with_any_value_in_place_of_one(line: str, value: object) -> None:
    key = line.partition(":")[0]
    text = PLANT.replace(line, f"{key}: {flow(value)}", 1)
    sound(load_source(Source("x.yaml", text), Path("/nonexistent"), STUB))


def flow(value: object) -> str:
    """A value as YAML's flow style."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "~", True: "true", False: "false"}[value]
    return str(value)


@settings(many(100), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "site.yaml"
    path.write_bytes(content)
    sound(load(path, env_stub=True))
