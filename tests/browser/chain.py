"""A graph and a decision in the shapes of docs/protocol.md, as the chain of a small site would give them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

STAGES = ("validate", "snapshot", "state_machine", "limits", "resolve", "ancillary", "constrain", "ramp", "command")
GUARDS = {"state_machine", "limits", "constrain", "ramp", "command"}


def node(name: str, kind: str, file: str, inputs: Sequence[str] = (), *, guard: bool = False) -> dict[str, Any]:
    stage = kind == "stage"
    return {
        "id": name,
        "kind": kind,
        "inputs": list(inputs),
        "reads": ["limited_kw", "low_kw", "high_kw"] if stage else [],
        "before": ["ramped_kw"] if stage else [],
        "writes": ["ramped_kw", "ramp_by"] if stage else [],
        "guard": guard,
        "file": file,
    }


def chain(assets: Sequence[str]) -> list[dict[str, Any]]:
    """Sources, the nine stages, one writer per asset, two outputs."""
    sources = [*(f"{name}.modbus" for name in assets), "poc.mqtt", "day_ahead", "operator"]
    nodes = [node(name, "source", "sources/modbus/source.py") for name in sources]
    before = sources
    for stage in STAGES:
        nodes.append(node(stage, "stage", f"operators/{stage}.py", before, guard=stage in GUARDS))
        before = [stage]
    nodes += [node(f"{name}.write", "writer", "sinks/modbus/writer.py", before) for name in assets]
    nodes += [node(name, "output", "sinks/postgres.py", before) for name in ("history", "state")]
    return nodes


def step(stage: str, out_kw: float, delta_kw: float, by: str | None, why: str) -> dict[str, Any]:
    return {"stage": stage, "out_kw": out_kw, "delta_kw": delta_kw, "by": by, "why": why}


def decision_from(request: str) -> dict[str, Any]:
    """80 kW asked by `request`, 110 kW with the reserve, 37 kW left by the BMS."""
    return {
        "config": "c3f1a2e",
        "command_kw": 37.0,
        "steps": [
            step("resolve", 80.0, 80.0, request, "window 14:00 to 14:15"),
            step("ancillary", 110.0, 30.0, "ancillary.fcr", "49.960 Hz, droop"),
            step("constrain", 37.0, -73.0, "bms_discharge", "the BMS allows 37.0 kW"),
            step("ramp", 37.0, 0.0, None, "limit applied at once"),
            step("command", 37.0, 0.0, None, "unchanged"),
        ],
        "binding": {"by": "bms_discharge", "kw": 37.0},
        "next_limit": {"by": "rating", "room_kw": 213.0},
        "not_used": [
            {"by": "requests.commitment", "why": "no step now"},
            {"by": "requests.idle", "why": "lower priority"},
        ],
    }
