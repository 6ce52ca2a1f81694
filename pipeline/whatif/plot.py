"""Plots as inline SVG: curves with the band they had to stay in, and strips of states. No scripts.

    value ▲ 250 ┤ ░░░░░░░░░ band of NEW            then   thin, dark
            0 ┤ ──╲___╱──  then and now            now    bold, blue
            └──────┬──────┬──► UTC
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, isfinite, log10

from jit.codes import State
from pipeline.whatif.series import Curve, Series, Strip
from sources.instant import SECOND_NS, format_utc

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 800, 52, 8, 18, 18
STRIP_HEIGHT = 15
#: Steps of the axis of time (s).
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
MOST_LABELS = 8
#: A state's fill and the colour of its word. Only what is abnormal has a colour of alarms.
FILLS = {
    State.UNKNOWN: ("#ffffff", "#4d4d4d"),
    State.INIT: ("#f2f2f2", "#4d4d4d"),
    State.STANDBY: ("#e4e4e4", "#4d4d4d"),
    State.READY: ("#d9d9d9", "#262626"),
    State.IDLE: ("#c8c8c8", "#262626"),
    State.CHARGING: ("#a9b9c4", "#262626"),
    State.DISCHARGING: ("#8aa0ae", "#262626"),
    State.LIMITED: ("#e6cf6a", "#262626"),
    State.FAULT: ("#c40000", "#ffffff"),
    State.EMERGENCY_STOP: ("#7d0000", "#ffffff"),
    State.MAINTENANCE: ("#7a3e9d", "#ffffff"),
}


@dataclass(frozen=True, slots=True)
class Scale:
    """From buckets and values to the drawing."""

    buckets: int
    low: float
    high: float
    height: int

    def x(self, bucket: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * bucket / max(1, self.buckets)

    def y(self, value: float) -> float:
        inner = self.height - TOP - BOTTOM
        return TOP + inner * (self.high - value) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One curve, or a band between two: `kind` is a class of the page's style sheet."""

    curve: Curve
    kind: str
    upper: Curve | None = None


def plot(title: str, series: Series, drawn: Sequence[Drawn], height: int) -> str:
    """One plot; empty when none of its curves knows anything."""
    extents = [curve.extent for one in drawn for curve in (one.curve, one.upper) if curve is not None]
    low, high = min(low for low, _ in extents), max(high for _, high in extents)
    if not low <= high:
        return ""
    values = _ticks(low, high)
    scale = Scale(len(series.instants_ns), values[0], values[-1], height)
    parts = [f'<svg class="plot" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">']
    parts += [f'<text class="title" x="{LEFT}" y="12">{escape(title)}</text>', *_grid(scale, values)]
    parts += [_area(scale, one.curve, one.upper, one.kind) for one in drawn if one.upper is not None]
    parts += [_line(scale, one.curve, one.kind) for one in drawn if one.upper is None]
    return "".join([*parts, *_times(scale, series), "</svg>"])


def strips(series: Series, rows: Sequence[tuple[str, Strip]]) -> str:
    """One strip of states per row, each with its name."""
    height = STRIP_HEIGHT * len(rows)
    scale = Scale(len(series.instants_ns), 0.0, 1.0, height)
    parts = [f'<svg class="plot" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="states">']
    for row, (name, strip) in enumerate(rows):
        top = row * STRIP_HEIGHT
        parts.append(f'<text class="label" x="{LEFT - 4}" y="{top + 11}" text-anchor="end">{escape(name)}</text>')
        for first, last, code in strip.runs():
            parts.append(_state(scale, first, last, State(code), top))
    return "".join([*parts, "</svg>"])


def _state(scale: Scale, first: int, last: int, state: State, top: int) -> str:
    left, right, word = scale.x(first), scale.x(last), state.name.lower().replace("_", " ")
    fill, ink = FILLS[state]
    drawn = f'<rect x="{left:.1f}" y="{top + 1}" width="{right - left:.1f}" height="{STRIP_HEIGHT - 2}" fill="{fill}">'
    drawn += f"<title>{word}</title></rect>"
    if right - left > 6.0 * len(word) + 6:
        middle = (left + right) / 2.0
        drawn += f'<text class="word" x="{middle:.1f}" y="{top + 11}" fill="{ink}">{word}</text>'
    return drawn


