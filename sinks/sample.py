"""Sample: what history keeps of one sealed frame.

    loop thread:  sealed frame ─► Cutter.pieces(frame) ─► Piece, Piece, …   references and numbers, nothing is encoded
    spool thread: piece.cut() ─► Record, Record, …                          commands, sentences, JSON

A piece refers to a frame without its points; what is sealed may be read from any thread. State changes are found in
the loop thread, by comparing codes with those of the previous frame, so that a piece which is dropped loses none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from jit.codes import (
    REASON_TEXT,
    Authority,
    Condition,
    Latch,
    Permit,
    Quality,
    Reason,
    State,
    WriteStatus,
)
from jit.frame import Frame
from jit.layout import Layout
from operators.cut import Command
from sinks.records import Kind, Piece, Record, RecordClass, named, record

I8 = npt.NDArray[np.int64]
ARMED = int(Authority.ARMED)
NO_POINTS = np.empty(0)

TELEMETRY_VALUES = ("soc_pct", "soh_pct", "power_kw", "reactive_kvar", "voltage_v", "current_a", "temperature_c",
                    "bms_charge_kw", "bms_discharge_kw", "age_s", "written_kw", "readback_kw", "write_age_s")
DECISION_VALUES = ("asked_kw", "base_kw", "service_kw", "desired_kw", "limited_kw", "ramped_kw", "low_kw", "high_kw",
                   "low_room_kw", "high_room_kw")
DECISION_CODES = ("request_by", "low_by", "high_by", "limited_by", "state", "resolve_by", "service_by", "limited_why",
                  "ramp_by", "command_by")
TELEMETRY_CODES = ("quality", "available", "remote", "alarms", "fault", "state", "authority", "write_status")
SITE_VALUES = ("poc_kw", "poc_age_s", "frequency_hz", "frequency_age_s", "other_kw", "total_kw", "site_low_kw",
               "site_high_kw")
FAMILIES: Mapping[str, Any] = {
    "state": State, "authority": Authority, "may_charge": Permit, "may_discharge": Permit, "stopped": Permit,
    "activated": Permit, "locked": Permit, "latch": Latch, "missing": Condition}
TRACKED = (*FAMILIES, "fault")
"""Code rows whose changes are recorded, with the enumeration of their codes (`fault`: plain bits)."""
SAFETY_ROWS = frozenset({"latch", "fault", "stopped", "locked"})
SAFETY_STATES = frozenset({State.FAULT, State.EMERGENCY_STOP, State.MAINTENANCE})


@dataclass(frozen=True, slots=True)
class Change:
    """A code row of one asset (None: the site) changed from `before` to `after` at `at_ns`."""

    at_ns: int
    tick: int
    asset: str | None
    row: str
    before: int
    after: int
    reason: int

    @property
    def klass(self) -> RecordClass:
        """What concerns safety is audit; labels of permitted running are status."""
        safe = self.row in SAFETY_ROWS or (self.row == "state" and {self.before, self.after} & SAFETY_STATES)
        return RecordClass.AUDIT if safe else RecordClass.STATUS


@cache
def reason_text(code: int) -> str:
    try:
        return REASON_TEXT[Reason(code)]
    except (ValueError, KeyError):
        return str(code)


class Cutter:
    """Turns sealed frames into pieces. Holds the previous frame's tracked codes and the running number; one per boot.

    `sources` names where each asset's telemetry comes from. `command` is `operators.cut.cut`.
    """

    def __init__(self, boot_id: str, sources: Mapping[str, str], command: Callable[[Frame, int], Command | None],
                 *, telemetry: bool = True, commands: bool = True, decisions: bool = True) -> None:
        self.boot_id = boot_id
        self._sources = sources
        self._command = command
        self._telemetry, self._commands, self._decisions = telemetry, commands, decisions
        self._next = 0
        self._layout: Layout | None = None
        self._rows: tuple[str, ...] = ()
        self._tracked: npt.NDArray[np.intp] = np.empty(0, np.intp)
        self._before: I8 = np.empty((0, 0), np.int64)
        self._armed = 0

    def next_seq(self) -> int:
        """One number of this boot, for a record that comes from no frame."""
        return self._seqs(1)[0]

    def pieces(self, frame: Frame) -> list[Piece]:
        """All records of one sealed frame, not yet encoded. Costs some µs (tests/benchmarks)."""
        kept = replace(frame, points=NO_POINTS, before=None)  # the reason of a command names the points that are lost
        found = [self._changed(change) for change in self._changes(frame)]
        armed = np.flatnonzero(frame["authority"] == ARMED).tolist()
        if self._commands and armed:
            cut = partial(_commands, self.boot_id, kept, armed, self._seqs(len(armed)), self._command, self._decisions)
            found.append(Piece(RecordClass.COMMAND, len(armed), cut))
        if self._telemetry:
            seqs = self._seqs(len(frame.layout.assets) + 1)
            measured = partial(_telemetry, self.boot_id, kept, seqs, self._sources)
            found.append(Piece(RecordClass.TELEMETRY, len(seqs), measured))
        return found

    def _seqs(self, n: int) -> range:
        """The next n numbers."""
        first = self._next
        self._next += n
        return range(first, self._next)

    def _changed(self, change: Change) -> Piece:
        return Piece(change.klass, 1, partial(_state, self.boot_id, change, self.next_seq()))

    def _changes(self, frame: Frame) -> list[Change]:
        if frame.layout is not self._layout:
            self._follow(frame.layout)
        codes = frame.codes[self._tracked]
        armed = frame.site_code("armed")
        found: list[Change] = []
        if armed != self._armed:
            found.append(Change(frame.utc_ns, frame.tick, None, "armed", self._armed, armed, 0))
        if not np.array_equal(codes, self._before):
            by = frame["state_by"]
            found += [Change(frame.utc_ns, frame.tick, frame.layout.assets[column], self._rows[row],
                             int(self._before[row, column]), int(codes[row, column]), int(by[column]))
                      for row, column in np.argwhere(codes != self._before)]
        self._before, self._armed = codes, armed
        return found

    def _follow(self, layout: Layout) -> None:
        """A new layout: assets that were there keep their codes, so that only real changes are recorded."""
        rows = (*TRACKED, *(f"{name}.phase" for name in layout.services))
        assets = self._layout.assets if self._layout else ()
        old = {(row, asset): self._before[i, j] for i, row in enumerate(self._rows) for j, asset in enumerate(assets)}
        self._before = np.array([[old.get((row, asset), 0) for asset in layout.assets] for row in rows], np.int64)
        self._before = self._before.reshape(len(rows), len(layout.assets))
        self._rows, self._layout = rows, layout
        self._tracked = np.array([layout.code_index[row] for row in rows], np.intp)


def _state(boot_id: str, change: Change, seq: int) -> Iterator[Record]:
    family = Permit if change.row == "armed" else Reason if change.row.endswith(".phase") else FAMILIES.get(change.row)
    before, after = (str(code) if family is None else named(family, code) for code in (change.before, change.after))
    yield record(Kind.STATE, change.at_ns, boot_id, seq, {
        "tick": change.tick, "asset": change.asset, "item": change.row, "before": before, "after": after,
        "reason": reason_text(change.reason)})


def _commands(boot_id: str, frame: Frame, armed: Sequence[int], seqs: Sequence[int],
              cut: Callable[[Frame, int], Command | None], decisions: bool) -> Iterator[Record]:
    values, codes = _lists(frame, DECISION_VALUES), _lists(frame, DECISION_CODES)
    for column, seq in zip(armed, seqs, strict=True):
        command = cut(frame, column)
        if command is None:
            continue
        payload = _said(command)
        if decisions:
            payload |= {row: of[column] for row, of in values.items()}
            payload |= _reasons(frame.layout, {row: of[column] for row, of in codes.items()})
        yield record(Kind.COMMAND, command.issued_ns, boot_id, seq, payload)


def of_closing(command: Command, boot_id: str, seq: int) -> Record:
    """The last command of a process, which no frame has decided."""
    return record(Kind.COMMAND, command.issued_ns, boot_id, seq, _said(command))


def _said(command: Command) -> dict[str, Any]:
    return {"command_id": command.id, "tick": command.tick, "asset": command.asset, "mode": command.mode.name.lower(),
            "power_kw": command.power_kw, "reactive_kvar": command.reactive_kvar,
            "valid_until_ns": command.valid_until_ns, "heartbeat": command.heartbeat, "reason": command.reason,
            "source": command.source}


def _reasons(layout: Layout, code: Mapping[str, int]) -> dict[str, str | None]:
    return {"request": _name(layout.requests, code["request_by"]), "low_by": _name(layout.limits, code["low_by"]),
            "high_by": _name(layout.limits, code["high_by"]), "limited_by": _name(layout.limits, code["limited_by"]),
            "state": named(State, code["state"]), "resolve_reason": reason_text(code["resolve_by"]),
            "service_reason": reason_text(code["service_by"]), "limit_reason": reason_text(code["limited_why"]),
            "ramp_reason": reason_text(code["ramp_by"]), "command_reason": reason_text(code["command_by"])}


def _telemetry(boot_id: str, frame: Frame, seqs: Sequence[int], sources: Mapping[str, str]) -> Iterator[Record]:
    values, codes = _lists(frame, TELEMETRY_VALUES), _lists(frame, TELEMETRY_CODES)
    for column, asset in enumerate(frame.layout.assets):
        code = {row: of[column] for row, of in codes.items()}
        payload: dict[str, Any] = {row: of[column] for row, of in values.items()}
        payload |= {
            "tick": frame.tick, "asset": asset, "source": sources.get(asset, ""), "quality": code["quality"],
            "quality_text": named(Quality, code["quality"]), "available": permit(code["available"]),
            "remote": permit(code["remote"]), "alarms": code["alarms"], "fault": code["fault"],
            "state": named(State, code["state"]), "authority": named(Authority, code["authority"]),
            "write_status": named(WriteStatus, code["write_status"])}
        yield record(Kind.TELEMETRY, frame.utc_ns, boot_id, seqs[column], payload)
    yield record(Kind.SITE, frame.utc_ns, boot_id, seqs[-1], _site(frame))


def _site(frame: Frame) -> dict[str, Any]:
    codes = {row: frame.site_code(row) for row in ("poc_quality", "frequency_quality")}
    return {"tick": frame.tick, "armed": permit(frame.site_code("armed"))} | codes | {
        row: frame.at_site(row) for row in SITE_VALUES}


def _lists(frame: Frame, rows: tuple[str, ...]) -> dict[str, list[Any]]:
    """Rows as plain numbers: one conversion per row is ten times cheaper than one per value."""
    return {row: frame[row].tolist() for row in rows}


def _name(names: tuple[str, ...], code: int) -> str | None:
    """What a `*_by` code stands for: code k is entry k−1, 0 is none."""
    return names[code - 1] if 0 < code <= len(names) else None


def permit(code: int) -> bool | None:
    """Three values: yes, no, unknown."""
    return {Permit.YES: True, Permit.NO: False}.get(Permit(code)) if code in (0, 1, 2) else None
