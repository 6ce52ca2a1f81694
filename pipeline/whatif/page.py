"""The report as one page of HTML that needs nothing else: plots, figures, first differences, what is modelled.

Every text of a file (names, sentences) is escaped; there is no script, and the policy in the page allows none.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from pipeline.whatif.plot import Drawn, plot, strips
from pipeline.whatif.report import Report
from pipeline.whatif.series import Series
from pipeline.whatif.wording import Line, headline, notes, sections

STYLE = Path(__file__).with_name("page.css")
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
GRID = "point of connection"
SIDES = {"then": "recorded", "now": "new"}


def page(report: Report, recording: str, definition: str) -> str:
    """The whole page. `recording` and `definition` are the names of the files."""
    told = report.json()
    span = f"{told['site']}, {told['from']} to {told['to']}, {told['ticks']:,} ticks"
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f"<title>{escape(definition)} on {escape(recording)}</title>",
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><style>',
        STYLE.read_text(encoding="utf-8"),
        "</style></head><body>",
        f"<h1>What {escape(definition)} would have done</h1>",
        f'<p class="quiet">{escape(span)}, recorded in {escape(recording)}</p>',
        f'<p class="headline">{escape(headline(told))}</p>',
        _key(),
        *(_part(name, lines, report.series) for name, lines in sections(told)),
        _first(told),
        "<h2>What this rests on</h2><ul>",
        *(f"<li>{escape(note)}</li>" for note in notes(report)),
        "</ul></body></html>",
    ]
    return "".join(parts)


def _key() -> str:
    shown = {
        "then": ("recorded", '<path class="then" d="M0 6H34"/>'),
        "now": ("new, as modelled", '<path class="now" d="M0 6H34"/>'),
        "band": ("the new limits allow", '<path class="band" d="M0 0H34V12H0Z"/>'),
        "edge": ("the recorded limits allowed", '<path class="then-edge" d="M0 6H34"/>'),
    }
    drawn = (f'<span><svg viewBox="0 0 34 12">{path}</svg>{text}</span>' for text, path in shown.values())
    return f'<div class="key quiet">{"".join(drawn)}<span>kW, + = discharging, feeding in; times in UTC</span></div>'


def _part(name: str, lines: list[Line], series: Series) -> str:
    """Plots on the left, figures on the right."""
    plots = _of_grid(series) if name == GRID else _of_asset(name, series)
    beside = f"<div>{plots}</div>" if plots else ""
    return f'<h2>{escape(name)}</h2><div class="part">{beside}{_table(lines)}</div>'


def _of_grid(series: Series) -> str:
    return plot("exchange with the grid, kW", series, list(_drawn(series, "poc.{}")), 150)


def _of_asset(asset: str, series: Series) -> str:
    """Power in its band, state of charge, states. Empty for what is no asset."""
    curves = series.curves
    if not any(f"{asset}.power.{side}" in curves for side in SIDES):
        return ""
    low, high = curves.get(f"{asset}.low.now"), curves.get(f"{asset}.high.now")
    power = [Drawn(low, "band", high)] if low is not None and high is not None else []
    edges = (curves.get(f"{asset}.{edge}.then") for edge in ("low", "high"))
    power += [Drawn(edge, "then-edge") for edge in edges if edge is not None]
    known = {text: series.strips.get(f"{asset}.{side}") for side, text in SIDES.items()}
    states = [(text, strip) for text, strip in known.items() if strip is not None]
    return (
        plot("power, kW", series, [*power, *_drawn(series, f"{asset}.power.{{}}")], 190)
        + plot("state of charge, %", series, list(_drawn(series, f"{asset}.soc.{{}}")), 100)
        + strips(series, states)
    )


def _drawn(series: Series, name: str) -> Iterable[Drawn]:
    """The recorded curve below, the new one on top."""
    for side in SIDES:
        curve = series.curves.get(name.format(side))
        if curve is not None:
            yield Drawn(curve, side)


def _table(lines: list[Line]) -> str:
    rows = "".join(
        f'<tr{" class=same" if change == "=" else ""}>'
        f"<td>{escape(label)}</td><td>{escape(old)}</td><td>{escape(new)}</td><td>{escape(change)}</td></tr>"
        for label, old, new, change in lines
    )
    return f"<table><tr><th></th><th>recorded</th><th>new</th><th>change</th></tr>{rows}</table>"


def _first(told: dict[str, Any]) -> str:
    found = told["first_differences"]
    if not found:
        return ""
    rows = "".join(
        f"<tr><td>{escape(one['at'])}<br>tick {one['tick']}, {one['seconds']:g} s</td><td>{escape(one['asset'])}</td>"
        f"<td>{escape(one['recorded']['why'])}</td><td>{escape(one['new']['why'])}</td></tr>"
        for one in found
    )
    more = told["stretches"] - len(found)
    rest = f'<p class="quiet">… and {more} more stretches</p>' if more > 0 else ""
    head = "<tr><th>from</th><th>asset</th><th>recorded</th><th>new</th></tr>"
    return f'<h2>First differences</h2><table class="first">{head}{rows}</table>{rest}'
