"""Records: the rows of history, as they wait on disk for the database.

    frame ─► Sample ─► Record(kind, at, boot, seq, payload) ─► spool ─► table of the same kind

A record belongs to a class that says how long it is kept when there is no room: telemetry goes first, then status,
then commands; audit (safety, operator acts) is never dropped. `payload` is a JSON object whose members are columns of
the kind's table; a column that is missing is null there. Powers in kW, + = discharging or feeding in; `at_ns` is UTC
in ns since 1970. (boot_id, seq) names a record for ever, so that it can be sent twice and stored once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Any

import orjson

from sinks.journal import Entry
from sources.schedule import Schedule, Withdrawal

TEXT_LIMIT = 1000


class RecordClass(IntEnum):
    """Ascending: the lower, the sooner it is dropped. AUDIT never is."""

    TELEMETRY = 1
    STATUS = 2
    COMMAND = 3
    AUDIT = 4


class Kind(StrEnum):
    """One kind per table."""

    TELEMETRY = "telemetry"
    SITE = "site_telemetry"
    STATE = "state_changes"
    COMMAND = "commands"
    SCHEDULE = "schedules"
    WITHDRAWAL = "schedule_withdrawals"
    ALARM = "alarms"
    ACT = "operator_acts"
    BOOT = "boots"


@dataclass(frozen=True, slots=True)
class Record:
    """One row to be. `seq` counts within `boot_id`; `payload` is JSON."""

    kind: Kind
    at_ns: int
    boot_id: str
    seq: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Piece:
    """Records of one class that are still to be encoded: `cut` runs in the spool's thread. `count` is exact."""

    klass: RecordClass
    count: int
    cut: Callable[[], Iterable[Record]]


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """An alarm changed its `state`, through somebody (`by`) or by itself.

    `priority` 1 (high) to 3; `asset` None: the site.
    """

    id: str
    asset: str | None
    priority: int
    text: str
    at_ns: int
    active: bool
    acknowledged: bool = False
    response: str = ""
    state: str = ""
    by: str = ""


def text(value: str, limit: int = TEXT_LIMIT) -> str:
    """A text from outside as a database takes it: no NUL, no lone surrogate, bounded."""
    if len(value) <= limit and value.isascii() and "\x00" not in value:
        return value
    return value[:limit].encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")


def plain(value: Any) -> Any:
    return text(value) if isinstance(value, str) else value


def record(kind: Kind, at_ns: int, boot_id: str, seq: int, payload: Mapping[str, Any]) -> Record:
    """Encode one record. NaN becomes null: the database has no use for it."""
    return Record(kind, at_ns, boot_id, seq, orjson.dumps({key: plain(value) for key, value in payload.items()}))


def of_schedule(document: Schedule, received_ns: int, boot_id: str, seq: int) -> Record:
    """A version of a schedule with its windows; stored once per digest, never overwritten."""
    windows = [[w.start_ns, w.end_ns, w.power_kw, w.penalty_eur_per_kwh, str(w.binding)] for w in document.windows]
    return record(Kind.SCHEDULE, received_ns, boot_id, seq, {
        "type": str(document.type), "asset": document.asset, "area": document.area, "version": document.version,
        "issued_ns": document.issued_ns, "digest": document.digest, "source": document.source, "windows": windows})


def of_withdrawal(withdrawal: Withdrawal, received_ns: int, boot_id: str, seq: int) -> Record:
    return record(Kind.WITHDRAWAL, received_ns, boot_id, seq, {
        "type": str(withdrawal.type), "asset": withdrawal.asset, "source": withdrawal.source})


def of_alarm(event: AlarmEvent, boot_id: str, seq: int) -> Record:
    return record(Kind.ALARM, event.at_ns, boot_id, seq, {
        "alarm_id": event.id, "asset": event.asset, "priority": event.priority, "text": event.text,
        "response": event.response, "active": event.active, "acknowledged": event.acknowledged,
        "state": event.state, "operator": event.by})


def of_entry(entry: Entry) -> Record:
    """A record of the operator journal: it keeps the journal's own boot id and number."""
    if entry.what == "boot":
        return record(Kind.BOOT, entry.at_ns, entry.boot_id, entry.n, {"version": entry.why, "config": entry.reason})
    return record(Kind.ACT, entry.at_ns, entry.boot_id, entry.n, {
        "act_id": entry.id, "what": entry.what, "asset": entry.asset, "operator": entry.operator, "role": entry.role,
        "reason": entry.reason, "accepted": entry.accepted, "why": entry.why})


@lru_cache(maxsize=4096)
def named(family: type[IntEnum], code: int) -> str:
    """The name of a code or of its bits: `running`, `valid|frozen`; an unknown one as its number."""
    try:
        member = family(code)
    except ValueError:
        return str(code)
    name = getattr(member, "name", None)
    return name.lower() if name else str(code)