def _ticks(low: float, high: float) -> list[float]:
    """Round values around [low, high], 0 among them where it is near; at least two."""
    span = max(high - low, 1e-9, 1e-3 * max(abs(low), abs(high)))
    low, high = (min(low, 0.0), max(high, 0.0)) if min(abs(low), abs(high)) < span else (low, high)
    rough = max(high - low, span) / 6.0
    size = 10.0 ** floor(log10(rough))
    step = next(size * k for k in (1, 2, 5, 10) if size * k >= rough)
    first, last = floor(low / step), ceil(high / step)
    return [step * k for k in range(first, max(last, first + 1) + 1)]


def _grid(scale: Scale, values: Sequence[float]) -> Iterator[str]:
    for value in values:
        y, kind = scale.y(value), "zero" if value == 0.0 else "grid"
        yield f'<line class="{kind}" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
        shown = f"{value:.6g}".replace("-", "−")
        yield f'<text class="label" x="{LEFT - 4}" y="{y + 3.5:.1f}" text-anchor="end">{shown}</text>'


def _times(scale: Scale, series: Series) -> Iterator[str]:
    begin, end = series.instants_ns[0], series.until_ns
    step = next((s for s in STEPS_S if (end - begin) / SECOND_NS / s <= MOST_LABELS), STEPS_S[-1]) * SECOND_NS
    for instant in range(-(-begin // step) * step, end + 1, step):
        x = scale.x(bisect_left(series.instants_ns, instant))
        if x > WIDTH - RIGHT - 20:
            continue
        text = format_utc(instant, 0)
        shown = text[11:19] if step < 60 * SECOND_NS else text[11:16]
        shown = text[5:10] if step >= STEPS_S[-1] * SECOND_NS else shown
        yield f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{scale.height - BOTTOM}"/>'
        yield f'<text class="label" x="{x:.1f}" y="{scale.height - 5}" text-anchor="middle">{shown}</text>'


def _line(scale: Scale, curve: Curve, kind: str) -> str:
    """From least to most within a bucket, on to the next; a gap where nothing was known."""
    steps: list[str] = []
    broken = True
    for bucket, (low, high) in enumerate(zip(curve.least, curve.most, strict=True)):
        if not isfinite(low) or not isfinite(high):
            broken = True
            continue
        x, first = scale.x(bucket + 0.5), scale.y(low)
        steps.append(f"{'M' if broken else 'L'}{x:.1f} {first:.1f}")
        if high != low:
            steps.append(f"V{scale.y(high):.1f}")
        broken = False
    return f'<path class="{kind}" d="{"".join(steps)}"/>'


def _area(scale: Scale, lower: Curve, upper: Curve, kind: str) -> str:
    """Between two curves, at their narrowest: bucket by bucket, so that an unknown part is left out."""
    steps = []
    pairs = zip(lower.most, upper.least, strict=True)
    for first, last, low, high in _runs(list(pairs)):
        left, right = scale.x(first), scale.x(last)
        steps.append(f"M{left:.1f} {scale.y(high):.1f}H{right:.1f}V{scale.y(low):.1f}H{left:.1f}Z")
    return f'<path class="{kind}" d="{"".join(steps)}"/>'


def _runs(pairs: Sequence[tuple[float, float]]) -> Iterator[tuple[int, int, float, float]]:
    """(first, past-last, low, high) of equal neighbours that are known."""
    begin = 0
    for i in range(1, len(pairs) + 1):
        if i == len(pairs) or pairs[i] != pairs[begin]:
            low, high = pairs[begin]
            if isfinite(low) and isfinite(high):
                yield begin, i, low, high
            begin = i
