"""Replay sets of our own making in the earlier system's format: `telemetry_set(folder, …)` writes one, all valid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sources.instant import format_exact, parse_utc

NOON = parse_utc("2026-03-02T12:00:00Z")
SECOND = 1_000_000_000


def instant(seconds: float) -> str:
    return format_exact(NOON + round(seconds * SECOND))


def manifest(kind: str, fixture: tuple[str, str], golden: tuple[str, str], **changes: Any) -> dict[str, Any]:
    return {
        "schema_version": "replay-manifest.v1",
        "dataset_id": "own-set",
        "kind": kind,
        "schema": {
            "required_fields": ["schema_version", "kind"],
            "optional_fields": ["compatibility"],
            "deprecated_fields": [],
            "tolerated_legacy_fields": [],
        },
        "fixture": {"path": fixture[0], "schema_version": fixture[1]},
        "golden": {"path": golden[0], "schema_version": golden[1]},
        "determinism": {"mode": "strict", "seed": 7, "runtime": "own", "numeric": "ieee754-double"},
        "request_id_rule": "control-cycle-command-id-v1",
        "solver_options": {"optimizer": "ScheduleFollowingDispatchOptimizer"},
        "tolerances": {"active_power_kw_abs": 0.0, "reactive_power_kvar_abs": 0.0},
        "compatibility": {"covers_legacy_cases": []},
        **changes,
    }


def telemetry(at_s: float, **changes: Any) -> dict[str, Any]:
    return {
        "timestamp_utc": instant(at_s),
        "asset_id": "asset-1",
        "soc_percent": 50.0,
        "soh_percent": 99.0,
        "active_power_kw": 0.0,
        "reactive_power_kvar": 0.0,
        "dc_voltage": 780.0,
        "dc_current": 0.0,
        "temperature_celsius": 21.0,
        "available": True,
        "fault_status": "ok",
        "data_quality": {"flag": "Valid", "reason": "valid"},
        **changes,
    }


def record(at_s: float, *, received_s: float | None = None, **changes: Any) -> dict[str, Any]:
    received = at_s if received_s is None else received_s
    return {
        "timestamp_utc": instant(at_s),
        "received_at_utc": instant(received),
        "telemetry": telemetry(received, **changes),
    }


def silence(at_s: float) -> dict[str, Any]:
    return {"timestamp_utc": instant(at_s), "received_at_utc": None, "telemetry": None}


def schedule(*windows: tuple[float, float, float], kind: str = "DayAhead") -> dict[str, Any]:
    return {
        "asset_id": "asset-1",
        "type": kind,
        "market_bid_area": "DE-LU",
        "version": 1,
        "windows": [
            {"start_utc": instant(start), "end_utc": instant(end), "target_power_kw": power}
            for start, end, power in windows
        ],
    }


def command(at_s: float, power: float, reason: str = "no-active-commitment", **changes: Any) -> dict[str, Any]:
    mode = "Discharge" if power > 0 else "Charge" if power < 0 else "Idle"
    stop = changes.get("mode") == "Stop"
    word = "safe-stop" if stop else "ctrl"
    return {
        "command_id": f"{word}-{(NOON + round(at_s * SECOND)) // 1_000_000}-asset-1",
        "timestamp_utc": instant(at_s),
        "asset_id": "asset-1",
        "mode": mode,
        "active_power_kw": power,
        "reactive_power_kvar": 0.0,
        "reason": reason,
        "source": "Fallback" if stop else "Optimization",
        **changes,
    }


def write(folder: Path, name: str, value: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def telemetry_set(
    folder: Path, records: list[Any], commands: list[Any], schedules: list[Any] | None = None, **changes: Any
) -> Path:
    fixture = {"schema_version": "telemetry-replay-fixture.v1", "records": records}
    write(folder, "fixture.json", fixture | ({} if schedules is None else {"schedules": schedules}))
    write(folder, "golden.json", {"schema_version": "telemetry-golden-command.v1", "commands": commands})
    names = (("fixture.json", "telemetry-replay-fixture.v1"), ("golden.json", "telemetry-golden-command.v1"))
    return write(folder, "manifest.json", manifest("telemetry-control-cycle", *names, **changes))


def case(name: str, target: float, expected: tuple[float, str], *, previous: float | None = None, dt: float = 1.0,
         soc: float = 55.0, heat: float = 20.0, **limits: float) -> dict[str, Any]:  # fmt: skip
    power, reason = expected
    return {
        "name": name,
        "description": "of our own making",
        "snapshot": {"soc_percent": soc, "active_power_kw": previous or 0.0, "temperature_celsius": heat},
        "limits": {
            "max_charge_power_kw": 40.0,
            "max_discharge_power_kw": 60.0,
            "min_soc_percent": 15.0,
            "max_soc_percent": 85.0,
            "max_ramp_kw_per_second": 20.0,
            "min_temperature_celsius": -5.0,
            "max_temperature_celsius": 45.0,
            **limits,
        },
        "request": {"target_active_power_kw": target, "previous_active_power_kw": previous, "dt_seconds": dt},
        "expected": {
            "active_power_kw": power,
            "reason": reason,
            "was_limited": reason != "within-limits",
            "mode": "discharge" if power > 0 else "charge" if power < 0 else "idle",
        },
    }


def core_set(folder: Path, *cases: Any, **changes: Any) -> Path:
    calls = {"schema_version": "v1", "tolerance_active_power_kw": 1e-12, "cases": list(cases)}
    write(folder, "cases.json", calls)
    names = (("cases.json", "native-parity-cases.v1"), ("cases.json", "native-parity-cases.v1"))
    return write(folder, "manifest.json", manifest("native-control-parity", *names, **changes))
