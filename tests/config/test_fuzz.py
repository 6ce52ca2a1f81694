"""Whatever a file holds: `load` answers with diagnostics, never with an exception, and prints them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.diagnostics import as_json, render
from config.load import Loaded, load, load_source
from config.plain import Surroundings
from config.source import Source
from tests.config.marked import PLANT

pytestmark = pytest.mark.req("LH-CONF-003", "LH-NF-009")

STUB = Surroundings(stub=True)
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


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    sound(load_source(Source("x.yaml", text), Path("/nonexistent"), STUB))


@given(st.lists(st.sampled_from(TOKENS), max_size=40).map("".join))
def test_any_punctuation(text: str) -> None:
    sound(load_source(Source("x.yaml", text), Path("/nonexistent"), STUB))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(PLANT)), st.integers(0, 12), st.lists(st.sampled_from(TOKENS), max_size=3).map("".join))
def test_a_plant_with_a_piece_replaced(start: int, width: int, piece: str) -> None:
    text = PLANT[:start] + piece + PLANT[start + width :]
    sound(load_source(Source("x.yaml", text), Path("/nonexistent"), STUB))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, len(PLANT)))
def test_a_plant_cut_off(end: int) -> None:
    sound(load_source(Source("x.yaml", PLANT[:end]), Path("/nonexistent"), STUB))


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
]


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from([*PATHS, "defaults", "x-a"]), VALUES))
def test_any_values_under_the_right_keys(values: dict[str, object]) -> None:
    text = "".join(f"{key}: {flow(value)}\n" for key, value in values.items())
    sound(load_source(Source("x.yaml", text), Path("/nonexistent"), STUB))


@settings(max_examples=100, deadline=None)
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


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "site.yaml"
    path.write_bytes(content)
    sound(load(path, env_stub=True))
