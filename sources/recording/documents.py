"""Documents in a recording: schedules and withdrawals as JSON, each float and each nanosecond as it was."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sources.schedule import BindingState, Schedule, ScheduleType, Window, Withdrawal

Document = Schedule | Withdrawal


def to_json(documents: Iterable[Document]) -> list[dict[str, Any]]:
    return [_schedule(one) if isinstance(one, Schedule) else _withdrawal(one) for one in documents]


def from_json(documents: Iterable[dict[str, Any]]) -> tuple[Document, ...]:
    """Raises KeyError, TypeError or ValueError for what `to_json` has not written."""
    return tuple(_read(document) for document in documents)


def encoded(documents: Iterable[Document]) -> bytes:
    written = to_json(documents)
    return json.dumps(written, separators=(",", ":")).encode() if written else b""


def decoded(raw: bytes) -> tuple[Document, ...]:
    return from_json(json.loads(raw)) if raw else ()


def _schedule(schedule: Schedule) -> dict[str, Any]:
    return {
        "type": schedule.type.value,
        "asset": schedule.asset,
        "area": schedule.area,
        "version": schedule.version,
        "issued_ns": schedule.issued_ns,
        "digest": schedule.digest,
        "source": schedule.source,
        "windows": [
            [w.start_ns, w.end_ns, w.power_kw, w.penalty_eur_per_kwh, w.binding.value, w.reactive_kvar]
            for w in schedule.windows
        ],
    }


def _withdrawal(withdrawal: Withdrawal) -> dict[str, Any]:
    return {"type": withdrawal.type.value, "asset": withdrawal.asset, "source": withdrawal.source}


def _read(document: dict[str, Any]) -> Document:
    type_, asset, source = ScheduleType(document["type"]), document["asset"], document["source"]
    if "windows" not in document:
        return Withdrawal(type_, asset, source)
    windows = tuple(
        Window(start, end, power, penalty, BindingState(binding), reactive)
        for start, end, power, penalty, binding, reactive in document["windows"]
    )
    area, version, issued = document["area"], document["version"], document["issued_ns"]
    return Schedule(type_, asset, area, version, issued, windows, document["digest"], source)
