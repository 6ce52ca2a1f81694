"""What a terminal shows, from the JSON of the endpoint."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console, RenderableType

from pipeline import terminal

DECISION = {
    "asset_id": "bess1", "tick": 48211, "at": "2026-11-22T13:03:07.000Z", "config": "c3f1a2e", "command_kw": 37.0,
    "steps": [
        {"stage": "resolve", "out_kw": 80.0, "delta_kw": 80.0, "by": "requests.day_ahead", "why": "[14:00, 14:15)"},
        {"stage": "constrain", "out_kw": 37.0, "delta_kw": -43.0, "by": "bms_discharge", "why": "as the BMS says"},
        {"stage": "command", "out_kw": 37.0, "delta_kw": 0.0, "by": None, "why": None},
    ],
    "binding": {"by": "bms_discharge", "kw": 37.0},
    "next_limit": {"by": "rating", "room_kw": 213.0},
    "not_used": [{"by": "requests.commitment", "why": "no step now"}],
}  # fmt: skip

GRAPH = {
    "nodes": [
        {"id": "bess1", "kind": "source", "inputs": []},
        {"id": "ramp", "kind": "stage", "inputs": ["bess1"], "reads": ["limited_kw", "low_kw", "high_kw", "dt"],
         "before": ["ramped_kw"], "writes": ["ramped_kw", "ramp_by"], "guard": True, "file": "operators/ramp.py"},
        {"id": "bess1.writer", "kind": "writer", "inputs": ["ramp"]},
    ]
}  # fmt: skip


def shown(view: RenderableType, width: int = 120) -> str:
    out = StringIO()
    Console(file=out, width=width, highlight=False).print(view)
    return out.getvalue()


@pytest.mark.req("LH-NF-008", "LH-MON-004")
def test_why_names_every_step_its_power_and_its_reason() -> None:
    text = shown(terminal.why_view(DECISION))
    assert "bess1   command 37.0 kW discharge" in text
    for expected in ("+80.0", "-43.0", "bms_discharge", "[14:00, 14:15)", "limited by bms_discharge at 37.0 kW",
                     "next limit if this one lifts: rating (room 213.0 kW)",
                     "not used: requests.commitment (no step now)"):  # fmt: skip
        assert expected in text


def test_why_begins_with_the_sentence_of_the_page() -> None:
    sentence = "nothing is written: shadow mode"
    title, said, *_ = shown(terminal.why_view({**DECISION, "why": sentence})).splitlines()
    assert title.startswith("bess1")
    assert said == sentence


def test_why_of_an_asset_that_writes_nothing() -> None:
    text = shown(terminal.why_view({"asset_id": "bess1", "command_kw": None, "steps": None}))
    assert "nothing is written" in text


@pytest.mark.parametrize(
    ("power", "words"),
    [(37.0, "37.0 kW discharge"), (-37.0, "37.0 kW charge"), (0.0, "0.0 kW"), (None, "nothing is written")],
)
def test_the_sign_is_said_in_words(power: float | None, words: str) -> None:
    assert terminal.spoken(power) == words


@pytest.mark.parametrize(
    ("value", "text"), [(1.25, "1.2 kW"), (None, "–"), (True, "–"), ("37", "–"), (0, "0.0 kW"), (-0.04, "0.0 kW")]
)
def test_what_is_unknown_is_no_number(value: Any, text: str) -> None:
    assert terminal.number(value, unit="kW") == text


def test_bars_show_magnitude_and_direction() -> None:
    assert terminal.bar(50.0, 100.0).plain == "█" * 8
    assert terminal.bar(-100.0, 100.0).plain == "▒" * 16
    assert terminal.bar(None, 100.0).plain == terminal.bar(1.0, 0.0).plain == ""


def test_top_shows_errors_and_what_is_unknown() -> None:
    nodes: list[dict[str, Any]] = [
        {"id": "ramp", "rate_hz": 1.0, "last": "37.0 kW", "age_s": 0.4, "p50_us": 3.1, "p95_us": 4.9, "errors": 2},
        {"id": "db", "rate_hz": None, "last": None},
    ]
    site = {"name": "demo", "mode": "armed", "tick": 7, "poc_kw": -12.0, "frequency_hz": 49.987, "ticks": {"missed": 0}}
    text = shown(terminal.top_view(nodes, site))
    assert "demo   armed   tick 7" in text
    assert "-12.0 kW" in text
    assert "49.987 Hz" in text
    assert "37.0 kW" in text
    assert text.splitlines()[-1].count("–") >= 4


def test_a_tap_names_the_asset_of_each_value() -> None:
    tap = {"node": "ramp", "tick": 7, "at": "2026-11-22T13:03:07.000Z",
           "rows": {"ramped_kw": [37.0, None], "ramp_by": ["ramp up", "none"], "poc_kw": 12.345678}}  # fmt: skip
    text = shown(terminal.tap_lines(tap, ["bess1", "bess2"]))
    assert "bess1 37  bess2 –" in text
    assert "bess1 ramp up" in text
    assert "12.346" in text


def test_the_graph_in_three_forms() -> None:
    text = shown(terminal.graph_view(GRAPH), 160)
    assert "■" in text
    ramp = next(line for line in text.splitlines() if line.startswith("ramp"))
    assert ramp.split() == ["ramp", "stage", "■", "bess1", "4", "1", "2"], "guard, input, rows read, before, written"
    assert terminal.mermaid(GRAPH).splitlines() == [
        "flowchart LR", '    n0["bess1"]', '    n1[["ramp"]]', '    n2(["bess1.writer"])',
        "    n0 --> n1", "    n1 --> n2",
    ]  # fmt: skip
    dot = terminal.dot(GRAPH)
    assert '"ramp" [label="ramp", peripheries=2];' in dot
    assert '"ramp" -> "bess1.writer";' in dot


def test_hostile_names_are_shown_as_they_are() -> None:
    text = shown(terminal.top_view([{"id": "[bold red]x[/]", "last": "[link=http://e]y"}], {"name": "[red]n"}))
    assert "[bold red]x[/]" in text
    assert "[link=http://e]y" in text
    assert "[red]n" in text
