"""Marbles: the ticks around a failure, one row per quantity, `·` where nothing changed, `✗` where it went wrong.

    time             29.8 s ─ 29.9 s ─ 30 s ─── 30.1 s
    bess_a.high      500 ──── · ────── 37 ───── ·
    bess_a.command   216.1 ── · ────── 33 ✗ ─── 29
"""

from __future__ import annotations

from typing import Any

from config.units import format_number
from pipeline.rehearsal.expectation import Failure
from pipeline.rehearsal.readout import shown
from pipeline.rehearsal.runner import Outcome, Track

#: Ticks before and after the one that failed.
AROUND = 3
_LINE = "─"


def window(outcome: Outcome, failure: Failure) -> range:
    """The ticks to show, from 0 s on."""
    return range(max(0, failure.tick - AROUND), min(outcome.ticks, failure.tick + AROUND + 1))


def tracks(outcome: Outcome, failure: Failure) -> list[Track]:
    """What was expected, and what was asked, allowed and sent of the assets behind it."""
    paths = {quantity.path for quantity in failure.quantities}
    whole = not any(quantity.asset for quantity in failure.quantities)
    for decision in failure.decisions:
        out = float(decision["command_kw"] or 0.0) >= 0.0
        names = ("command",) if whole else ("asked", "high" if out else "low", "command")
        paths |= {f"{decision['asset_id']}.{name}" for name in names}
    return [track for track in outcome.tracks if track.quantity.path in paths]


def strip(outcome: Outcome, failure: Failure) -> list[str]:
    """The lines of the strip; none when there is nothing to draw."""
    ticks, shown_tracks = window(outcome, failure), tracks(outcome, failure)
    if not shown_tracks:
        return []
    failed = {quantity.path for quantity in failure.quantities}
    rows = [("time", [f"{format_number(tick * outcome.cycle_s)} s" for tick in ticks])]
    for track in shown_tracks:
        wrong = failure.tick if track.quantity.path in failed else -1
        rows.append((track.quantity.path, _marbles(track, ticks, wrong)))
    widths = [max(len(row[column]) for _, row in rows) for column in range(len(ticks))]
    title = max(len(name) for name, _ in rows)
    return [f"{name:<{title}}   {_joined(row, widths)}" for name, row in rows]


def _marbles(track: Track, ticks: range, wrong: int) -> list[str]:
    said, before = [], ""
    for tick in ticks:
        text = _short(track, track.values[tick])
        said.append(("·" if text == before else text) + (" ✗" if tick == wrong else ""))
        before = text
    return said


def _short(track: Track, number: float) -> str:
    if track.quantity.words or number != number:
        return shown(track.quantity, number) if number == number else "?"
    return format_number(round(number, 3 if abs(number) < 100 and track.quantity.tolerance < 0.1 else 1) + 0.0)


def _joined(row: list[str], widths: list[int]) -> str:
    cells = [f"{text} {_LINE * (width - len(text) + 1)}" for text, width in zip(row[:-1], widths, strict=False)]
    return " ".join([*cells, row[-1]])


def as_json(outcome: Outcome, failure: Failure) -> dict[str, Any]:
    """`at_s` and one list per quantity; null where unknown."""
    ticks = window(outcome, failure)
    return {
        "at_s": [round(tick * outcome.cycle_s, 3) for tick in ticks],
        "rows": {
            track.quantity.path: [_plain(track, track.values[tick]) for tick in ticks]
            for track in tracks(outcome, failure)
        },
    }


def _plain(track: Track, number: float) -> float | str | None:
    if number != number:
        return None
    return shown(track.quantity, number) if track.quantity.words else round(number, 3)
