"""Tables: which columns a record fills, and how a batch gets into them.

    COPY rows ─► temporary table ─► insert … select … on conflict do nothing

COPY is the fastest way in and cannot tell what is there already; the second step can. Sending a batch twice stores it
once. Everything happens in the transaction of the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from sinks.records import Kind, Record
from sinks.sample import DECISION_VALUES, SITE_VALUES, TELEMETRY_VALUES

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KEY = ("site", "boot_id", "seq", "at")
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table: `columns` are filled from members of the same name, `times` from `<name>_ns`."""

    name: str
    columns: tuple[str, ...]
    times: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        return (*KEY, *self.columns, *self.times)


TABLES: Mapping[Kind, Table] = {
    Kind.TELEMETRY: Table("telemetry", ("asset", "tick", *TELEMETRY_VALUES, "available", "remote", "alarms", "fault",
                                        "quality", "quality_text", "source", "state", "authority", "write_status")),
    Kind.SITE: Table("site_telemetry", ("tick", *SITE_VALUES, "poc_quality", "frequency_quality", "armed")),
    Kind.COMMAND: Table("commands", (
        "command_id", "asset", "tick", "mode", "power_kw", "reactive_kvar", "heartbeat", "reason", "source",
        *DECISION_VALUES, "request", "low_by", "high_by", "limited_by", "state", "resolve_reason", "service_reason",
        "limit_reason", "ramp_reason", "command_reason"), ("valid_until",)),
    Kind.STATE: Table("state_changes", ("asset", "tick", "item", "before", "after", "reason")),
    Kind.ALARM: Table("alarms", ("alarm_id", "asset", "priority", "text", "response", "active", "acknowledged",
                                 "state", "operator")),
    Kind.ACT: Table("operator_acts", ("act_id", "what", "asset", "operator", "role", "reason", "accepted", "why")),
    Kind.BOOT: Table("boots", ("version", "config")),
    Kind.WITHDRAWAL: Table("schedule_withdrawals", ("type", "asset", "source")),
}
SCHEDULES = ("site", "digest", "boot_id", "seq", "received_at", "type", "asset", "area", "version", "issued_at",
             "source")
WINDOWS = ("site", "digest", "position", "window_start", "window_end", "power_kw", "penalty_eur_per_kwh", "binding")


def at(ns: int) -> datetime:
    """UTC time of ns since 1970, to the microsecond that PostgreSQL keeps. OverflowError outside its calendar."""
    return EPOCH + timedelta(microseconds=ns // 1000)


def rows(site: str, records: Iterable[Record]) -> dict[str, tuple[Sequence[str], list[Row]]]:
    """Rows by table name, parents before children. ValueError, TypeError, KeyError, OverflowError on a bad record."""
    found: dict[str, tuple[Sequence[str], list[Row]]] = {}
    for record in records:
        body = orjson.loads(record.payload)
        if record.kind is Kind.SCHEDULE:
            found.setdefault("schedules", (SCHEDULES, []))[1].append(_schedule(site, record, body))
            found.setdefault("schedule_windows", (WINDOWS, []))[1].extend(_windows(site, body))
        else:
            table = TABLES[record.kind]
            found.setdefault(table.name, (table.all, []))[1].append(_row(site, record, table, body))
    return found


def _row(site: str, record: Record, table: Table, body: Mapping[str, Any]) -> Row:
    times = (at(ns) if (ns := body.get(f"{name}_ns")) is not None else None for name in table.times)
    return (site, record.boot_id, record.seq, at(record.at_ns), *(body.get(name) for name in table.columns), *times)


def _schedule(site: str, record: Record, body: Mapping[str, Any]) -> Row:
    return (site, body["digest"], record.boot_id, record.seq, at(record.at_ns), body["type"], body["asset"],
            body["area"], body["version"], at(body["issued_ns"]), body["source"])


def _windows(site: str, body: Mapping[str, Any]) -> list[Row]:
    return [(site, body["digest"], position, at(start), at(end), power, penalty, binding)
            for position, (start, end, power, penalty, binding) in enumerate(body["windows"])]


async def store(connection: Any, site: str, records: Iterable[Record]) -> None:
    """Insert records that are not there yet. Needs a transaction around it."""
    for name, (columns, values) in rows(site, records).items():
        listed = ", ".join(columns)
        take = f"select {listed} from"  # names are ours: tables and columns above
        await connection.execute(f"create temporary table staging_{name} on commit drop as {take} {name} with no data")
        await connection.copy_records_to_table(f"staging_{name}", records=values, columns=columns)
        await connection.execute(f"insert into {name} ({listed}) {take} staging_{name} on conflict do nothing")
